"""The port CertificateAuthority on a real SSH engine."""

import re
import subprocess
import time

import pytest

from warden.adapters.openbao.ssh_engine import SshEngine
from warden.core.errors import Refused, Unidentified, UsageError
from warden.core.inventory.inventory import CLOCK_SKEW
from warden.core.remedies import warden
from warden.core.ssh.certificate import CertificateSpec, key_id

pytestmark = pytest.mark.real

FORMAT = " {{token_display_name}} {{public_key_hash}}"


@pytest.fixture
def mount(platform_server, unique):
    """An SSH engine of this test's own, with a CA key and a role for an actor and for a host."""
    name = unique("ssh")
    platform_server.must("POST", f"sys/mounts/{name}", {"type": "ssh"})
    platform_server.must("POST", f"{name}/config/ca", {"generate_signing_key": True, "key_type": "ed25519"})
    role = {"key_type": "ca", "max_ttl": 900, "ttl": 900, "not_before_duration": CLOCK_SKEW}
    user = {"allow_user_certificates": True, "allowed_users": "deploy,ops", "key_id_format": f"agt-deploy{FORMAT}"}
    host = {"allow_host_certificates": True, "allow_bare_domains": True, "allowed_domains": "web,web.example.org"}
    platform_server.must("POST", f"{name}/roles/agt-deploy", role | user)
    platform_server.must("POST", f"{name}/roles/host-web", role | host | {"key_id_format": f"web{FORMAT}"})
    yield name
    platform_server.must("DELETE", f"sys/mounts/{name}")


@pytest.fixture
def public_key(tmp_path):
    """A fresh public key, as a line of OpenSSH without a comment."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    return " ".join((tmp_path / "key.pub").read_text().split()[:2])


def spec(public_key, **changed):
    now = int(time.time())
    given = {
        "type": "user",
        "subject": "agt-deploy",
        "public_key": public_key,
        "key_id": "",
        "principals": ("deploy",),
        "valid_after": now - CLOCK_SKEW,
        "valid_before": now + 300,
    }
    return CertificateSpec(**given | changed)


def shown(line, tmp_path):
    """What ssh-keygen reads in a certificate."""
    (tmp_path / "shown.pub").write_text(line)
    return subprocess.run(
        ["ssh-keygen", "-L", "-f", tmp_path / "shown.pub"], check=True, capture_output=True, text=True
    ).stdout


def test_what_was_decided_is_signed(platform_server, mount, public_key, tmp_path):
    vault = platform_server.vault("admin")
    line = SshEngine(vault, mount).sign(spec(public_key, principals=("ops", "deploy")))
    assert "\n" not in line
    found = shown(line, tmp_path)
    assert re.search(r"Principals: \n +deploy\n +ops\n", found)
    assert f'Key ID: "{key_id("agt-deploy", vault.identity().display_name, public_key)}"' in found
    starts, ends = re.search(r"Valid: from (\S+) to (\S+)", found).groups()
    window = time.mktime(time.strptime(ends, "%Y-%m-%dT%H:%M:%S")) - time.mktime(
        time.strptime(starts, "%Y-%m-%dT%H:%M:%S")
    )
    assert window == 300 + CLOCK_SKEW


def test_a_host_is_signed_by_its_own_role(platform_server, mount, public_key, tmp_path):
    host = spec(public_key, type="host", subject="web", principals=("web.example.org", "web"))
    found = shown(SshEngine(platform_server.vault("admin"), mount).sign(host), tmp_path)
    assert "host certificate" in found
    assert 'Key ID: "web userpass-admin ' in found


@pytest.mark.parametrize(
    "changed",
    [{"principals": ("deploy", "root")}, {"principals": ("*",)}, {"type": "host", "subject": "web"}, {"ttl": 901}],
)
def test_the_server_refuses_what_the_role_does_not_allow(platform_server, mount, public_key, changed):
    now = int(time.time())
    changed = {"valid_before": now + changed["ttl"], "valid_after": now - CLOCK_SKEW} if "ttl" in changed else changed
    with pytest.raises(Refused) as refused:
        SshEngine(platform_server.vault("admin"), mount).sign(spec(public_key, **changed))
    assert not refused.value.remedy


def test_a_missing_role_is_to_be_applied(platform_server, mount, public_key):
    with pytest.raises(Refused) as refused:
        SshEngine(platform_server.vault("admin"), mount).sign(spec(public_key, subject="agt-other"))
    assert refused.value.remedy == (warden("apply", "agt-other"),)


def test_a_stranger_gets_nothing(platform_server, mount, public_key):
    engine = SshEngine(platform_server.vault("developer"), mount)
    with pytest.raises(Refused):
        engine.sign(spec(public_key))
    with pytest.raises(Unidentified):
        SshEngine(platform_server.vault("hvs.nobody"), mount).sign(spec(public_key))


def test_the_key_that_signs_comes_first(platform_server, mount):
    engine = SshEngine(platform_server.vault("admin"), mount)
    (first,) = engine.public_keys()
    made = {"generate_signing_key": True, "key_type": "ed25519", "set_default": True}
    second = platform_server.must("POST", f"{mount}/issuers/import/generation-1", made)["data"]["public_key"].strip()
    assert engine.public_keys() == (second, first)


def test_a_mount_without_a_key(platform_server, unique):
    name = unique("ssh")
    platform_server.must("POST", f"sys/mounts/{name}", {"type": "ssh"})
    with pytest.raises(UsageError, match="has no CA key"):
        SshEngine(platform_server.vault("admin"), name).public_keys()
    platform_server.must("DELETE", f"sys/mounts/{name}")
