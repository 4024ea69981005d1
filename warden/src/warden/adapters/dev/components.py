"""How the programs of one cluster are started: etcd, kube-apiserver, kube-controller-manager, the operator.

Each function answers the whole command line. Flags are those of Kubernetes 1.36, etcd 3.6 and External Secrets
Operator 0.20 (``--help`` of each). There is no kubelet: no pod runs.
"""

import msgspec

from warden.adapters.dev.authority import Authority
from warden.adapters.dev.build import Programs
from warden.adapters.dev.process import Program
from warden.core.remedies import warden

COMPONENTS = ("etcd", "api", "controllers", "eso")
"""The programs of a cluster in the order they are started; ended in reverse."""

TITLES = {
    "etcd": "etcd",
    "api": "kube-apiserver",
    "controllers": "kube-controller-manager",
    "eso": "external-secrets",
}
"""Component -> the program's file name, which is what people know it by, too."""

CONTROLLERS = (
    "namespace-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "root-ca-certificate-publisher-controller",
    "deployment-controller",
    "replicaset-controller",
    "garbage-collector-controller",
    "job-controller",
    "cronjob-controller",
    "clusterrole-aggregation-controller",
)
"""What is of use where no pod runs: accounts and their tokens, collection of what is owned, workloads' objects,
and the rules of the roles that people get most often (``admin``, ``edit``, ``view`` are aggregated)."""


class ClusterFiles(msgspec.Struct, frozen=True, kw_only=True):
    """Where one cluster lives, and the files in there.

    Attributes:
        name: of the cluster, an RFC 1123 label.
        root: its directory, absolute.
        programs: where its programs are as soon as they were built.
        trusted: the file with OpenBao's authority, which the operator is to trust.
    """

    name: str
    root: str
    programs: Programs
    trusted: str

    @property
    def authority(self) -> Authority:
        """The cluster's own authority, and the one certificate that its servers show to each other and to all."""
        return Authority(f"{self.root}/pki")

    @property
    def issuer(self) -> str:
        """The ``iss`` of its service accounts' tokens: the same whatever port it is on; no such host (RFC 2606)."""
        return f"https://{self.name}.cluster.invalid"

    @property
    def signing_key(self) -> str:
        """What signs those tokens."""
        return f"{self.root}/accounts.key"

    @property
    def callers(self) -> str:
        """The callers that are known by a static token: the administrator, and the controllers."""
        return f"{self.root}/callers.csv"

    @property
    def data(self) -> str:
        """The directory that etcd keeps all objects in."""
        return f"{self.root}/etcd"

    @property
    def initialising(self) -> str:
        """Exists from before etcd's first start until it has answered; only then may its data be discarded."""
        return f"{self.root}/initialising"

    @property
    def controllers_kubeconfig(self) -> str:
        """How the controllers reach the API server."""
        return f"{self.root}/controllers.kubeconfig"

    @property
    def eso_kubeconfig(self) -> str:
        """How the operator reaches the API server."""
        return f"{self.root}/eso.kubeconfig"


class Ports(msgspec.Struct, kw_only=True):
    """The loopback ports of one cluster; 0 before one was chosen. ``peer`` is etcd's second, which nobody calls."""

    etcd: int = 0
    peer: int = 0
    api: int = 0
    controllers: int = 0
    eso: int = 0


def program(component: str, files: ClusterFiles, ports: Ports) -> Program:
    """The component as it is started, and found again, with these ports."""
    arguments, environ, mark = {"etcd": _etcd, "api": _api, "controllers": _controllers, "eso": _eso}[component](
        files, ports
    )
    return Program(
        title=f"{TITLES[component]} of {files.name}",
        path=files.programs.path(TITLES[component]),
        arguments=tuple(arguments),
        mark=mark,
        home=files.root,
        log=f"{files.root}/{TITLES[component]}.log",
        environ=environ,
        remedy=(warden("dev up"),),
    )


_Started = tuple[list[str], dict[str, str], str]
"""Arguments, environment, and which of them is the mark."""


def _etcd(files: ClusterFiles, ports: Ports) -> _Started:
    """Both listeners speak TLS and want a certificate of the cluster's authority: everything is in there."""
    pki = files.authority
    client, peer = f"https://127.0.0.1:{ports.etcd}", f"https://127.0.0.1:{ports.peer}"
    mark = f"--data-dir={files.data}"
    certificates = {"cert-file": pki.certificate, "key-file": pki.key, "trusted-ca-file": pki.ca_file}
    arguments = [
        mark,
        "--name=embedded",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=embedded={peer}",
        "--log-level=warn",
        *(f"--{side}{name}={path}" for side in ("", "peer-") for name, path in certificates.items()),
        "--client-cert-auth",
        "--peer-client-cert-auth",
    ]
    return arguments, {}, mark


def _api(files: ClusterFiles, ports: Ports) -> _Started:
    pki = files.authority
    mark = f"--token-auth-file={files.callers}"
    arguments = [
        mark,
        f"--etcd-servers=https://127.0.0.1:{ports.etcd}",
        f"--etcd-cafile={pki.ca_file}",
        f"--etcd-certfile={pki.certificate}",
        f"--etcd-keyfile={pki.key}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={ports.api}",
        f"--tls-cert-file={pki.certificate}",
        f"--tls-private-key-file={pki.key}",
        "--endpoint-reconciler-type=none",
        # Else it waits a minute for watches that nobody ends when it is stopped alone.
        "--shutdown-watch-termination-grace-period=1s",
        "--service-cluster-ip-range=10.0.0.0/24",
        f"--service-account-issuer={files.issuer}",
        f"--service-account-key-file={files.signing_key}",
        f"--service-account-signing-key-file={files.signing_key}",
        # Its own audience only: a token for OpenBao is not taken here.
        f"--api-audiences={files.issuer}",
        "--authorization-mode=RBAC",
        "--anonymous-auth=false",
        # Mounts tokens into pods, and none runs.
        "--disable-admission-plugins=ServiceAccount",
        "--profiling=false",
    ]
    return arguments, {}, mark


def _controllers(files: ClusterFiles, ports: Ports) -> _Started:
    pki = files.authority
    mark = f"--kubeconfig={files.controllers_kubeconfig}"
    arguments = [
        mark,
        "--leader-elect=false",
        "--use-service-account-credentials",
        f"--service-account-private-key-file={files.signing_key}",
        f"--root-ca-file={pki.ca_file}",
        "--bind-address=127.0.0.1",
        f"--secure-port={ports.controllers}",
        f"--tls-cert-file={pki.certificate}",
        f"--tls-private-key-file={pki.key}",
        "--profiling=false",
        f"--controllers={','.join(CONTROLLERS)}",
    ]
    return arguments, {}, mark


def _eso(files: ClusterFiles, ports: Ports) -> _Started:
    """Both store reconcilers are on. SSL_CERT_FILE stands for the authorities that a cluster's image trusts."""
    mark = f"KUBECONFIG={files.eso_kubeconfig}"
    arguments = [
        "--metrics-addr=0",
        f"--live-addr=127.0.0.1:{ports.eso}",
        "--enable-cluster-external-secret-reconciler=false",
        "--enable-push-secret-reconciler=false",
        "--enable-cluster-push-secret-reconciler=false",
        "--store-requeue-interval=5s",
        "--loglevel=info",
        "--zap-time-encoding=rfc3339nano",
    ]
    return arguments, {"KUBECONFIG": files.eso_kubeconfig, "SSL_CERT_FILE": files.trusted}, mark
