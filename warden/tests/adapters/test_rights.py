"""Each verb's calls through the port, on a real server, with exactly the policy that is shipped for it."""

from pathlib import Path

import pytest
from platform_server import own_server
from ssh_keys import write_key

from warden.adapters.openbao.snapshot_reader import SnapshotReader
from warden.adapters.openbao.ssh_engine import SshEngine
from warden.core.errors import Refused
from warden.core.lanes.approval import ApproverGroup
from warden.core.lanes.lane import RoleName
from warden.core.openbao.api import Request
from warden.core.openbao.right import Right, Scope
from warden.core.openbao.rights import VERBS, missing, policy_text, rights_of
from warden.core.openbao.ssh_roles import SshRole
from warden.core.secret import Secret
from warden.core.ssh.certificate import CertificateSpec
from warden.usecases.steps.concurrency import at_once

pytestmark = pytest.mark.real
platform_server = own_server()

SSH_ROLE = {
    "key_type": "ca",
    "allow_host_certificates": True,
    "allow_bare_domains": True,
    "allowed_domains": "web",
    "max_ttl": 900,
}
ROLE = {"role_type": "jwt", "user_claim": "sub", "bound_subject": "x", "bound_audiences": ["openbao"]}


class Scene:
    """Names of one test, with the objects that exist before the verb runs: a policy, two roles, a filled path."""

    def __init__(self, server, unique):
        self.server = server
        self.name = unique("workload-rights")
        admin = server.vault("admin")
        admin.write_policy(self.name, 'path "nothing" { capabilities = ["read"] }')
        for mount in ("kubernetes", "netkingdom"):
            admin.write_role(RoleName(mount, self.name), ROLE)
        admin.put_fields("platform", self.name, {"A": Secret("a")})
        for stem in ("unmarked", "marked", "removed"):
            server.call("DELETE", f"platform/metadata/{self.name}-{stem}")
        admin.mark("platform", f"{self.name}-marked", {"catalog-id": "x"})
        admin.put_fields("platform", f"{self.name}-removed", {"A": Secret("a")})
        server.must("DELETE", f"platform/data/{self.name}-removed")
        self._arrange_ssh(unique("key"))

    def _arrange_ssh(self, key):
        """An SSH engine with a key, an SSH role and its policy."""
        server, admin = self.server, self.server.vault("admin")
        if admin.mount("ssh") is None:
            admin.ssh().create("ssh")
            admin.ssh().new_issuer("ssh", "generation-1", signs=True)
        self.signing = f"ssh-sign-{self.name}"
        admin.write_policy(self.signing, 'path "nothing" { capabilities = ["read"] }')
        for name in (self.name, f"host-{self.name}"):
            admin.ssh().write_role(SshRole("ssh", name), SSH_ROLE)
        public = write_key(Path(server.state) / key).with_suffix(".pub").read_text()
        self.host_spec = CertificateSpec(
            type="host",
            subject=self.name,
            public_key=public,
            key_id="",
            principals=("web",),
            valid_after=1000,
            valid_before=1300,
        )


def plan(vault, scene):
    assert vault.policy(scene.name) is not None
    assert vault.mount("platform").version == 2
    for mount in ("kubernetes", "netkingdom"):
        assert vault.auth_type(mount) == "jwt"
        assert vault.role(RoleName(mount, scene.name)) is not None
    assert vault.kv_metadata("platform", scene.name).live


def apply(vault, scene):
    plan(vault, scene)
    for name in (scene.name, f"{scene.name}-new"):
        vault.write_policy(name, 'path "nothing" { capabilities = ["list"] }')
        vault.delete_policy(name)
        for mount in ("kubernetes", "netkingdom"):
            vault.write_role(RoleName(mount, name), ROLE)
            vault.delete_role(RoleName(mount, name))
    for key in (scene.name, f"{scene.name}-unmarked"):
        vault.mark("platform", key, {"catalog-id": "y"})
        assert vault.kv_metadata("platform", key).custom == {"catalog-id": "y"}


def put(vault, scene):
    assert vault.mount("platform").version == 2
    versions = {"": 2, "-unmarked": 1, "-marked": 1, "-removed": 2}
    assert {end: vault.put_fields("platform", f"{scene.name}{end}", {"B": Secret("b")}) for end in versions} == versions


def access(vault, _scene):
    assert vault.identity().display_name


