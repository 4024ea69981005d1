"""plan and apply of actors and hosts, on a real OpenBao."""

import msgspec
import pytest
from ssh_keys import write_key

from warden.adapters.openbao.ssh_engine import SshEngine
from warden.core.errors import Foreign, Refused
from warden.core.inventory.inventory import Actor, Authorities, DeclaredAuthority, Host, Inventory, PersonIdentity
from warden.core.lanes.lane import LoginMount, PeopleReader, Workload, WorkloadReader
from warden.core.lanes.readers import AppRoleReader
from warden.core.openbao.api import approle_login, jwt_login
from warden.core.openbao.resources import Settings
from warden.core.openbao.ssh_roles import SshRole, derive
from warden.core.plans.lane_plan import LaneOptions, NotAgreed
from warden.core.plans.plan import NotMarked, OtherPlatform, UsedByLanes
from warden.core.remedies import EditFile
from warden.core.secret import Secret
from warden.usecases.apply_ssh import apply_ssh
from warden.usecases.context import Context
from warden.usecases.plan_ssh import orphaned, plan_ssh, resources_named

pytestmark = pytest.mark.real


class SshBench:
    """One actor and one host on a server shared with other tests; the SSH engines are theirs alone."""

    def __init__(self, bench, unique) -> None:
        self.bench = bench
        self.server = bench.server
        self.actor = unique("agt")
        self.host = unique("web")
        self.mount = unique("ssh")
        self.hosts = unique("ssh-hosts")
        self.identity = WorkloadReader(workload=Workload("tenant", self.actor))
        self.inventory = Inventory()
        self.platform = ""
        self.declare()

    def declare(self, **changed) -> None:
        given = {
            "identities": (self.identity,),
            "principals": ("deploy", "backup"),
            "source_addresses": ("10.0.0.0/8", "127.0.0.1/32"),
            "force_command": "/usr/local/bin/deploy --now",
            "hosts": (self.host,),
        }
        self.inventory = Inventory(
            authorities=Authorities(
                users=DeclaredAuthority(openbao=self.mount), hosts=DeclaredAuthority(openbao=self.hosts)
            ),
            actors={self.actor: Actor(**given | changed)},
            hosts={self.host: Host(names=(self.host, f"{self.host}.example.org"))},
        )

    @property
    def context(self) -> Context:
        settings = Settings({"netkingdom": LoginMount()})
        context = self.bench.context("admin")
        return msgspec.structs.replace(context, inventory=self.inventory, settings=settings, platform=self.platform)

    def resources(self, name: str = ""):
        return resources_named(name or self.actor, self.context)

    def plan(self, name: str = "", **options):
        return plan_ssh(self.resources(name), self.context, LaneOptions(**options)).plans[0]

    def apply(self, name: str = "", **options):
        return apply_ssh(self.resources(name), self.context, LaneOptions(**options))

    def token(self, identity: WorkloadReader | None = None, role: str = "") -> str:
        """A token of OpenBao's as the actor's identity."""
        workload = str((identity or self.identity).workload)
        login = jwt_login("kubernetes", role or f"ssh-{self.actor}", Secret(self.server.mint(workload)))
        return self.server.vault().enter(login).token.reveal()

    def ask(self, public_key: str, token: str, **body):
        """A raw request to sign."""
        wanted = {"public_key": public_key, "valid_principals": "deploy", "ttl": "300s"} | body
        return self.server.call("POST", f"{self.mount}/sign/{self.actor}", wanted, token=token)


@pytest.fixture
def ssh(bench, unique):
    made = SshBench(bench, unique)
    yield made
    for mount in (made.mount, made.hosts):
        made.server.call("DELETE", f"sys/mounts/{mount}")
    made.server.call("DELETE", f"auth/kubernetes/role/ssh-{made.actor}")


@pytest.fixture
def public_key(tmp_path):
    return " ".join(write_key(tmp_path / "key").with_suffix(".pub").read_text().split()[:2])


def actions(plan):
    return {change.kind: change.action for change in plan.changes}


NEW = {"mount": "create", "ca-key": "create", "policy": "create", "ssh-role": "create", "role": "create"}
KEPT = dict.fromkeys(NEW, "keep")


def test_an_actor_is_planned_applied_and_then_in_step(ssh):
    assert actions(ssh.plan()) == NEW
    receipt = ssh.apply()
    assert [change.kind for part in receipt.receipts for change in part.changed] == list(NEW)
    assert actions(ssh.plan()) == KEPT
    assert not ssh.apply().changed
    begin, done = ssh.bench.journal.log(lane=ssh.actor)
    assert (begin.event, done.event) == ("apply.begin", "apply.done")


