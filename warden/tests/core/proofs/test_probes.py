"""Which probes a lane has, and that each is harmless even on a server that lets everything pass."""

import pytest

from warden.core.lanes.lane import PROBE_ACCOUNT, PeopleReader, Workload, WorkloadReader
from warden.core.proofs.probes import (
    NO_VERSION,
    WRAP,
    Caller,
    Claims,
    Held,
    Nobody,
    claims_of,
    probes,
    unplayed_readers,
)
from warden.core.remedies import warden

PEOPLE = PeopleReader(people="publishers", login="corp", role="publish")


def by_id(asked):
    return {probe.id: probe for probe in asked}


def test_a_workload_is_probed_from_every_side(lane_of):
    assert [probe.id for probe in probes(lane_of())] == [
        "live-version",
        "no-token",
        "reads",
        "other-account",
        "other-namespace",
        "other-audience",
        "sibling",
        "below",
        "lists",
        "scans",
        "writes",
        "patches",
        "deletes",
        "undeletes",
        "destroys",
        "capabilities",
    ]


def test_no_probe_could_bring_a_value_out_or_change_one_if_it_were_allowed(lane_of):
    other = claims_of(lane_of("other"), lane_of("other").readers[0])
    asked = probes(lane_of(readers=(*lane_of().readers, PEOPLE)), others=[other], as_member=frozenset({PEOPLE.label}))
    for probe in asked:
        if probe.method in {"GET", "LIST", "SCAN"}:
            assert probe.fields or probe.headers == WRAP, probe.id
        elif probe.id in {"writes", "patches"}:
            assert probe.body == {"options": {"cas": NO_VERSION}, "data": {}}
        elif probe.id == "capabilities":
            assert probe.path == "sys/capabilities-self"
        else:
            assert probe.body == {"versions": [NO_VERSION]}, probe.id


def test_a_stranger_differs_from_the_reader_in_exactly_one_claim_and_is_refused_for_it(lane_of):
    lane = lane_of("mine", readers=(WorkloadReader(workload=Workload("tenant", "api"), audience="bao"),))
    found = by_id(probes(lane))
    accepted = found["reads"].actor
    assert accepted == Claims(
        workload=Workload("tenant", "api"), audience="bao", mount="kubernetes", role="workload-tenant-api"
    )
    for name, (workload, audience), reason in (
        ("other-account", (Workload("tenant", PROBE_ACCOUNT), "bao"), "(sub)"),
        ("other-namespace", (Workload(PROBE_ACCOUNT, "api"), "bao"), "(sub)"),
        ("other-audience", (Workload("tenant", "api"), PROBE_ACCOUNT), "(aud)"),
    ):
        probe = found[name]
        assert (probe.actor.workload, probe.actor.audience) == (workload, audience)
        assert (probe.actor.mount, probe.actor.role) == (accepted.mount, accepted.role)
        assert probe.at_login
        assert reason in probe.reasons[0]
        assert all(len(each) > 10 for each in probe.reasons)


def test_a_kubernetes_mounts_words_for_a_wrong_account_count_for_the_subject_only(lane_of):
    """OpenBao, auth/kubernetes: "service account name not authorized", "namespace not authorized"."""
    found = by_id(probes(lane_of()))
    for words in ("service account name not authorized", "namespace not authorized"):
        assert words in found["other-account"].reasons
        assert words in found["other-namespace"].reasons
        assert words not in found["other-audience"].reasons


def test_who_asks_and_what_is_expected(lane_of):
    found = by_id(probes(lane_of()))
    assert isinstance(found["live-version"].actor, Caller)
    assert isinstance(found["no-token"].actor, Nobody)
    assert all(isinstance(found[name].actor, Held) for name in ("sibling", "lists", "writes", "capabilities"))
    assert [name for name, probe in found.items() if probe.expected == "allowed"] == [
        "live-version",
        "reads",
        "capabilities",
    ]


def test_only_the_lanes_own_policy_may_grant_a_workloads_read_and_a_persons_own_token_may_have_more(lane_of):
    asked = probes(lane_of("mine", readers=(*lane_of().readers, PEOPLE)), as_member=frozenset({PEOPLE.label}))
    assert {probe.reader: probe.granted_by for probe in asked if probe.id == "reads"} == {
        "tenant/first": "workload-kv-read-mine-secrets",
        PEOPLE.label: "",
    }


def test_people_are_probed_only_where_the_caller_is_one_of_them(lane_of):
    lane = lane_of(readers=(PEOPLE,))
    assert [probe.id for probe in probes(lane)] == ["live-version", "no-token"]
    assert [probe.id for probe in probes(lane, as_member=frozenset({PEOPLE.label}))] == [
        "live-version",
        "no-token",
        "reads",
    ]


def test_another_lanes_reader_is_one_that_may_not_read_here_as_well(lane_of):
    lane = lane_of("mine")
    mine = claims_of(lane, lane.readers[0])
    same_account = Claims(workload=mine.workload, audience="openbao", mount="kubernetes", role="another")
    same_role = Claims(workload=Workload("x", "y"), audience="openbao", mount="kubernetes", role=mine.role)
    stranger = Claims(workload=Workload("x", "z"), audience="openbao", mount="kubernetes", role="workload-x-z")
    assert "other-lane" not in by_id(probes(lane, others=[same_account, same_role]))
    assert by_id(probes(lane, others=[same_account, same_role, stranger]))["other-lane"].actor == stranger


def test_the_capabilities_asked_for_are_read_on_the_data_and_nothing_beside_it(lane_of):
    probe = by_id(probes(lane_of("mine")))["capabilities"]
    below = "workloads/tenant/mine/mine-secrets"
    assert probe.capabilities == {
        f"platform/data/{below}": ("read",),
        f"platform/metadata/{below}": ("deny",),
        f"platform/subkeys/{below}": ("deny",),
    }
    assert probe.body == {"paths": list(probe.capabilities)}


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("live-version", (warden("put", "mine", "API_KEY"),)),
        ("reads", (warden("apply", "mine"),)),
    ],
)
def test_a_wrong_answer_has_its_remedy(lane_of, name, remedy):
    assert by_id(probes(lane_of("mine")))[name].remedy == remedy


def test_nobody_is_played_at_a_mount_that_is_left_out(lane_of):
    lane = lane_of()
    assert [probe.id for probe in probes(lane, unplayed=frozenset({"kubernetes"}))] == ["live-version", "no-token"]
    assert unplayed_readers(lane, frozenset({"kubernetes"})) == [lane.readers[0].label]
    assert probes(lane, unplayed=frozenset({"elsewhere"})) == probes(lane)
