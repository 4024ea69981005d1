"""A protected lane of two clusters: one approval covers all of it, and nothing is begun while a cluster is away."""

import msgspec
import pytest
from signers import Signers
from word_names import word_name

from warden.adapters.catalog.change_requests import ChangeRequestFiles
from warden.core.changes.drafts import Words
from warden.core.changes.errors import NotApproved
from warden.core.errors import Unreachable, WardenError
from warden.core.lanes.lane import Protected
from warden.core.plans.lane_plan import LaneOptions
from warden.usecases.apply import apply
from warden.usecases.change import Said, Shelf, decide, draft

pytestmark = pytest.mark.cluster
BOTH = ("coulombcore", "railiance01")


@pytest.fixture
def unique():
    return word_name


@pytest.fixture
def protected(bench):
    bench.change(
        deliveries=dict.fromkeys(BOTH, bench.lane.deliveries["coulombcore"]),
        protected=Protected(approvers=("bob",), approvals=1),
    )
    bench.tenant()
    return bench


def test_one_approval_covers_every_cluster_and_nothing_is_begun_while_one_is_away(protected, tmp_path):
    bench, people, platform = protected, Signers(tmp_path / "keys", "alice", "bob"), str(tmp_path / "platform")

    def files() -> ChangeRequestFiles:
        return ChangeRequestFiles(platform, {bench.name})

    def context(**instead):
        found = bench.context(bench.clusters(**instead))
        return msgspec.structs.replace(found, requests=files(), signatures=people.signatures("alice"))

    lane = bench.whole_lane
    request = draft(lane, "create", Words(), context(), LaneOptions()).request
    again = draft(lane, "create", Words(), context(), LaneOptions()).request
    assert request.plan == again.plan  # the same in every run
    for cluster in BOTH:
        assert f"cluster {cluster}: create ExternalSecret {bench.namespace}/{bench.name}" in request.plan.changes
    for name, verb in (("alice", "propose"), ("bob", "approve")):
        shelf = Shelf(requests=files(), signatures=people.signatures(name), journal=bench.journal)
        decide(request.id, Said(verb=verb, comment="looked at it"), shelf)

    with pytest.raises(NotApproved):
        apply(lane, context(), LaneOptions(custody_only=True))  # less than what was approved
    dead = {"railiance01": bench.dead("railiance01")}
    with pytest.raises(WardenError) as caught:
        apply(lane, context(**dead), LaneOptions())
    assert isinstance(caught.value, Unreachable)
    assert not bench.journal.log(events=("apply.begin",))

    done = apply(lane, context(), LaneOptions())
    assert done.approved.request == request.id
    assert [bool(each.changed) for each in done.receipts] == [True, True, True]
    assert files().get(request.id).status == "applied"
    assert not apply(lane, context(), LaneOptions()).changed
