"""The port KeyPlace on ssh-agent: a fresh key each time, which leaves the agent with its certificate's end."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from warden.core.errors import WardenError
from warden.core.ssh.kept import Holder, Prepared

if TYPE_CHECKING:
    from warden.core.ssh.certificate import Certificate
    from warden.core.ssh.fresh_key import FreshKey
    from warden.core.ssh.kept import Kept
    from warden.ports.key_agent import KeyAgent

_WHILE_SIGNED = 60
"""Seconds that a key without a certificate may stay in the agent, should this process be killed."""


class InAgent:
    """The agent as a place for keys; see the port."""

    def __init__(self, agent: KeyAgent) -> None:
        self._agent = agent
        self.holder = Holder(handed="agent", where=agent.where)
        self._key: FreshKey | None = None
        self._actor = ""

    def prepare(self, actor: str, before: Kept | None, *, fresh: bool) -> Prepared:  # noqa: ARG002 - it is always fresh
        """A key that the agent has taken: one that is locked or gone is noticed before anybody signs."""
        from warden.adapters.ssh.fresh_keys import fresh_key

        key = fresh_key()
        self._agent.add(key, "", _WHILE_SIGNED, actor)
        self._key, self._actor = key, actor
        return Prepared(public_key=key.public_key, own_key=True)

    def hand(self, certificate: Certificate, now: float) -> None:
        """The certificate comes, the key alone goes."""
        assert self._key is not None  # noqa: S101 - it was prepared
        left = max(1, int(certificate.valid_before - now))
        self._agent.add(self._key, certificate.line, left, self._actor)
        self.abandon()

    def abandon(self) -> None:
        """Take the key without a certificate away; its lifetime does so otherwise."""
        if self._key is not None:
            with suppress(WardenError):
                self._agent.remove(self._key.public_key)
            self._key = None

    def holds(self, kept: Kept) -> bool:
        """Whether the agent lists the certificate."""
        return kept.line in self._agent.identities()

    def remove(self, kept: Kept) -> bool:
        """Take the certificate away, and its key with it."""
        return self._agent.remove(kept.line)
