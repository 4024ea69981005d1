"""A proof as a person reads it and as a program does."""

import json

import msgspec
import pytest

from warden.core.lanes.lane import Delivery
from warden.core.plans.lane_plan import NotConnected
from warden.core.plans.plan import Difference
from warden.core.proofs.delivery_details import NotRenewed
from warden.core.proofs.details import NotSent, ObjectDiffers
from warden.core.proofs.verdict import Proof, Verdict
from warden.core.remedies import warden
from warden.core.unobserved import Unobserved
from warden.present.proofs import observed_word, proof_json, show_proof, show_scope

KEYS = """probe title reader word expected observed status detail audit at ms difference mend remedy stretch
    owner""".split()  # noqa: SIM905
READER = "tenant/first"
FIX = (warden("apply", "first"),)
READS = Verdict(
    probe="reads",
    reader=READER,
    result="ok",
    expected="allowed",
    observed="allowed",
    status=200,
    audit="7f3a91c2-0000",
    ms=12.3,
)
DENIED = Verdict(
    probe="sibling",
    reader=READER,
    result="ok",
    expected="refused",
    observed="refused",
    status=403,
    audit="0c77e1d4",
    ms=3,
)
ALLOWED = msgspec.structs.replace(DENIED, result="wrong", observed="allowed", status=200, remedy=FIX)
POLICY = Verdict(
    probe="policy",
    result="wrong",
    observed="differs",
    detail=ObjectDiffers(action="change", kind="policy", name="p"),
    differences=(Difference("", "old\nline", "new"),),
    remedy=(warden("apply", "first"),),
)


def not_sent(probe="writes"):
    sealed = Unobserved("sealed", "OpenBao", "OpenBao is sealed")
    return Verdict(probe=probe, reader=READER, result="inconclusive", observed="no-answer", detail=NotSent(sealed))


def shown(capsys, lane, *verdicts, brief=False):
    show_proof(lane, Proof(lane=lane.id, verdicts=verdicts, record=1842), brief=brief)
    return capsys.readouterr().out.splitlines()


def test_a_sound_proof_has_a_line_for_each_verdict_below_its_reader(capsys, lane_of):
    assert shown(capsys, lane_of(), READS, DENIED) == [
        "reader tenant/first · auth/kubernetes role workload-tenant-first",
        f"  ok   {'reads API_KEY (wrapped)':<50} allowed     200  audit 7f3a91c2    12 ms",
        f"  ok   {'reads a sibling path':<50} denied      403  audit 0c77e1d4     3 ms",
        NOT_INSPECTED,
        "proven: 2 of 2 as expected · evidence 2/2 audit lines · journal 1842",
    ]


NOT_INSPECTED = (
    "The form of the value was not inspected. To have a reader fetch and judge it: warden prove first --inspect"
)


def test_a_value_that_was_looked_at_needs_no_notice(capsys, lane_of):
    form = Verdict(probe="value-form", reader="tenant/first", result="ok", observed="version", version=1)
    assert NOT_INSPECTED not in shown(capsys, lane_of(), READS, form)


def test_a_wrong_answer_says_what_it_means_whose_turn_it_is_and_the_fix(capsys, lane_of):
    lines = shown(capsys, lane_of(), ALLOWED)
    assert lines[1].startswith(f"  FAIL {'reads a sibling path':<50} ALLOWED     200")
    assert lines[2:4] == [
        "         the reader's policies reach further than this path",
        "         owner platform-team · fix: warden apply first",
    ]
    assert lines[4] == NOT_INSPECTED
    assert lines[5].startswith("refuted: 1 of 1 wrong · evidence 1/1 audit lines")


def test_what_would_change_is_shown_below(capsys, lane_of):
    assert shown(capsys, lane_of(), POLICY)[2:6] == [
        "         p",
        "           - old",
        "           - line",
        "           + new",
    ]


def test_several_that_are_open_for_one_reason_are_one_line_with_their_count(capsys, lane_of):
    probes = ("writes", "patches", "deletes")
    lines = shown(capsys, lane_of(), *map(not_sent, probes), DENIED)
    assert lines[1] == f"  ??   {'writes the path, and 2 more':<50} no answer"
    assert lines[2] == "         not sent: OpenBao is sealed; not counted as a denial"
    assert lines[-1].startswith("inconclusive: 3 of 4 inconclusive")
    two = shown(capsys, lane_of(), not_sent("writes"), not_sent("patches"))
    assert [line for line in two if "not sent" in line] == [lines[2]]
    assert sum("no answer" in line for line in two) == 2


def test_with_all_lanes_only_what_is_not_as_expected_is_shown(capsys, lane_of):
    overwritten = Verdict(probe="healed", reader="delivery here", cluster="here", result="ok", observed="healed")
    lines = shown(capsys, lane_of(), READS, overwritten, brief=True)
    assert lines[0] == "first"
    assert [line.split()[0] for line in lines[1:]] == ["ok", "proven:"]
    assert "HEALED" in lines[1]


