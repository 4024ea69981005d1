import pytest

from warden.core.ssh.login_proof import LoginProof, NotAnswered
from warden.core.ssh.login_verdicts import Attempted, Login, judge, judge_all, without_control
from warden.core.ssh.sshd_log import SeenLogin
from warden.core.unobserved import Unobserved

IN, OUT, NO_ANSWER = Attempted(let_in=True), Attempted(let_in=False), Attempted(let_in=None, said="timed out")
ACCEPTED, EXPIRED = SeenLogin(accepted=True, said="Accepted"), SeenLogin(accepted=False, reason="expired", said="e")


def login(attempted, *, probe="expired", expected="refused", reason="expired", **more):
    return Login(
        probe=probe, expected=expected, reason=reason, attempted=attempted, serial=7, authority="SHA256:x", **more
    )


def allowed(attempted, **more):
    return login(attempted, probe="logs-in", expected="allowed", reason=None, **more)


@pytest.mark.parametrize(
    ("tried", "seen", "result", "observed"),
    [
        (login(OUT), EXPIRED, "ok", "refused"),
        (login(IN), ACCEPTED, "wrong", "allowed"),
        (login(OUT), None, "inconclusive", "refused"),
        (login(OUT), SeenLogin(accepted=False, reason="principal"), "inconclusive", "refused"),
        (login(NO_ANSWER), None, "inconclusive", "no-answer"),
        (login(NO_ANSWER), EXPIRED, "inconclusive", "no-answer"),
        (login(IN), EXPIRED, "inconclusive", "allowed"),
        (login(OUT), ACCEPTED, "inconclusive", "refused"),
        (allowed(IN), ACCEPTED, "ok", "allowed"),
        (allowed(IN), None, "inconclusive", "allowed"),
        (allowed(OUT), EXPIRED, "wrong", "refused"),
        (allowed(OUT, from_elsewhere="10.0.0.0/8"), EXPIRED, "wrong", "refused"),
        (
            allowed(OUT, from_elsewhere="10.0.0.0/8"),
            SeenLogin(accepted=False, reason="source-address"),
            "ok",
            "source-address",
        ),
        (
            allowed(OUT, from_elsewhere="10.0.0.0/8", own_host=False),
            SeenLogin(accepted=False, reason="source-address"),
            "inconclusive",
            "source-address",
        ),
        (allowed(OUT), SeenLogin(accepted=False, reason="source-address"), "wrong", "refused"),
    ],
)
def test_an_answer_counts_where_sshds_log_says_the_same(tried, seen, result, observed):
    found = judge(tried, seen)
    assert (found.result, found.observed) == (result, observed)


@pytest.mark.parametrize(
    ("out", "result"), [("forced\n", "ok"), ("asked\n", "wrong"), ("This account is not available.\n", "inconclusive")]
)
def test_the_forced_command_is_what_runs(out, result):
    tried = allowed(Attempted(let_in=True, out=out), forced="forced", asked="asked")
    assert judge(tried, ACCEPTED).result == result


LOG = """\
Connection from 127.0.0.1 port 1 on 127.0.0.1 port 22
Accepted publickey for x from 127.0.0.1 port 1 ssh2: ED25519-CERT SHA256:x ID a (serial 7) CA ED25519 SHA256:y
Connection from 127.0.0.1 port 2 on 127.0.0.1 port 22
Certificate invalid: expired
Failed publickey for x from 127.0.0.1 port 2 ssh2: ED25519-CERT SHA256:x ID a (serial 7) CA ED25519 SHA256:y
"""


def test_logins_with_one_certificate_are_matched_in_their_order():
    assert [each.result for each in judge_all([allowed(IN), login(OUT)], LOG)] == ["ok", "ok"]
    assert [each.result for each in judge_all([login(OUT), allowed(IN)], LOG)] == ["inconclusive", "inconclusive"]


def test_where_the_log_cannot_be_read_the_verdicts_say_why_unless_there_was_no_answer():
    why = Unobserved("inconclusive", "web", "permission denied")
    found = judge_all([login(OUT), login(NO_ANSWER)], why)
    assert [each.detail for each in found] == [why, NotAnswered(said="timed out")]


def test_refusals_show_nothing_where_the_control_is_refused_too():
    control = judge(login(OUT, probe="control", expected="allowed", reason=None), EXPIRED)
    refused = judge(login(OUT), EXPIRED)
    assert [each.result for each in without_control([control, refused])] == ["wrong", "inconclusive"]
    good = judge(login(IN, probe="control", expected="allowed", reason=None), ACCEPTED)
    assert [each.result for each in without_control([good, refused])] == ["ok", "ok"]


def test_a_proof_is_proven_by_nothing_but_right_answers():
    def state(*results):
        verdicts = tuple(judge(login(*each), seen) for each, seen in results)
        return LoginProof(actor="a", host="h", account="x", verdicts=verdicts).state

    right, wrong, unclear = ((OUT,), EXPIRED), ((IN,), ACCEPTED), ((OUT,), None)
    assert state(right) == "proven"
    assert state(right, unclear) == "inconclusive"
    assert state(right, unclear, wrong) == "refuted"
    assert state() == "inconclusive"
