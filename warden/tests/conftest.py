"""A real OpenBao for every test: the embedded platform itself, one for each xdist worker, in a directory of its own."""

import datetime as dt
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from declared_lanes import declare
from loaded_warden import LoadedWarden
from openbao_state import State, put_back, state_of
from platform_server import PlatformServer, served

from warden.adapters.dev.config import PERSONAS
from warden.core.lanes.lane import Lane

if TYPE_CHECKING:
    import subprocess


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PlatformServer, State]]:
    """One server for each xdist worker, about 3.5 s, and what is on it before the first test."""
    with served(tmp_path_factory.mktemp("state")) as server:
        for persona in PERSONAS:
            server.token(persona)  # logs in
        yield server, state_of(server)


@pytest.fixture(scope="module")
def platform_server(shared_server: tuple[PlatformServer, State]) -> Iterator[PlatformServer]:
    """A server for the module's tests, which share it: use `unique` names.

    What they leave is removed after the last one: who asks for all roles, identities and tokens would wait for it.
    """
    server, untouched = shared_server
    yield server
    put_back(server, untouched)


@pytest.fixture(autouse=True)
def no_way_in_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Take away the policies that a test made: who holds one could reach the lanes of other tests.

    Those of wider fixtures are there before, so they stay: such a fixture makes its own when it is set up, not later.
    """
    shared = next((each for each in ("platform_server", "cluster_platform") if each in request.fixturenames), "")
    if not shared:
        yield
        return
    server: PlatformServer = request.getfixturevalue(shared)
    before = set(server.must("LIST", "sys/policies/acl")["data"]["keys"])
    yield
    for name in set(server.must("LIST", "sys/policies/acl")["data"]["keys"]) - before:
        server.must("DELETE", f"sys/policies/acl/{name}")


@pytest.fixture
def unique() -> Callable[[str], str]:
    """Makes a name that no other test uses: ``unique("lane")`` -> ``lane-3f9a1c04``."""
    return lambda stem: f"{stem}-{secrets.token_hex(4)}"


LANE_FILE = """\
lane: {lane}
title: A lane of the tests
status: active
reviewed: {today}
owners:
  custody: {{repo: platform-team, doc: docs/openbao.md}}
  consumer: {{repo: {tenant}, doc: README.md}}
custody:
  path: platform/workloads/{tenant}/api/{lane}
  fields: [API_KEY, SIGNING_KEY]
readers:
  - workload: {tenant}/api
"""


PLATFORM_FILE = """\
may_administer: [auth/userpass/users/admin, auth/userpass/users/platform]
"""


class LaneWorld:
    """One lane on the real server, filled and with its reader, and ``warden`` to be run at it as a process.

    Names are of this world alone; ``values`` are what the fields hold, ``journal`` is where the journal is.
    """

    def __init__(self, server: PlatformServer, folder: Path, tenant: str, program: LoadedWarden) -> None:
        self.server = server
        self.program = program
        self.folder = folder
        self.tenant = tenant
        self.lane = f"{tenant}-key"
        self.reader = f"{tenant}/api"
        self.path = f"platform/workloads/{tenant}/api/{self.lane}"
        self.values = {"API_KEY": f"key-{secrets.token_hex(12)}", "SIGNING_KEY": f"sign-{secrets.token_hex(12)}"}
        self.journal = folder / "state" / "warden" / "journal.db"
        self.lane_file = folder / "platform" / "catalog" / f"{self.lane}.yaml"
        self.lane_file.parent.mkdir(parents=True)
        (folder / "home").mkdir()
        today = dt.date.today().isoformat()  # noqa: DTZ011 - a date in a file
        (folder / "platform" / "platform.yaml").write_text(PLATFORM_FILE)
        self.lane_file.write_text(LANE_FILE.format(lane=self.lane, tenant=tenant, today=today))
        self._arrange()

    def _arrange(self) -> None:
        """What ``warden apply`` and ``warden put`` do, by hand: these tests are of what comes after."""
        policy = f'path "{self.path.replace("platform/", "platform/data/", 1)}" {{ capabilities = ["read"] }}'
        self.server.must("PUT", f"sys/policies/acl/workload-kv-read-{self.lane}", {"policy": policy})
        role = {
            "role_type": "jwt",
            "user_claim": "sub",
            "bound_subject": f"system:serviceaccount:{self.tenant}:api",
            "bound_audiences": ["openbao"],
            "token_policies": [f"workload-kv-read-{self.lane}"],
            "token_ttl": "15m",
        }
        self.server.must("POST", f"auth/kubernetes/role/workload-{self.tenant}-api", role)
        self.fill(self.values)

    def fill(self, values: Mapping[str, str]) -> None:
        """Write a version with exactly these fields."""
        self.server.overwrite(self.path, values)

    def token(self, workload: str = "", role: str = "") -> str:
        """A token of OpenBao's for the lane's reader, or for another account at another role."""
        body = {"role": role or f"workload-{self.tenant}-api", "jwt": self.server.mint(workload or self.reader)}
        return str(self.server.must("POST", "auth/kubernetes/login", body, token=None)["auth"]["client_token"])

    def env(self, **changed: str) -> dict[str, str]:
        """A user's whole environment; an empty value takes a variable away."""
        env = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder / "home"),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "KF_RULE_CACHE_DIR": os.environ["KF_RULE_CACHE_DIR"],
            "WARDEN_PLATFORM": str(self.folder / "platform"),
            "BAO_ADDR": self.server.address,
        }
        return {name: value for name, value in (env | changed).items() if value}

    def run(self, *argv: str, stdin: str = "", **changed: str) -> "subprocess.CompletedProcess[str]":
        """``warden ARGV`` as a process of its own, with `changed` variables; nothing of it is a terminal."""
        return self.program.run(argv, env=self.env(**changed), cwd=self.folder, stdin=stdin)


@pytest.fixture
def lane_world(
    platform_server: PlatformServer, tmp_path: Path, unique: Callable[[str], str], program: LoadedWarden
) -> LaneWorld:
    """A lane that is declared, applied and filled."""
    # Words: random letters in a path look like a secret to the catalog.
    words = [
        "amber",
        "birch",
        "cedar",
        "delta",
        "ember",
        "fjord",
        "grove",
        "heron",
        "inlet",
        "jetty",
        "knoll",
        "larch",
        "maple",
        "north",
        "ocean",
        "pearl",
    ]
    digits = unique("").lstrip("-")[:6]
    return LaneWorld(platform_server, tmp_path, "-".join(words[int(digit, 16)] for digit in digits), program)


@pytest.fixture
def lane_of() -> Callable[..., Lane]:
    """Declares a lane: ``lane_of("name", readers=...)``."""
    return declare
