"""What stands in the way of a change, and what is worth a note, in words."""

from functools import singledispatch

from warden.core.plans.plan import (
    AliasTaken,
    AuthMountMissing,
    BeingDeleted,
    BelongsTo,
    ByHand,
    Change,
    DeclaredByHand,
    KeptPolicy,
    MadeByHand,
    ManagedBy,
    NamespaceMissing,
    NoAuthority,
    NoDefaultKey,
    NoRedirect,
    NotMarked,
    OtherAuthType,
    OtherEngine,
    OtherMount,
    OtherPlatform,
    OwnedBy,
    ReaderPattern,
    RenamedFrom,
    RoleRefFixed,
    SharedAccount,
    SharedWithUnreadable,
    UsedByLanes,
    UsedGroup,
)
from warden.present.commands import commands


def obstacle_text(change: Change) -> str:
    """Why `apply` leaves the object alone, and what ends that; empty where nothing is in the way."""
    if change.obstacle is None:
        return ""
    text = describe_obstacle(change.obstacle)
    return f"{text}; fix: {commands(change.remedy)}" if change.remedy else text


@singledispatch
def describe_obstacle(obstacle: object) -> str:
    """An obstacle as one clause about the object."""
    raise TypeError(f"no description of {type(obstacle).__name__}")


@describe_obstacle.register
def _(_: NotMarked) -> str:
    return "not marked as made by warden"


@describe_obstacle.register
def _(obstacle: BelongsTo) -> str:
    return f"marked as the path of the lane {obstacle.lane}"


@describe_obstacle.register
def _(obstacle: ManagedBy) -> str:
    return f"managed by {', '.join(obstacle.managers)}"


@describe_obstacle.register
def _(obstacle: OwnedBy) -> str:
    if obstacle.kind == "HelmRelease":
        return f"owned by the Helm release {obstacle.name or '(unnamed)'}"
    return f"owned by {obstacle.kind} {obstacle.name}"


@describe_obstacle.register
def _(_: MadeByHand) -> str:
    return "made by hand"


@describe_obstacle.register
def _(obstacle: DeclaredByHand) -> str:
    return f"{describe_obstacle(obstacle.owner)}, but declared as made by hand"


@describe_obstacle.register
def _(obstacle: BeingDeleted) -> str:
    held = f", held by {', '.join(obstacle.finalizers)}" if obstacle.finalizers else ""
    return f"being deleted since {obstacle.since}{held}"


@describe_obstacle.register
def _(_: RoleRefFixed) -> str:
    return "refers to another role, which cannot be changed in place"


@describe_obstacle.register
def _(_: NamespaceMissing) -> str:
    return "not found; it belongs to its tenant"


@describe_obstacle.register
def _(obstacle: AuthMountMissing) -> str:
    return f"auth mount {obstacle.mount}/ not found; it has to be of type {obstacle.method}"


@describe_obstacle.register
def _(obstacle: OtherAuthType) -> str:
    return f"auth mount {obstacle.mount}/ is of type {obstacle.found}, not {' or '.join(obstacle.wanted)}"


@describe_obstacle.register
def _(obstacle: NoAuthority) -> str:
    return f"{obstacle.file} in the platform directory is not a PEM file with a certificate"


@describe_obstacle.register
def _(obstacle: NoRedirect) -> str:
    return f"platform.yaml gives the OIDC mount {obstacle.mount} no redirect_uris"


@describe_obstacle.register
def _(obstacle: OtherMount) -> str:
    version = f" version {obstacle.version}" if obstacle.version else ""
    return f"is {obstacle.engine}{version}, not KV version 2"


@describe_obstacle.register
def _(obstacle: RenamedFrom) -> str:
    return f"marked as the path of the lane {obstacle.lane}, which no file declares any more"


@describe_obstacle.register
def _(obstacle: SharedWithUnreadable) -> str:
    return f"may be shared with a lane whose file has errors ({', '.join(obstacle.files)})"


@describe_obstacle.register
def _(obstacle: AliasTaken) -> str:
    return f"the group {obstacle.alias} of auth/{obstacle.mount} is the identity group {obstacle.group}; name that one"


@describe_obstacle.register
def _(obstacle: OtherEngine) -> str:
    return f"is of type {obstacle.engine}, not {obstacle.wanted}"


@describe_obstacle.register
def _(obstacle: NoDefaultKey) -> str:
    return f"no key signs by default; there are {', '.join(obstacle.keys)}"


@describe_obstacle.register
def _(obstacle: OtherPlatform) -> str:
    return f"made by the platform {obstacle.platform}, which has one of the same name"


@describe_obstacle.register
def _(obstacle: UsedByLanes) -> str:
    return f"readers of {', '.join(obstacle.lanes)} log in by it"


@singledispatch
def describe_note(note: object) -> str:
    """A note as one sentence without its full stop."""
    raise TypeError(f"no description of {type(note).__name__}")


@describe_note.register
def _(note: SharedAccount) -> str:
    return (
        f"read as {note.account}, which is not in {note.namespace}: the audit log names that account, not the workload"
    )


@describe_note.register
def _(note: KeptPolicy) -> str:
    whose = f"the lane {note.lane}" if note.lane else "a lane"
    return (
        f"{note.role} keeps policy {note.policy}: it may be of {whose} in a file with errors ({', '.join(note.files)})"
    )


@describe_note.register
def _(note: ByHand) -> str:
    return "the Secret is made by hand" if note.there else "the Secret has to be made by hand; it does not exist yet"


@describe_note.register
def _(note: ReaderPattern) -> str:
    return f"{note.reader} is a pattern: whatever fits {' and '.join(note.patterns)} can read"


@describe_note.register
def _(note: UsedGroup) -> str:
    of = f" of {note.alias} of auth/{note.mount}" if note.alias else ""
    members = f"{note.members} member{'' if note.members == 1 else 's'}"
    kind = "external" if note.external else "internal"
    return f"approvers are the identity group {note.name} ({kind}{of}, {members}), which warden did not make"
