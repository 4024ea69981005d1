"""The port CertificateAuthority on each adapter: what comes back is what was decided, for keys of every type."""

import base64
import datetime as dt
import subprocess
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec
import pytest
from ca_keys import SOFTHSM, add, agent, key_file, token
from ssh_keys import hardware_key

from warden.adapters.openbao.ssh_engine import SshEngine
from warden.adapters.ssh.agent_authority import AgentAuthority
from warden.adapters.ssh.certificates import SshCertificates
from warden.adapters.ssh.key_file_authority import KeyFileAuthority
from warden.adapters.ssh.pkcs11_authority import Pkcs11Authority
from warden.core.errors import WardenError
from warden.core.inventory.inventory import (
    Actor,
    Authorities,
    DeclaredAuthority,
    Host,
    Inventory,
    NamedActor,
    NamedHost,
    Pkcs11,
)
from warden.core.inventory.public_keys import public_key
from warden.core.openbao.api import Identity
from warden.core.openbao.ssh_roles import derive
from warden.core.ssh.comparison import differences
from warden.core.ssh.decision import decide
from warden.ports.certificate_authority import CertificateAuthority

READER = SshCertificates()
ACTOR = Actor(
    principals=("deploy", "ops"),
    source_addresses=("10.0.0.0/8", "2001:db8::/32"),
    force_command="deploy --now 'a, b=c'",
    extensions=("permit-pty", "permit-X11-forwarding"),
)
HOST = Host(names=("web", "web.example.org"))
LOCAL = Identity(display_name="ada@laptop", path="", role="", entity="", policies=(), ttl=0)
KEYS: dict[str, Callable[[str], str]] = {
    "ed25519": lambda folder: made(folder, "-t", "ed25519"),
    "rsa-2048": lambda folder: made(folder, "-t", "rsa", "-b", "2048"),
    "ecdsa-256": lambda folder: made(folder, "-t", "ecdsa", "-b", "256"),
    "ecdsa-384": lambda folder: made(folder, "-t", "ecdsa", "-b", "384"),
    "ecdsa-521": lambda folder: made(folder, "-t", "ecdsa", "-b", "521"),
    "sk-ed25519": lambda _: hardware_key("sk-ssh-ed25519@openssh.com"),
    "sk-ecdsa": lambda _: hardware_key("sk-ecdsa-sha2-nistp256@openssh.com"),
}


def made(folder: str, *options: str) -> str:
    """A public key that ssh-keygen makes, with a comment that could be taken for something else."""
    comment = 'ada@laptop",command="rm -rf / ssh-rsa AAAA'
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-C", comment, "-f", f"{folder}/key", *options], check=True)
    with open(f"{folder}/key.pub", encoding="utf-8") as file:
        return file.read()


def dsa_key() -> str:
    """A key of type DSA, which OpenSSH of some years ago certifies: p, q, g and y, each of its length."""
    numbers = [b"\0" + b"\xf1" * 128, b"\0" + b"\xf1" * 20, b"\x41" * 128, b"\x42" * 128]
    blob = b"".join(len(each).to_bytes(4) + each for each in (b"ssh-dss", *numbers))
    return f"ssh-dss {base64.b64encode(blob).decode()}"


class Signing(NamedTuple):
    """An authority, who asks it, and for whom it signs."""

    authority: CertificateAuthority
    who: Identity
    actor: NamedActor
    host: NamedHost


@pytest.fixture
def at_openbao(platform_server, unique) -> Iterator[Signing]:
    """An engine of this test's own, with what `warden apply` derives for the actor and the host."""
    mount, name = unique("ssh"), unique("agt-test")
    declared = DeclaredAuthority(openbao=mount)
    inventory = Inventory(
        authorities=Authorities(users=declared, hosts=declared), actors={name: ACTOR}, hosts={"web": HOST}
    )
    platform_server.must("POST", f"sys/mounts/{mount}", {"type": "ssh"})
    platform_server.must("POST", f"{mount}/config/ca", {"generate_signing_key": True, "key_type": "ed25519"})
    for subject in (name, "web"):
        found = derive(subject, inventory)
        platform_server.must("POST", f"{mount}/roles/{found.role}", dict(found.fields))
    vault = platform_server.vault("admin")
    yield Signing(
        SshEngine(vault, mount),
        vault.identity(),
        NamedActor(name=name, declared=ACTOR),
        NamedHost(name="web", declared=HOST),
    )
    platform_server.must("DELETE", f"sys/mounts/{mount}")


