"""When a closed lane may be opened: a new value where the old one leaked, and a fresh proof that holds."""

import datetime as dt
from collections.abc import Iterable

import msgspec

from warden.core.journal.record import Record
from warden.core.lifecycle.leaks import for_leak
from warden.core.openbao.api import KvMetadata
from warden.core.proofs.verdict import Proof, Verdict

_LATER = frozenset({"consumer"})
"""Consumers are started when the proof holds, so what is said of them before does not count."""


_UNSURE = dt.timedelta(seconds=2)
"""A server's answer says the time in whole seconds, and takes a moment."""


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """Which verdicts keep a lane closed, and which are open but do not: only members of a group can show those."""

    against: tuple[Verdict, ...]
    by_members: tuple[Verdict, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing keeps it closed."""
        return not self.against


def gate(proof: Proof) -> Gate:
    """What a proof that was made while the lane was being opened says about opening it."""
    open_ = [each for each in proof.verdicts if each.result != "ok" and each.probe not in _LATER]
    members = tuple(each for each in open_ if _is_for_members(each))
    return Gate(against=tuple(each for each in open_ if each not in members), by_members=members)


def _is_for_members(verdict: Verdict) -> bool:
    return verdict.probe == "member" and verdict.result == "inconclusive"


def needs_new_value(closing: Record, puts: Iterable[Record], metadata: KvMetadata | None, now: dt.datetime) -> bool:
    """Whether the lane was closed for a leak and still has the value that leaked.

    `puts` are the journal's records of values that were put since. Another machine's are not among them: there a live
    version counts that was written after the closing. The server's clock is read by its own answer, taken as of `now`.
    """
    if not for_leak(closing) or any(each.seq > closing.seq for each in puts):
        return False
    if metadata is None or not metadata.live or metadata.written is None:
        return True
    ahead = (metadata.asked or now) - now
    return metadata.written - ahead - _UNSURE <= dt.datetime.fromisoformat(closing.at)
