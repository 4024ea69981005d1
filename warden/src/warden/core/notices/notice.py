"""A notice: that something happened to a lane, or that somebody is waited for. Metadata only, never a value.

What is told stands in the journal first, so a notice adds nothing that the journal does not have: it is sent, queued
and sent again by `usecases.steps.notifier`. Secret material in it is refused, not redacted: what looks like a value in
a reason or a name must not leave, and whoever wrote it there has to know.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from warden.core.quoting import is_plain
from warden.core.remedies import Remedy

Kind = Literal[
    "lane.promoted",
    "lane.demoted",
    "lane.rotated",
    "rotation.unproven",
    "lane.closed",
    "lane.opened",
    "lane.compromised",
    "proof.refuted",
    "change.requested",
    "change.decided",
    "access.requested",
    "access.approved",
    "certificate.emergency",
    "certificate.acknowledged",
    "test",
]
"""What happened; of a certificate ``lane`` is the actor. ``change.requested`` and ``access.requested`` wait for an
approver; ``test`` is of no lane."""

WAITING: frozenset[Kind] = frozenset({"change.requested", "access.requested"})
"""Those that wait for somebody; they are for people, and the State Hub is not told."""

Fact = str | int | bool | tuple[str, ...]

ACCESSOR = "accessor"
"""The fact that names a request at OpenBao. It is a name that looks random and gives nobody access."""
_ACCESSOR = re.compile(r"[A-Za-z0-9]{20,30}(\.[A-Za-z0-9]{4,8})?", re.ASCII)
"""An accessor as OpenBao makes it; in a namespace its id follows."""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, to which lane, by whom.

    Attributes:
        kind: what happened.
        lane: the lane's id, or the actor of a certificate; empty where it is of none.
        who: who did it, as OpenBao names the identity, else the operating system's user.
        record: the number of the journal's record that says it; 0 where there is none.
        facts: what else there is to know: a reason, approvers, a request's number. Names, numbers, never a value.
        next: what has to be done now, by whoever reads it.
        platform: the platform's name in the journal; set when it is told.
        at: when (ISO 8601 UTC); set when it is told.
    """

    kind: Kind
    lane: str = ""
    who: str = ""
    record: int = 0
    facts: Mapping[str, Fact] = {}
    next: Remedy = ()
    platform: str = ""
    at: str = ""

    @property
    def id(self) -> str:
        """What tells it from every other notice: a receiver that gets it twice can see that it is one."""
        told = "\0".join((self.platform, self.kind, self.lane, self.who, str(self.record), self.at))
        return hashlib.sha256(told.encode()).hexdigest()[:20]


class HeldSecret(msgspec.Struct, frozen=True):
    """The notice holds secret material of that kind in that field, so it is not sent."""

    field: str
    kind: str


def secret_in(notice: Notice) -> HeldSecret | None:
    """What looks like secret material in a notice, if anything does."""
    texts = {"lane": notice.lane, "who": notice.who, "platform": notice.platform}
    accessor = str(notice.facts.get(ACCESSOR, ""))
    named = {accessor} if _ACCESSOR.fullmatch(accessor) else set()
    for field, text in (*texts.items(), *_texts(notice)):
        if text not in named and (found := _found(text)):
            return HeldSecret(field, found)
    return None


def _texts(notice: Notice) -> list[tuple[str, str]]:
    """Every text of the facts and of what has to be done, with the field it stands in."""
    found = []
    for name, fact in notice.facts.items():
        found += [("facts", name)]
        found += [
            (f"facts.{name}", each) for each in (fact if isinstance(fact, tuple) else (fact,)) if isinstance(each, str)
        ]
    return [*found, *(("next", each) for each in _strings(msgspec.to_builtins(notice.next)))]


def _strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [each for item in value.items() for part in item for each in _strings(part)]
    if isinstance(value, (list, tuple)):
        return [each for item in value for each in _strings(item)]
    return []


def _found(text: str) -> str:
    """The kind of secret material in a text; empty where there is none."""
    if is_plain(text):
        return ""
    from secret_scan import scan  # imported here: most texts are plain words

    found = scan(text)
    return found[0].kind if found else ""