def approve(vault, _scene):
    assert vault.identity().display_name
    assert vault.control_groups().state("no-such-accessor") is None
    assert vault.control_groups().authorize("no-such-accessor").outcome == "gone"


def prove(vault, scene):
    plan(vault, scene)
    answer = vault.send(vault.as_caller(Request(method="GET", path=f"platform/subkeys/{scene.name}")))
    if answer.status == 403:
        raise Refused("the live version cannot be seen")
    assert answer.body["data"]["subkeys"] == {"A": None}
    assert vault.audit_hash("file", Secret("a")).startswith("hmac-")
    assert vault.kv_config("platform").max_versions == 0
    assert vault.audit_headers()
    assert vault.audit_devices()
    index(vault, scene)


def rotate(vault, scene):
    assert vault.identity().display_name
    metadata = vault.kv_metadata("platform", scene.name)
    vault.mark_if("platform", scene.name, {"rotation": "x"}, metadata.revision)
    assert vault.read("platform", scene.name).fields["A"].reveal() == "a"
    versions = {"": 2, "-unmarked": 1, "-marked": 1, "-removed": 2}
    assert {end: vault.put_fields("platform", f"{scene.name}{end}", {"B": Secret("b")}) for end in versions} == versions
    vault.destroy_versions("platform", scene.name, [1])
    assert vault.read_version("platform", scene.name, 1) is None
    assert vault.read_version("platform", scene.name, 2).fields["B"].reveal() == "b"
    assert vault.audit_hash("file", Secret("a")).startswith("hmac-")


def index(vault, scene):
    """What is read to see who else can reach a path."""
    accessor = vault.send(vault.as_caller(Request(method="GET", path="auth/token/lookup-self"))).body["data"][
        "accessor"
    ]
    entity, group = scene.server.must("LIST", "identity/entity/id")["data"]["keys"][0], "no-such-group"
    for method, path in (
        *(("LIST", f"sys/{each}") for each in ("policies/detailed/acl", "namespaces")),
        *(("GET", f"sys/{each}") for each in ("mounts", "auth")),
        *(("GET", f"auth/{mount}/config") for mount in ("kubernetes", "netkingdom")),
        *(("LIST", f"auth/{mount}/role") for mount in ("kubernetes", "netkingdom", "approle", "github")),
        *(
            ("LIST", each)
            for each in ("auth/userpass/users", "auth/cert/certs", "auth/ldap/groups", "auth/token/roles")
        ),
        *(("GET", f"auth/{each}/x") for each in ("userpass/users", "cert/certs", "ldap/groups", "token/roles")),
        ("GET", "auth/github/role/x"),
        ("LIST", "auth/github/cel/role"),
        *(("LIST", f"identity/{kind}/id") for kind in ("entity", "group")),
        ("GET", f"identity/entity/id/{entity}"),
        ("GET", f"identity/group/id/{group}"),
        ("LIST", "auth/token/accessors"),
    ):
        if vault.send(vault.as_caller(Request(method=method, path=path))).status == 403:
            raise Refused(path)
    look = Request(method="POST", path="auth/token/lookup-accessor", body={"accessor": accessor})
    if vault.send(vault.as_caller(look)).status == 403:
        raise Refused("auth/token/lookup-accessor")


def deactivate(vault, scene):
    plan(vault, scene)
    admin = scene.server.vault("admin")
    admin.write_policy(f"{scene.name}-closed", 'path "nothing" { capabilities = ["list"] }')
    vault.delete_policy(f"{scene.name}-closed")
    for mount in ("kubernetes", "netkingdom"):
        admin.write_role(RoleName(mount, f"{scene.name}-closed"), ROLE)
        vault.write_role(RoleName(mount, f"{scene.name}-closed"), ROLE | {"token_policies": []})
        vault.delete_role(RoleName(mount, f"{scene.name}-closed"))
    for key in (scene.name, f"{scene.name}-unmarked"):
        vault.mark("platform", key, {"closed": "x"})
    found = SnapshotReader(vault, at_once).tokens()
    if found.unknown:
        raise Refused(found.unknown[0].path)
    token = scene.server.must("POST", "auth/token/create", {"ttl": "60s", "policies": ["default"]})["auth"]
    vault.revoke_accessor(token["accessor"])


