"""The keys that hosts are to trust, and the steps by which one is replaced, on a real OpenBao."""

import datetime as dt

import msgspec
import pytest
from dying_journal import DyingJournal, Killed
from ssh_keys import write_key

from warden.adapters.openbao.ssh_engine import SshEngine
from warden.adapters.ssh.certificates import SshCertificates
from warden.adapters.ssh.key_file_authority import KeyFileAuthority
from warden.core.errors import NotNow, Refused, UsageError
from warden.core.inventory.inventory import CLOCK_SKEW, Actor, Authorities, DeclaredAuthority, Inventory
from warden.core.lanes.lane import Workload, WorkloadReader
from warden.core.plans.lane_plan import LaneOptions
from warden.core.ssh.ca import NoAuthority, NotAnEngine, StepNotConfirmed, StillValid
from warden.core.ssh.certificate import CertificateSpec
from warden.core.ssh.issue_log import ISSUED
from warden.present.commands import commands
from warden.usecases.apply_ssh import apply_ssh
from warden.usecases.plan_ssh import resources_named
from warden.usecases.ssh_ca import LANE, CaTools, keys, rotate
from warden.usecases.targets.ssh_roles import SshTarget

pytestmark = pytest.mark.real
CERTIFICATES = SshCertificates()


class Engine:
    """An SSH engine with its first key, and a role that signs."""

    def __init__(self, bench, unique) -> None:
        self.bench = bench
        self.mount = unique("ssh")
        self.now = dt.datetime.now(dt.UTC)
        self.vault = bench.vault("admin")
        self.vault.ssh().create(self.mount)
        self.vault.ssh().new_issuer(self.mount, "generation-1", signs=True)
        role = {"key_type": "ca", "allow_user_certificates": True, "allowed_users": "deploy", "max_ttl": 900}
        bench.server.must("POST", f"{self.mount}/roles/agt-deploy", role)
        self.inventory = Inventory(
            authorities=Authorities(users=DeclaredAuthority(openbao=self.mount)),
            actors={"agt-deploy": Actor(ttl=900)},
        )

    def rotate(self, purpose="users", *, journal=None, **how):
        tools = CaTools(
            inventory=self.inventory,
            vault=self.vault,
            journal=journal or self.bench.journal,
            certificates=CERTIFICATES,
            clock=lambda: self.now,
        )
        return rotate(purpose, tools, **{"yes": True} | how)

    def sign(self, public_key):
        """The fingerprint of the key that signs now."""
        now = int(dt.datetime.now(dt.UTC).timestamp())
        spec = CertificateSpec(
            type="user",
            subject="agt-deploy",
            public_key=public_key,
            key_id="",
            principals=("deploy",),
            valid_after=now - CLOCK_SKEW,
            valid_before=now + 300,
        )
        return CERTIFICATES.parse(SshEngine(self.vault, self.mount).sign(spec)).authority

    def names(self):
        return [(each.name, each.signs) for each in self.vault.ssh().issuers(self.mount)]


@pytest.fixture
def engine(bench, unique):
    made = Engine(bench, unique)
    yield made
    bench.server.must("DELETE", f"sys/mounts/{made.mount}")


@pytest.fixture
def public_key(tmp_path):
    return " ".join(write_key(tmp_path / "key").with_suffix(".pub").read_text().split()[:2])


def test_three_steps_replace_a_key_and_hosts_always_trust_the_one_that_signs(engine, public_key):
    def trusted():
        return {
            each.fingerprint for each in keys(["users"], engine.inventory, lambda: engine.vault, None, CERTIFICATES)
        }

    first = engine.sign(public_key)
    made = engine.rotate(yes=False)
    assert (made.step, made.key.name, made.key.standing) == ("make", "generation-2", "incoming")
    assert engine.sign(public_key) == first
    assert trusted() == {first, made.key.fingerprint}

    switched = engine.rotate()
    assert (switched.step, switched.key.name, switched.key.standing) == ("switch", "generation-2", "signs")
    assert engine.sign(public_key) == made.key.fingerprint
    assert trusted() == {first, made.key.fingerprint}
    assert [each.standing for each in switched.keys] == ["signs", "outgoing"]

    engine.now += dt.timedelta(seconds=901)
    removed = engine.rotate()
    assert (removed.step, removed.key.name) == ("remove", "generation-1")
    assert trusted() == {made.key.fingerprint}
    assert engine.sign(public_key) == made.key.fingerprint
    assert engine.rotate().key.name == "generation-3"


