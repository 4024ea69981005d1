"""Which objects of a closed lane are removed from a cluster: those that are the lane's, and nothing beside them."""

from typing import Literal

import msgspec

from warden.core.clusters.adoption import OtherKeys
from warden.core.clusters.comparison import being_deleted, owner_of
from warden.core.clusters.manifests import LANE, Manifest, Ref
from warden.core.clusters.secret_observation import SecretObservation
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.plans.plan import BelongsTo, MadeByHand, NotMarked, Obstacle
from warden.core.remedies import RunKubectl
from warden.core.unobserved import Unobserved

RemovalState = Literal["removed", "absent", "left", "ending", "not-known"]
"""``absent``: it was not there. ``left``: it is not the lane's to remove. ``ending``: it is being deleted, and
something holds it. ``not-known``: it could not be looked at, or deleted."""


class Removal(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one object, why it is still there, and how an administrator removes it."""

    ref: Ref
    state: RemovalState
    obstacle: Obstacle | OtherKeys | None = None
    unobserved: Unobserved | None = None
    remove: RunKubectl | None = None

    @property
    def is_gone(self) -> bool:
        """Whether nothing of it is left."""
        return self.state in {"removed", "absent"}


def external_secret_obstacle(lane: str, found: Manifest) -> Obstacle | None:
    """Why the ExternalSecret is not the lane's: ours name their lane in an annotation."""
    return _marked(lane, found["metadata"])


def secret_obstacle(target: DeliveryTarget, secret: SecretObservation) -> Obstacle | OtherKeys | None:
    """Why the Secret is not the lane's to remove.

    A delivered one has the lane's mark from its ExternalSecret's template, or that ExternalSecret as its owner. One
    that is declared as made by hand is the lane's if nobody owns it and it has no keys of others.
    """
    annotations = secret.metadata.get("annotations") or {}
    owner = owner_of({"metadata": secret.metadata})
    if owner is not None and (owner.kind, owner.name) != ("ExternalSecret", target.secret):
        return owner
    if target.by_hand:
        extra = tuple(sorted(set(secret.values) - set(target.lane.custody.fields)))
        return owner or (OtherKeys(extra) if extra else None)
    if owner is not None and LANE not in annotations:
        return None
    return MadeByHand() if LANE not in annotations else _marked(target.lane.id, secret.metadata)


def held(found: Manifest) -> Obstacle | None:
    """What holds an object that is being deleted; ``None`` where it is not."""
    return being_deleted(found.get("metadata") or {})


def _marked(lane: str, metadata: Manifest) -> Obstacle | None:
    marked = (metadata.get("annotations") or {}).get(LANE)
    if marked == lane:
        return None
    return BelongsTo(marked) if marked else NotMarked()