def compromise(vault, scene):
    deactivate(vault, scene)
    vault.destroy_versions("platform", scene.name, (1,))
    assert vault.kv_metadata("platform", scene.name).kept == ()
    vault.destroy_versions("platform", scene.name, (1, 7))


def status(vault, scene):
    assert vault.kv_metadata("platform", scene.name).live


def orphans(vault, scene):
    """What `plan --all`, `status` and `doctor` look for."""
    assert scene.name in vault.policy_names()
    assert vault.policy(scene.name) is not None
    for mount in ("kubernetes", "netkingdom"):
        assert vault.role(RoleName(mount, scene.name)) is not None


def doctor(vault, scene):
    orphans(vault, scene)
    assert vault.audit_headers()
    assert vault.audit_files()


def who_can(vault, scene):
    index(vault, scene)
    for mount in ("kubernetes", "netkingdom"):
        assert vault.role(RoleName(mount, scene.name)) is not None


def sign(vault, _scene):
    assert vault.identity().display_name


def ssh_ca(vault, scene):
    """The mount has another key than the one that signs, so that nothing is left without one."""
    ssh = vault.ssh()
    first, *rest = ssh.issuers("ssh")
    made = ssh.new_issuer("ssh", scene.name, signs=False)
    ssh.switch_to("ssh", made)
    ssh.switch_to("ssh", first)
    for each in (made, *rest):
        ssh.delete_issuer("ssh", each)


def ssh_host_sign(vault, scene):
    assert vault.identity().display_name
    spec = scene.host_spec
    engine = SshEngine(vault, "ssh")
    assert engine.sign(spec)
    assert engine.public_keys()


def ssh_plan(vault, scene):
    """What `plan` asks about an actor."""
    assert vault.acl_policy(scene.signing).text
    assert vault.mount("ssh").type == "ssh"
    assert vault.ssh().role(SshRole("ssh", scene.name))
    assert vault.ssh().issuers("ssh")


def ssh_apply(vault, scene):
    ssh_plan(vault, scene)
    for name in (scene.signing, f"{scene.signing}-new"):
        vault.write_policy(name, 'path "nothing" { capabilities = ["list"] }')
        vault.delete_policy(name)
    for name in (scene.name, f"{scene.name}-new"):
        vault.ssh().write_role(SshRole("ssh", name), SSH_ROLE)
        vault.ssh().delete_role(SshRole("ssh", name))


def ssh_prove(vault, scene):
    """What `prove` asks besides about an actor."""
    assert vault.ssh().issuers("ssh")
    assert scene.name in vault.ssh().roles("ssh")
    assert vault.ssh().role(SshRole("ssh", scene.name))


NAMED = (plan, apply, put, access, approve, prove, rotate, status, doctor, deactivate, compromise)
CALLS = {f.__name__: f for f in NAMED} | {
    "who-can": who_can,
    "sign": sign,
    "ssh-ca": ssh_ca,
    "ssh-host-sign": ssh_host_sign,
}
IN_DEFAULT = "auth/token/lookup-self"


def wanted(verb):
    """What the shipped policy gives: optional rights only for doctor, which has no others."""
    return [right for right in rights_of(verb) if verb == "doctor" or not right.optional]


def as_policy(capabilities):
    """A policy text from {path: capabilities}."""
    return "".join(
        f'path "{path}" {{ capabilities = [{", ".join(f"{c!r}" for c in sorted(held))}] }}\n'.replace("'", '"')
        for path, held in capabilities.items()
        if held
    )


def held(verb):
    found = {}
    for right in wanted(verb):
        found.setdefault(right.path, set()).update(right.capabilities)
    return found


def one_less(verb):
    for path, capabilities in held(verb).items():
        if path != IN_DEFAULT:
            yield from ((verb, path, capability) for capability in sorted(capabilities))


def is_refused(server, unique, verb, policy):
    """Whether a call of the verb is, with a token that has this policy."""
    scene = Scene(server, unique)
    try:
        CALLS[verb](server.vault(server.token_with(policy)), scene)
    except Refused:
        return True
    return False


@pytest.mark.parametrize("verb", VERBS)
def test_the_shipped_policy_is_enough(platform_server, unique, verb):
    assert not is_refused(platform_server, unique, verb, policy_text(verb, extras=verb == "doctor"))


