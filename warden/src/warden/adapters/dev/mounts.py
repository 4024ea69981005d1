"""OpenBao's auth mounts for clusters: each asks its cluster about every login (TokenReview), over the cluster's TLS."""

from collections.abc import Callable, Sequence

from warden.adapters.dev.cluster import Cluster
from warden.adapters.dev.config import mount_of
from warden.adapters.dev.parts import Door
from warden.core.secret import Secret

Report = Callable[[str], None]


def mounts_in_step(door: Door, token: Secret, clusters: Sequence[Cluster], report: Report) -> None:
    """Have a mount of type ``kubernetes`` for each cluster, configured for where it is now, as the keeper.

    A mount of another type that has the name is replaced, and its roles go with it.
    """
    names = [cluster.name for cluster in clusters]
    found = door.must("GET", "sys/auth", token=token)["data"]
    for cluster in clusters:
        mount = mount_of(cluster.name, names)
        _have(door, token, mount, found.get(f"{mount}/", {}).get("type", ""), report)
        config = {
            "kubernetes_host": cluster.address,
            "kubernetes_ca_cert": cluster.ca,
            "token_reviewer_jwt": cluster.account_token("kube-system", "openbao-reviewer").reveal(),
            "disable_local_ca_jwt": True,
        }
        door.must("POST", f"auth/{mount}/config", config, token)


def _have(door: Door, token: Secret, mount: str, kind: str, report: Report) -> None:
    if kind == "kubernetes":
        return
    if kind:
        door.must("DELETE", f"sys/auth/{mount}", token=token)
        report(
            f"auth/{mount} is a real Kubernetes mount from now on; its former roles are gone: warden apply makes them"
        )
    door.must("POST", f"sys/auth/{mount}", {"type": "kubernetes"}, token)
