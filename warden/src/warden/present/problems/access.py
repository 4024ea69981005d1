"""Why nothing was handed over, in words."""

from warden.core.access.authorization import (
    FieldsMissing,
    LaneClosed,
    LaneIsDraft,
    NoLiveVersion,
    NoSuchField,
    NotHandedOver,
    NulByte,
)
from warden.core.access.identities import (
    AppRoleCredential,
    DeniedByPolicy,
    NotDeclared,
    ReasonRequired,
    ShownCertificate,
    TokenOf,
    WrongAudience,
)
from warden.core.access.points import DeniedByPoint
from warden.core.access.words import ForgottenDashes, NotAnId, SeveralLanes
from warden.core.openbao.api import Identity
from warden.core.quoting import name, quoted
from warden.present.problems import describe, described
from warden.present.terminal import ValueCutShort
from warden.usecases.access import ServerRefuses


@describe.register
def _(effect: NotHandedOver) -> str:
    if effect.read:
        return f"{effect.program} was not started." if effect.program else "Nothing was handed over."
    return f"Nothing was read and {effect.program} was not started." if effect.program else "Nothing was read."


@describe.register
def _(_effect: ValueCutShort) -> str:
    return "The value was not written, or only a part of it."


@describe.register
def _(problem: LaneClosed) -> str:
    if not problem.record:  # records are numbered from 1
        return f"{problem.lane} {_marked(problem)}"
    why = f"{problem.reason or 'no reason recorded'}; journal {problem.record}"
    if problem.meanwhile:
        return f"{problem.lane} was closed while it was being read ({why})"
    return f"{problem.lane} has been closed since {problem.since[:16]}Z ({why})"


def _marked(problem: LaneClosed) -> str:
    """What the mark says; other hands may have written it, so it is quoted and only in part."""
    if not problem.by:
        return "is closed, by the mark on its path"
    return f"has been closed since {quoted(problem.since[:16])}Z (by {quoted(problem.by[:40])}, who marked its path so)"


@describe.register
def _(problem: SeveralLanes) -> str:
    return f"only one lane can be used at a time, and {', '.join(problem.lanes)} were named"


@describe.register
def _(problem: NotAnId) -> str:
    near = f"; nearest: {problem.nearest}" if problem.nearest else ""
    return f"{problem.words!r} is not the id of a lane, and values are handed out by exact id only{near}"


@describe.register
def _(problem: ForgottenDashes) -> str:
    return f"{problem.command} stands behind {problem.lane} without -- in front of it, so it is not run"


@describe.register
def _(problem: LaneIsDraft) -> str:
    draft = f"{problem.lane} is a draft"
    return f"{draft}, and it still has a placeholder: {problem.placeholder}" if problem.placeholder else draft


@describe.register
def _(problem: NotDeclared) -> str:
    declared = "; ".join(f"{each.identity} (auth/{each.mount}, role {each.role})" for each in problem.declared)
    if isinstance(problem.who, TokenOf):
        who = f"the token in {problem.who.path} belongs to {problem.who.subject}"
    elif isinstance(problem.who, AppRoleCredential):
        who = f"the SecretID in {problem.who.path} is of an AppRole"
    elif isinstance(problem.who, ShownCertificate):
        who = f"you would log in with the certificate in {problem.who.path}"
    else:
        who = f"you are {caller(problem.who)}"
    return f"{who}, and {problem.subject} is for {declared or 'nobody yet'}"


@describe.register
def _(problem: WrongAudience) -> str:
    made_for = ", ".join(problem.audiences) or "(none)"
    return (
        f"the token in {problem.path} was made for the audience {made_for}, not for {' or '.join(problem.wanted)}; "
        "it was not sent"
    )


@describe.register
def _(problem: ReasonRequired) -> str:
    return f"{_policies(problem.policies)} requires a reason for {problem.subject}, and the journal keeps it"


@describe.register
def _(problem: DeniedByPolicy) -> str:
    return (
        f"{_policies(problem.policies)} denies {caller(problem.who)} {_what(problem.action)} {problem.subject} "
        f"(decision {problem.decision})"
    )


@describe.register
def _(problem: DeniedByPoint) -> str:
    why = f": {problem.reason}" if problem.reason else ""
    its_own = f", there {problem.id}" if problem.id else ""
    return (
        f"policy point {problem.point} denies {caller(problem.who)} {_what(problem.action)} {problem.resource}{why} "
        f"(decision {problem.decision}{its_own})"
    )


@describe.register
def _(problem: NoSuchField) -> str:
    return f"{problem.lane} has no field {problem.field}; it has {', '.join(problem.fields)}"


@describe.register
def _(problem: NulByte) -> str:
    return f"the value of {problem.field} has a NUL byte, which no environment variable can hold"


@describe.register
def _(problem: NoLiveVersion) -> str:
    return f"{problem.path} has no live version (never written, or deleted)"


@describe.register
def _(problem: FieldsMissing) -> str:
    return f"{problem.path} has no field {', '.join(problem.fields)}"


@describe.register
def _(problem: ServerRefuses) -> str:
    return f"{described(problem.refusal).removesuffix('.')}, although the lane allows it"


def caller(who: Identity) -> str:
    """A person or workload as OpenBao knows it."""
    if not who.mount:
        return f"{name(who.display_name)} (a token made without a login)"
    return f"{name(who.display_name)} (auth/{name(who.mount)}" + (f", role {name(who.role)})" if who.role else ")")


def _policies(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "the policy"


def _what(action: str) -> str:
    return "access to" if action == "access" else "a certificate for"
