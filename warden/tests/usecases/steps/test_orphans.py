"""Which ExternalSecrets a lane left behind, by the journal: its own of before, and nobody else's."""

import datetime as dt

import pytest

from warden.adapters.journal.sqlite import SqliteJournal
from warden.core.lanes.delivery_target import DeclaredCluster
from warden.core.lanes.lane import Custody, Delivery, Lane, Owner, Owners, Workload, WorkloadReader
from warden.core.openbao.resources import Settings
from warden.present.commands import command
from warden.present.plans import remove_orphan
from warden.usecases.context import Context
from warden.usecases.steps.orphans import earlier_deliveries

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
        changes = [
            {"action": "create", "kind": "SecretStore", "namespace": "tenant", "name": "openbao-app"},
            {"action": "create", "kind": "ExternalSecret", "namespace": "tenant", "name": "key"},
        ]
        journal.record("apply.begin", "mine", {"cluster": cluster, "changes": changes})
    journal.record("apply.begin", "mine", {"changes": [{"action": "create", "kind": "policy", "name": "x"}]})
    journal.record("adopt.begin", "mine", {"cluster": "here", "secret": "tenant/adopted"})
    for written_before in (2, "two", ["create SecretStore tenant/openbao-app"], None):
        journal.record("apply.begin", "mine", {"cluster": "here", "changes": written_before})
    return journal


DECLARED = {name: DeclaredCluster(context=f"{name}-context") for name in ("here", "there")}


class Declared:
    """The port Clusters, of which only the declarations are looked at."""

    declared = DECLARED
    embedded = False


def earlier(journal, mine, *others):
    context = Context(
        lanes={one.id: one for one in (mine, *others)},
        settings=Settings(),
        vault=None,
        vaults=None,
        clusters=Declared(),
        journal=journal,
        audit_device="file",
        alone=None,
    )
    return earlier_deliveries(mine, context)


def left(journal, mine, *others):
    return [f"{each.namespace}/{each.name} of {each.cluster}" for each in earlier(journal, mine, *others)]


def test_what_the_file_still_has_is_not_left_behind(journal):
    of_here = ["tenant/key of here", "tenant/adopted of here"]
    assert left(journal, lane("mine", there="tenant/key")) == of_here
    assert left(journal, lane("mine", there="tenant/key", here="tenant/key")) == of_here[1:]


def test_what_is_another_lanes_now_is_not_to_be_removed(journal):
    other = lane("other", here="tenant/key", there="tenant/key")
    assert left(journal, lane("mine"), other) == ["tenant/adopted of here"]


def test_the_administrators_context_is_known_for_removing_it(journal):
    orphan = earlier(journal, lane("mine", there="tenant/key"))[0]
    assert command(remove_orphan(orphan)) == "kubectl --context here-context -n tenant delete externalsecret key"


def test_records_of_an_earlier_shape_show_nothing(tmp_path):
    journal = SqliteJournal(str(tmp_path / "journal.db"))
    journal.record("apply.begin", "mine", {"cluster": "here", "changes": ["create ExternalSecret tenant/key"]})
    assert earlier(journal, lane("mine")) == ()
