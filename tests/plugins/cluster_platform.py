"""The fixture ``cluster_platform``: an embedded platform with two real clusters, for all programs' tests.

One set for each xdist worker: about 1.4 GB of memory, up in 9 s once the programs are built.
Where WARDEN_TEST_KUBECONFIG names a file, its current context is the only cluster there is: there is one worker, and
tests that need a second cluster, that stop its API server, or that are about control planes of ours, are skipped.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from platform_server import PlatformServer

from warden.adapters.dev import Embedded
from warden.adapters.dev.build import located
from warden.core.lanes.lane import Workload

NAMES = ("coulombcore", "railiance01")
EXTERNAL = os.environ.get("WARDEN_TEST_KUBECONFIG", "")


OURS = pytest.mark.skipif(
    bool(EXTERNAL), reason="about control planes of ours, and WARDEN_TEST_KUBECONFIG names another"
)
"""The mark of tests that are about bringing a control plane up."""


WORKED_ON = ("externalsecrets", "secretstores")
"""What the operator reads again and again for as long as it is there."""


def quietly(_: str) -> None:
    """Takes a line of progress that nobody wants to read."""


class EmbeddedClusterHandle:
    """One running cluster.

    kubeconfig  the file with all clusters' contexts: ``NAME`` is warden's own account, ``NAME-admin`` its administrator
    address     ``https://127.0.0.1:PORT`` of the API server
    auth_mount  the mount of OpenBao where its accounts log in
    cluster     the adapter itself
    """

    def __init__(self, embedded: Embedded, name: str) -> None:
        self.name = name
        self.kubeconfig = embedded.layout.kubeconfig
        self.auth_mount = embedded.auth_mount(name)
        self.cluster = embedded.cluster(name)

    @property
    def address(self) -> str:
        return self.cluster.address

    def admin(
        self, method: str, path: str, body: Any = None, content_type: str = "application/json"
    ) -> tuple[int, dict[str, Any]]:
        """One raw request as the administrator, for what a test arranges or looks at: its status and body."""
        reply = self.cluster.admin().request(method, path, body, headers={"Content-Type": content_type})
        return reply.status, reply.body

    def must(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> dict[str, Any]:
        """`admin` that has to work; its body."""
        status, answer = self.admin(method, path, body, content_type)
        assert status < 300, (method, path, status, answer)
        return answer

    def leave(self, namespace: str) -> None:
        """A test is done with this namespace: end what the operator does there.

        The rest ends with the cluster. To delete a namespace takes its control plane 1.7 s of CPU, as much as
        most tests take; a cluster that is somebody else's is left as it was, all the same.
        """
        if EXTERNAL:
            self.admin("DELETE", f"/api/v1/namespaces/{namespace}")
            return
        for plural in WORKED_ON:
            self.admin("DELETE", f"/apis/external-secrets.io/v1/namespaces/{namespace}/{plural}")

    def token(self, workload: str, *, audience: str = "openbao", ttl: int = 600) -> str:
        """A token of the account ``namespace/name`` as the cluster makes it (TokenRequest, 600 s at least)."""
        namespace, _, account = workload.partition("/")
        return self.cluster.mint(Workload(namespace, account), audience, ttl).reveal()

    def kubectl(self, *argv: str, context: str = "", stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """``kubectl ARGV`` as the administrator, or in another context."""
        where = ["--kubeconfig", self.kubeconfig, "--context", context or f"{self.name}-admin"]
        command = [_kubectl(), *where, *argv]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=60)

    def stop_eso(self) -> None:
        self.cluster.stop("eso")

    def start_eso(self) -> None:
        self.cluster.start("eso", quietly)

    def stop_api(self) -> None:
        if "api" not in self.cluster.COMPONENTS:
            pytest.skip("this API server is not ours to stop")
        self.cluster.stop("api")

    def start_api(self) -> None:
        """With those who watch it: left alone they try again up to a minute later, the longer it was away."""
        for component in ("eso", "controllers"):
            self.cluster.stop(component)
        for component in ("api", "controllers", "eso"):
            self.cluster.start(component, quietly)


def _kubectl() -> str:
    built = located().path("kubectl")
    return built if os.path.exists(built) else shutil.which("kubectl") or built


class Clusters(dict[str, EmbeddedClusterHandle]):
    """The handles by name; a test that asks for one that is not there is skipped."""

    def __missing__(self, name: str) -> EmbeddedClusterHandle:
        pytest.skip(f"WARDEN_TEST_KUBECONFIG names one cluster, and this needs {name}, too")


class ClusterPlatform(PlatformServer):
    """A running embedded platform with clusters: ``clusters[NAME]`` is an `EmbeddedClusterHandle`."""

    def __init__(self, embedded: Embedded) -> None:
        super().__init__(embedded)
        self.clusters = Clusters({name: EmbeddedClusterHandle(embedded, name) for name in embedded.clusters})

    def mint(self, workload: str, *, audience: str = "openbao", ttl: int = 600, cluster: str = NAMES[0]) -> str:  # type: ignore[override]
        """A token of the account ``namespace/name`` of a cluster; the account must be there."""
        return self.clusters[cluster].token(workload, audience=audience, ttl=ttl)

    def stop_openbao(self) -> None:
        self.embedded.stop_openbao()

    def start_openbao(self) -> None:
        self.embedded.start_openbao(quietly)


@pytest.fixture(scope="session")
def cluster_platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterPlatform]:
    """Two clusters and their OpenBao for each xdist worker. Tests share them: use namespaces of your own."""
    embedded = Embedded(str(tmp_path_factory.mktemp("clusters")), kubeconfig=EXTERNAL)
    try:
        embedded.up(quietly, NAMES[:1] if EXTERNAL else NAMES)
        yield ClusterPlatform(embedded)
    finally:
        embedded.wipe()