def test_a_host_is_planned_applied_and_then_in_step(ssh):
    wanted = {kind: action for kind, action in NEW.items() if kind != "role"}
    assert actions(ssh.plan(ssh.host)) == wanted
    ssh.apply(ssh.host)
    assert actions(ssh.plan(ssh.host)) == dict.fromkeys(wanted, "keep")
    assert ssh.server.must("GET", f"{ssh.hosts}/roles/host-{ssh.host}")["data"]["allow_user_certificates"] is False


def test_its_identity_gets_exactly_what_is_declared(ssh, public_key):
    ssh.apply()
    status, answer = ssh.ask(public_key, ssh.token())
    assert status == 200, answer
    assert answer["data"]["signed_key"].startswith("ssh-ed25519-cert-v01@openssh.com ")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"critical_options": {"source-address": "0.0.0.0/0"}}, 403),
        ({"Critical_Options": {"source-address": "0.0.0.0/0"}}, 403),
        ({"critical_options": {}}, 403),
        ({"extensions": {"permit-pty": ""}}, 403),
        ({"extensions": {"": ""}}, 403),
        ({"valid_principals": "deploy,root"}, 400),
        ({"valid_principals": "*"}, 400),
        ({"valid_principals": ""}, 400),
        ({"ttl": "901s"}, 400),
        ({"ttl": "0"}, 400),
        ({"cert_type": "host"}, 400),
        ({"key_id": "somebody else"}, 400),
    ],
)
def test_the_server_refuses_everything_else(ssh, public_key, body, status):
    ssh.apply()
    assert ssh.ask(public_key, ssh.token(), **body)[0] == status


def test_the_server_signs_the_listed_keys_alone(ssh, public_key, tmp_path):
    """Who speaks to OpenBao directly is held to them, too; and what the policy denies besides stays denied."""
    other = " ".join(write_key(tmp_path / "other").with_suffix(".pub").read_text().split()[:2])
    ssh.declare(public_keys=(f"{public_key} ada's",))
    ssh.apply()
    assert actions(ssh.plan()) == KEPT
    token = ssh.token()
    assert ssh.ask(public_key, token, cert_type="user")[0] == 200
    for key, more in (
        (other, {}),
        (f"x{public_key}", {}),
        (public_key, {"PUBLIC_KEY": other}),
        (public_key, {"critical_options": {}}),
        (public_key, {"extensions": {"permit-pty": ""}}),
    ):
        assert ssh.ask(key, token, **more)[0] == 403, (key, more)


@pytest.mark.parametrize(
    "body", [{"critical_options": {"source-address": "0.0.0.0/0"}}, {"extensions": {"permit-pty": ""}}]
)
def test_not_even_an_administrator_replaces_its_options(ssh, public_key, body):
    """The force-command of a role is lost where a request may name another option: measured on 2.7.2."""
    ssh.apply()
    status, answer = ssh.ask(public_key, "admin", **body)
    assert status == 400, answer
    ssh.server.must(
        "POST", f"{ssh.mount}/roles/{ssh.actor}", {**dict(ssh.resources().fields), "allowed_critical_options": ""}
    )
    if "critical_options" in body:
        status, answer = ssh.ask(public_key, "admin", **body)
        assert status == 200, "an empty list of critical options is no longer a hole: the test above proves nothing"


@pytest.mark.parametrize(
    "identity",
    [WorkloadReader(workload=Workload("tenant", "stranger")), WorkloadReader(workload=Workload("other", "x"))],
)
def test_nobody_else_logs_in_as_it(ssh, identity):
    ssh.apply()
    with pytest.raises(Refused):
        ssh.token(identity)


def test_one_person_of_a_login_mount_and_no_other(ssh, public_key):
    ssh.declare(identities=(PersonIdentity(person="ada", login="netkingdom"),))
    ssh.apply()
    vault = ssh.server.vault()
    logged_in = [
        vault.enter(jwt_login("netkingdom", f"ssh-{ssh.actor}", Secret(ssh.server.person_jwt("ada")))).token.reveal()
    ]
    assert ssh.ask(public_key, logged_in[0])[0] == 200
    with pytest.raises(Refused):
        vault.enter(jwt_login("netkingdom", f"ssh-{ssh.actor}", Secret(ssh.server.person_jwt("eve"))))


