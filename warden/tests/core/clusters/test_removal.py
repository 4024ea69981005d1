"""Only what is the lane's is removed from a cluster: marks and owners decide, and keys of others."""

import pytest
from declared_lanes import declare

from warden.core.clusters.adoption import OtherKeys
from warden.core.clusters.removal import external_secret_obstacle, held, secret_obstacle
from warden.core.clusters.secret_observation import SecretObservation
from warden.core.lanes.delivery_target import DeclaredCluster, target
from warden.core.lanes.lane import Delivery
from warden.core.plans.plan import BeingDeleted, BelongsTo, MadeByHand, NotMarked, OwnedBy
from warden.core.secret import Secret

MINE, THEIRS = {"ops-warden/lane": "key"}, {"ops-warden/lane": "another"}


def delivery(*, by_hand=False):
    how = {"bootstrap_secret" if by_hand else "external_secret": "tenant/key"}
    lane = declare("key", deliveries={"one": Delivery(**how)})
    return target(lane, "one", {"one": DeclaredCluster(context="c")})


def secret(*owners, annotations=None, keys=("API_KEY",)):
    references = [{"kind": kind, "name": name, "controller": True} for kind, name in owners]
    metadata = {"name": "key", "annotations": annotations or {}, "ownerReferences": references}
    values = {each: Secret("x") for each in keys}
    return SecretObservation(metadata=metadata, values=values, immutable=False)


@pytest.mark.parametrize(
    ("annotations", "obstacle"),
    [(MINE, None), (THEIRS, BelongsTo("another")), ({}, NotMarked()), (None, NotMarked())],
)
def test_an_external_secret_names_its_lane(annotations, obstacle):
    assert external_secret_obstacle("key", {"metadata": {"annotations": annotations}}) == obstacle


@pytest.mark.parametrize(
    ("found", "obstacle"),
    [
        (secret(annotations=MINE), None),
        (secret(("ExternalSecret", "key"), annotations=MINE), None),
        (secret(("ExternalSecret", "key")), None),
        (secret(("ExternalSecret", "key"), annotations=THEIRS), BelongsTo("another")),
        (secret(("ExternalSecret", "else"), annotations=MINE), OwnedBy("ExternalSecret", "else")),
        (secret(("SealedSecret", "key")), OwnedBy("SealedSecret", "key")),
        (secret(annotations={"meta.helm.sh/release-name": "r"}), OwnedBy("HelmRelease", "r")),
        (secret(), MadeByHand()),
        (secret(annotations=THEIRS), BelongsTo("another")),
    ],
)
def test_a_delivered_secret_is_the_lanes_by_its_mark_or_its_owner(found, obstacle):
    assert secret_obstacle(delivery(), found) == obstacle


@pytest.mark.parametrize(
    ("found", "obstacle"),
    [
        (secret(), None),
        (secret(keys=()), None),
        (secret(keys=("API_KEY", "OTHER")), OtherKeys(("OTHER",))),
        (secret(("SealedSecret", "key")), OwnedBy("SealedSecret", "key")),
        (secret(("ExternalSecret", "key")), OwnedBy("ExternalSecret", "key")),
    ],
)
def test_a_secret_made_by_hand_is_the_lanes_without_an_owner_and_without_keys_of_others(found, obstacle):
    assert secret_obstacle(delivery(by_hand=True), found) == obstacle


def test_what_is_being_deleted_is_said_with_what_holds_it():
    ending = {"metadata": {"deletionTimestamp": "2026-11-30T10:00:00Z", "finalizers": ["example.com/held"]}}
    assert held(ending) == BeingDeleted("2026-11-30T10:00:00Z", ("example.com/held",))
    assert held({"metadata": {}}) is None
