"""What counts as a refusal, what as evidence, and what as neither: the judgement without a server."""

import msgspec
import pytest

from warden.core.lanes.lane import Workload
from warden.core.openbao.api import Answer, AuditLine
from warden.core.proofs.probes import Caller, Claims, Held, Nobody, Probe
from warden.core.proofs.proof import Outcome, Proof, evidence, finding, judge, was_allowed

STRANGER = Claims(workload=Workload("a", "b"), audience="openbao", mount="kubernetes", role="r")
AT_LOGIN = {"x-vault-inline-auth-failed": "true"}
PATH = "platform/data/x"


def probe(**how):
    usual = {"id": "p", "title": "t", "reader": "a/b", "actor": Held(), "expected": "refused", "meaning": "it is open"}
    return Probe(**usual | {"method": "GET", "path": PATH} | how)


def answer(status, *said, headers=None, **body):
    return Answer(status=status, body=body | ({"errors": list(said)} if said else {}), headers=headers or {})


def outcome(given, **how):
    return Outcome(nonce="n-1", answer=given, **{"entity": "e-1"} | how)


def line(**how):
    usual = {"id": "line", "kind": "response", "at": "now", "path": PATH, "nonce": "n-1"}
    return AuditLine(**usual | {"display_name": "kubernetes-a-b", "entity": "e-1"} | how)


def word(asked, given, *lines):
    verdict = judge(asked, outcome(given), lines or (line(),))
    return verdict.word, verdict.observed


REFUSED = answer(403, "permission denied")


@pytest.mark.parametrize(
    ("given", "allowed"),
    [
        (answer(200), True),
        (answer(204), True),
        (answer(404), True),
        (answer(400, "check-and-set parameter did not match"), True),
        (answer(403), False),
        (answer(400, "invalid audience (aud) claim", headers=AT_LOGIN), False),
        (answer(400, "bad request"), None),
        (answer(401), None),
        (answer(405), None),
        (answer(412), None),
        (answer(429), None),
        (answer(472), None),
        (answer(500), None),
        (answer(502), None),
        (answer(503, "Vault is sealed"), None),
        (answer(307), None),
    ],
)
def test_what_a_status_says(given, allowed):
    assert was_allowed(given) is allowed


@pytest.mark.parametrize("status", [307, 400, 405, 429, 500, 502, 503])
@pytest.mark.parametrize("expected", ["allowed", "refused"])
def test_a_server_in_trouble_neither_refuses_nor_allows(status, expected):
    verdict = judge(probe(expected=expected), outcome(answer(status, "in trouble")), [line()])
    assert (verdict.word, verdict.observed) == ("??", "no answer")
    assert f"answered {status} in trouble; not counted" in verdict.detail


def test_no_answer_is_no_refusal_even_if_there_is_a_line():
    verdict = judge(probe(), outcome(None, why="it was cut off"), [line()])
    assert (verdict.word, verdict.observed, verdict.status) == ("??", "no answer", 0)
    assert "it was cut off; not counted as a refusal" in verdict.detail


def test_a_refusal_with_its_line_is_one_and_what_is_allowed_is_a_finding():
    assert word(probe(), REFUSED) == ("ok", "refused")
    verdict = judge(probe(mend="mend it"), outcome(answer(200)), [line()])
    assert (verdict.word, verdict.observed, verdict.detail, verdict.mend) == (
        "FAIL",
        "ALLOWED",
        "it is open",
        "mend it",
    )
    assert (verdict.audit, verdict.at) == ("line", "now")


def test_an_open_path_is_a_finding_also_without_a_line():
    """A missing line weakens a claim that all is well; it does not excuse an answer that should not have come."""
    assert judge(probe(), outcome(answer(200)), []).word == "FAIL"


@pytest.mark.parametrize(
    "asked",
    [probe(), probe(expected="allowed", actor=STRANGER), probe(at_login=True, actor=STRANGER, reasons=("x",))],
)
def test_what_a_refusal_shows_counts_only_with_its_line(asked):
    """A proxy in between refuses as well: neither "refused" nor "the reader cannot read" follows from that."""
    verdict = judge(asked, outcome(REFUSED), [])
    assert (verdict.word, verdict.audit) == ("??", "")
    assert "no line" in verdict.detail


# -- evidence ---------------------------------------------------------------------------------------------------------

