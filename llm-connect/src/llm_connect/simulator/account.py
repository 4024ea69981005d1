"""An account at the simulated provider: its keys, its guardrails, and which key is accepted now.

Source: OpenRouter's API reference, "API Keys" and "Guardrails" (OpenAPI document of 2026-08-22). What it leaves open is
chosen here: a hash says nothing about the key, and a disabled, expired or deleted key is answered with 401.
"""

from __future__ import annotations

import datetime as dt
import hmac
import secrets
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from llm_connect.common.secret import Secret
from llm_connect.simulator.key import AcceptedKey, FixedKey

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DEFAULT_WORKSPACE = "00000000-0000-4000-8000-000000000001"
RESETS = ("daily", "weekly", "monthly", None)
_PREFIX = "sk-or-v1-"
_SHOWN_AT_START, _SHOWN_AT_END = len(_PREFIX) + 3, 4
_LEAST_HIDDEN = 8
_KEY_BYTES = 32


@dataclass(eq=False)
class ManagedKey:
    """One key; `used` and `limit` are in USD, times are seconds since 1970, None where there is none.

    `accepted_from` and `accepted_until` are what the provider's caches make of a creation and of an end.
    """

    value: AcceptedKey
    name: str
    hash: str = field(default_factory=lambda: secrets.token_hex(_KEY_BYTES))
    limit: float | None = None
    limit_reset: str | None = None
    include_byok_in_limit: bool = False
    workspace: str = DEFAULT_WORKSPACE
    expires_at: float | None = None
    created_at: float = 0.0
    updated_at: float | None = None
    disabled: bool = False
    used: float = 0.0
    accepted_from: float = 0.0
    accepted_until: float | None = None

    def page(self) -> dict[str, Any]:
        """As the management API shows it."""
        left = None if self.limit is None else max(0.0, self.limit - self.used)
        return {
            "hash": self.hash,
            "name": self.name,
            "label": self.label,
            "disabled": self.disabled,
            "limit": self.limit,
            "limit_remaining": left,
            "limit_reset": self.limit_reset,
            "include_byok_in_limit": self.include_byok_in_limit,
            "usage": self.used,
            "created_at": _moment(self.created_at),
            "updated_at": _moment(self.updated_at),
            "expires_at": _moment(self.expires_at),
            "workspace_id": self.workspace,
        }

    @property
    def label(self) -> str:
        """The value with its middle left out; of a short one nothing is shown."""
        value = self.value.current().reveal()
        if len(value) < _SHOWN_AT_START + _SHOWN_AT_END + _LEAST_HIDDEN:
            return "simulated"
        return f"{value[:_SHOWN_AT_START]}...{value[-_SHOWN_AT_END:]}"


class Account:
    """The keys of one account.

    Args:
        clock: seconds since 1970.
        still_accepted_seconds: how long a key still works after it was disabled or deleted, as at providers that cache.
        not_yet_accepted_seconds: how long a new key does not work yet.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        *,
        still_accepted_seconds: float = 0.0,
        not_yet_accepted_seconds: float = 0.0,
    ) -> None:
        self.still_accepted_seconds = still_accepted_seconds
        self.not_yet_accepted_seconds = not_yet_accepted_seconds
        self.guardrails: dict[str, str] = {}
        self.assignments: dict[str, str] = {}
        """The guardrail of a key, by the key's hash; at most one (API reference, "Bulk assign keys")."""
        self._clock = clock
        self._keys: list[ManagedKey] = []
        self._deleted: list[ManagedKey] = []

    @property
    def keys(self) -> Sequence[ManagedKey]:
        """Those that are there, the newest first."""
        return self._keys

    def add(self, key: ManagedKey) -> ManagedKey:
        """A key that is there from the start."""
        key.created_at = self._clock()
        self._keys.insert(0, key)
        return key

    def create(self, name: str, **settings: Any) -> ManagedKey:
        """A new key; settings are fields of `ManagedKey`."""
        value = FixedKey(Secret(_PREFIX + secrets.token_hex(_KEY_BYTES)))
        made = self.add(ManagedKey(value, name, **settings))
        made.accepted_from = made.created_at + self.not_yet_accepted_seconds
        return made

    def find(self, digest: str) -> ManagedKey | None:
        """The key with this hash."""
        return next((key for key in self._keys if key.hash == digest), None)

    def change(self, key: ManagedKey, **changes: Any) -> None:
        """Set fields of `ManagedKey`."""
        if "disabled" in changes and changes["disabled"] != key.disabled:
            key.accepted_until = self._end() if changes["disabled"] else None
        for name, value in changes.items():
            setattr(key, name, value)
        key.updated_at = self._clock()

    def delete(self, key: ManagedKey) -> None:
        """Delete it, and its assignment with it."""
        key.accepted_until = min(self._end(), key.accepted_until or self._end())
        self._keys.remove(key)
        self._deleted.append(key)
        self.assignments.pop(key.hash, None)

    def guardrail(self, name: str) -> str:
        """A new guardrail; gives its id."""
        made = str(uuid.uuid4())
        self.guardrails[made] = name
        return made

    def accepted(self, bearer: str) -> ManagedKey | None:
        """The key with this value, where it is accepted now; compared in constant time."""
        now = self._clock()
        offered = bearer.encode()
        for key in (*self._keys, *self._deleted):
            if hmac.compare_digest(offered, key.value.current().reveal().encode()):
                return key if _is_accepted(key, now) else None
        return None

    def _end(self) -> float:
        return self._clock() + self.still_accepted_seconds


def _is_accepted(key: ManagedKey, now: float) -> bool:
    started = now >= key.accepted_from
    ended = key.accepted_until is not None and now >= key.accepted_until
    expired = key.expires_at is not None and now >= key.expires_at
    return started and not ended and not expired


def _moment(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat().replace("+00:00", "Z")
