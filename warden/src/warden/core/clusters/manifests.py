"""A delivery's manifests: exactly the Kubernetes objects that it implies, and how each is marked as ours.

What `apply` writes, `plan` compares, and `render` prints for those who apply by GitOps. Every field that the API would
fill with a default is written out, so that a plain comparison with the live object is enough.

Shapes: External Secrets Operator's API ``external-secrets.io/v1`` (SecretStore, ExternalSecret; provider ``vault``),
Kubernetes' ``v1`` and ``rbac.authorization.k8s.io/v1``.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.lanes.lane import PROBE_ACCOUNT, Custody, Workload, WorkloadReader
from warden.core.lanes.readers import Seconds

Manifest = Mapping[str, Any]
"""One Kubernetes object, as JSON has it."""

FIELD_MANAGER = "warden"
MANAGED_BY = {"app.kubernetes.io/managed-by": "ops-warden"}
"""The label that every object of ours bears."""

LANE, READER = "ops-warden/lane", "ops-warden/reader"
"""Annotations: the lane, or the reader, that an object is there for."""

API = {
    "Namespace": "v1",
    "ServiceAccount": "v1",
    "Secret": "v1",
    "Role": "rbac.authorization.k8s.io/v1",
    "RoleBinding": "rbac.authorization.k8s.io/v1",
    "SecretStore": "external-secrets.io/v1",
    "ClusterSecretStore": "external-secrets.io/v1",
    "ExternalSecret": "external-secrets.io/v1",
    "ClusterExternalSecret": "external-secrets.io/v1",
    "PushSecret": "external-secrets.io/v1alpha1",
    "ClusterPushSecret": "external-secrets.io/v1alpha1",
    "VaultDynamicSecret": "generators.external-secrets.io/v1alpha1",
    "ClusterGenerator": "generators.external-secrets.io/v1alpha1",
    "Deployment": "apps/v1",
}
"""Kind -> API version of the objects that warden knows."""


class Ref(msgspec.Struct, frozen=True, order=True):
    """Which object: kind, namespace (empty for one of the whole cluster) and name."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """OpenBao as a cluster reaches it: its address, the authorities that verify it (PEM), its namespace."""

    address: str
    ca: str = ""
    namespace: str = ""

    @property
    def ca_bundle(self) -> str:
        """The authorities as a store has them."""
        return b64encode(self.ca.encode()).decode()


def ref_of(manifest: Manifest) -> Ref:
    """Which object a manifest is."""
    metadata = manifest["metadata"]
    return Ref(manifest["kind"], metadata.get("namespace", ""), metadata["name"])


def external_secret_of(target: DeliveryTarget) -> Ref:
    """The delivery's ExternalSecret."""
    return Ref("ExternalSecret", target.namespace, target.secret)


def store_of(target: DeliveryTarget) -> Ref:
    """The store that the delivery reads from."""
    kind, name = target.store
    return Ref(kind, "" if kind == "ClusterSecretStore" else target.namespace, name)


def secret_of(target: DeliveryTarget) -> Ref:
    """The Secret that is delivered."""
    return Ref("Secret", target.namespace, target.secret)


def manifests(target: DeliveryTarget, reached: Reached, *, namespace: bool = False) -> tuple[Manifest, ...]:
    """Every object of the delivery, in the order in which it is made: the ExternalSecret last.

    `namespace` adds the Secret's own namespace: it is the tenant's, and made only if somebody asked for it.
    """
    return tuple(_manifests(target, reached, namespace=namespace))


def _manifests(target: DeliveryTarget, reached: Reached, *, namespace: bool) -> Iterator[Manifest]:
    account = target.reader.workload
    if namespace:
        yield _object("Namespace", target.namespace)
    if account != target.declared.eso:
        yield _account(account)
        yield from _token_right(account, target.declared.eso)
    yield _object("Namespace", PROBE_ACCOUNT)
    for stranger in strangers(target.reader):
        yield _account(stranger)
    yield _store(target, reached)
    yield external_secret(target)


