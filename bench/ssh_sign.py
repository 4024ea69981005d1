"""How many SSH certificates are signed in a second: by CA keys of this machine, and by OpenBao. Ratios in one run.

    .venv/bin/python bench/ssh_sign.py [ROUNDS]

On this machine the base is ``ssh-keygen -s``, one process a certificate, as a script would do it. At OpenBao it is a
client that sends prepared requests over one connection that it keeps, and does not look at the answers. `sign_all` is
all that `warden sign` does: the policy decides, the journal is written before and after, each certificate is parsed,
its signature verified, and all of it compared with the decision.
"""

import datetime as dt
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from warden.adapters.dev import Embedded
from warden.adapters.dev.personas import connect
from warden.adapters.journal.sqlite import SqliteJournal
from warden.adapters.openbao.client import OpenBao
from warden.adapters.openbao.ssh_engine import SshEngine
from warden.adapters.policy.cedar import CedarPolicy
from warden.adapters.ssh.agent_authority import AgentAuthority
from warden.adapters.ssh.certificates import SshCertificates
from warden.adapters.ssh.key_file_authority import KeyFileAuthority
from warden.adapters.ssh.pkcs11_authority import Pkcs11Authority
from warden.core.inventory.inventory import Actor, Authorities, DeclaredAuthority, Inventory, NamedActor, Pkcs11
from warden.core.lanes.lane import Workload, WorkloadReader
from warden.core.openbao.api import Identity, jwt_login
from warden.core.openbao.ssh_roles import derive
from warden.core.secret import Secret
from warden.core.ssh.certificate import CertificateSpec
from warden.ports.certificate_authority import CertificateAuthority
from warden.ports.vault import Vault
from warden.usecases.sign import SignRequest, SignTools, sign_all, sign_as

AIM_LOCAL, AIM_OPENBAO = 30, 0.95
ACTOR = "agt-bench"
MOUNT = "ssh-bench"
BATCH = 200
"""Certificates in one call of `sign_all`, and requests of the raw client in one round."""
SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "1234"

Way = Callable[[int], None]
"""Signs so many certificates."""


