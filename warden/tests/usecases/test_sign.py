"""The order of steps of signing, on the real OpenBao, Cedar and journal; the authority may lie."""

import datetime as dt
import os
from collections.abc import Callable

import msgspec
import pytest
from ssh_actor import ActorWorld
from ssh_keys import write_key

from warden.adapters.catalog.inventory import load_inventory
from warden.adapters.journal.sqlite import SqliteJournal
from warden.adapters.openbao.caller import EnvironmentCaller, Named
from warden.adapters.policy.cedar import CedarPolicy
from warden.adapters.ssh.certificates import SshCertificates
from warden.adapters.ssh.key_file_authority import KeyFileAuthority
from warden.adapters.whereabouts import Here
from warden.core.errors import Inconclusive, Refused, UsageError, WardenError
from warden.core.inventory.inventory import Host, NamedHost
from warden.core.ssh.certificate import CertificateSpec
from warden.core.ssh.decision import actor
from warden.core.ssh.issue_log import REVOKED
from warden.present import errors
from warden.present.commands import commands
from warden.usecases.sign import SignRequest, SignTools, sign, sign_all


class Lying(KeyFileAuthority):
    """Signs something else than it is told to: `lie` makes of the spec what is signed."""

    def __init__(self, path: str, lie: Callable[[CertificateSpec], CertificateSpec]) -> None:
        super().__init__(path)
        self._lie = lie

    def sign(self, spec: CertificateSpec) -> str:
        return super().sign(self._lie(spec))


class Bench:
    """An actor, and what signs for it."""

    def __init__(self, world: ActorWorld) -> None:
        self.world = world
        environ = {"BAO_ADDR": world.server.address, "BAO_TOKEN": world.token()}
        self.actor = actor(load_inventory(str(world.inventory.parent)), world.actor)
        self.whereabouts = Here(str(world.inventory.parent), environ)
        self.journal = SqliteJournal(str(world.folder / "own.db"), whereabouts=self.whereabouts)
        self.caller = EnvironmentCaller(environ, Named(), lambda token: world.server.vault(token and token.reveal()))
        self.authority = KeyFileAuthority(str(world.ca))
        self.tools = SignTools(
            policy=CedarPolicy(""),
            journal=self.journal,
            certificates=SshCertificates(),
            clock=lambda: dt.datetime.now(dt.UTC),
        )

    def ask(self, **given: object) -> SignRequest:
        wanted = {"subject": self.actor, "public_key": self.world.public_key.read_text()} | given
        return SignRequest(**wanted)

    def sign(self, authority=None, **given):
        with_that = authority or self.authority
        return sign(self.ask(**given), caller=self.caller, authority=lambda _: with_that, tools=self.tools)

    def events(self) -> list[str]:
        return [each.event for each in self.journal.log(lane=self.actor.name)]


@pytest.fixture
def bench(lane_world) -> Bench:
    return Bench(ActorWorld(lane_world))


@pytest.mark.parametrize(("until", "signed"), [(0, False), (2**33, False), (1_000_000_000, True)])
def test_a_revoked_key_is_not_signed_while_hosts_refuse_it(bench, until, signed):
    """For good, or for as long as a certificate of which only the key is known could be valid."""
    fingerprint = bench.tools.certificates.fingerprint(bench.world.public_key.read_text())
    bench.journal.record(REVOKED, bench.actor.name, {"reason": "leaked", "keys": [fingerprint], "until": until})
    if signed:
        assert bench.sign().certificate.fingerprint == fingerprint
        return
    with pytest.raises(Refused) as caught:
        bench.sign()
    assert "is revoked (leaked)" in errors.problem(caught.value)
    assert bench.events() == [REVOKED]