def strangers(reader: WorkloadReader) -> tuple[Workload, Workload]:
    """Who a negative probe is played as: they differ from the reader in account, or in namespace."""
    home = reader.workload
    return Workload(home.namespace, PROBE_ACCOUNT), Workload(PROBE_ACCOUNT, home.account)


def _object(kind: str, name: str, namespace: str = "", annotations: Mapping[str, str] | None = None) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "labels": dict(MANAGED_BY)}
    if namespace:
        metadata["namespace"] = namespace
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": API[kind], "kind": kind, "metadata": metadata}


def _account(workload: Workload) -> Manifest:
    return _object("ServiceAccount", workload.account, workload.namespace) | {"automountServiceAccountToken": False}


def _token_right(account: Workload, eso: Workload) -> Iterator[Manifest]:
    """External Secrets Operator may ask for tokens of this one account (Kubernetes: TokenRequest)."""
    name, marks = f"openbao-token-{account.account}", {READER: str(account)}
    rule = {
        "apiGroups": [""],
        "resources": ["serviceaccounts/token"],
        "resourceNames": [account.account],
        "verbs": ["create"],
    }
    yield _object("Role", name, account.namespace, marks) | {"rules": [rule]}
    yield _object("RoleBinding", name, account.namespace, marks) | {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": eso.account, "namespace": eso.namespace}],
    }


def _store(target: DeliveryTarget, reached: Reached) -> Manifest:
    ref, reader = store_of(target), target.reader
    account = {"name": reader.workload.account, "audiences": [reader.audience]}
    if ref.kind == "ClusterSecretStore":
        account["namespace"] = reader.workload.namespace
    vault: dict[str, Any] = {
        "server": reached.address,
        "path": target.lane.custody.mount,
        "version": "v2",
        "auth": {"kubernetes": {"mountPath": reader.mount, "role": target.role, "serviceAccountRef": account}},
    }
    if reached.namespace:
        vault["namespace"] = reached.namespace
    if reached.ca:
        vault["caBundle"] = reached.ca_bundle
    spec: dict[str, Any] = {"provider": {"vault": vault}}
    if ref.kind == "ClusterSecretStore":
        spec["conditions"] = [{"namespaces": [target.namespace]}]
    return _object(ref.kind, ref.name, ref.namespace, {READER: str(reader.workload)}) | {"spec": spec}


def external_secret(target: DeliveryTarget, *, creation: str = "Owner") -> dict[str, Any]:
    """The ExternalSecret; with `creation` ``None`` it is read for, and no Secret is touched.

    The template carries the Secret's own annotations: without one, External Secrets Operator copies those of the
    ExternalSecret, and each forced refresh would look like a change of the Secret.
    """
    kind, name = target.store
    marks = {LANE: target.lane.id}
    spec = {
        "refreshInterval": go_duration(target.delivery.refresh),
        "secretStoreRef": {"kind": kind, "name": name},
        "target": {
            "name": target.secret,
            "creationPolicy": creation,
            "deletionPolicy": "Retain",
            "template": {
                "engineVersion": "v2",
                "mergePolicy": "Replace",
                "metadata": {"annotations": marks, "labels": dict(MANAGED_BY)},
            },
        },
        "data": [
            {
                "secretKey": field,
                "remoteRef": {
                    "key": _remote_key(target.lane.custody),
                    "property": field,
                    "conversionStrategy": "Default",
                    "decodingStrategy": "None",
                    "metadataPolicy": "None",
                },
            }
            for field in target.lane.custody.fields
        ],
    }
    return _object("ExternalSecret", target.secret, target.namespace, marks) | {"spec": spec}


def _remote_key(custody: Custody) -> str:
    """The path below the mount; External Secrets Operator takes the mount away once where the path begins like it."""
    return custody.path if custody.key.startswith(f"{custody.mount}/") else custody.key


def go_duration(seconds: Seconds) -> str:
    """Seconds as Go prints a duration: ``1h0m0s``, ``1m30s``, ``45s``; so does External Secrets Operator."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
