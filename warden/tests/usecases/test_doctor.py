import datetime as dt
import subprocess

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from free_ports import free_port, refusing_port

from warden.adapters.dev import process, server
from warden.adapters.journal.condition import condition
from warden.adapters.machine.checks import readable
from warden.adapters.openbao.client import OpenBao
from warden.adapters.openbao.endpoint import parse_address
from warden.core.errors import Exit
from warden.core.findings import Finding, JournalFile
from warden.core.openbao.right import Scope
from warden.core.openbao.rights import USUAL, policy_text
from warden.core.remedies import warden
from warden.core.secret import Secret
from warden.present import errors
from warden.present.doctor import described, policy_pipe
from warden.usecases.doctor import Machine, doctor

pytestmark = pytest.mark.real


def here(**changed):
    usual = {
        "source": "BAO_ADDR",
        "tls": False,
        "journal": JournalFile("/j"),
        "platform": "/p",
        "platform_fault": "",
        "audit": "",
        "readable": readable,
    }
    return Machine(**(usual | changed))


def look(vault, verbs=USUAL, **changed):
    return doctor(vault, here(**changed), Scope(), verbs)


def found(diagnosis):
    return {finding.about: finding for finding in diagnosis.findings}


def text(diagnosis, about):
    return described(found(diagnosis)[about])[0]


def hint(diagnosis, about):
    return described(found(diagnosis)[about])[1]


def verdicts(diagnosis):
    return {about: finding.verdict for about, finding in found(diagnosis).items()}


def test_the_platform_engineer_lacks_nothing(platform_server):
    diagnosis = look(platform_server.vault("platform"))
    assert set(verdicts(diagnosis).values()) == {"ok"}
    assert not any(reach.lacking for reach in diagnosis.rights)
    assert all(reach.asked for reach in diagnosis.rights)
    assert diagnosis.exit == Exit.DONE
    assert "userpass-platform · auth/userpass" in text(diagnosis, "identity")
    assert platform_server.audit_file in text(diagnosis, "audit lines")


def test_a_developer_is_told_path_and_capability_of_each_missing_right(platform_server):
    diagnosis = look(platform_server.vault("developer"), ("put", "access"))
    put, access = diagnosis.rights
    assert {right.path: right.capabilities for right in put.lacking} == {
        "sys/mounts/platform": ("read",),
        "platform/metadata/*": ("read",),
        "platform/data/*": ("create", "patch", "update"),
    }
    assert policy_pipe(put) == "warden doctor --policy put | bao policy write warden-put -"
    assert access.lacking == ()
    assert diagnosis.exit == Exit.NO
    assert look(platform_server.vault("developer"), ("access",)).exit == Exit.DONE


def test_who_may_not_look_is_told_so_and_it_is_no_fault(platform_server):
    diagnosis = look(platform_server.vault(platform_server.token_with(policy_text("status"))), ("status",))
    assert verdicts(diagnosis)["probe header"] == "unknown"
    assert verdicts(diagnosis)["audit lines"] == "unknown"
    assert "sudo" in text(diagnosis, "probe header")
    assert diagnosis.exit == Exit.DONE


@pytest.mark.parametrize("token", [None, "s.unknown"])
def test_an_identity_that_is_not_accepted_is_one_plain_finding(platform_server, token):
    diagnosis = look(platform_server.vault(token))
    assert verdicts(diagnosis)["identity"] == "missing"
    assert "log in" in hint(diagnosis, "identity")
    assert not any(reach.asked for reach in diagnosis.rights)
    assert diagnosis.exit == Exit.NO


def test_a_token_that_ends_soon_is_worth_a_word(platform_server):
    token = platform_server.token_with(policy_text("status"), ttl="290s")
    diagnosis = look(platform_server.vault(token), ("status",))
    assert verdicts(diagnosis)["identity"] == "soon"
    assert "4 min left" in text(diagnosis, "identity")
    assert diagnosis.exit == Exit.DONE


def test_a_token_that_was_made_and_not_logged_in_is_described_as_that(platform_server):
    token = platform_server.token_with(policy_text("status"))
    assert "created by another token" in text(look(platform_server.vault(token)), "identity")


@pytest.mark.parametrize(("audit", "verdict"), [("/nowhere/audit.log", "missing"), ("/etc/hostname", "ok")])
def test_where_the_audit_lines_are_read_can_be_named(platform_server, audit, verdict):
    for part in ("platform", "developer"):
        assert verdicts(look(platform_server.vault(part), audit=audit))["audit lines"] == verdict


def test_what_is_wrong_on_this_machine_is_named_with_a_way_out(platform_server, tmp_path):
    broken = condition("/dev/null/journal.db", signing=False)
    fault = broken.fault
    nowhere = {"platform": "", "platform_fault": "none found", "platform_remedy": (warden("init", "DIR"),)}
    diagnosis = look(platform_server.vault("platform"), journal=broken, **nowhere)
    assert verdicts(diagnosis)["journal"] == verdicts(diagnosis)["platform"] == "missing"
    assert hint(diagnosis, "journal") == errors.hint(fault) != ""
    assert "warden init" in hint(diagnosis, "platform")
    assert diagnosis.exit == Exit.NO
    assert condition(str(tmp_path / "not" / "yet" / "journal.db"), signing=False).fault is None
    assert not (tmp_path / "not").exists()


