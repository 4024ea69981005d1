"""Readers that are not pods, on the real server: planned, applied, proven, closed."""

import pytest

from warden.core.access.identities import Projected
from warden.core.lanes.readers import AppRoleReader, CertificateReader, GithubReader, GitlabReader, accepted_claims
from warden.core.openbao.api import jwt_login
from warden.core.plans.plan import AuthMountMissing, NoAuthority, OtherAuthType
from warden.core.proofs.machine_probes import OwnCredentials
from warden.present.obstacles import describe_note
from warden.usecases.deactivate import deactivate

pytestmark = pytest.mark.real


def github(unique, **changed):
    return GithubReader(
        **{"github": f"acme/{unique('deploy')}", "branch": "main", "environment": "production"} | changed
    )


def gitlab(unique, **changed):
    return GitlabReader(**{"gitlab": f"acme/team/{unique('deploy')}", "branch": "main"} | changed)


def approle(unique, **changed):
    return AppRoleReader(approle=unique("nightly"), **changed)


KINDS = {"github": github, "gitlab": gitlab, "approle": approle}
STRANGERS = {
    "github": {
        *("forged-token", "other-repository", "fork", "other-ref", "pull-ref", "pull-request", "other-environment"),
        "other-audience",
    },
    "gitlab": {
        *("forged-token", "other-repository", "fork", "other-ref", "unprotected", "pull-request", "other-audience"),
    },
    "approle": {"unknown-secret-id", "no-secret-id"},
}


def of(reader, proof):
    return {each.probe: each for each in proof.verdicts if each.reader == reader.label}


@pytest.mark.parametrize("kind", KINDS)
def test_a_sound_reader_is_proven(bench, unique, kind):
    reader = KINDS[kind](unique)
    bench.change(readers=(reader,))
    bench.ready()
    assert bench.plan().to_change == ()
    before = bench.snapshot()
    proof = bench.prove()
    assert proof.state == "proven", [each for each in proof.verdicts if each.result != "ok"]
    found = of(reader, proof)
    assert STRANGERS[kind] <= found.keys()
    assert {"reads", "sibling", "writes", "destroys", "capabilities"} <= found.keys()
    assert all(each.audit for each in found.values() if each.probe != "role")
    assert bench.snapshot() == before


@pytest.mark.parametrize(
    ("kind", "widened", "probe"),
    [
        ("github", {"bound_claims": {"ref": ["refs/heads/main"], "environment": ["production"]}}, "other-repository"),
        ("github", {"bound_claims_type": "glob", "bound_claims": {"repository": ["*"]}}, "fork"),
        ("github", {"bound_audiences": []}, "other-audience"),
        ("gitlab", {"bound_claims": {"ref": ["main"]}}, "unprotected"),
        ("gitlab", {"bound_claims": {"project_path": ["acme/*"]}, "bound_claims_type": "glob"}, "pull-request"),
        (
            "approle",
            {"bind_secret_id": False, "token_bound_cidrs": ["127.0.0.0/8"]},
            "no-secret-id",
        ),
    ],
)
def test_a_role_that_lets_strangers_in_is_refuted(bench, unique, kind, widened, probe):
    reader = KINDS[kind](unique)
    bench.change(readers=(reader,))
    bench.ready()
    role = str(bench.lane.role_name(reader))
    fields = bench.server.must("GET", role)["data"] | widened
    kept = {key: each for key, each in fields.items() if each is not None and key != "local_secret_ids"}
    bench.server.must("POST", role, kept)
    proof = bench.prove()
    found = of(reader, proof)
    assert proof.state == "refuted"
    assert found["role"].result == "wrong"
    # without an audience a role refuses every token that has one
    assert found[probe].result == "wrong" or (probe == "other-audience" and found["reads"].result != "ok")
    assert "role" in [change.kind for change in bench.plan().to_change]
    bench.apply()
    assert bench.prove().state == "proven"


def test_a_pattern_is_tried_with_what_fits_it_and_what_does_not(bench, unique):
    reader = github(unique, branch="release-*", environment=None, match="glob")
    bench.change(readers=(reader,))
    proof = bench.ready().prove()
    assert proof.state == "proven", [each for each in proof.verdicts if each.result != "ok"]
    assert bench.server.must("GET", str(bench.lane.role_name(reader)))["data"]["bound_claims_type"] == "glob"
    (note,) = bench.plan().notes
    assert describe_note(note) == f"{reader.label} is a pattern: whatever fits refs/heads/release-* can read"


def test_a_secret_id_is_made_for_one_login_named_in_the_journal_and_destroyed(bench, unique):
    reader = approle(unique)
    bench.change(readers=(reader,))
    bench.ready().prove()
    role = str(bench.lane.role_name(reader))
    begin, made = (next(r for r in bench.journal.log() if r.event == e) for e in ("probe.begin", "probe.secret-id"))
    assert begin.body["secret_ids"] == [{"role": role, "ttl": 60, "uses": 1}]
    assert begin.seq < made.seq
    assert (made.body["role"], made.body["gone"], made.body["ttl"]) == (role, True, 60)
    assert bench.server.call("LIST", f"{role}/secret-id")[0] == 404