OTHERS = {
    "of another request": {"nonce": "n-2"},
    "of a request that was not answered yet": {"kind": "request"},
    "of another path": {"path": "platform/data/y"},
}


@pytest.mark.parametrize("which", OTHERS)
@pytest.mark.parametrize("actor", [Held(), Nobody(), Caller(), STRANGER])
def test_a_line_of_something_else_is_no_evidence(which, actor):
    asked, mine = probe(actor=actor), {"display_name": "", "entity": ""} if isinstance(actor, Nobody) else {}
    assert evidence(asked, outcome(REFUSED), [line(**mine)])
    assert evidence(asked, outcome(REFUSED), [line(**mine | OTHERS[which])]) is None


@pytest.mark.parametrize(
    ("actor", "who"),
    [
        (Held(), {"entity": "e-2"}),
        (Held(), {"entity": ""}),
        (Nobody(), {}),
        (STRANGER, {"display_name": ""}),
        (Caller(), {"display_name": ""}),
    ],
)
def test_a_line_of_somebody_else_is_no_evidence(actor, who):
    assert evidence(probe(actor=actor), outcome(REFUSED), [line(**who)]) is None


def test_a_session_without_an_entity_has_no_evidence():
    assert evidence(probe(), outcome(REFUSED, entity=""), [line(entity="")]) is None


def test_of_a_request_that_was_sent_twice_the_last_line_counts():
    """An idle connection that the server closed is opened again and a read repeated: the answer is the last one's."""
    assert evidence(probe(), outcome(REFUSED), [line(id="first"), line(id="again")]).id == "again"


def test_a_refused_login_is_shown_by_the_logins_line_and_an_accepted_one_by_the_actions():
    asked = probe(actor=STRANGER)
    login, act = line(id="login", path="auth/kubernetes/login", display_name="", entity=""), line(id="act")
    assert evidence(asked, outcome(answer(400, headers=AT_LOGIN)), [act, login]).id == "login"
    assert evidence(asked, outcome(answer(400, headers=AT_LOGIN)), [act]) is None
    assert evidence(asked, outcome(REFUSED), [login, act]).id == "act"
    assert evidence(asked, outcome(REFUSED), [login]) is None


# -- refusals that must be for the right reason ------------------------------------------------------------------------


def test_a_stranger_has_to_fail_at_the_login_and_for_the_claim_that_was_changed():
    asked = probe(actor=STRANGER, at_login=True, reasons=("invalid audience",))
    login = line(path="auth/kubernetes/login")
    right = answer(400, "error: invalid audience (aud) claim", headers=AT_LOGIN)
    assert word(asked, right, login) == ("ok", "refused")
    other = judge(asked, outcome(answer(400, "token expired", headers=AT_LOGIN)), [login])
    assert (other.word, other.observed) == ("??", "refused")
    assert "another reason than the one tried: token expired" in other.detail
    assert word(asked, REFUSED) == ("FAIL", "LOGGED IN")


def test_what_the_policy_has_to_refuse_is_not_shown_by_a_login_that_failed():
    asked = probe(actor=STRANGER)
    given = answer(400, "role not found", headers=AT_LOGIN)
    verdict = judge(asked, outcome(given), [line(path="auth/kubernetes/login")])
    assert (verdict.word, verdict.observed) == ("??", "refused")
    assert "before the policy was asked" in verdict.detail


# -- what is allowed ---------------------------------------------------------------------------------------------------

READS = probe(expected="allowed", actor=STRANGER, granted_by="own")
WRAPPED = answer(200, wrap_info=True)


def test_a_read_passes_by_the_lanes_own_policy_alone():
    assert word(READS, WRAPPED, line(granted_by=("own",))) == ("ok", "allowed")
    for granted in ((), ("other",), ("other", "own")):
        verdict = judge(READS, outcome(WRAPPED), [line(granted_by=granted)])
        assert (verdict.word, verdict.observed) == ("FAIL", "BY OTHERS")
    assert word(READS, answer(200), line(granted_by=("own",))) == ("??", "allowed")


