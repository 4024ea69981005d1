"""What actors and hosts imply in OpenBao, and how it is found again."""

import msgspec
import pytest

from warden.core.inventory.inventory import Actor, Authorities, DeclaredAuthority, Host, Inventory, PersonIdentity
from warden.core.lanes.lane import LoginMount, RoleName, Workload, WorkloadReader
from warden.core.openbao.resources import Settings, role_fields
from warden.core.openbao.ssh_names import policies_for
from warden.core.openbao.ssh_roles import (
    SshRole,
    derive,
    derive_all,
    gone,
    is_of,
    key_id_format,
    logins_marked_in,
    logins_of,
    ssh_role_in,
    subject_marked_in,
)
from warden.core.ssh.certificate import key_id

READER = WorkloadReader(workload=Workload("ci", "deploy"))
ADA = PersonIdentity(person="ada", login="netkingdom")
INVENTORY = Inventory(
    authorities=Authorities(users=DeclaredAuthority(openbao="ssh"), hosts=DeclaredAuthority(openbao="team/hosts")),
    actors={
        "agt-deploy": Actor(
            identities=(READER,),
            principals=("deploy", "backup"),
            source_addresses=("10.0.0.0/8", "fd00::/8"),
            force_command="run, now",
        ),
        "adm-ada": Actor(identities=(ADA,)),
    },
    hosts={"web": Host(names=("web", "web.example.org"))},
)


def of(name, inventory=INVENTORY, platform=""):
    found = derive(name, inventory, platform)
    assert found is not None
    return found


def test_an_agent_gets_its_principals_its_options_and_nothing_else():
    fields = of("agt-deploy").fields
    assert fields["allowed_users"] == "backup,deploy"
    assert fields["default_critical_options"] == {
        "force-command": "run, now",
        "source-address": "10.0.0.0/8,fd00::/8",
    }
    assert fields["default_extensions"] == {}
    assert (fields["ttl"], fields["max_ttl"]) == (900, 900)
    assert (fields["allow_user_certificates"], fields["allow_host_certificates"]) == (True, False)


def test_a_person_gets_a_terminal():
    assert of("adm-ada").fields["default_extensions"] == {"permit-pty": ""}


def test_a_host_is_certified_for_its_names_alone():
    found = of("web")
    assert (found.mount, found.role, found.policy) == ("team/hosts", "host-web", "ssh-sign-host-web")
    assert found.fields["allowed_domains"] == "web,web.example.org"
    assert (found.fields["allow_subdomains"], found.fields["allow_user_certificates"]) == (False, False)


@pytest.mark.parametrize("name", ["agt-deploy", "adm-ada", "web"])
def test_no_field_lets_a_request_decide(name):
    fields = of(name).fields
    assert fields["allowed_critical_options"] == fields["allowed_extensions"] == "none"
    assert not any(fields[each] for each in ("allow_user_key_ids", "allow_empty_principals", "default_user"))
    assert fields["max_ttl"] > 0


def test_the_format_of_the_role_gives_the_key_id_of_every_certificate():
    line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA4A/RZo7wxnhkhVEaev72rrsNYZfKtrf8BMOehJpYZV"
    digest = key_id("agt-deploy", "jwt-ada", line).rpartition(" ")[2]
    written = key_id_format("agt-deploy").replace("{{token_display_name}}", "jwt-ada")
    assert written.replace("{{public_key_hash}}", digest) == key_id("agt-deploy", "jwt-ada", line)


def test_a_policy_tells_what_was_made_with_it():
    text = of("agt-deploy").policy_text
    assert subject_marked_in(text) == "agt-deploy"
    assert logins_marked_in(text) == {RoleName("kubernetes", "ssh-agt-deploy")}
    assert ssh_role_in(text) == SshRole("ssh", "agt-deploy")
    assert ssh_role_in(of("web").policy_text) == SshRole("team/hosts", "host-web")


