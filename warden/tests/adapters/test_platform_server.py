"""What every other test builds on: a real server, parts that log in, tokens judged as a cluster's are."""

import base64
from pathlib import Path

import pytest
from openbao_state import put_back, state_of

from warden.core.errors import Refused
from warden.core.lanes.lane import RoleName
from warden.core.openbao.api import Request, jwt_login
from warden.core.secret import Secret

pytestmark = pytest.mark.real


@pytest.fixture
def role(platform_server, unique):
    name = unique("role")
    bound = {"bound_subject": "system:serviceaccount:activity-core:llm-connect", "bound_audiences": ["openbao"]}
    fields = {"role_type": "jwt", "user_claim": "sub", "token_policies": [], "token_ttl": "5m", **bound}
    platform_server.vault("admin").write_role(RoleName("kubernetes", name), fields)
    return name


def login(server, role, jwt, mount="kubernetes"):
    session = server.vault().enter(jwt_login(mount, role, Secret(jwt)))
    assert session.revocable
    return server.vault(session.token.reveal()).identity()


def test_a_minted_token_logs_in(platform_server, role):
    identity = login(platform_server, role, platform_server.mint("activity-core/llm-connect"))
    assert (identity.mount, identity.role) == ("kubernetes", role)


@pytest.mark.parametrize(
    ("workload", "claims", "why"),
    [
        ("activity-core/llm-connect", {"audience": "elsewhere"}, "audience"),
        ("activity-core/other", {}, "subject"),
        ("elsewhere/llm-connect", {}, "subject"),
        ("activity-core/llm-connect", {"ttl": -600}, "expired"),
        ("activity-core/llm-connect", {"iss": "https://elsewhere.invalid"}, "issuer"),
    ],
)
def test_a_token_that_is_wrong_in_one_claim_is_refused_for_that_reason(platform_server, role, workload, claims, why):
    with pytest.raises(Refused, match=why):
        login(platform_server, role, platform_server.mint(workload, **claims))


def test_a_token_signed_by_another_mounts_key_is_refused(platform_server, role):
    jwt = platform_server.person_jwt("x", sub="system:serviceaccount:activity-core:llm-connect")
    with pytest.raises(Refused):
        login(platform_server, role, jwt)


def test_a_tampered_token_is_refused(platform_server, role):
    head, claims, signature = platform_server.mint("activity-core/other").split(".")
    padded = claims + "=" * (-len(claims) % 4)
    forged = base64.urlsafe_b64decode(padded).replace(b":other", b":llm-connect")
    claims = base64.urlsafe_b64encode(forged).rstrip(b"=").decode()
    with pytest.raises(Refused):
        login(platform_server, role, f"{head}.{claims}.{signature}")


def test_a_person_of_the_group_logs_in_and_others_do_not(platform_server, unique):
    name = unique("people")
    bound = {"bound_claims": {"groups": ["npm-publishers"]}, "bound_audiences": ["openbao"]}
    fields = {"role_type": "jwt", "user_claim": "sub", "groups_claim": "groups", **bound}
    platform_server.vault("admin").write_role(RoleName("netkingdom", name), fields)
    assert login(platform_server, name, platform_server.person_jwt("ada", ["npm-publishers"]), "netkingdom")
    with pytest.raises(Refused):
        login(platform_server, name, platform_server.person_jwt("eve", ["readers"]), "netkingdom")


@pytest.mark.parametrize("part", ["admin", "platform", "developer"])
def test_each_part_is_somebody(platform_server, part):
    identity = platform_server.vault(part).identity()
    assert identity.display_name == f"userpass-{part}"
    assert "root" not in identity.policies


def test_what_a_module_leaves_is_removed(platform_server, unique):
    before = state_of(platform_server)
    name = unique("left")
    bound = {"role_type": "jwt", "user_claim": "sub", "bound_subject": f"system:serviceaccount:{name}:api"}
    role = bound | {"bound_audiences": ["openbao"], "token_policies": [name]}
    platform_server.must("PUT", f"sys/policies/acl/{name}", {"policy": "# nothing"})
    platform_server.must("POST", f"auth/kubernetes/role/{name}", role)
    platform_server.must("POST", f"auth/approle/role/{name}", {"token_policies": [name]})
    platform_server.must("POST", f"auth/token/roles/{name}", {"allowed_policies": name})
    platform_server.must("POST", "identity/group", {"name": name})
    platform_server.must("POST", f"sys/mounts/{name}", {"type": "ssh"})
    platform_server.must("POST", f"sys/auth/{name}", {"type": "jwt"})
    login(platform_server, name, platform_server.mint(f"{name}/api"))  # leaves an identity and a token
    platform_server.must("POST", "platform/config", {"max_versions": 3})
    left = {path.rpartition("/")[0] for path in state_of(platform_server).keys() - before.keys()}
    assert left >= {"identity/entity/id", "auth/token/accessors", "auth/kubernetes/role", "sys/mounts", "sys/auth"}
    put_back(platform_server, before)
    assert state_of(platform_server) == before


def test_no_root_token_is_left(platform_server):
    admin = platform_server.token("admin")
    accessors = platform_server.must("LIST", "auth/token/accessors")["data"]["keys"]
    assert accessors
    for accessor in accessors:
        status, found = platform_server.call("POST", "auth/token/lookup-accessor", {"accessor": accessor}, token=admin)
        assert status == 403 or "root" not in found["data"]["policies"]  # 403: ended meanwhile, by another test


def test_the_probe_header_is_in_the_audit_log_in_clear(platform_server, unique):
    nonce = unique("nonce")
    request = Request(method="GET", path="platform/data/nobody", headers={"X-Lane-Probe": nonce})
    assert platform_server.vault().send(request).status == 403
    log = Path(platform_server.audit_file).read_text(encoding="utf-8")
    lines = [line for line in log.splitlines() if nonce in line]
    assert len(lines) == 2
    assert all(f'"x-lane-probe":["{nonce}"]' in line for line in lines)


def test_the_keeper_reads_the_header_registration_and_the_audit_file(platform_server):
    vault = platform_server.vault("admin")
    assert "x-lane-probe" in vault.audit_headers()
    assert vault.audit_files() == (platform_server.audit_file,)


def test_the_type_of_an_auth_mount_is_known_without_sudo(platform_server):
    vault = platform_server.vault("platform")
    assert vault.auth_type("kubernetes") == "jwt"
    assert vault.auth_type("nothing-there") is None
    with pytest.raises(Refused):
        platform_server.vault("developer").auth_type("kubernetes")