def test_without_the_right_to_make_secret_ids_the_reader_is_inconclusive_and_strangers_are_still_tried(bench, unique):
    reader = approle(unique)
    bench.change(readers=(reader,))
    bench.ready()
    text = "\n".join(
        f'path "{path}" {{ capabilities = [{held}] }}'
        for path, held in {
            "sys/*": '"read"', "sys/auth": '"read"', "auth/approle/role/+": '"read"',
            "auth/approle/role/+/role-id": '"read"', "platform/*": '"read"',
        }.items()
    )  # fmt: skip
    token = bench.server.token_with(text)
    proof = bench.prove(vaults=lambda: bench.vault(token))
    found = of(reader, proof)
    assert found["reads"].result == "inconclusive"
    assert {found["unknown-secret-id"].result, found["no-secret-id"].result} == {"ok"}
    assert proof.state == "inconclusive"


def test_where_no_job_can_be_played_only_a_job_can_show_that_it_reads(bench, unique):
    """As on a server of one's own, where GitHub alone signs tokens."""
    from warden.adapters.identities import ByMount

    reader = github(unique)
    bench.change(readers=(reader,))
    bench.ready()
    elsewhere = ByMount({}, bench.server.issuer)
    found = of(reader, bench.prove(identities=elsewhere))
    assert found.keys() == {"role", "forged-token", "member"}
    assert (found["forged-token"].result, found["member"].result) == ("ok", "inconclusive")
    claims = accepted_claims(reader)
    jwt = bench.server.issuer.job("github", claims, "openbao", 60)
    own = OwnCredentials(
        tokens=(Projected(path="WARDEN_ID_TOKEN", jwt=jwt, subject="x", audiences=("openbao",), claims=claims),)
    )
    proof = bench.prove(identities=elsewhere, own=own)
    assert proof.state == "proven", [each for each in proof.verdicts if each.result != "ok"]
    assert {"reads", "capabilities", "forged-token"} <= of(reader, proof).keys()


def test_closing_takes_the_policy_out_of_every_kind_of_role(bench, unique):
    readers = tuple(make(unique) for make in KINDS.values())
    bench.change(readers=readers)
    bench.ready()
    jwt = bench.server.issuer.job("github", accepted_claims(readers[0]), "openbao", 60)
    token = bench.vault().enter(jwt_login("github", bench.lane.role_of(readers[0]), jwt)).token
    assert bench.vault(token.reveal()).read("platform", bench.path)
    deactivate(bench.lane, "leaked", bench.context())
    for reader in readers:
        assert bench.vault("admin").role(bench.lane.role_name(reader))["token_policies"] == []
    assert bench.server.call("GET", f"platform/data/{bench.path}", token=token.reveal())[0] == 403


def test_marks_name_each_role_where_it_is(bench, unique):
    certificate = CertificateReader(certificate=unique("backup"), ca="clients.pem")
    bench.authorities = {"clients.pem": CA}
    readers = (*(make(unique) for make in KINDS.values()), certificate)
    bench.change(readers=readers)
    bench.apply()
    custom = bench.vault("admin").kv_metadata("platform", bench.path).custom
    assert {str(bench.lane.role_name(each)): each.label for each in readers}.items() <= custom.items()
    assert bench.plan().to_change == ()
    bench.change(readers=readers[:1])
    assert [each.kind for each in bench.plan().to_change if each.action == "delete"] == ["role"] * 3
    bench.apply()
    for reader in readers:
        there = bench.vault("admin").role(bench.lane.role_name(reader)) is not None
        assert there == (reader in bench.lane.readers)


@pytest.mark.parametrize(
    ("reader", "obstacle"),
    [
        (GithubReader(github="a/b", branch="m", mount="nowhere"), AuthMountMissing("nowhere", "jwt")),
        (AppRoleReader(approle="x", mount="gone"), AuthMountMissing("gone", "approle")),
        (AppRoleReader(approle="x", mount="github"), OtherAuthType("github", "jwt", ("approle",))),
        (GithubReader(github="a/b", branch="m", mount="cert"), OtherAuthType("cert", "cert", ("jwt", "oidc"))),
        (CertificateReader(certificate="x", ca="none.pem"), NoAuthority("none.pem")),
    ],
)
def test_what_keeps_a_role_from_being_made_is_said(bench, reader, obstacle):
    bench.change(readers=(reader,))
    (role,) = [change for change in bench.plan().changes if change.kind == "role"]
    assert (role.action, role.obstacle) == ("absent", obstacle)


def test_a_lane_is_closed_although_its_authority_is_gone(bench, unique):
    reader = CertificateReader(certificate=unique("backup"), ca="clients.pem")
    bench.authorities = {"clients.pem": CA}
    bench.change(readers=(reader,))
    bench.ready()
    bench.authorities = {}
    deactivate(bench.lane, "leaked", bench.context())
    role = bench.vault("admin").role(bench.lane.role_name(reader))
    assert role["token_policies"] == []
    assert role["certificate"].strip() == CA.strip()


def _ca():
    import trustme

    return trustme.CA(organization_name="clients").cert_pem.bytes().decode()


CA = _ca()
