"""`access` as somebody who is not a pod: a job of a CI system, an AppRole, the holder of a certificate."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from platform_server import PlatformServer
from warden.tests.conftest import LaneWorld

from warden.adapters.dev import Embedded, state
from warden.adapters.dev.server import Server
from warden.core.lanes.readers import GithubReader, GitlabReader, accepted_claims

pytestmark = pytest.mark.real

SHOW = (
    "import os; print(*(os.environ.get(f'{each}') for each in ('API_KEY', 'WARDEN_ID_TOKEN', 'WARDEN_SECRET_ID_FILE')))"
)


def declare(world: LaneWorld, *readers: str) -> None:
    head = world.lane_file.read_text().partition("readers:")[0]
    world.lane_file.write_text(head + "readers:\n" + "".join(f"  - {each}\n" for each in readers))
    done = world.run("apply", world.lane, "--take-over", "--yes", BAO_TOKEN=world.server.token("platform"))
    assert done.returncode == 0, done.stderr


def use(world: LaneWorld, *options: str, **env: str):
    return world.run("access", world.lane, *options, "--", "python3", "-c", SHOW, **env)


def job(world: LaneWorld, mount: str, reader, **changed: str) -> str:
    claims = accepted_claims(reader) | changed
    return world.server.issuer.job(mount, claims, "openbao", 300).reveal()


def test_a_job_of_github_reads_with_its_token_and_does_not_hand_it_on(lane_world):
    reader = GithubReader(github=f"acme/{lane_world.tenant}", branch="main")
    declare(lane_world, f"github: {reader.github}\n    branch: main")
    done = use(lane_world, WARDEN_ID_TOKEN=job(lane_world, "github", reader))
    assert done.stdout.split() == [lane_world.values["API_KEY"], "None", "None"], done.stderr
    file = lane_world.folder / "token"
    file.write_text(job(lane_world, "github", reader))
    assert use(lane_world, "--token-file", str(file)).returncode == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"ref": "refs/heads/other"},
        {"ref": "refs/pull/1/merge"},
        {"repository": "stranger/deploy"},
        {"event_name": "pull_request_target"},
    ],
)
def test_another_job_is_not_even_sent(lane_world, changed):
    reader = GitlabReader(gitlab=f"acme/{lane_world.tenant}", branch="main")
    github = GithubReader(github=f"acme/{lane_world.tenant}", branch="main")
    declare(lane_world, f"github: {github.github}\n    branch: main", f"gitlab: {reader.gitlab}\n    branch: main")
    done = use(lane_world, WARDEN_ID_TOKEN=job(lane_world, "github", github, **changed))
    assert done.returncode == 125
    assert "is for github acme/" in done.stderr
    assert lane_world.values["API_KEY"] not in done.stdout + done.stderr
    sound = use(lane_world, WARDEN_ID_TOKEN=job(lane_world, "gitlab", reader))
    assert sound.stdout.split()[0] == lane_world.values["API_KEY"]


def test_an_approle_reads_with_its_secret_id_from_a_file(lane_world):
    declare(lane_world, f"approle: {lane_world.tenant}")
    role = f"auth/approle/role/{lane_world.tenant}"
    role_id = lane_world.server.must("GET", f"{role}/role-id")["data"]["role_id"]
    file = lane_world.folder / "secret-id"
    file.write_text(lane_world.server.must("POST", f"{role}/secret-id", {})["data"]["secret_id"] + "\n")
    done = use(lane_world, "--role-id", role_id, "--secret-id-file", str(file))
    assert done.stdout.split() == [lane_world.values["API_KEY"], "None", "None"], done.stderr
    again = use(lane_world, WARDEN_ROLE_ID=role_id, WARDEN_SECRET_ID_FILE=str(file))
    assert again.stdout.split()[:2] == [lane_world.values["API_KEY"], "None"]
    assert file.read_text().strip() not in again.stdout
    half = use(lane_world, "--secret-id-file", str(file))
    assert (half.returncode, "needs both its RoleID" in half.stderr) == (125, True)
    file.write_text("wrong")
    wrong = use(lane_world, "--role-id", role_id, "--secret-id-file", str(file))
    assert (wrong.returncode, "invalid role or secret ID" in wrong.stderr) == (125, True)


def test_an_approle_of_another_lane_is_not_a_reader(lane_world, unique):
    other = unique("other")
    declare(lane_world, f"approle: {lane_world.tenant}")
    server = lane_world.server
    server.must("POST", f"auth/approle/role/{other}", {"token_policies": [f"workload-kv-read-{lane_world.lane}"]})
    role_id = server.must("GET", f"auth/approle/role/{other}/role-id")["data"]["role_id"]
    file = lane_world.folder / "secret-id"
    file.write_text(server.must("POST", f"auth/approle/role/{other}/secret-id", {})["data"]["secret_id"])
    done = use(lane_world, "--role-id", role_id, "--secret-id-file", str(file), "--json")
    assert json.loads(done.stderr)["kind"] == "not-a-reader"


def test_doctor_asks_for_the_rights_that_the_declared_readers_need(lane_world):
    declare(lane_world, f"approle: {lane_world.tenant}")
    done = lane_world.run("doctor", "--json", "--for", "prove", BAO_TOKEN=lane_world.server.token("developer"))
    (prove,) = json.loads(done.stdout)["reaches"]
    missing = {each["path"]: each["optional"] for each in prove["missing"]}
    assert missing["auth/approle/role/+/role-id"] is False
    assert missing["auth/approle/role/+/secret-id"] is True


# -- certificates: on a server that speaks TLS ------------------------------------------------------------------------


class Tls:
    """An OpenBao that speaks TLS, an authority of clients, and one of strangers."""

    def __init__(self, folder: Path) -> None:
        layout = state.layout(str(folder / "dev"))
        state.make_private(layout.root)
        self.server = Server(layout, None, tls=True)
        self.server.bring_up(lambda _: None)
        self.layout = layout
        self.ours, self.theirs = trustme.CA(), trustme.CA()

    def issue(self, folder: Path, name: str, authority: trustme.CA | None = None) -> str:
        made = (authority or self.ours).issue_cert(name, common_name=name)
        file = folder / f"{name}-{secrets.token_hex(2)}.pem"
        file.write_bytes(made.private_key_pem.bytes() + made.cert_chain_pems[0].bytes())
        return str(file)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tls]:
    found = Tls(tmp_path_factory.mktemp("tls"))
    yield found
    found.server.stop()


class TlsServer(PlatformServer):
    """What tests hold of it, as of an embedded platform."""

    def __init__(self, tls: Tls) -> None:
        home = str(Path(tls.layout.root).parent)
        self.embedded = Embedded(home)
        self.address, self.ca, self.state = tls.server.address, tls.server.ca_file, home
        self.audit_file = tls.layout.audit_file
        self.issuer = self.embedded.issuer
        self._admin = tls.server.admin()
        self._tokens = {"admin": self._admin._token.reveal()}


@pytest.fixture
def secured(tls, tmp_path, unique, program):
    """A lane whose reader is a certificate, on that server."""
    server = TlsServer(tls)
    server.call("POST", "sys/auth/kubernetes", {"type": "jwt"})
    name = "".join(each for each in unique("lane") if each.isalpha() or each == "-") + "x"
    world = LaneWorld.__new__(LaneWorld)
    world._arrange = lambda: None
    LaneWorld.__init__(world, server, tmp_path, name, program)
    (tmp_path / "platform" / "clients.pem").write_bytes(tls.ours.cert_pem.bytes())
    world.reader_name = f"{name}.example.com"
    head = world.lane_file.read_text().partition("readers:")[0]
    world.lane_file.write_text(f"{head}readers:\n  - certificate: {world.reader_name}\n    ca: clients.pem\n")
    env = {"BAO_TOKEN": server.token("admin"), "BAO_CACERT": server.ca}
    done = world.run("apply", world.lane, **env)
    assert done.returncode == 0, done.stderr
    world.fill(world.values)
    world.admin = env
    return world


def test_who_shows_the_certificate_reads(secured, tls, tmp_path):
    mine = tls.issue(tmp_path, secured.reader_name)
    done = use(secured, BAO_CACERT=secured.server.ca, BAO_CLIENT_CERT=mine, BAO_CLIENT_KEY=mine)
    assert done.stdout.split()[0] == secured.values["API_KEY"], done.stderr
    for file in (
        tls.issue(tmp_path, "other.example.com"),
        tls.issue(tmp_path, secured.reader_name, tls.theirs),
    ):
        refused = use(secured, BAO_CACERT=secured.server.ca, BAO_CLIENT_CERT=file, BAO_CLIENT_KEY=file)
        assert refused.returncode == 125
        assert "refused the login at auth/cert" in refused.stderr


def test_a_reader_by_certificate_is_proven_with_it_and_needs_its_holder_without(secured, tls, tmp_path):
    mine, other = tls.issue(tmp_path, secured.reader_name), tls.issue(tmp_path, "other.example.com")
    audit = ("--audit", secured.server.audit_file, "--json")
    without = json.loads(secured.run("prove", secured.lane, *audit, **secured.admin).stdout)
    words = {each["probe"]: each["word"] for each in without["verdicts"] if each["reader"].startswith("certificate")}
    assert words == {"role": "ok", "other-authority": "ok", "no-certificate": "ok", "member": "??"}
    done = secured.run("prove", secured.lane, "--certificate", mine, "--certificate", other, *audit, **secured.admin)
    proof = json.loads(done.stdout)
    assert proof["state"] == "proven", [each for each in proof["verdicts"] if each["word"] != "ok"]
    assert {"reads", "writes", "other-name"} <= {each["probe"] for each in proof["verdicts"]}


def test_a_role_that_accepts_every_certificate_is_refuted(secured, tls, tmp_path):
    role = f"auth/cert/certs/certificate-{secured.reader_name}"
    fields = secured.server.must("GET", role)["data"] | {"allowed_names": []}
    secured.server.must("POST", role, {key: each for key, each in fields.items() if each is not None})
    other = tls.issue(tmp_path, "other.example.com")
    done = secured.run(
        *("prove", secured.lane, "--certificate", other, "--audit", secured.server.audit_file, "--json"),
        **secured.admin,
    )
    words = {each["probe"]: each["word"] for each in json.loads(done.stdout)["verdicts"]}
    assert (words["role"], words["other-name"]) == ("FAIL", "FAIL")
