"""The fixture ``engineer``: somebody at a command line with a platform directory, two clusters and one lane file."""

import base64
import datetime as dt
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pexpect
import pytest
import yaml
from cluster_platform import ClusterPlatform
from loaded_warden import LoadedWarden
from word_names import word_name

WARDEN = str(Path(sys.executable).with_name("warden"))
FIRST, SECOND = "coulombcore", "railiance01"


class Engineer:
    """Runs ``warden`` as a process with an environment of its own.

    lane, tenant  the lane's id and its namespace; ``secret`` is ``tenant/name`` of what is delivered
    value         what ``fill`` puts into its one field, API_KEY
    lane_file     the lane's file; `declare` writes it
    folder        everything that a process of it writes lies below
    """

    def __init__(self, platform: ClusterPlatform, folder: Path, program: LoadedWarden) -> None:
        self.platform = platform
        self.program = program
        self.folder = folder
        self.tenant = word_name()
        self.lane = f"{self.tenant}-key"
        self.secret = f"{self.tenant}/{self.lane}-secret"
        self.name = f"{self.lane}-secret"
        self.value = f"sk-planted-{secrets.token_hex(16)}"
        self.directory = folder / "platform"
        self.lane_file = self.directory / "catalog" / f"{self.lane}.yaml"
        self.journal = folder / "journal.db"
        self._made: list[tuple[str, str]] = []
        self.lane_file.parent.mkdir(parents=True)
        for each in ("home", "tmp"):
            (folder / each).mkdir()
        people = "[auth/userpass/users/admin, auth/userpass/users/platform]"
        (self.directory / "platform.yaml").write_text(f"may_administer: {people}\n")
        self.clusters_file({name: {} for name in platform.clusters})
        self.declare({FIRST: {"external_secret": self.secret}})

    # -- declaring ---------------------------------------------------------------------------------------------------

    def clusters_file(self, clusters: Mapping[str, Mapping[str, object]]) -> None:
        """``clusters.yaml`` with what differs from the usual for each cluster."""
        handles = self.platform.clusters
        written = {
            name: {"context": name, "auth_mount": handles[name].auth_mount if name in handles else f"mount-{name}"}
            | dict(more)
            for name, more in clusters.items()
        }
        (self.directory / "clusters.yaml").write_text(yaml.safe_dump(written))

    def declare(
        self, deliveries: Mapping[str, object], consumers: object = (), name: str = "", account: str = "app"
    ) -> None:
        """The lane's file, or another lane's."""
        lane = name or self.lane
        entry = {
            "lane": lane,
            "title": "A lane of the tests",
            "status": "active",
            "reviewed": dt.datetime.now(dt.UTC).date(),
            "owners": {
                "custody": {"repo": "platform-team", "doc": "docs/openbao.md"},
                "consumer": {"repo": "app-team", "doc": "README.md"},
                "runtime": {"repo": "run-team", "doc": "README.md"},
            },
            "custody": {"path": f"platform/workloads/{self.tenant}/app/{lane}", "fields": ["API_KEY"]},
            "readers": [{"workload": f"{self.tenant}/{account}"}],
            **json.loads(json.dumps({"deliveries": deliveries, "consumers": consumers})),  # no YAML anchors
        }
        (self.directory / "catalog" / f"{lane}.yaml").write_text(yaml.safe_dump(entry, sort_keys=False))

    # -- running -----------------------------------------------------------------------------------------------------

    def env(self, **changed: str) -> dict[str, str]:
        """As ``warden dev env`` says, and nothing of the person who runs the tests; an empty value takes one away."""
        usual = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "tmp"),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "KF_RULE_CACHE_DIR": os.environ["KF_RULE_CACHE_DIR"],
            "WARDEN_PLATFORM": str(self.directory),
            "WARDEN_STATE": self.platform.state,
            "WARDEN_JOURNAL": str(self.journal),
            "WARDEN_AUDIT": self.platform.audit_file,
            "BAO_ADDR": self.platform.address,
            "BAO_CACERT": self.platform.ca,
            "BAO_TOKEN": self.platform.token("platform"),
            "KUBECONFIG": self.platform.clusters[FIRST].kubeconfig,
            "COLUMNS": "100",
        }
        return {name: value for name, value in (usual | changed).items() if value}

    def own_state(self) -> dict[str, str]:
        """No embedded platform is known then: clusters.yaml and KUBECONFIG count, as with servers of others."""
        return {"WARDEN_STATE": str(self.folder / "own-state")}

    def down(self, *clusters: str, port: int = 1) -> dict[str, str]:
        """As if the API servers of these clusters were not there: the kubeconfig leads to where nobody listens."""
        found = yaml.safe_load(Path(self.platform.clusters[FIRST].kubeconfig).read_text())
        dead = {each["context"]["cluster"] for each in found["contexts"] if each["name"] in clusters}
        for each in found["clusters"]:
            if each["name"] in dead:
                each["cluster"]["server"] = f"https://127.0.0.1:{port}"
        path = self.folder / "home" / "down.kubeconfig"
        path.write_text(yaml.safe_dump(found))
        return self.own_state() | {"KUBECONFIG": str(path)}

    def run(self, *argv: str, stdin: str = "", **changed: str) -> "subprocess.CompletedProcess[str]":
        """``warden ARGV``; nothing of it is a terminal. No traceback, whatever it is."""
        done = self.program.run(argv, env=self.env(**changed), cwd=self.folder, stdin=stdin, timeout=90)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def start(self, *argv: str, **changed: str) -> "subprocess.Popen[str]":
        """``warden ARGV`` left running."""
        return subprocess.Popen(
            [WARDEN, *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.env(**changed),
            cwd=self.folder,
        )

    def terminal(self, *argv: str, columns: int = 100, **changed: str) -> "pexpect.spawn[str]":
        """``warden ARGV`` on a terminal."""
        env = self.env(COLUMNS="", TERM="xterm", **changed)
        return pexpect.spawn(
            WARDEN, list(argv), env=env, cwd=str(self.folder), encoding="utf-8", timeout=60, dimensions=(40, columns)
        )

    # -- arranging ---------------------------------------------------------------------------------------------------

    def tenant_in(self, *clusters: str) -> None:
        """The tenant's namespace; it is deleted when the test ends."""
        for cluster in clusters or (FIRST,):
            body = {"metadata": {"name": self.tenant}}
            self.platform.clusters[cluster].admin("POST", "/api/v1/namespaces", body)
            self.forget(cluster)

    def forget(self, cluster: str = FIRST) -> None:
        """Delete the tenant's namespace of that cluster when the test ends."""
        self._made.append((cluster, self.tenant))

    def fill(self, value: str = "") -> None:
        done = self.run("put", self.lane, "API_KEY", stdin=value or self.value)
        assert done.returncode == 0, done.stderr

    def ready(self) -> "Engineer":
        """Applied, filled and delivered."""
        self.tenant_in(*(name for name in self.platform.clusters))
        done = self.run("apply", self.lane)
        assert done.returncode == 0, done.stderr
        self.fill()
        synced = self.run("sync", self.lane)
        assert synced.returncode == 0, synced.stdout
        return self

    def where(self, kind: str, name: str = "") -> str:
        base = {"secrets": "/api/v1", "externalsecrets": "/apis/external-secrets.io/v1"}.get(kind, "/api/v1")
        return f"{base}/namespaces/{self.tenant}/{kind}" + (f"/{name}" if name else "")

    def hand_made(self, value: str, cluster: str = FIRST) -> None:
        """The Secret as people make it: ``kubectl apply``, which leaves a copy in an annotation."""
        self.tenant_in(cluster)
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": self.name, "namespace": self.tenant},
            "stringData": {"API_KEY": value},
        }
        done = self.platform.clusters[cluster].kubectl("apply", "-f", "-", stdin=yaml.safe_dump(body))
        assert done.returncode == 0, done.stderr

    def delivered(self, cluster: str = FIRST) -> str:
        """What the Secret holds now."""
        found = self.platform.clusters[cluster].must("GET", self.where("secrets", self.name))
        return base64.b64decode(found["data"]["API_KEY"]).decode()

    def tidy(self) -> None:
        for cluster, namespace in self._made:
            self.platform.clusters[cluster].leave(namespace)


@pytest.fixture
def engineer(cluster_platform: ClusterPlatform, tmp_path: Path, program: LoadedWarden) -> Iterator[Engineer]:
    """A lane that is declared for the first cluster, and nowhere yet."""
    made = Engineer(cluster_platform, tmp_path, program)
    yield made
    made.tidy()


@pytest.fixture(scope="module")
def ready_engineer(
    cluster_platform: ClusterPlatform, tmp_path_factory: pytest.TempPathFactory, program: LoadedWarden
) -> Iterator[Callable[[], Engineer]]:
    """One lane that is delivered, for the tests of a module that only look at it."""
    made = Engineer(cluster_platform, tmp_path_factory.mktemp("engineer"), program).ready()
    yield lambda: made
    made.tidy()