@pytest.mark.parametrize(
    ("granted", "detail", "mend"),
    [
        (("own",), "it is open", "warden apply x"),
        ((), "it is open", "warden apply x"),
        (("default",), "it is open: by default", "bao policy read default"),
        (("a b", "own", "z"), "it is open: by a b, z", "bao policy read 'a b'"),
    ],
)
def test_another_policy_that_reaches_there_is_named_and_is_not_applys_to_mend(granted, detail, mend):
    wide = probe(policy="own", mend="warden apply x")
    verdict = judge(wide, outcome(answer(404)), [line(granted_by=granted)])
    assert (verdict.word, verdict.observed, verdict.detail, verdict.mend) == ("FAIL", "ALLOWED", detail, mend)
    read = msgspec.structs.replace(READS, policy="own", mend="warden apply x")
    verdict = judge(read, outcome(WRAPPED), [line(granted_by=("default",))])
    assert (verdict.observed, verdict.mend) == ("BY OTHERS", "bao policy read default")


def test_the_policy_by_which_the_prover_looks_is_none_that_reaches_too_far():
    asked = probe(expected="allowed", actor=Caller(), fields=("KEY",), policy="own", mend="warden put x KEY")
    verdict = judge(asked, outcome(answer(404)), [line(granted_by=("warden-prove",))])
    assert (verdict.observed, verdict.mend) == ("NONE", "warden put x KEY")


def test_a_login_that_is_denied_without_a_reason_may_be_the_clusters_to_confirm():
    def detail(said):
        return judge(READS, outcome(answer(403, said, headers=AT_LOGIN)), [line(path="auth/kubernetes/login")]).detail

    assert "system:auth-delegator" in detail("failed to perform inline authentication: permission denied")
    assert "system:auth-delegator" not in detail("failed to perform inline authentication: invalid role name")


def test_a_refused_reader_is_a_finding_and_a_caller_that_may_not_look_is_none():
    assert word(READS, REFUSED) == ("FAIL", "REFUSED")
    caller = probe(reader="", expected="allowed", actor=Caller(), fields=("A",))
    assert word(caller, REFUSED) == ("??", "refused")


@pytest.mark.parametrize(
    ("subkeys", "observed", "detail"),
    [
        ({"A": None, "B": None}, "version 7", ""),
        ({"A": None}, "DIFFERS", "missing B"),
        ({"A": None, "B": None, "C": None}, "DIFFERS", "not declared: C"),
        ({"C": None}, "DIFFERS", "missing A, B; not declared: C"),
    ],
)
def test_the_live_version_has_exactly_the_declared_fields(subkeys, observed, detail):
    asked = probe(expected="allowed", actor=Caller(), fields=("A", "B"))
    given = answer(200, data={"subkeys": subkeys, "metadata": {"version": 7}})
    verdict = judge(asked, outcome(given), [line()])
    assert (verdict.observed, verdict.detail) == (observed, detail)
    assert verdict.word == ("FAIL" if detail else "ok")
    assert word(asked, answer(404)) == ("FAIL", "NONE")


@pytest.mark.parametrize(
    ("held", "found"),
    [
        ({"d": ["read"], "m": ["deny"]}, "ok"),
        ({"d": ["read", "list"], "m": ["deny"]}, "FAIL"),
        ({"d": ["deny"], "m": ["deny"]}, "FAIL"),
        ({"d": ["read"], "m": ["read"]}, "FAIL"),
        ({"d": ["read"]}, "FAIL"),
        ({}, "FAIL"),
    ],
)
def test_capabilities_are_exactly_the_declared_ones(held, found):
    asked = probe(expected="allowed", capabilities={"d": ("read",), "m": ("deny",)})
    assert judge(asked, outcome(answer(200, data=held)), [line()]).word == found


# -- the whole ---------------------------------------------------------------------------------------------------------


def test_only_a_proof_in_which_everything_is_right_is_proven():
    right, wrong, unseen = (finding("p", "t", word=word) for word in ("ok", "FAIL", "??"))
    states = {
        (): "inconclusive",
        (right,): "proven",
        (unseen,): "inconclusive",
        (right, unseen): "inconclusive",
        (right, wrong): "refuted",
        (right, wrong, unseen): "refuted",
    }
    for verdicts, state in states.items():
        assert Proof(lane="l", verdicts=verdicts).state == state


def test_a_finding_names_its_command_only_where_something_is_wrong():
    assert finding("p", "t", mend="do this").mend == "do this"
    assert finding("p", "t", mend="do this", word="ok").mend == ""
    assert msgspec.to_builtins(finding("p", "t", word="??"))["observed"] == "not seen"
