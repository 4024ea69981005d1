"""What can stand in the way of taking a Secret over, what an interrupted take-over leaves, and its steps."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from warden.core.clusters.adoption import AdoptionObstacle, Compared, Unfit
from warden.core.errors import WardenError
from warden.core.proofs.delivery_observation import Sync
from warden.core.quoting import Facts

# -- what can stand in the way ----------------------------------------------------------------------------------------


class NothingToAdopt(msgspec.Struct, frozen=True):
    """There is no such Secret (``namespace/name``) in the cluster."""

    secret: str
    cluster: str


class CannotAdopt(msgspec.Struct, frozen=True):
    """What keeps the Secret from being taken over."""

    secret: str
    cluster: str
    obstacles: tuple[AdoptionObstacle, ...]


class ValuesDiffer(msgspec.Struct, frozen=True):
    """The Secret and OpenBao hold different values, and nobody said which is right."""

    secret: str
    compared: Compared


class ValuesUnfit(Facts, frozen=True):
    """OpenBao cannot hold these fields of the Secret as they are."""

    secret: str
    fields: Mapping[str, Unfit]


class StillDifferent(msgspec.Struct, frozen=True):
    """Fields that differ although they were just put."""

    fields: tuple[str, ...]


class NotRead(msgspec.Struct, frozen=True):
    """External Secrets Operator could not read the value."""

    cluster: str
    sync: Sync


class NoAuditLine(msgspec.Struct, frozen=True):
    """The audit log (``where``) has no line of a read by that account, so the values cannot be compared."""

    where: str
    account: str


class NotOwnedYet(msgspec.Struct, frozen=True):
    """The ExternalSecret does not own the Secret yet."""

    secret: str
    sync: Sync


class Differs(WardenError):
    """The Secret and OpenBao hold different values, and nobody said which is right."""

    kind = "differs"


# -- effects and steps ------------------------------------------------------------------------------------------------


class TakenOver(msgspec.Struct, frozen=True):
    """An effect: the Secret (``namespace/name``) of that cluster is the lane's."""

    secret: str
    cluster: str


class FieldPut(msgspec.Struct, frozen=True):
    """A field of the Secret is that version in OpenBao now, and the Secret is as it was."""

    field: str
    version: int


class SecretUntouched(msgspec.Struct, frozen=True):
    """An effect: the Secret that was to be taken over is as it was."""


class Prepared(msgspec.Struct, frozen=True):
    """A step: a target is as declared but for the ExternalSecret; ``cluster`` is empty for OpenBao."""

    cluster: str


class ReadWithoutSecret(msgspec.Struct, frozen=True):
    """A step: External Secrets Operator reads the value, and touches no Secret yet."""

    cluster: str


class ValuesCompared(msgspec.Struct, frozen=True):
    """A step: the Secret was compared with OpenBao."""

    cluster: str
    compared: Compared


class Owned(msgspec.Struct, frozen=True):
    """A step: the ExternalSecret owns the Secret, which was never absent (same uid)."""

    cluster: str


class Cleaned(Facts, frozen=True):
    """A step: annotations with a copy of a value were removed."""

    cluster: str
    annotations: tuple[str, ...]


class Restarting(msgspec.Struct, frozen=True):
    """A step: a Deployment (``namespace/name``) that took the value when it started is restarted."""

    cluster: str
    deployment: str


AdoptionStep = Prepared | ReadWithoutSecret | ValuesCompared | FieldPut | Owned | Cleaned | Restarting


# -- the result -------------------------------------------------------------------------------------------------------

Keep = Literal["", "openbao", "secret"]
"""Which value is right where they differ; empty where nobody said."""


class Adopted(msgspec.Struct, frozen=True, kw_only=True):
    """What was done: whether the ExternalSecret owned it already, how the values compared, what else was changed."""

    lane: str
    cluster: str
    secret: str
    already: bool
    compared: Compared | None
    cleaned: tuple[str, ...]
    restarted: tuple[str, ...]
    record: int
