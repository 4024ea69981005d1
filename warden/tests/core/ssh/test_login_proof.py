"""What a proof of an actor lacks, and what mends it."""

import pytest

from warden.core.ssh.login_proof import KeyNotHere, LoginProof, LoginVerdict, NobodyPlayed
from warden.present.commands import commands

ADA = NobodyPlayed(identities=("person ada of netkingdom",), people=True)
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
        ((verdict(detail=ADA),), True, "warden login --actor adm-ada && warden prove adm-ada"),
        ((verdict(detail=ADA), verdict()), True, "warden login --actor adm-ada && warden prove adm-ada"),
        ((verdict(detail=ADA),), False, "warden login --actor adm-ada"),
        ((verdict(detail=ADA), verdict("wrong")), True, "warden apply adm-ada"),
        ((verdict(detail=JOB),), True, ""),
        ((verdict("ok"),), True, ""),
    ],
)
def test_what_is_next(verdicts, own, remedy):
    proof = LoginProof(actor="adm-ada", host="web", account="ada", verdicts=verdicts, own=own)
    assert commands(proof.remedy) == remedy
