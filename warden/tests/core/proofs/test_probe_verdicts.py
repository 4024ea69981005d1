"""What counts as a refusal, what as evidence, and what as neither: the judgement without a server."""

import datetime as dt

import msgspec
import pytest

from warden.core.access_index.policies import PathRule, Policy
from warden.core.access_index.snapshot import NamespaceSnapshot, Snapshot
from warden.core.lanes.lane import Workload
from warden.core.openbao.api import Answer, AuditLine
from warden.core.proofs.details import (
    CallerRefused,
    CapabilitiesDiffer,
    FieldsDiffer,
    GrantedByOthers,
    NoAnswer,
    NoAuditLine,
    NoLiveVersion,
    NotWrapped,
    OtherReason,
    PathCapabilities,
    ReaderRefused,
    RefusedAtLogin,
    UnclearReply,
)
from warden.core.proofs.probe_verdicts import Outcome, evidence, judge, was_allowed
from warden.core.proofs.probes import Caller, Claims, Held, Nobody, Probe
from warden.core.remedies import RunBao, warden
from warden.core.unobserved import Unobserved

STRANGER = Claims(workload=Workload("a", "b"), audience="openbao", mount="kubernetes", role="r")
AT_LOGIN = {"x-vault-inline-auth-failed": "true"}
PATH = "platform/data/x"


def probe(**how):
    usual = {"id": "sibling", "reader": "a/b", "actor": Held(), "expected": "refused"}
    return Probe(**usual | {"method": "GET", "path": PATH} | how)


def answer(status, *said, headers=None, **body):
    return Answer(status=status, body=body | ({"errors": list(said)} if said else {}), headers=headers or {})


def outcome(given, **how):
    return Outcome(nonce="n-1", answer=given, **{"entity": "e-1"} | how)


def line(**how):
    usual = {"id": "line", "kind": "response", "at": "now", "path": PATH, "nonce": "n-1"}
    return AuditLine(**usual | {"display_name": "kubernetes-a-b", "entity": "e-1"} | how)


def judged(asked, given, *lines):
    verdict = judge(asked, outcome(given), lines or (line(),))
    return verdict.result, verdict.observed


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
    assert (verdict.result, verdict.observed) == ("inconclusive", "no-answer")
    assert verdict.detail == UnclearReply(status, "in trouble")


def test_no_answer_is_not_a_refusal_even_if_there_is_a_line():
    cut_off = NoAnswer(Unobserved("unreachable", "OpenBao", "it was cut off"))
    verdict = judge(probe(), outcome(None, failure=cut_off), [line()])
    assert (verdict.result, verdict.observed, verdict.status) == ("inconclusive", "no-answer", 0)
    assert verdict.detail == cut_off


FIX = (warden("apply", "x"),)


def test_a_refusal_with_its_line_is_one_and_what_is_allowed_is_wrong():
    assert judged(probe(), REFUSED) == ("ok", "refused")
    verdict = judge(probe(remedy=FIX), outcome(answer(200)), [line()])
    assert (verdict.result, verdict.observed, verdict.detail, verdict.remedy) == ("wrong", "allowed", None, FIX)
    assert (verdict.audit, verdict.at) == ("line", "now")


def test_a_verdict_that_is_ok_has_no_remedy():
    assert judge(probe(remedy=FIX), outcome(REFUSED), [line()]).remedy == ()


def test_an_open_path_is_wrong_also_without_a_line():
    """A missing line weakens a claim that all is well; it does not excuse an answer that should not have come."""
    assert judge(probe(), outcome(answer(200)), []).result == "wrong"


@pytest.mark.parametrize(
    "asked",
    [probe(), probe(expected="allowed", actor=STRANGER), probe(at_login=True, actor=STRANGER, reasons=("x",))],
)
def test_what_a_refusal_shows_counts_only_with_its_line(asked):
    """A proxy in between refuses as well: neither "refused" nor "the reader cannot read" follows from that."""
    verdict = judge(asked, outcome(REFUSED), [])
    assert (verdict.result, verdict.audit, verdict.detail) == ("inconclusive", "", NoAuditLine())


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
    assert judged(asked, right, login) == ("ok", "refused")
    for lines in ([login], []):
        other = judge(asked, outcome(answer(400, "token expired", headers=AT_LOGIN)), lines)
        assert (other.result, other.observed) == ("inconclusive", "refused")
        assert other.detail == OtherReason("token expired")
    assert judged(asked, REFUSED) == ("wrong", "logged-in")


