"""OpenBao's auth mounts for clusters: each asks its cluster about every login (TokenReview), over the cluster's TLS."""

from collections.abc import Callable, Sequence

from warden.adapters.dev.cluster import Cluster
from warden.adapters.dev.config import mount_of
from warden.adapters.openbao.client import OpenBao

Report = Callable[[str], None]


def configure_auth_mounts(admin: OpenBao, clusters: Sequence[Cluster], report: Report) -> None:
    """Have a mount of type ``kubernetes`` for each cluster, configured for where it is now.

    A mount of another type that has the name is replaced, and its roles go with it.
    """
    names = [cluster.name for cluster in clusters]
    for cluster in clusters:
        mount = mount_of(cluster.name, names)
        _mount_kubernetes(admin, mount, report)
        admin.configure_auth(
            mount,
            {
                "kubernetes_host": cluster.address,
                "kubernetes_ca_cert": cluster.ca,
                "token_reviewer_jwt": cluster.account_token("kube-system", "openbao-reviewer").reveal(),
                "disable_local_ca_jwt": True,
            },
        )


def _mount_kubernetes(admin: OpenBao, mount: str, report: Report) -> None:
    kind = admin.auth_type(mount)
    if kind == "kubernetes":
        return
    if kind:
        admin.disable_auth(mount)
        report(f"auth/{mount} is a real Kubernetes mount from now on; `warden apply` creates its roles again")
    admin.enable_auth(mount, "kubernetes")