def test_a_delivery_is_headed_by_what_it_delivers(capsys, lane_of):
    lane = lane_of(
        deliveries={"here": Delivery(external_secret="t/first-secret"), "old": Delivery(bootstrap_secret="t/old")}
    )
    both = (msgspec.structs.replace(READS, reader=f"delivery {name}", cluster=name) for name in ("here", "old"))
    lines = shown(capsys, lane, *both)
    assert (lines[0], lines[2]) == (
        "delivery here · ExternalSecret t/first-secret",
        "delivery old · Secret made by hand t/old",
    )


@pytest.mark.parametrize("columns", [60, 80, 100, 130])
def test_on_a_terminal_no_line_of_a_verdict_is_wider_than_it(capsys, lane_of, monkeypatch, columns):
    monkeypatch.setattr("warden.present.terminal.width", lambda: columns)
    verdicts = [READS, ALLOWED, not_sent(), msgspec.structs.replace(POLICY, reader=READER)]
    assert max(map(len, shown(capsys, lane_of(), *verdicts))) <= columns


# -- JSON -------------------------------------------------------------------------------------------------------------


def test_json_is_the_same_result(lane_of):
    proof = Proof(
        lane="first", verdicts=(READS, ALLOWED), record=7, scope="custody", system="https://a", unplayed=("x",)
    )
    found = json.loads(json.dumps(proof_json(lane_of(), proof, "/log")))
    verdicts = found.pop("verdicts")
    assert found == {
        "lane": "first",
        "state": "refuted",
        "passed": 1,
        "failed": 1,
        "inconclusive": 0,
        "needs_member": [],
        "total": 2,
        "system": "https://a",
        "audit_log": "/log",
        "journal": 7,
        "scope": "custody",
        "unplayed": ["x"],
        "earlier_tokens": [],
        "inspected": False,
        "checkpoint": None,
    }
    assert list(verdicts[0]) == KEYS
    assert verdicts[1] == {
        "probe": "sibling",
        "title": "reads a sibling path",
        "reader": READER,
        "word": "FAIL",
        "expected": "refused",
        "observed": "ALLOWED",
        "status": 200,
        "detail": "the reader's policies reach further than this path",
        "audit": "0c77e1d4",
        "at": "",
        "ms": 3,
        "difference": [],
        "mend": "warden apply first",
        "remedy": [{"type": "warden", "command": "apply", "arguments": ["first"]}],
        "stretch": "custody",
        "owner": "platform-team",
    }


def test_in_json_a_verdict_that_is_ok_has_nothing_to_fix(lane_of):
    by_hand = Verdict(probe="by-hand", result="ok", observed="by-hand", detail=NotRenewed(), remedy=FIX)
    found = proof_json(lane_of(), Proof(lane="first", verdicts=(by_hand, POLICY)), "")["verdicts"]
    assert (found[0]["mend"], found[0]["remedy"]) == ("", [])
    assert (found[1]["expected"], found[1]["observed"]) == ("as declared", "DIFFERS")
    assert found[1]["difference"] == ["- old", "- line", "+ new"]


@pytest.mark.parametrize(
    ("found", "word"),
    [
        ({"observed": "version", "version": 3}, "version 3"),
        ({"observed": "version"}, "version ?"),
        ({"observed": "not-seen", "result": "inconclusive"}, "not seen"),
        ({"observed": "in-clear", "result": "wrong"}, "IN CLEAR"),
        ({"observed": "shared"}, "SHARED"),
        ({"observed": "started-since"}, "started since"),
    ],
)
def test_what_was_observed_is_in_capitals_where_it_is_wrong_or_noteworthy(found, word):
    assert observed_word(Verdict(**{"probe": "value", "result": "ok"} | found)) == word


# -- scope ------------------------------------------------------------------------------------------------------------


NOBODY = ": nobody was played as t/a or as a stranger, since a cluster issues the tokens"


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"scope": "custody"}, "custody alone, as requested"),
        ({"scope": "some clusters"}, "some of its deliveries, as requested"),
        ({"scope": "custody", "unplayed": ("t/a",)}, f"custody alone, as requested{NOBODY}"),
    ],
)
def test_what_a_proof_left_out_is_said(capsys, lane_of, fields, part):
    show_scope(lane_of("x"), Proof(lane="x", verdicts=(), **fields), chosen=True)
    assert capsys.readouterr().out == f"This is a proof of {part}. The whole lane: warden prove x\n"


def test_of_a_proof_of_the_whole_lane_nothing_is_said(capsys, lane_of):
    show_scope(lane_of("x"), Proof(lane="x", verdicts=()), chosen=True)
    assert capsys.readouterr().out == ""


def test_what_was_left_out_without_being_asked_for_names_the_clusters(capsys, lane_of):
    proof = Proof(lane="x", verdicts=(), scope="custody", not_connected=NotConnected(("here",)))
    show_scope(lane_of("x"), proof, chosen=False)
    first, second = capsys.readouterr().out.splitlines()
    assert first == "This is a proof of custody alone."
    assert "here" in second