def test_a_journal_that_is_none_is_named(tmp_path):
    (tmp_path / "journal.db").write_text("something else altogether, and long enough to be read as a page " * 99)
    fault = condition(str(tmp_path / "journal.db"), signing=False).fault
    assert str(tmp_path) in fault.problem
    shown = JournalFile(str(tmp_path), fault)
    assert described(Finding("journal", "missing", shown)) == (fault.problem, errors.hint(fault))


def test_an_unregistered_probe_header_is_missing(platform_server):
    registration = "sys/config/auditing/request-headers/X-Lane-Probe"
    platform_server.must("DELETE", registration)
    try:
        diagnosis = look(platform_server.vault("platform"), ("prove",))
    finally:
        platform_server.must("POST", registration, {"hmac": False})
    assert verdicts(diagnosis)["probe header"] == "missing"
    assert hint(diagnosis, "probe header") == f"bao write {registration} hmac=false"
    assert diagnosis.exit == Exit.NO


def test_a_dead_server_is_one_line_and_inconclusive():
    with refusing_port() as port:
        diagnosis = look(OpenBao(parse_address(f"http://127.0.0.1:{port}", "BAO_ADDR"), Secret("x")))
    assert verdicts(diagnosis)["server"] == "missing"
    assert "refused" in text(diagnosis, "server")
    assert "identity" not in found(diagnosis)
    assert diagnosis.exit == Exit.INCONCLUSIVE


@pytest.fixture
def other_server(tmp_path):
    """An OpenBao of another kind, from its configuration: not initialized, not ours."""
    started = []

    def start(listener, scheme):
        port = free_port()
        (tmp_path / "data").mkdir()
        config = tmp_path / "bao.hcl"
        config.write_text(
            f'storage "raft" {{ path = "{tmp_path}/data" node_id = "n" performance_multiplier = "1" }}\n'
            f'cluster_addr = "https://127.0.0.1:1"\napi_addr = "{scheme}://127.0.0.1:{port}"\n'
            f'listener "tcp" {{\n address = "127.0.0.1:{port}"\n cluster_address = "127.0.0.1:0"\n {listener} }}\n'
        )
        with (tmp_path / "log").open("wb") as log:
            command = [server.binary(), "server", f"-config={config}"]
            started.append(subprocess.Popen(command, stdout=log, stderr=log))
        assert process.wait_for(lambda: process.listens(started[-1].pid, port) or None, 20)
        return f"{scheme}://127.0.0.1:{port}"

    yield start
    for each in started:
        each.kill()
        each.wait()


def test_a_server_that_is_sealed_or_not_initialised_is_inconclusive(other_server):
    address = other_server("tls_disable = true", "http")
    vault = OpenBao(parse_address(address, "BAO_ADDR"), Secret("x"))
    diagnosis = look(vault)
    assert "not initialised" in text(diagnosis, "server")
    assert diagnosis.exit == Exit.INCONCLUSIVE
    subprocess.run(
        [server.binary(), "operator", "init", "-key-shares=1", "-key-threshold=1", f"-address={address}"],
        check=True,
        capture_output=True,
    )
    diagnosis = look(vault)
    assert "is sealed" in text(diagnosis, "server")
    assert hint(diagnosis, "server") == "bao operator unseal"
    assert diagnosis.exit == Exit.INCONCLUSIVE


@pytest.fixture
def certificate(tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bao.test")])
    now = dt.datetime.now(dt.UTC)
    alternative = x509.SubjectAlternativeName([x509.DNSName("bao.test")])
    cert = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(alternative, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (tmp_path / "cert.pem").write_bytes(cert.public_bytes(pem))
    no_password = serialization.NoEncryption()
    (tmp_path / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, no_password))
    return tmp_path


def test_tls_is_verified_and_a_wrong_ca_is_a_plain_line(other_server, certificate):
    listener = f'tls_cert_file = "{certificate}/cert.pem"\n tls_key_file = "{certificate}/key.pem"'
    where = parse_address(other_server(listener, "https"), "BAO_ADDR")
    diagnosis = look(OpenBao(where, Secret("x")), tls=True)
    assert "certificate" in text(diagnosis, "server")
    assert "BAO_CACERT" in hint(diagnosis, "server")
    assert diagnosis.exit == Exit.INCONCLUSIVE
    known = msgspec.structs.replace(where, ca_file=f"{certificate}/cert.pem", server_name="bao.test")
    diagnosis = look(OpenBao(known, Secret("x")), tls=True)
    assert "not initialised" in text(diagnosis, "server")
    assert "verified" in text(diagnosis, "transport")


def test_in_a_namespace_the_server_is_asked_where_its_endpoints_are(platform_server):
    platform_server.must("POST", "sys/namespaces/doctor-team", {})
    vault = platform_server.vault("admin")
    inside = OpenBao(vault.endpoint, Secret(platform_server.token("admin")), namespace="doctor-team")
    diagnosis = look(inside)
    assert verdicts(diagnosis) == verdicts(look(vault))
    assert platform_server.audit_file in text(diagnosis, "audit lines")
    assert inside.own_capabilities(["sys/audit", "sys/auth"]) == vault.own_capabilities(["sys/audit", "sys/auth"])