def test_an_approle_that_is_bound_to_single_addresses(ssh, unique):
    """OpenBao states a network of one address without its mask, for tokens alone."""
    role = unique("backup")
    ssh.declare(identities=(AppRoleReader(approle=role, cidrs=("10.1.2.3/32", "fd00::1/128", "10.0.0.0/24")),))
    ssh.apply()
    assert actions(ssh.plan()) == KEPT
    ssh.server.must("DELETE", f"auth/approle/role/{role}")


def test_a_secret_id_does_not_name_the_role_of_its_login(ssh, unique):
    """Its metadata are whoever's made it, and stand in the token beside the role's name."""
    role = unique("backup")
    ssh.server.must("POST", f"auth/approle/role/{role}", {"token_policies": ["default"], "token_ttl": "60s"})
    role_id = ssh.server.must("GET", f"auth/approle/role/{role}/role-id")["data"]["role_id"]
    for metadata, known in (('{"team": "x"}', role), ('{"role": "another"}', ""), ('{"cert_name": "another"}', "")):
        made = ssh.server.must("POST", f"auth/approle/role/{role}/secret-id", {"metadata": metadata})["data"]
        entered = ssh.server.vault().enter(approle_login("approle", role_id, Secret(made["secret_id"])))
        assert ssh.server.vault(entered.token.reveal()).identity().role == known
    ssh.server.must("DELETE", f"auth/approle/role/{role}")


def test_a_token_of_another_actor_signs_nothing(ssh, public_key, unique):
    ssh.apply()
    token = ssh.token()
    assert ssh.server.call("POST", f"{ssh.mount}/sign/other", {"public_key": public_key}, token=token)[0] == 403
    assert ssh.server.call("POST", f"{ssh.mount}/issue/{ssh.actor}", {"key_type": "ed25519"}, token=token)[0] == 403
    assert ssh.server.call("GET", f"{ssh.mount}/roles/{ssh.actor}", token=token)[0] == 403


def test_the_identity_may_see_which_keys_sign(ssh):
    ssh.apply()
    assert len(SshEngine(ssh.server.vault(ssh.token()), ssh.mount).public_keys()) == 1


@pytest.mark.parametrize(
    "drift",
    [
        {"allowed_users": "*"},
        {"allowed_users": "deploy,backup,root"},
        {"max_ttl": 0},
        {"allowed_critical_options": ""},
        {"allowed_extensions": "*"},
        {"default_critical_options": {}},
        {"allow_host_certificates": True},
        {"allow_empty_principals": True},
        {"allowed_users_template": True},
        {"key_id_format": "{{role_name}}"},
        {"not_before_duration": 86400},
        {"allowed_user_key_lengths": {}},
    ],
)
def test_drift_of_the_ssh_role_is_found_and_set_right(ssh, drift):
    ssh.apply()
    ssh.server.must("POST", f"{ssh.mount}/roles/{ssh.actor}", {**dict(ssh.resources().fields), **drift})
    (change,) = ssh.plan().to_change
    assert (change.kind, change.action) == ("ssh-role", "change")
    assert [each.field for each in change.differences] == list(drift)
    ssh.apply(yes=True)
    assert actions(ssh.plan()) == KEPT


def test_taking_a_principal_away_wants_consent(ssh):
    ssh.apply()
    ssh.declare(principals=("deploy",))
    with pytest.raises(NotAgreed):
        ssh.apply()
    ssh.apply(yes=True)
    assert ssh.server.must("GET", f"{ssh.mount}/roles/{ssh.actor}")["data"]["allowed_users"] == "deploy"


def test_an_identity_that_is_not_declared_any_more_loses_its_login_first(ssh, public_key):
    ssh.apply()
    token = ssh.token()
    ssh.declare(identities=(PeopleReader(people="operators", login="netkingdom"),))
    assert [change.action for change in ssh.plan().to_change] == ["delete", "change", "create"]
    ssh.apply(yes=True)
    with pytest.raises(Refused):
        ssh.token()
    assert ssh.ask(public_key, token)[0] == 200  # a token lives until its ttl: revoke the certificates


def test_a_role_of_its_name_that_others_made_is_left_alone(ssh):
    ssh.server.must("POST", f"sys/mounts/{ssh.mount}", {"type": "ssh"})
    foreign = {"key_type": "ca", "allow_user_certificates": True, "allowed_users": "root"}
    ssh.server.must("POST", f"{ssh.mount}/roles/{ssh.actor}", foreign)
    with pytest.raises(Foreign) as blocked:
        ssh.apply()
    (change,) = blocked.value.problem.changes
    assert isinstance(change.obstacle, NotMarked)
    ssh.apply(take_over=True, yes=True)
    assert actions(ssh.plan()) == KEPT


