"""Bounds the memory that request bodies take, from their first byte to the end of their call: in all, and per caller.

Half of a body takes memory, too, and so does a call that waits for its turn. So what is held counts before a slot is
taken, and one caller cannot have all of it.
"""

from __future__ import annotations

from collections import Counter

from llm_connect.common.errors import Unavailable

_MIN_BYTES = 32 * 1024 * 1024
_LARGEST_BODIES = 8
VALUE_BYTES = 256
"""What a value counts beside its JSON: `{}` takes two bytes of JSON, and 80 as an object in a list."""


class BodyMemory:
    """What is held, in bytes.

    Args:
        max_body_bytes: how large one body may be.
        several: whether there are several callers; then one of them gets at most half.
    """

    def __init__(self, max_body_bytes: int, *, several: bool) -> None:
        self.total = max(_MIN_BYTES, _LARGEST_BODIES * max_body_bytes)
        self.share = self.total // 2 if several else self.total
        self._held: Counter[str] = Counter()

    def hold(self, caller: str, amount: int) -> None:
        """Hold so many bytes more.

        Raises:
            Unavailable: there is no room; nothing more is held.
        """
        if self._held[caller] + amount > self.share or self._held.total() + amount > self.total:
            message = f"the bodies of requests in progress hold {self.share} bytes already; nothing was called"
            raise Unavailable("gateway_busy", message, retry_after="1")
        self._held[caller] += amount

    def give_back(self, caller: str, amount: int) -> None:
        """They are no longer held."""
        self._held[caller] -= amount
        if self._held[caller] <= 0:
            del self._held[caller]


class Holding:
    """What one request holds."""

    def __init__(self, memory: BodyMemory) -> None:
        self._memory = memory
        self._caller = ""
        self._amount = 0

    def grow(self, caller: str, amount: int) -> None:
        """Hold more, for the caller of the request.

        Raises:
            Unavailable: there is no room.
        """
        self._memory.hold(caller, amount)
        self._caller = caller
        self._amount += amount

    def release(self) -> None:
        """Hold nothing any more."""
        if self._amount:
            self._memory.give_back(self._caller, self._amount)
            self._amount = 0
