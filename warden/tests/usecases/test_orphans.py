"""Which ExternalSecrets a lane left behind, by the journal: its own of before, and nobody else's."""

import datetime as dt

import pytest

from warden.adapters.journal.sqlite import SqliteJournal
from warden.core.lanes.delivery_target import DeclaredCluster
from warden.core.lanes.lane import Custody, Delivery, Lane, Owner, Owners, Workload, WorkloadReader
from warden.usecases.orphans import delivered_before

OWNER = Owner(repo="platform", doc="docs/openbao.md")


def lane(name, **deliveries):
    return Lane(
        id=name,
        title=name,
        status="active",
        reviewed=dt.date(2026, 11, 1),
        owners=Owners(custody=OWNER, consumer=OWNER, runtime=OWNER),
        custody=Custody(path=f"platform/tenant/{name}", fields=("API_KEY",)),
        readers=(WorkloadReader(workload=Workload("tenant", "app")),),
        deliveries={cluster: Delivery(external_secret=secret) for cluster, secret in deliveries.items()},
    )


@pytest.fixture
def journal(tmp_path):
    """What the lane `mine` made, in two clusters and in one that is declared no more."""
    journal = SqliteJournal(str(tmp_path / "journal.db"))
    for cluster in ("here", "there", "gone"):
        changes = ["create SecretStore tenant/openbao-app", "create ExternalSecret tenant/key"]
        journal.record("apply.begin", "mine", {"cluster": cluster, "changes": changes})
    journal.record("apply.begin", "mine", {"changes": ["create policy workload-kv-read-mine"]})
    journal.record("adopt.begin", "mine", {"cluster": "here", "secret": "tenant/adopted"})
    return journal


DECLARED = {name: DeclaredCluster(context=f"{name}-context") for name in ("here", "there")}


def left(journal, mine, *others):
    return [str(each) for each in delivered_before(mine, others, DECLARED, journal)]


def test_what_the_file_still_has_is_not_left_behind(journal):
    of_here = ["ExternalSecret tenant/key of here", "ExternalSecret tenant/adopted of here"]
    assert left(journal, lane("mine", there="tenant/key")) == of_here
    assert left(journal, lane("mine", there="tenant/key", here="tenant/key")) == of_here[1:]


def test_what_is_another_lanes_now_is_not_to_be_removed(journal):
    other = lane("other", here="tenant/key", there="tenant/key")
    assert left(journal, lane("mine"), other) == ["ExternalSecret tenant/adopted of here"]


def test_the_command_that_removes_it_names_the_context(journal):
    assert delivered_before(lane("mine", there="tenant/key"), (), DECLARED, journal)[0].remove == (
        "kubectl --context here-context -n tenant delete externalsecret key"
    )
