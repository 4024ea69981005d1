"""The rights on roles of AppRoles and certificates: enough for each verb, and no way to be their reader."""

import pytest
import trustme

from warden.core.errors import Refused
from warden.core.lanes.lane import RoleName
from warden.core.openbao.api import approle_login
from warden.core.openbao.right import Scope
from warden.core.openbao.rights import missing, policy_text, rights_of

pytestmark = pytest.mark.real

CA = trustme.CA().cert_pem.bytes().decode()
SCOPE = Scope(approle=("approle",), cert=("cert",))


@pytest.fixture
def role(platform_server, unique):
    found = RoleName("approle", unique("nightly"))
    platform_server.vault("admin").write_role(found, {"token_policies": ["none"]})
    return found


def caller(platform_server, verb, *, extras=False):
    return platform_server.vault(platform_server.token_with(policy_text(verb, SCOPE, extras=extras)))


def test_apply_writes_both_kinds_of_role_and_can_be_neither_reader(platform_server, role, unique):
    vault = caller(platform_server, "apply", extras=True)
    certificate = RoleName("cert", unique("backup"), "certs")
    vault.write_role(role, {"token_ttl": 60})
    vault.write_role(certificate, {"certificate": CA, "token_ttl": 60})
    for name in (role, certificate):
        assert vault.role(name)["token_ttl"] == 60
    vault.delete_role(certificate)
    for act in (lambda: vault.secret_ids().issue(role, 60), lambda: vault.secret_ids().role_id(role)):
        with pytest.raises(Refused, match="permission denied"):
            act()


def test_prove_can_be_an_approles_reader_only_with_its_optional_rights(platform_server, role):
    without = caller(platform_server, "prove").secret_ids()
    assert without.role_id(role)
    with pytest.raises(Refused, match="permission denied"):
        without.issue(role, 60)
    vault = caller(platform_server, "prove", extras=True)
    issued = vault.secret_ids().issue(role, 60)
    assert vault.enter(approle_login("approle", vault.secret_ids().role_id(role), issued.secret)).token
    vault.secret_ids().destroy(role, issued.accessor)
    other = vault.secret_ids().issue(role, 60)
    vault.secret_ids().destroy(role, other.accessor)
    with pytest.raises(Refused, match="invalid role or secret ID"):
        vault.enter(approle_login("approle", vault.secret_ids().role_id(role), other.secret))


@pytest.mark.parametrize("verb", ["plan", "apply", "prove"])
def test_doctor_sees_what_is_missing(platform_server, verb):
    rights = rights_of(verb, SCOPE)
    samples = [right.sample for right in rights]
    assert not [each for each in samples if "+" in each or "*" in each]
    assert missing(rights, caller(platform_server, verb, extras=True).own_capabilities(samples)) == ()
    nobody = platform_server.vault("developer").own_capabilities(samples)
    paths = {right.path for right in missing(rights, nobody)}
    assert {"auth/approle/role/+", "auth/cert/certs/*"} <= paths
    assert ("auth/approle/role/+/secret-id" in paths) == (verb == "prove")
