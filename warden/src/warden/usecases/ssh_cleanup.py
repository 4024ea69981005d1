"""ssh cleanup: take away what this machine holds and nobody can use any more. Only what warden handed over is touched.

Expired and revoked certificates go, from agents and folders, each with a key that warden made; records of certificates
that are no longer there; and entries of the caller's agent that the issue log knows and that have ended. The journal is
written before and after.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from warden.core.errors import WardenError
from warden.core.ssh.held_here import ToRemove, to_remove
from warden.core.ssh.issue_log import REMOVED, REMOVING
from warden.usecases.ssh_status import certificates_of, held_here

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warden.core.journal.record import NewRecord
    from warden.core.ssh.certificate import Certificate
    from warden.core.ssh.issue_log import Issued
    from warden.core.ssh.kept import Kept
    from warden.core.ssh.out_there import OutThere
    from warden.ports.certificates import Certificates
    from warden.ports.journal import Journal
    from warden.ports.kept_certificates import KeptCertificates
    from warden.ports.key_agent import KeyAgent
    from warden.usecases.ssh_status import PlaceOf


class CleanupTools(msgspec.Struct, frozen=True, kw_only=True):
    """What it looks at; ``agent`` is the caller's, where there is one."""

    journal: Journal
    kept: KeptCertificates
    place_of: PlaceOf
    certificates: Certificates
    agent: KeyAgent | None = None


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    """What was removed, or what would be; ``fault`` is why it could not be."""

    what: ToRemove
    fault: WardenError | None = None


def ssh_cleanup(tools: CleanupTools, now: float, *, everything: bool = False, plan: bool = False) -> list[Removed]:
    """Remove what is of no use, or `everything`; with `plan` only say what that is. Raises `JournalUnwritable`."""
    issued = certificates_of(tools.journal, now)
    here = held_here(tools.kept.all(), tools.place_of)
    found = to_remove(here, issued, now, everything=everything)
    found += _in_agent(tools, issued, [each.kept for each in here], now)
    if plan or not found:
        return [Removed(what=each) for each in found]
    begin = tools.journal.record_all([_record(REMOVING, each, {}) for each in found])
    done = [_removed(each, tools) for each in found]
    tools.journal.record_all(
        [
            _record(REMOVED, each.what, {"begin": number} | ({"kind": each.fault.kind} if each.fault else {}))
            for number, each in zip(begin, done, strict=True)
        ]
    )
    return done


def _in_agent(tools: CleanupTools, issued: Sequence[OutThere], kept: Sequence[Kept], now: float) -> list[ToRemove]:
    """Certificates of the caller's agent that the issue log knows, that have ended, and that are not kept."""
    if tools.agent is None:
        return []
    known = {each.line for each in kept}
    ended = {_key_of(each.issued): each for each in issued if each.issued.handed == "agent" and _has_ended(each, now)}
    try:
        lines = [line for line in tools.agent.identities() if line not in known and "-cert-" in line.partition(" ")[0]]
    except WardenError:
        return []
    found = []
    for line in lines:
        with suppress(WardenError):  # one that cannot be read is not warden's
            one = tools.certificates.parse(line)
            if each := ended.get(_key_of(one)):
                found.append(_entry(line, each))
    return found


def _key_of(one: Certificate | Issued) -> tuple[int, str, str]:
    return one.serial, one.fingerprint, one.authority


def _has_ended(each: OutThere, now: float) -> bool:
    return each.condition == "revoked" or each.issued.valid_before <= now


def _entry(line: str, each: OutThere) -> ToRemove:
    one, why = each.issued, each.condition
    return ToRemove(
        why="revoked" if why == "revoked" else "expired",
        subject=one.subject,
        serial=one.serial,
        fingerprint=one.fingerprint,
        line=line,
    )


def _removed(what: ToRemove, tools: CleanupTools) -> Removed:
    try:
        if what.kept is None:
            assert tools.agent is not None  # noqa: S101 - that is where it was found
            tools.agent.remove(what.line)
        else:
            _remove_kept(what.kept, tools)
    except WardenError as fault:
        return Removed(what=what, fault=fault)
    return Removed(what=what)


def _remove_kept(kept: Kept, tools: CleanupTools) -> None:
    """An agent that is gone has taken its keys with it."""
    try:
        tools.place_of(kept.holder).remove(kept)
    except WardenError:
        if kept.holder.handed != "agent":
            raise
    tools.kept.forget(kept)


def _record(event: str, what: ToRemove, more: dict[str, object]) -> NewRecord:
    body = {"serial": what.serial, "fingerprint": what.fingerprint, "why": what.why}
    where = {"handed": what.kept.holder.handed, "where": what.kept.holder.where} if what.kept else {"handed": "agent"}
    return event, what.subject, body | where | more