@pytest.mark.parametrize(
    ("given", "remedy"),
    [
        ({}, "warden sign {actor} --pubkey FILE"),
        ({"asked_by": "issue", "handed": "file", "path": "/keys/agt-x-cert.pub"}, "warden issue {actor} --out /keys"),
        ({"subject": NamedHost(name="web", declared=Host())}, "warden ssh host sign web --pubkey FILE"),
    ],
    ids=["sign", "issue", "host"],
)
def test_whoever_has_a_revoked_key_is_told_how_to_have_another_one_certified(bench, given, remedy):
    fingerprint = bench.tools.certificates.fingerprint(bench.world.public_key.read_text())
    bench.journal.record(REVOKED, bench.actor.name, {"reason": "leaked", "keys": [fingerprint]})
    with pytest.raises(Refused) as caught:
        bench.sign(**given)
    assert commands(caught.value.remedy) == remedy.format(actor=bench.actor.name)


LIES = {
    "principals": {"principals": ("deploy", "root")},
    "critical options": {"critical_options": {}},
    "extensions": {"extensions": ("permit-pty",)},
    "key id": {"key_id": "agt-deploy"},
    "end of validity": {"valid_before": 2**64 - 1},
    "type": {"type": "host"},
}


@pytest.mark.parametrize("part", LIES)
def test_a_certificate_that_is_not_what_was_decided_is_refused_and_journaled(bench, part):
    lying = Lying(str(bench.world.ca), lambda spec: msgspec.structs.replace(spec, **LIES[part]))
    with pytest.raises(Refused) as caught:
        bench.sign(lying)
    assert part in errors.message(caught.value)
    assert "The certificate was discarded" in errors.message(caught.value)
    assert bench.events() == ["decision", "certificate.begin", "certificate.refused"]
    last = list(bench.journal.log(lane=bench.actor.name))[-1]
    assert [each["part"] for each in last.body["differences"]]
    assert last.body["begin"] == last.seq - 1


def test_another_key_and_another_ca_are_refused(bench):
    other = write_key(bench.world.folder / "other")
    line = SshCertificates().public_key(other.with_suffix(".pub").read_text())
    with pytest.raises(Refused):
        bench.sign(Lying(str(bench.world.ca), lambda spec: msgspec.structs.replace(spec, public_key=line)))

    class Another(KeyFileAuthority):
        def public_keys(self) -> tuple[str, ...]:
            return (line,)

    with pytest.raises(Refused) as caught:
        bench.sign(Another(str(bench.world.ca)))
    assert "signing key" in errors.message(caught.value)


def test_what_is_not_a_certificate_is_inconclusive_and_recorded_as_failed(bench):
    class Garbled(KeyFileAuthority):
        def sign(self, spec: CertificateSpec) -> str:
            return super().sign(spec)[:-12]

    with pytest.raises(Inconclusive):
        bench.sign(Garbled(str(bench.world.ca)))
    assert bench.events()[-1] == "certificate.failed"


def test_an_interruption_is_recorded(bench):
    class Interrupted(KeyFileAuthority):
        def sign(self, spec: CertificateSpec) -> str:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.sign(Interrupted(str(bench.world.ca)))
    assert list(bench.journal.log(lane=bench.actor.name))[-1].body["kind"] == "interrupted"


def test_a_batch_is_one_write_before_and_one_after(bench):
    writes = []
    record_all = bench.journal.record_all

    class Counted:
        def __getattr__(self, name: str) -> object:
            return getattr(bench.journal, name)

        def record_all(self, records):
            writes.append([each[0] for each in records])
            return record_all(records)

    tools = msgspec.structs.replace(bench.tools, journal=Counted())
    done = sign_all([bench.ask()] * 3, caller=bench.caller, authority=lambda _: bench.authority, tools=tools)
    assert writes == [["decision", "certificate.begin"] * 3, ["certificate.issued"] * 3]
    assert len({each.certificate.serial for each in done}) == 3
    assert [each.record for each in done] == [7, 8, 9]


