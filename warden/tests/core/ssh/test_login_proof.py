"""What a proof of an actor lacks, and what mends it."""

import pytest

from warden.core.remedies import LogInAs
from warden.core.ssh.login_proof import KeyNotHere, LoginProof, LoginVerdict, NobodyPlayed
from warden.present.commands import only_commands

ADA = NobodyPlayed(identities=("person ada of netkingdom",), people=True)
LOGIN = "warden login netkingdom --role ssh-adm-ada"
JOB = NobodyPlayed(identities=("activity-core/triage",))


def verdict(result="inconclusive", detail=None):
    return LoginVerdict(probe="signed", result=result, expected="allowed", observed="not-asked", detail=detail)


@pytest.mark.parametrize(
    ("verdicts", "lacks"),
    [
        ((verdict("ok"), verdict(detail=ADA)), True),
        ((verdict(detail=ADA), verdict(detail=KeyNotHere())), False),
        ((verdict(detail=ADA), verdict()), False),
        ((verdict(detail=ADA), verdict("wrong")), False),
        ((verdict(detail=JOB),), False),
        ((verdict("ok"),), False),
    ],
)
def test_what_only_a_person_can_show(verdicts, lacks):
    proof = LoginProof(actor="adm-ada", host="web", account="ada", verdicts=verdicts)
    assert proof.lacks_person_only is lacks


@pytest.mark.parametrize(
    ("verdicts", "own", "remedy"),
    [
        ((verdict(detail=ADA),), True, f"{LOGIN} && warden prove adm-ada"),
        ((verdict(detail=ADA), verdict()), True, f"{LOGIN} && warden prove adm-ada"),
        ((verdict(detail=ADA),), False, LOGIN),
        ((verdict(detail=ADA), verdict("wrong")), True, "warden apply adm-ada"),
        ((verdict(detail=JOB),), True, ""),
        ((verdict("ok"),), True, ""),
    ],
)
def test_what_is_next(verdicts, own, remedy):
    log_in = (LogInAs("ada", "netkingdom", "ssh-adm-ada", person=True),)
    proof = LoginProof(actor="adm-ada", host="web", account="ada", verdicts=verdicts, own=own, log_in=log_in)
    assert only_commands(*proof.remedy) == remedy