class Bench:
    """Keys, an actor, and what certificates are signed with, below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key, self.ca = self._key("key"), self._key("ca")
        self.public_key = self.key.with_suffix(".pub").read_text().rsplit(" ", 1)[0]
        identity = WorkloadReader(workload=Workload("bench", "api"))
        declared = Actor(identities=(identity,), source_addresses=("127.0.0.1/32",), principals=("deploy",))
        self.actor = NamedActor(name=ACTOR, declared=declared)
        self.inventory = Inventory(
            authorities=Authorities(users=DeclaredAuthority(openbao=MOUNT)), actors={ACTOR: declared}
        )
        self.tools = SignTools(
            policy=CedarPolicy(str(folder / "none")),
            journal=SqliteJournal(str(folder / "journal.db")),
            certificates=SshCertificates(),
            clock=lambda: dt.datetime.now(dt.UTC),
        )

    def _key(self, name: str) -> Path:
        path = self.folder / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path], check=True)
        return path

    @property
    def spec(self) -> CertificateSpec:
        now = int(time.time())
        return CertificateSpec(
            type="user",
            subject=ACTOR,
            public_key=self.public_key,
            key_id="bench",
            principals=self.actor.principals,
            valid_after=now - 60,
            valid_before=now + 900,
            critical_options=self.actor.critical_options,
        )

    def asks(self, number: int) -> list[SignRequest]:
        return [SignRequest(subject=self.actor, public_key=self.public_key) for _ in range(number)]


# -- on this machine --------------------------------------------------------------------------------------------------


def by_script(bench: Bench) -> Way:
    """What a script does: one ``ssh-keygen -s`` for each certificate."""
    argv = ["ssh-keygen", "-q", "-s", str(bench.ca), "-I", "bench", "-n", "deploy", "-V", "+15m", "-z", "1"]
    argv += ["-O", "clear", "-O", "source-address=127.0.0.1/32", f"{bench.key}.pub"]

    def way(number: int) -> None:
        for _ in range(number):
            subprocess.run(argv, check=True)

    return way


def signing_alone(bench: Bench, authority: CertificateAuthority) -> Way:
    def way(number: int) -> None:
        spec = bench.spec
        for _ in range(number):
            authority.sign(spec)

    return way


def with_everything(bench: Bench, authority: CertificateAuthority) -> Way:
    """`sign_as` in one batch: what `sign_all` does after the login."""
    role = bench.actor.role_of(bench.actor.declared.identities[0])
    who = Identity(
        display_name="bench", path=f"auth/{role.mount}/login", role=role.name, entity="", policies=(), ttl=900
    )
    permits = bench.folder / "permits"
    permits.mkdir(exist_ok=True)
    (permits / "all.cedar").write_text("permit (principal, action, resource);")
    tools = msgspec.structs.replace(bench.tools, policy=CedarPolicy(str(permits)))
    return lambda number: void(sign_as(bench.asks(number), who, authority=authority, tools=tools))


@contextmanager
def agent(bench: Bench) -> Iterator[dict[str, str]]:
    socket_ = bench.folder / "agent"
    server = subprocess.Popen(["ssh-agent", "-D", "-a", socket_], stdout=subprocess.DEVNULL)
    try:
        while not socket_.exists():
            time.sleep(0.01)
        environ = {**os.environ, "SSH_AUTH_SOCK": str(socket_)}
        subprocess.run(["ssh-add", "-q", bench.ca], env=environ, check=True)
        yield environ
    finally:
        server.terminate()
        server.wait()


def token(bench: Bench) -> Pkcs11Authority:
    """A SoftHSM token with an ECDSA key, its PIN behind SSH_ASKPASS."""
    folder = bench.folder
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
    askpass = folder / "askpass"
    askpass.write_text(f"#!/bin/sh\necho {PIN}\n")
    askpass.chmod(0o700)
    environ = {**os.environ, "SOFTHSM2_CONF": f"{folder}/softhsm2.conf", "SSH_ASKPASS": str(askpass)}
    for step in (
        f"softhsm2-util --init-token --free --label ca --pin {PIN} --so-pin {PIN}",
        f"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {folder}/key.pem",
        f"softhsm2-util --import {folder}/key.pem --token ca --label ca --id 01 --pin {PIN}",
    ):
        subprocess.run(step.split(), env=environ, check=True, capture_output=True)
    listed = subprocess.run(["ssh-keygen", "-D", SOFTHSM], env=environ, check=True, capture_output=True, text=True)
    return Pkcs11Authority(Pkcs11(library=SOFTHSM, public_key=listed.stdout.splitlines()[0]), environ)


def local_ways(bench: Bench, until_then: ExitStack) -> dict[str, tuple[Way, int]]:
    """Each way, and how many certificates it signs in one round."""
    key = KeyFileAuthority(str(bench.ca))
    ways: dict[str, tuple[Way, int]] = {
        "`ssh-keygen -s`, one process each": (by_script(bench), 40),
        "key file": (signing_alone(bench, key), 1000),
        "key file, `sign_all`": (with_everything(bench, key), 500),
    }
    environ = until_then.enter_context(agent(bench))
    in_agent = AgentAuthority(bench.ca.with_suffix(".pub").read_text(), environ)
    ways["key in ssh-agent (`ssh-keygen -U`)"] = (signing_alone(bench, in_agent), 40)
    if os.path.exists(SOFTHSM):
        ways["key in a SoftHSM token (`ssh-keygen -D`, PIN each time)"] = (signing_alone(bench, token(bench)), 10)
    return ways


# -- at OpenBao -------------------------------------------------------------------------------------------------------


class OneCaller:
    """The port Caller for a workload that has a token."""

    def __init__(self, vault: OpenBao) -> None:
        self._vault = vault

    def credential(self) -> None:
        return None

    def vault(self, token: Secret | None = None) -> OpenBao:
        assert token is None
        return self._vault


def arranged(bench: Bench, embedded: Embedded) -> tuple[OpenBao, str]:
    """The engine, with what `warden apply` makes for the actor; the server as the actor's workload, and its token."""
    admin = connect(embedded.status().address, token=Secret(Path(embedded.personas.token_file("admin")).read_text()))
    found = derive(ACTOR, bench.inventory)
    assert found is not None
    login = found.logins[0]
    for path, body in (
        (f"sys/mounts/{MOUNT}", {"type": "ssh"}),
        (f"{found.mount}/config/ca", {"generate_signing_key": True, "key_type": "ed25519"}),
        (f"{found.mount}/roles/{found.role}", found.fields),
        (f"sys/policies/acl/{found.policy}", {"policy": found.policy_text}),
        (
            str(login.name),
            {
                "role_type": "jwt",
                "user_claim": "sub",
                "bound_subject": "system:serviceaccount:bench:api",
                "bound_audiences": ["openbao"],
                "token_policies": [found.policy],
            },
        ),
    ):
        admin.asked("POST", path, dict(body))
    jwt = embedded.issuer.mint(Workload("bench", "api"), "openbao", 3600)
    entered = admin.enter(jwt_login(login.name.mount, login.name.name, jwt)).token
    return connect(embedded.status().address, token=entered), entered.reveal()