def test_a_batch_that_fails_in_the_middle_hands_out_nothing_and_records_each(bench):
    second = FailingSecond(str(bench.world.ca), UsageError("gone", system="authority"))
    with pytest.raises(UsageError) as raised:
        sign_all([bench.ask()] * 4, caller=bench.caller, authority=lambda _: second, tools=bench.tools)
    assert "All certificates that were signed were discarded" in errors.message(raised.value)
    assert bench.events()[8:] == ["certificate.issued", "certificate.discarded", *["certificate.failed"] * 3]
    issued, discarded, *failed = list(bench.journal.log(lane=bench.actor.name))[8:]
    assert discarded.body["issued"] == issued.seq
    assert [each.body["kind"] for each in failed] == ["usage", "not-asked", "not-asked"]
    assert bench.journal.unfinished(bench.actor.name) == []


class FailingSecond(KeyFileAuthority):
    """Signs one, and fails with the second."""

    def __init__(self, key: str, fault: WardenError) -> None:
        super().__init__(key)
        self._faults = iter([None, fault])

    def sign(self, spec: CertificateSpec) -> str:
        if fault := next(self._faults, None):
            raise fault
        return super().sign(spec)


@pytest.mark.parametrize("by", ["journal", "inventory", "policy", "authority", "comparison"])
def test_a_refusal_of_one_of_several_keys_names_its_file(bench, by):
    """Each kind of refusal comes from another step; the batch's error says which key it is about."""
    second = write_key(bench.world.folder / "second").with_suffix(".pub").read_text()
    fingerprint = bench.tools.certificates.fingerprint(second)
    ask, authority, tools = bench.ask(key_file="first.pub"), bench.authority, bench.tools
    if by == "journal":
        bench.journal.record(REVOKED, bench.actor.name, {"reason": "leaked", "keys": [fingerprint]})
    elif by == "inventory":
        declared = msgspec.structs.replace(bench.actor.declared, public_keys=(ask.public_key,))
        ask = bench.ask(key_file="first.pub", subject=msgspec.structs.replace(bench.actor, declared=declared))
    elif by == "policy":
        (bench.world.folder / "keys.cedar").write_text(
            "permit (principal, action, resource);\n"
            f'forbid (principal, action, resource) when {{ context.fingerprint == "{fingerprint}" }};\n'
        )
        tools = msgspec.structs.replace(tools, policy=CedarPolicy(str(bench.world.folder)))
    elif by == "authority":
        refused = Refused("OpenBao refused it (permission denied)", system="authority")
        authority = FailingSecond(str(bench.world.ca), refused)
    else:

        def lie(spec: CertificateSpec) -> CertificateSpec:
            right = spec.public_key.split()[:2] != second.split()[:2]
            return spec if right else msgspec.structs.replace(spec, principals=("root",))

        authority = Lying(str(bench.world.ca), lie)
    asks = [ask, msgspec.structs.replace(ask, public_key=second, key_file="second.pub")]
    with pytest.raises(Refused) as raised:
        sign_all(asks, caller=bench.caller, authority=lambda _: authority, tools=tools)
    assert errors.problem(raised.value).startswith("second.pub: ")
    if by == "comparison":
        assert bench.events()[-1] == "certificate.refused"


def test_a_killed_signing_is_ended_by_the_next_one(bench):
    bench.sign()
    if (child := os.fork()) == 0:  # a process that ends behind its first record
        again = SqliteJournal(bench.journal.path, whereabouts=bench.whereabouts)
        again.record("certificate.begin", bench.actor.name, {"decision": "x"})
        os._exit(0)
    os.waitpid(child, 0)
    before = len(bench.events())
    done = bench.sign()
    assert bench.events()[before:] == ["certificate.abandoned", "decision", "certificate.begin", "certificate.issued"]
    last = list(bench.journal.log(lane=bench.actor.name))
    assert last[-1].body["begin"] == last[-2].seq
    assert done.record == last[-1].seq