def test_each_step_is_journaled_before_and_after(engine):
    engine.rotate()
    begin, done = engine.bench.journal.log(lane=LANE)
    assert (begin.event, done.event) == ("ssh-ca.begin", "ssh-ca.done")
    assert (begin.body["step"], begin.body["name"], begin.body["mount"]) == ("make", "generation-2", engine.mount)
    assert done.body["begin"] == begin.seq


@pytest.mark.parametrize("step", ["switch", "remove"])
def test_what_hosts_notice_wants_consent(engine, step):
    engine.rotate()
    if step == "remove":
        engine.rotate()
        engine.now += dt.timedelta(days=3)
    before = engine.names()
    with pytest.raises(UsageError) as refused:
        engine.rotate(yes=False)
    assert isinstance(refused.value.problem, StepNotConfirmed)
    assert refused.value.problem.step == step
    assert engine.names() == before


def test_the_old_key_stays_as_long_as_something_may_be_valid(engine):
    engine.rotate()
    engine.rotate()
    for yes in (False, True):
        with pytest.raises(NotNow) as refused:
            engine.rotate(yes=yes)
        until = refused.value.problem.until
        assert 800 < until - engine.now.timestamp() <= 901
    with pytest.raises(UsageError) as asked:
        engine.rotate(yes=False, now=True)
    assert commands(asked.value.remedy) == "warden ssh ca rotate --for users --now --yes"
    assert engine.rotate(now=True).step == "remove"


def test_a_certificate_of_the_issue_log_keeps_its_key(engine):
    (old,) = keys(["users"], engine.inventory, lambda: engine.vault, None, CERTIFICATES)
    engine.rotate()
    engine.rotate()
    ends = int(engine.now.timestamp()) + 7200
    body = {
        "subject": "agt-deploy",
        "type": "user",
        "serial": 7,
        "fingerprint": "SHA256:x",
        "authority": old.fingerprint,
        "key_id": "k",
        "principals": ["deploy"],
        "valid_after": 0,
        "valid_before": ends,
        "handed": "stdout",
    }
    engine.bench.journal.record(ISSUED, "agt-deploy", body)
    engine.now += dt.timedelta(seconds=901)
    with pytest.raises(NotNow) as refused:
        engine.rotate()
    assert refused.value.problem == StillValid(name="generation-1", until=ends)


@pytest.mark.parametrize("rotated", [False, True], ids=["never", "before"])
def test_without_a_record_of_the_switch_nobody_knows(engine, rotated):
    """Somebody else switched: with `bao`, or from another machine. An earlier switch was of another key."""
    for _ in range(3 if rotated else 0):
        engine.rotate(now=True)
    engine.now += dt.timedelta(days=1)
    made = engine.vault.ssh().new_issuer(engine.mount, "generation-3", signs=False)
    engine.vault.ssh().switch_to(engine.mount, made)
    with pytest.raises(NotNow) as refused:
        engine.rotate()
    assert refused.value.problem.until == 0


def test_the_key_of_hosts_and_that_of_users_are_replaced_apart(engine, unique):
    hosts = unique("ssh-hosts")
    engine.vault.ssh().create(hosts)
    engine.vault.ssh().new_issuer(hosts, "generation-1", signs=True)
    authorities = msgspec.structs.replace(engine.inventory.authorities, hosts=DeclaredAuthority(openbao=hosts))
    engine.inventory = msgspec.structs.replace(engine.inventory, authorities=authorities)
    with pytest.raises(Killed):
        engine.rotate("hosts", journal=DyingJournal(engine.bench.journal, 1, after=False))
    assert engine.rotate().step == "make"
    assert not engine.bench.journal.log(lane=LANE, events=("ssh-ca.abandoned",))
    assert engine.rotate("hosts").step == "switch"
    (abandoned,) = engine.bench.journal.log(lane=LANE, events=("ssh-ca.abandoned",))
    assert abandoned.body["found"] == "generation-1 signs, generation-2"
    (made,) = (each for each in engine.vault.ssh().issuers(engine.mount) if not each.signs)
    engine.vault.ssh().switch_to(engine.mount, made)  # not by warden
    with pytest.raises(NotNow) as refused:
        engine.rotate()
    assert refused.value.problem.until == 0
    engine.bench.server.must("DELETE", f"sys/mounts/{hosts}")