@pytest.mark.parametrize(("verb", "path", "capability"), [case for verb in VERBS for case in one_less(verb)])
def test_no_right_in_it_is_one_too_many(platform_server, unique, verb, path, capability):
    rights = held(verb)
    rights[path] = rights[path] - {capability} or {"deny"}
    assert is_refused(platform_server, unique, verb, as_policy(rights))


def groups(vault, group, *, change):
    """What `plan` and, where they are to `change`, `apply` do about a group of approvers."""
    found = vault.groups().observe(group)
    if change:
        vault.groups().write(group)
        vault.groups().write(ApproverGroup(group.name, "kubernetes"))  # its alias is replaced
        vault.groups().delete(group.name)
    return found


@pytest.mark.parametrize("verb", ["plan", "apply"])
def test_groups_of_approvers_take_the_rights_that_a_lane_with_an_approval_adds(platform_server, unique, verb):
    group = ApproverGroup(unique("leads"), "netkingdom")
    scope = Scope(approval=True)
    rights = {}
    for right in rights_of(verb, scope):
        rights.setdefault(right.path, set()).update(() if right.optional else right.capabilities)
    added = [path for path in rights if path.startswith("identity/")]
    assert added
    token = platform_server.token_with(policy_text(verb, scope))
    groups(platform_server.vault(token), group, change=verb == "apply")
    for path, capability in [(each, one) for each in added for one in sorted(rights[each])]:
        less = rights | {path: rights[path] - {capability}}
        vault = platform_server.vault(platform_server.token_with(as_policy(less)))
        platform_server.call("DELETE", group.path)
        with pytest.raises(Refused):
            groups(vault, group, change=verb == "apply")
        platform_server.call("DELETE", group.path)


@pytest.mark.parametrize(("verb", "calls"), [("plan", ssh_plan), ("apply", ssh_apply), ("prove", ssh_prove)])
def test_actors_take_the_rights_that_an_ssh_engine_adds(platform_server, unique, verb, calls):
    scope = Scope(ssh=("ssh",))
    before, rights = held(verb), {}
    for right in rights_of(verb, scope):
        rights.setdefault(right.path, set()).update(() if right.optional else right.capabilities)
    added = {path: each for path, each in rights.items() if path not in before and each}
    assert added
    calls(platform_server.vault(platform_server.token_with(policy_text(verb, scope))), Scene(platform_server, unique))
    for path, capability in [(path, one) for path, each in added.items() for one in sorted(each)]:
        less = rights | {path: rights[path] - {capability}}
        vault = platform_server.vault(platform_server.token_with(as_policy(less)))
        with pytest.raises(Refused):
            calls(vault, Scene(platform_server, unique))


@pytest.mark.parametrize("verb", VERBS)
def test_what_the_server_says_of_a_token_tells_the_same(platform_server, verb):
    rights = wanted(verb)
    enough = platform_server.vault(platform_server.token_with(policy_text(verb, extras=True)))
    assert missing(rights, enough.own_capabilities([right.sample for right in rights])) == ()
    nobody = platform_server.vault("developer")
    lacking = missing(rights, nobody.own_capabilities([right.sample for right in rights]))
    wanting = {path: tuple(sorted(each)) for path, each in held(verb).items() if path != IN_DEFAULT}
    assert {right.path: right.capabilities for right in lacking} == wanting


def test_the_keeper_lacks_nothing(platform_server):
    rights: list[Right] = [right for verb in VERBS for right in rights_of(verb)]
    held_by_admin = platform_server.vault("admin").own_capabilities([right.sample for right in rights])
    assert missing(rights, held_by_admin) == ()


def test_the_platform_engineer_reads_no_value(platform_server, unique):
    scene = Scene(platform_server, unique)
    vault = platform_server.vault("platform")
    for verb in (plan, put, status, doctor):
        verb(vault, scene)
    with pytest.raises(Refused):
        vault.read("platform", scene.name)
    with pytest.raises(Refused):
        vault.write_policy("admin", "")


def test_a_prover_sees_everybody_who_can_reach_a_path(platform_server):
    vault = platform_server.vault(platform_server.token_with(policy_text("prove")))
    snapshot = SnapshotReader(vault, at_once).read()
    assert [each for each in snapshot.unknown if each.why == "denied"] == []
    assert snapshot.namespaces[""].policies
    assert snapshot.namespaces[""].tokens