def test_what_the_policy_has_to_refuse_is_not_shown_by_a_login_that_failed():
    given = answer(400, "role not found", headers=AT_LOGIN)
    verdict = judge(probe(actor=STRANGER), outcome(given), [line(path="auth/kubernetes/login")])
    assert (verdict.result, verdict.observed) == ("inconclusive", "refused")
    assert verdict.detail == RefusedAtLogin("role not found")


def test_words_of_openbao_are_kept_without_what_looks_like_a_value():
    key = "sk-or-v1-" + "8f2c4e6a1b3d5f7092a4c6e8b0d2f4a6"
    verdict = judge(probe(), outcome(answer(500, f"cannot use {key}")), [line()])
    assert key[12:] not in repr(verdict)


# -- what is allowed ---------------------------------------------------------------------------------------------------

READS = probe(id="reads", expected="allowed", actor=STRANGER, granted_by="own")
WRAPPED = answer(200, wrap_info=True)


def test_a_read_passes_by_the_lanes_own_policy_alone():
    assert judged(READS, WRAPPED, line(granted_by=("own",))) == ("ok", "allowed")
    for granted in ((), ("other",), ("other", "own")):
        verdict = judge(READS, outcome(WRAPPED), [line(granted_by=granted)])
        assert (verdict.result, verdict.observed) == ("wrong", "by-others")
        assert verdict.detail == GrantedByOthers(granted, only="own")
    unwrapped = judge(READS, outcome(answer(200)), [line(granted_by=("own",))])
    assert (unwrapped.result, unwrapped.observed, unwrapped.detail) == ("inconclusive", "allowed", NotWrapped())


@pytest.mark.parametrize(
    ("granted", "detail", "remedy"),
    [
        (("own",), None, FIX),
        ((), None, FIX),
        (("default",), GrantedByOthers(("default",)), (RunBao(action="edit-policy", name="default"),)),
        (("a b", "own", "z"), GrantedByOthers(("a b", "z")), (RunBao(action="edit-policy", name="a b"),)),
    ],
)
def test_another_policy_that_reaches_there_is_named_and_apply_does_not_fix_it(granted, detail, remedy):
    wide = probe(policy="own", remedy=FIX)
    verdict = judge(wide, outcome(answer(404)), [line(granted_by=granted)])
    assert (verdict.result, verdict.observed, verdict.detail, verdict.remedy) == ("wrong", "allowed", detail, remedy)


def test_another_policy_that_grants_the_read_is_to_be_looked_at():
    read = msgspec.structs.replace(READS, policy="own", remedy=FIX)
    verdict = judge(read, outcome(WRAPPED), [line(granted_by=("default",))])
    assert (verdict.observed, verdict.remedy) == ("by-others", (RunBao(action="edit-policy", name="default"),))


READ, KEPT = frozenset({"read"}), PathRule(path="auth/token/lookup-self", capabilities=frozenset({"read"}))
LETS_IN = (PathRule(path=PATH, capabilities=READ), PathRule(path="platform/data/*", capabilities=READ | {"list"}))


@pytest.mark.parametrize(
    ("name", "rules", "action"),
    [
        ("other", LETS_IN, "delete-policy"),
        ("other", (*LETS_IN, KEPT), "edit-policy"),
        ("other", (PathRule(path=PATH, capabilities=frozenset({"update"})),), "edit-policy"),
        ("other", (), "edit-policy"),
        ("default", LETS_IN, "edit-policy"),  # OpenBao refuses to delete it
    ],
)
@pytest.mark.parametrize("base", ["", "team"])
def test_another_policy_is_deleted_where_no_rule_of_it_would_be_left(base, name, rules, action):
    space = NamespaceSnapshot(path=base, policies={name: Policy(name=name, namespace=base, rules=rules)})
    taken = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    snapshot = Snapshot(taken_at=taken, base=base, namespaces={base: space})
    asked = probe(policy="own", remedy=FIX)
    verdict = judge(asked, outcome(answer(404)), [line(granted_by=(name,))], snapshot)
    assert verdict.remedy == (RunBao(action=action, name=name),)


