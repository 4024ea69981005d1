"""What a Secret held before the refresh: reported where somebody wrote into it, not where it was only older."""

import datetime as dt

import msgspec
import pytest

from warden.core.clusters.secret_observation import SecretObservation
from warden.core.lanes.delivery_target import DeclaredCluster, target
from warden.core.lanes.lane import Delivery
from warden.core.openbao.api import Handed
from warden.core.proofs.delivery_details import OverwrittenField, Writer
from warden.core.proofs.delivery_observation import DeliveryObservation, EarlierSecret, Sync
from warden.core.proofs.overwrite_check import overwritten
from warden.core.secret import Secret

RIGHT, OTHER = "hmac-sha256:right", "hmac-sha256:other"
WRITTEN = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
EARLIER, LATER = "2026-11-20T11:00:00Z", "2026-11-20T13:00:00Z"
OPERATOR = "externalsecrets.external-secrets.io/first-secret"
LINE = Handed(
    id="a", at=LATER, path="p", display_name="d", role="r", account="tenant/first", uid="u", version=1,
    hashes={"API_KEY": RIGHT},
)  # fmt: skip


def wrote(manager, *fields, at=LATER):
    return {"manager": manager, "time": at, "fieldsV1": {"f:data": {f"f:{field}": {} for field in fields}}}


@pytest.fixture
def reported(lane_of):
    """What is reported of a Secret that was different before the refresh."""

    def judge(*entries, hashes=None, refreshed=LATER, versions=(1, 1), line=LINE, fields=("API_KEY",), left=()):
        lane = lane_of(deliveries={"here": Delivery(external_secret="tenant/first-secret")})
        earlier = EarlierSecret(
            metadata={"managedFields": list(entries)},
            hashes=hashes or {"API_KEY": OTHER},
            fields=frozenset(fields),
            refreshed=refreshed,
            written=WRITTEN,
        )
        seen = DeliveryObservation(
            target=target(lane, "here", {"here": DeclaredCluster(context="ctx")}),
            sync=Sync(followed="synced"),
            account_uid="u",
            marker=EARLIER,
            versions=versions,
            secret=SecretObservation(
                metadata={}, values=dict.fromkeys(["API_KEY", *left], Secret("x")), immutable=False
            ),
            earlier=earlier,
        )
        return [(each.result, each.observed, each.detail.fields) for each in overwritten(seen, [line])]

    return judge


def test_who_wrote_the_field_is_named_with_the_time(reported):
    ((result, observed, fields),) = reported(
        wrote(OPERATOR, "OTHER"), wrote("kubectl-edit", "API_KEY"), refreshed=EARLIER
    )
    assert (result, observed) == ("ok", "healed")
    assert fields == (OverwrittenField("API_KEY", "changed", (Writer("kubectl-edit", LATER),)),)


def test_a_version_that_was_delivered_already_and_is_not_there_was_overwritten_by_somebody(reported):
    ((_, _, fields),) = reported(wrote(OPERATOR, "API_KEY"))
    assert fields == (OverwrittenField("API_KEY", "changed"),)


def test_a_field_that_had_been_delivered_and_was_gone_was_removed_by_nobody_that_is_recorded(reported):
    ((_, observed, fields),) = reported(wrote(OPERATOR, "API_KEY"), fields=(), hashes={"NONE": OTHER})
    assert observed == "healed"
    assert fields == (OverwrittenField("API_KEY", "removed"),)


def test_a_field_that_is_not_the_lanes_is_reported_with_who_wrote_it(reported):
    entries = [wrote(OPERATOR, "API_KEY"), wrote("kubectl-edit", "EXTRA")]
    ((_, _, fields),) = reported(*entries, fields=("API_KEY", "EXTRA"), hashes={"API_KEY": RIGHT})
    assert fields == (OverwrittenField("EXTRA", "added", (Writer("kubectl-edit", LATER),)),)


def test_each_overwritten_field_is_reported(reported):
    entries = [wrote("kubectl-edit", "API_KEY", "EXTRA")]
    ((_, _, fields),) = reported(*entries, fields=("API_KEY", "EXTRA"))
    assert [(each.field, each.change) for each in fields] == [("API_KEY", "changed"), ("EXTRA", "added")]


@pytest.mark.parametrize(
    ("entries", "how"),
    [
        ([wrote(OPERATOR, "API_KEY")], {"refreshed": EARLIER}),
        ([wrote(OPERATOR, "API_KEY")], {"refreshed": ""}),
        ([wrote(OPERATOR, "API_KEY")], {"versions": (1, 2)}),
        ([wrote("kubectl-label", "ANOTHER")], {"refreshed": EARLIER}),
        ([wrote("kubectl-edit", "API_KEY")], {"hashes": {"API_KEY": RIGHT}}),
        ([wrote("kubectl-edit", "API_KEY")], {"line": msgspec.structs.replace(LINE, hashes={"API_KEY": ""})}),
        ([], {"fields": (), "hashes": {"NONE": OTHER}, "refreshed": EARLIER}),
        (
            [],
            {
                "line": msgspec.structs.replace(LINE, hashes={"API_KEY": RIGHT, "MORE": RIGHT}),
                "hashes": {"API_KEY": RIGHT},
            },
        ),
        ([wrote(OPERATOR, "EXTRA")], {"fields": ("API_KEY", "EXTRA"), "hashes": {"API_KEY": RIGHT}}),
        (
            [wrote("kubectl-edit", "EXTRA")],
            {"fields": ("EXTRA", "API_KEY"), "left": ["EXTRA"], "refreshed": EARLIER} | {"hashes": {"API_KEY": RIGHT}},
        ),
    ],
    ids=[
        "older version",
        "never refreshed",
        "put meanwhile",
        "another field",
        "same value",
        "logged in clear",
        "not yet delivered",
        "not of the lane",
        "of an older declaration",
        "still there",
    ],
)
def test_what_was_not_written_by_hand_is_not_reported(reported, entries, how):
    assert reported(*entries, **how) == []