def test_a_login_of_a_lane_is_left_alone(ssh):
    lane = ssh.bench.lane
    ssh.bench.apply()
    reader = lane.readers[0]
    ssh.declare(identities=(msgspec.structs.replace(reader, role=lane.role_of(reader)),))
    with pytest.raises(Foreign) as blocked:
        ssh.apply(take_over=True, yes=True)
    assert [change.obstacle for change in blocked.value.problem.changes] == [UsedByLanes((lane.id,))]
    field = f"actors.{ssh.actor}.identities[0].role"
    assert blocked.value.remedy == (EditFile(file="inventory.yaml", field=field, value="NAME"),)


def test_an_actor_that_is_gone_is_found_and_removed(ssh, public_key):
    ssh.apply()
    token = ssh.token()
    ssh.inventory = msgspec.structs.replace(ssh.inventory, actors={})
    names = ssh.server.vault("admin").policy_names()
    assert [each.subject for each in orphaned(ssh.context, names)] == [ssh.actor]
    with pytest.raises(NotAgreed):
        ssh.apply()
    receipt = ssh.apply(yes=True)
    assert [(each.kind, each.action) for part in receipt.receipts for each in part.changed] == [
        ("role", "delete"),
        ("ssh-role", "delete"),
        ("policy", "delete"),
    ]
    assert ssh.ask(public_key, token)[0] == 403
    assert resources_named(ssh.actor, ssh.context) is None
    assert not list(orphaned(ssh.context, ssh.server.vault("admin").policy_names()))


def test_another_platform_leaves_its_actors_alone(ssh):
    ssh.apply()
    ssh.platform = "railiance"
    assert [each.kind for each in ssh.plan().to_change] == ["policy"]  # it has a name now
    ssh.apply()
    assert actions(ssh.plan()) == KEPT
    ssh.platform = "netkingdom"
    with pytest.raises(Foreign) as blocked:
        ssh.apply(yes=True)
    assert [change.obstacle for change in blocked.value.problem.changes] == [OtherPlatform("railiance")]
    ssh.inventory = msgspec.structs.replace(ssh.inventory, actors={})
    assert resources_named(ssh.actor, ssh.context) is None
    names = ssh.server.vault("admin").policy_names()
    assert ssh.actor not in {each.subject for each in orphaned(ssh.context, names)}
    ssh.platform = "railiance"
    assert ssh.actor in {each.subject for each in orphaned(ssh.context, names)}


def test_another_mount_takes_the_role_along(ssh, unique):
    ssh.apply()
    before = SshRole(ssh.mount, ssh.actor)
    ssh.mount, ssh.hosts = ssh.hosts, ssh.mount
    ssh.declare()
    kinds = [(each.kind, each.action, each.name) for each in ssh.plan().to_change]
    assert kinds[0] == ("ssh-role", "delete", str(before))
    ssh.apply(yes=True)
    assert ssh.server.vault("admin").ssh().role(before) is None
    assert actions(ssh.plan()) == KEPT


def test_with_another_authority_only_the_logins_are_made(ssh):
    users = DeclaredAuthority(key="/etc/warden/ca")
    ssh.inventory = msgspec.structs.replace(ssh.inventory, authorities=Authorities(users=users))
    assert actions(ssh.plan()) == {"policy": "create", "role": "create"}
    ssh.apply()
    assert ssh.server.vault(ssh.token()).identity().role == f"ssh-{ssh.actor}"
    assert derive(ssh.host, ssh.inventory) is None


def test_keys_without_a_default_are_for_a_person_to_sort_out(ssh):
    ssh.apply()
    (issuer,) = ssh.server.vault("admin").ssh().issuers(ssh.mount)
    ssh.server.must("POST", f"{ssh.mount}/issuers/import/generation-2", {"generate_signing_key": True})
    ssh.server.must("DELETE", f"{ssh.mount}/issuer/{issuer.id}")
    (change,) = ssh.plan().to_change
    assert (change.kind, change.action) == ("ca-key", "absent")


def test_a_kv_mount_of_the_name_is_not_touched(ssh):
    ssh.server.must("POST", f"sys/mounts/{ssh.mount}", {"type": "kv", "options": {"version": "2"}})
    with pytest.raises(Foreign) as blocked:
        ssh.apply()
    assert blocked.value.remedy == (
        EditFile(file="inventory.yaml", field="authorities.users.openbao", value="MOUNT"),
    )  # not --take-over