def local(authority: CertificateAuthority) -> Signing:
    return Signing(authority, LOCAL, NamedActor(name="agt-test", declared=ACTOR), NamedHost(name="web", declared=HOST))


@pytest.fixture(scope="module")
def in_a_file(tmp_path_factory) -> Signing:
    return local(KeyFileAuthority(str(key_file(tmp_path_factory.mktemp("file")))))


@pytest.fixture(scope="module")
def in_an_agent(tmp_path_factory) -> Iterator[Signing]:
    folder = tmp_path_factory.mktemp("agent")
    with agent(folder) as environ:
        yield local(AgentAuthority(add(environ, key_file(folder)), environ))


@pytest.fixture(scope="module")
def in_a_token(tmp_path_factory) -> Signing:
    environ, public = token(tmp_path_factory.mktemp("token"))
    return local(Pkcs11Authority(Pkcs11(library=SOFTHSM, public_key=public), environ))


@pytest.fixture(params=["at_openbao", "in_a_file", "in_an_agent", "in_a_token"])
def signing(request) -> Signing:
    return request.getfixturevalue(request.param)


def decided(signing: Signing, line: str, *, host: bool = False, ttl: int = 600):
    """What `warden sign` decides for that key now."""
    key = public_key(READER.public_key(line))
    return decide(signing.host if host else signing.actor, key, signing.who, dt.datetime.now(dt.UTC), ttl)


@pytest.mark.parametrize("kind", KEYS)
def test_what_comes_back_is_what_was_decided(signing, kind, tmp_path):
    spec = decided(signing, KEYS[kind](str(tmp_path)))
    found = READER.parse(signing.authority.sign(spec))
    signs = READER.fingerprint(signing.authority.public_keys()[0])
    assert differences(spec, found, [signs]) == []
    assert found.critical_options == {
        "force-command": "deploy --now 'a, b=c'",
        "source-address": "10.0.0.0/8,2001:db8::/32",
    }
    assert set(found.extensions) == {"permit-pty", "permit-X11-forwarding"}


def test_a_hosts_certificate_is_what_was_decided(signing, tmp_path):
    spec = decided(signing, KEYS["ed25519"](str(tmp_path)), host=True)
    found = READER.parse(signing.authority.sign(spec))
    assert differences(spec, found, [READER.fingerprint(signing.authority.public_keys()[0])]) == []
    assert (found.type, found.principals, found.extensions) == ("host", ("web", "web.example.org"), {})


def test_its_key_is_there(signing):
    signing.authority.expect_key()


def test_each_certificate_has_a_serial_of_its_own(signing, tmp_path):
    spec = decided(signing, KEYS["ed25519"](str(tmp_path)))
    serials = {READER.parse(signing.authority.sign(spec)).serial for _ in range(3)}
    assert len(serials) == 3
    assert 0 not in serials


def test_a_line_is_one_line_without_a_comment(signing, tmp_path):
    line = signing.authority.sign(decided(signing, KEYS["ed25519"](str(tmp_path))))
    assert len(line.split()) == 2
    assert line == line.strip()
    assert "\n" not in line


def test_what_is_not_a_key_that_is_certified_gets_nothing(signing, tmp_path):
    good = decided(signing, KEYS["ed25519"](str(tmp_path)))
    certificate = signing.authority.sign(good)
    bad = ("", "garbage", "ssh-ed25519 AAAA", good.public_key[:-9], certificate, dsa_key(), f"{good.public_key}\nssh")
    for line in bad:
        with pytest.raises(WardenError):
            signing.authority.sign(msgspec.structs.replace(good, public_key=line))


@pytest.mark.parametrize(
    "name", ["adm ada", 'adm-ada" CA', "Ada Lovelace <ada@example.org>", "ада", "-h", "a,b", "a'b`$(id)`"]
)
@pytest.mark.parametrize("where", ["in_a_file", "in_an_agent", "in_a_token"])
def test_a_callers_name_is_in_the_key_id_as_it_is(request, where, name, tmp_path):
    """OpenBao's engine puts the name there by itself."""
    named = request.getfixturevalue(where)._replace(who=msgspec.structs.replace(LOCAL, display_name=name))
    spec = decided(named, KEYS["ed25519"](str(tmp_path)))
    found = READER.parse(named.authority.sign(spec))
    assert found.key_id == spec.key_id
    assert f" {name} " in found.key_id
