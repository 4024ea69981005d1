import pytest

from warden.core.inventory.inventory import Actor, NamedActor
from warden.core.openbao.api import Answer, AuditLine
from warden.core.proofs.details import NoAuditLine
from warden.core.ssh.signer_probes import judge_answer, signer_probes
from warden.core.unobserved import Unobserved

ACTOR = NamedActor(name="agt-deploy", declared=Actor(principals=("deploy",), ttl=600))
OTHER = NamedActor(name="atm-backup", declared=Actor(principals=("backup",)))
LINE = AuditLine(id="7f3a91c2", kind="request", at="", path="ssh/sign/agt-deploy", nonce="n", display_name="")


def asked(probe="signer-ttl", *, played=True):
    found = {each.probe: each for each in signer_probes(ACTOR, "ssh", "ssh-ed25519 AAAA", OTHER, played=played)}
    return found[probe]


def answer(status, said="", **more):
    return Answer(status=status, body={"errors": [said]} if said else {}, headers={}, **more)


TOO_LONG = answer(400, "ttl is larger than maximum allowed 600")


@pytest.mark.parametrize(
    ("given", "lines", "result", "observed"),
    [
        (TOO_LONG, [LINE], "ok", "refused"),
        (TOO_LONG, [], "inconclusive", "refused"),
        (answer(400, "unknown role: agt-deploy"), [LINE], "inconclusive", "refused"),
        (answer(403, "permission denied"), [LINE], "inconclusive", "refused"),
        (answer(503, "Vault is sealed"), [LINE], "inconclusive", "refused"),
        (answer(400, "larger than maximum allowed", is_page=True), [LINE], "inconclusive", "refused"),
        (answer(500, "larger than maximum allowed"), [LINE], "inconclusive", "refused"),
        (answer(200), [LINE], "wrong", "allowed"),
        (answer(200), [], "wrong", "allowed"),
        (Unobserved("unreachable", "OpenBao", "no answer"), [], "inconclusive", "no-answer"),
    ],
)
def test_only_the_refusal_that_was_tested_counts(given, lines, result, observed):
    found = judge_answer(asked(), given, lines, None, 1.0)
    assert (found.result, found.observed) == (result, observed)


def test_why_there_is_no_line_is_said():
    away = Unobserved("inconclusive", "audit log", "permission denied")
    assert judge_answer(asked(), TOO_LONG, [], away, 1.0).detail == away
    assert judge_answer(asked(), TOO_LONG, [], None, 1.0).detail == NoAuditLine()


def test_what_was_signed_all_the_same_is_named_by_its_serial():
    signed = Answer(status=200, body={"data": {"serial_number": "ff01", "signed_key": "x"}}, headers={})
    assert judge_answer(asked(), signed, [LINE], None, 1.0).serial == 0xFF01
    assert judge_answer(asked(), answer(200), [LINE], None, 1.0).serial == 0


def test_each_request_differs_in_one_thing_from_one_that_is_signed():
    right = asked("signer-no-token").body
    assert right == {
        "public_key": "ssh-ed25519 AAAA",
        "valid_principals": "deploy",
        "cert_type": "user",
        "ttl": "300s",
    }
    for each in signer_probes(ACTOR, "ssh", "ssh-ed25519 AAAA", None, played=True):
        assert each.path == "ssh/sign/agt-deploy"
        assert len({name for name in each.body if each.body[name] != right.get(name)}) == (0 if each.by_nobody else 1)
    assert asked("signer-ttl").body["ttl"] == "601s"
    assert (asked("signer-actor").path, asked("signer-actor").subject) == ("ssh/sign/atm-backup", "atm-backup")


def test_where_keys_are_listed_one_of_them_is_shown_and_another_has_to_be_refused():
    listed = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA4A/RZo7wxnhkhVEaev72rrsNYZfKtrf8BMOehJpYZV"
    actor = NamedActor(name="agt-deploy", declared=Actor(public_keys=(f"{listed} a comment",), ttl=600))
    found = {each.probe: each for each in signer_probes(actor, "ssh", "ssh-ed25519 AAAA", OTHER, played=True)}
    assert found.pop("signer-key").body["public_key"] == "ssh-ed25519 AAAA"
    assert {each.body["public_key"] for each in found.values()} == {listed}


def test_nobody_who_is_not_played_is_asked_for():
    assert [each.probe for each in signer_probes(ACTOR, "ssh", "k", OTHER, played=False)] == ["signer-no-token"]