def test_the_policy_by_which_the_prover_looks_does_not_reach_too_far():
    put = (warden("put", "x", "KEY"),)
    asked = probe(expected="allowed", actor=Caller(), fields=("KEY",), policy="own", remedy=put)
    verdict = judge(asked, outcome(answer(404)), [line(granted_by=("warden-prove",))])
    assert (verdict.observed, verdict.detail, verdict.remedy) == ("none", NoLiveVersion(), put)


def test_a_login_that_is_denied_without_a_reason_may_be_the_clusters_to_confirm():
    def detail(said):
        return judge(READS, outcome(answer(403, said, headers=AT_LOGIN)), [line(path="auth/kubernetes/login")]).detail

    assert detail("failed to perform inline authentication: permission denied").unconfirmed
    assert not detail("failed to perform inline authentication: invalid role name").unconfirmed


def test_a_refused_reader_is_wrong_and_a_caller_that_may_not_ask_is_not():
    verdict = judge(READS, outcome(REFUSED), [line()])
    assert (verdict.result, verdict.observed) == ("wrong", "refused")
    assert verdict.detail == ReaderRefused("permission denied")
    asked = probe(reader="", expected="allowed", actor=Caller(), fields=("A",))
    caller = judge(asked, outcome(REFUSED), [line()])
    assert (caller.result, caller.observed) == ("inconclusive", "refused")
    assert caller.detail == CallerRefused("permission denied", asked.path)


@pytest.mark.parametrize(
    ("subkeys", "observed", "detail"),
    [
        ({"A": None, "B": None}, "version", None),
        ({"A": None}, "differs", FieldsDiffer(missing=("B",))),
        ({"A": None, "B": None, "C": None}, "differs", FieldsDiffer(extra=("C",))),
        ({"C": None}, "differs", FieldsDiffer(missing=("A", "B"), extra=("C",))),
    ],
)
def test_the_live_version_has_exactly_the_declared_fields(subkeys, observed, detail):
    asked = probe(expected="allowed", actor=Caller(), fields=("A", "B"))
    given = answer(200, data={"subkeys": subkeys, "metadata": {"version": 7}})
    verdict = judge(asked, outcome(given), [line()])
    assert (verdict.observed, verdict.detail) == (observed, detail)
    assert verdict.result == ("wrong" if detail else "ok")
    assert verdict.version == 7
    assert judged(asked, answer(404)) == ("wrong", "none")


REMOVE = {"action": "remove-fields", "mount": "m", "path": "k/e"}


@pytest.mark.parametrize(
    ("subkeys", "remedy"),
    [
        (
            {"A": None, "C": None, "D": None},
            (RunBao(action="remove-fields", mount="m", path="k/e", names=("C", "D"), version=7),),
        ),
        ({"C": None}, (*FIX, RunBao(action="remove-fields", mount="m", path="k/e", names=("C",), version=8))),
        ({}, FIX),
    ],
)
def test_fields_too_many_are_removed_and_missing_ones_are_put(subkeys, remedy):
    asked = probe(expected="allowed", actor=Caller(), fields=("A",), path="m/subkeys/k/e", remedy=FIX)
    given = answer(200, data={"subkeys": subkeys, "metadata": {"version": 7}})
    assert judge(asked, outcome(given), [line(path="m/subkeys/k/e")]).remedy == remedy


@pytest.mark.parametrize(
    ("held", "different"),
    [
        ({"d": ["read"], "m": ["deny"]}, ()),
        ({"d": ["read", "list"], "m": ["deny"]}, (PathCapabilities("d", ("list", "read")),)),
        ({"d": ["deny"], "m": ["deny"]}, (PathCapabilities("d", ("deny",)),)),
        ({"d": ["read"], "m": ["read"]}, (PathCapabilities("m", ("read",)),)),
        ({"d": ["read"]}, (PathCapabilities("m", ()),)),
        ({}, (PathCapabilities("d", ()), PathCapabilities("m", ()))),
    ],
)
def test_capabilities_are_exactly_the_declared_ones(held, different):
    asked = probe(expected="allowed", capabilities={"d": ("read",), "m": ("deny",)})
    verdict = judge(asked, outcome(answer(200, data=held)), [line()])
    assert verdict.result == ("wrong" if different else "ok")
    assert verdict.detail == (CapabilitiesDiffer(different) if different else None)
