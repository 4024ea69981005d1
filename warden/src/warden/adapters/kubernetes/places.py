"""Where each kind of object is in the Kubernetes API (https://kubernetes.io/docs/reference/using-api/api-concepts/)."""

from urllib.parse import quote

from warden.core.clusters.manifests import Ref

PLACES = {
    "Namespace": ("/api/v1", "namespaces"),
    "ServiceAccount": ("/api/v1", "serviceaccounts"),
    "Secret": ("/api/v1", "secrets"),
    "Pod": ("/api/v1", "pods"),
    "Event": ("/api/v1", "events"),
    "ConfigMap": ("/api/v1", "configmaps"),
    "Deployment": ("/apis/apps/v1", "deployments"),
    "StatefulSet": ("/apis/apps/v1", "statefulsets"),
    "DaemonSet": ("/apis/apps/v1", "daemonsets"),
    "ReplicaSet": ("/apis/apps/v1", "replicasets"),
    "Job": ("/apis/batch/v1", "jobs"),
    "CronJob": ("/apis/batch/v1", "cronjobs"),
    "Role": ("/apis/rbac.authorization.k8s.io/v1", "roles"),
    "RoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "rolebindings"),
    "ClusterRole": ("/apis/rbac.authorization.k8s.io/v1", "clusterroles"),
    "ClusterRoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "clusterrolebindings"),
    "SecretStore": ("/apis/external-secrets.io/v1", "secretstores"),
    "ClusterSecretStore": ("/apis/external-secrets.io/v1", "clustersecretstores"),
    "ExternalSecret": ("/apis/external-secrets.io/v1", "externalsecrets"),
    "ClusterExternalSecret": ("/apis/external-secrets.io/v1", "clusterexternalsecrets"),
    "PushSecret": ("/apis/external-secrets.io/v1alpha1", "pushsecrets"),
    "ClusterPushSecret": ("/apis/external-secrets.io/v1alpha1", "clusterpushsecrets"),
    "VaultDynamicSecret": ("/apis/generators.external-secrets.io/v1alpha1", "vaultdynamicsecrets"),
    "ClusterGenerator": ("/apis/generators.external-secrets.io/v1alpha1", "clustergenerators"),
}
"""Kind -> where its API is and what it is called there."""


def path_of(ref: Ref) -> str:
    """Where the object is below the API server's address."""
    return f"{collection(ref.kind, ref.namespace)}/{quote(ref.name, safe='')}"


def collection(kind: str, namespace: str) -> str:
    """Where the objects of a kind are, in one namespace or in all of them."""
    base, plural = PLACES[kind]
    return f"{base}/namespaces/{quote(namespace, safe='')}/{plural}" if namespace else f"{base}/{plural}"


def kind_at(path: str) -> str:
    """The kind that is at a path of the API; empty where it is not one of these."""
    segments = path.split("/")
    return next((kind for kind, (base, plural) in PLACES.items() if path.startswith(base) and plural in segments), "")


def group_version_of(kind: str) -> tuple[str, str, str]:
    """Group (empty for the core's), version and plural name of a kind."""
    base, plural = PLACES[kind]
    group, _, version = base.removeprefix("/apis/").rpartition("/")
    return ("" if base == "/api/v1" else group), version, plural