@pytest.mark.parametrize("step", ["make", "switch", "remove"])
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_a_rotation_that_was_killed_goes_on_where_it_was(engine, public_key, step, done):
    """Killed at any step, before the engine did it or after: the next runs end as they would have."""
    for _ in range(["make", "switch", "remove"].index(step)):
        engine.rotate()
    engine.now += dt.timedelta(seconds=901)
    with pytest.raises(Killed):
        engine.rotate(journal=DyingJournal(engine.bench.journal, 1 if done else 0, after=not done))
    steps = [engine.rotate(now=True).step for _ in range(3)]
    order = ["make", "switch", "remove"]
    start = (order.index(step) + done) % 3
    assert steps == [order[(start + each) % 3] for each in range(3)]
    (abandoned,) = engine.bench.journal.log(lane=LANE, events=("ssh-ca.abandoned",))
    assert "signs" in abandoned.body["found"]
    assert engine.sign(public_key)


@pytest.mark.parametrize("after", [1, 2, 3, 4])
def test_an_apply_that_was_killed_can_be_run_again(bench, unique, after):
    """Also where the engine is mounted and has no key yet."""
    actor, mount = unique("agt"), unique("ssh")
    identity = WorkloadReader(workload=Workload("tenant", actor))
    inventory = Inventory(
        authorities=Authorities(users=DeclaredAuthority(openbao=mount)), actors={actor: Actor(identities=(identity,))}
    )
    context = msgspec.structs.replace(bench.context("admin"), inventory=inventory)
    target = SshTarget(resources_named(actor, context), context)
    for change in target.plan().to_change[:after]:
        target.make(change)
    assert not any(change.blocked for change in target.plan().changes)
    apply_ssh(resources_named(actor, context), context, LaneOptions())
    assert target.plan().to_change == ()
    bench.server.must("DELETE", f"sys/mounts/{mount}")


def test_who_has_no_right_changes_nothing(engine):
    engine.vault = engine.bench.vault("developer")
    with pytest.raises(Refused):
        engine.rotate()


def test_only_a_key_in_openbao_is_replaced_by_it(engine, tmp_path):
    engine.inventory = Inventory(authorities=Authorities(users=DeclaredAuthority(key="/etc/warden/ca")))
    with pytest.raises(UsageError) as refused:
        engine.rotate()
    assert refused.value.problem == NotAnEngine("users", "/etc/warden/ca")
    with pytest.raises(UsageError) as refused:
        engine.rotate("hosts")
    assert refused.value.problem == NoAuthority("hosts")


def test_an_engine_without_a_key_is_to_be_applied(engine):
    for each in engine.vault.ssh().issuers(engine.mount):
        engine.vault.ssh().delete_issuer(engine.mount, each)
    with pytest.raises(UsageError):
        engine.rotate()
    with pytest.raises(UsageError):
        keys(["users"], engine.inventory, lambda: engine.vault, None, CERTIFICATES)


def test_keys_of_local_authorities_and_those_that_are_trusted_beside_them(engine, tmp_path):
    ca, other = write_key(tmp_path / "ca"), write_key(tmp_path / "other")
    beside = other.with_suffix(".pub").read_text().strip()
    declared = DeclaredAuthority(key=str(ca), also_trusted=(beside,))
    inventory = msgspec.structs.replace(
        engine.inventory,
        authorities=Authorities(
            users=DeclaredAuthority(openbao=engine.mount, also_trusted=(beside,)), break_glass=declared
        ),
    )

    def local(authority):
        return KeyFileAuthority(authority.key, authority.also_trusted)

    found = keys(["users", "hosts", "break-glass"], inventory, lambda: engine.vault, local, CERTIFICATES)
    assert [(each.purpose, each.standing) for each in found] == [
        ("users", "signs"),
        ("users", "trusted"),
        ("break-glass", "signs"),
        ("break-glass", "trusted"),
    ]
    assert found[2].public_key == " ".join(ca.with_suffix(".pub").read_text().split()[:2])