def raw(bench: Bench, address: str, token_: str) -> Way:
    """Prepared bytes over one connection: nothing is parsed but the length of an answer."""
    host, _, port = address.removeprefix("http://").partition(":")
    body = msgspec.json.encode(
        {"public_key": bench.public_key, "valid_principals": "deploy", "cert_type": "user", "ttl": "900s"}
    )
    head = f"POST /v1/{MOUNT}/sign/{ACTOR} HTTP/1.1\r\nHost: {host}:{port}\r\nX-Vault-Token: {token_}\r\n"
    request = f"{head}X-Vault-Request: true\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    connection = socket.create_connection((host, int(port)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def way(number: int) -> None:
        for _ in range(number):
            connection.sendall(request)
            answer = connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200"), answer
            before, _, rest = answer.partition(b"\r\n\r\n")
            length = int(before.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            while len(rest) < length:
                rest += connection.recv(65536)

    return way


def engine(vault: Vault) -> CertificateAuthority:
    assert isinstance(vault, OpenBao)
    return SshEngine(vault, MOUNT)


def at_openbao(bench: Bench, embedded: Embedded) -> dict[str, tuple[Way, int]]:
    vault, token_ = arranged(bench, embedded)
    caller = OneCaller(vault)

    def all_of(number: int) -> None:
        sign_all(bench.asks(number), caller=caller, authority=engine, tools=bench.tools)

    return {
        "raw requests over one connection": (raw(bench, embedded.status().address, token_), BATCH),
        "`SshEngine.sign`": (signing_alone(bench, engine(vault)), BATCH),
        f"`sign_all`, a batch of {BATCH}": (all_of, BATCH),
    }


# -- measuring --------------------------------------------------------------------------------------------------------


def void(_: object) -> None:
    """Nothing."""


def rates(ways: Mapping[str, tuple[Way, int]], rounds: int) -> dict[str, float]:
    """Certificates a second, medians of interleaved rounds: what else the machine does falls on all alike."""
    for way, _ in ways.values():
        way(5)
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (way, number) in ways.items():
            start = time.perf_counter()
            way(number)
            found[name].append(number / (time.perf_counter() - start))
    return {name: statistics.median(each) for name, each in found.items()}


def table(title: str, found: Mapping[str, float], aim: str) -> str:
    base = next(iter(found.values()))
    rows = [f"| {name} | {each:,.0f} | {each / base:.2f} |" for name, each in found.items()]
    return "\n".join([f"| {title} | certificates/s | ratio |", "|---|---|---|", *rows, "", aim])


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as name, ExitStack() as until_then:
        bench = Bench(Path(name))
        local = rates(local_ways(bench, until_then), rounds)
        embedded = Embedded(str(Path(name) / "server"))
        try:
            embedded.up(lambda _: None)
            served = rates(at_openbao(bench, embedded), rounds)
        finally:
            embedded.wipe()
    print(table("on this machine", local, f"Aim of a key file: at least {AIM_LOCAL} times `ssh-keygen -s`."))
    print()
    print(table("OpenBao (raft, audit log)", served, f"Aim of `SshEngine`: at least {AIM_OPENBAO} of the raw rate."))
    print(f"\nMedians of {rounds} interleaved rounds; ed25519 keys, in the token ECDSA P-256.")


if __name__ == "__main__":
    main()
