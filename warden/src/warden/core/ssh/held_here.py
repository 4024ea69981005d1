"""What this machine holds of warden's certificates, beside what the issue log says of them."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from warden.core.ssh.kept import Kept
from warden.core.ssh.out_there import OutThere

Presence = Literal["held", "gone", "unknown"]
"""Whether the holder has it; ``unknown``: the agent does not answer."""


class HeldHere(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that was handed over on this machine, and whether it is still there."""

    kept: Kept
    presence: Presence


class StatusLine(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate of the issue log; ``here`` is what this machine holds of it."""

    certificate: OutThere
    here: HeldHere | None = None


def status_lines(certificates: Sequence[OutThere], here: Sequence[HeldHere]) -> list[StatusLine]:
    """Each certificate beside what this machine holds of it, the newest last."""
    kept = {(each.kept.serial, each.kept.fingerprint): each for each in here}
    return [StatusLine(certificate=each, here=kept.get(_key_of(each))) for each in certificates]


def not_listed(certificates: Sequence[OutThere], here: Sequence[HeldHere]) -> list[HeldHere]:
    """What this machine holds and these certificates do not have: of another journal, platform or OpenBao."""
    known = {_key_of(each) for each in certificates}
    return [each for each in here if (each.kept.serial, each.kept.fingerprint) not in known]


def _key_of(each: OutThere) -> tuple[int, str]:
    return each.issued.serial, each.issued.fingerprint


Why = Literal["expired", "revoked", "asked", "gone"]
"""Why something is removed from this machine; ``asked``: it is still valid."""


class ToRemove(msgspec.Struct, frozen=True, kw_only=True):
    """Something of this machine that is to be removed: what is kept, or an entry of the agent alone (its line)."""

    why: Why
    subject: str
    serial: int
    fingerprint: str
    kept: Kept | None = None
    line: str = ""


def to_remove(
    here: Sequence[HeldHere], certificates: Sequence[OutThere], now: float, *, everything: bool
) -> list[ToRemove]:
    """What of the kept certificates is of no use any more, or everything."""
    conditions = {_key_of(each): each.condition for each in certificates}
    found = []
    for each in here:
        kept = each.kept
        revoked = conditions.get((kept.serial, kept.fingerprint)) == "revoked"
        why = _why(each, now, revoked=revoked, everything=everything)
        if why:
            found.append(
                ToRemove(why=why, subject=kept.actor, serial=kept.serial, fingerprint=kept.fingerprint, kept=kept)
            )
    return found


def _why(each: HeldHere, now: float, *, revoked: bool, everything: bool) -> Why | None:
    if each.kept.standing(now) == "expired":
        return "expired"
    if revoked:
        return "revoked"
    if everything:
        return "asked"
    return "gone" if each.presence == "gone" else None