def test_a_policy_allows_the_listed_keys_alone_without_their_comments():
    line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA4A/RZo7wxnhkhVEaev72rrsNYZfKtrf8BMOehJpYZV"
    declared = {"agt-deploy": Actor(identities=(READER,), public_keys=(f'{line}  "x" ${{y}}',))}
    changed = msgspec.structs.replace(INVENTORY, actors=declared, hosts={"web": Host(public_keys=(line,))})
    for name in ("agt-deploy", "web"):
        allowed = f'  allowed_parameters = {{\n    "public_key" = [\n      "{line}",\n    ]\n    "*" = []\n  }}\n'
        text = of(name, changed).policy_text
        assert allowed in text
        assert '"x"' not in text
        assert "allowed_parameters" not in of(name).policy_text


@pytest.mark.parametrize("text", ["", "# ops-warden lane x: derived", "# login auth/kubernetes/role/x\n"])
def test_a_policy_of_others_tells_nothing(text):
    assert subject_marked_in(text) is None
    assert logins_marked_in(text) == frozenset()
    assert gone("ssh-sign-x", text) is None


@pytest.mark.parametrize(("name", "kind"), [("agt-deploy", "actor"), ("web", "host")])
def test_one_that_is_gone_is_known_by_its_policy(name, kind):
    before = of(name)
    found = gone(before.policy, before.policy_text)
    assert found is not None
    assert (found.subject, found.kind, found.policy, found.gone) == (name, kind, before.policy, True)
    assert (found.logins, found.mount) == ((), "")
    assert before.policy in policies_for(name)


@pytest.mark.parametrize(("ours", "theirs"), [("railiance", "netkingdom"), ("railiance", ""), ("", "netkingdom")])
@pytest.mark.parametrize("name", ["agt-deploy", "web"])
def test_one_of_another_platform_is_not_gone(name, ours, theirs):
    own, other = of(name, platform=ours), of(name, platform=theirs)
    assert gone(other.policy, other.policy_text, ours) is None
    found = gone(own.policy, own.policy_text, ours)
    assert found is not None
    assert is_of(found, own.policy_text)
    assert is_of(found, other.policy_text) == (not theirs)
    assert subject_marked_in(own.policy_text) == name
    assert logins_marked_in(own.policy_text) == {each.name for each in own.logins}


def test_every_identity_has_a_login_with_one_policy():
    assert {str(name): role.policies for name, role in logins_of(INVENTORY).items()} == {
        "auth/kubernetes/role/ssh-agt-deploy": ("ssh-sign-agt-deploy",),
        "auth/netkingdom/role/ssh-adm-ada": ("ssh-sign-adm-ada",),
    }


def test_a_person_is_bound_by_the_claim_that_names_people():
    (login,) = of("adm-ada").logins
    settings = Settings({"netkingdom": LoginMount(user_claim="email", redirect_uris=("https://bao/cb",))})
    oidc = role_fields(login, "oidc", settings)
    assert (oidc["bound_claims"], oidc["user_claim"], oidc["role_type"]) == ({"email": ["ada"]}, "email", "oidc")
    assert oidc["allowed_redirect_uris"] == ["https://bao/cb"]
    assert role_fields(login, "jwt", settings)["bound_claims"] == {"email": ["ada"]}


def test_with_another_authority_nothing_signs_in_openbao():
    local = Inventory(
        authorities=Authorities(users=DeclaredAuthority(key="/ca")), actors=INVENTORY.actors, hosts={"web": Host()}
    )
    found = of("agt-deploy", local)
    assert (found.mount, found.role, found.fields) == ("", "", {})
    assert "/sign/" not in found.policy_text
    assert logins_marked_in(found.policy_text)
    assert [each.subject for each in derive_all(local)] == ["agt-deploy", "adm-ada"]
    assert derive("web", local) is None
    assert derive("nobody", local) is None
