"""What is read of a consumer: its pods, and what else its containers take into their environment."""

from collections.abc import Mapping, Sequence

from warden.core.clusters.manifests import Manifest, Ref
from warden.core.clusters.operator_index import selects
from warden.core.errors import Refused
from warden.core.proofs.consumption import takings
from warden.ports.cluster import Cluster

_KINDS = {"configmap": "ConfigMap", "secret": "Secret"}


def selected_pods(cluster: Cluster, namespace: str, deployment: Manifest) -> Sequence[Manifest]:
    """The pods that a Deployment's selector selects. Raises as the port Cluster says."""
    selector = (deployment.get("spec") or {}).get("selector") or {}
    labels = selector.get("matchLabels") or {}
    if not labels and not selector.get("matchExpressions"):
        return ()
    found = cluster.listed("Pod", namespace, labels=labels)
    return [each for each in found if selects(selector, each["metadata"].get("labels") or {})]


def keys_beside(cluster: Cluster, namespace: str, secret: str, deployment: Manifest) -> Mapping[str, frozenset[str]]:
    """The keys of whatever is taken into the environment after the Secret; without those that may not be looked at.

    Of another Secret only the metadata is read, in which the API server has the names of its keys (``managedFields``).
    """
    found: dict[str, frozenset[str]] = {}
    for name in sorted({each for taking in takings(_pod_spec(deployment), secret) for each in taking.after}):
        kind, _, own = name.partition("/")
        try:
            other = cluster.get(Ref(_KINDS[kind], namespace, own)) if kind in _KINDS else None
        except Refused:
            continue
        found[name] = _keys(other) if other is not None else frozenset()
    return found


def _pod_spec(deployment: Manifest) -> Manifest:
    spec: Manifest = ((deployment.get("spec") or {}).get("template") or {}).get("spec") or {}
    return spec


def _keys(other: Manifest) -> frozenset[str]:
    """The names of its keys: of a Secret as the API server recorded who set them."""
    fields = [(each.get("fieldsV1") or {}).get("f:data") or {} for each in other["metadata"].get("managedFields") or ()]
    recorded = frozenset(key.removeprefix("f:") for each in fields for key in each if key.startswith("f:"))
    return recorded | frozenset(other.get("data") or ())
