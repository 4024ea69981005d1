"""Stores of External Secrets Operator: which OpenBao, and which path of it, an object reads or writes by one.

A path is written as OpenBao's API has it, with its namespace before it: ``team/platform/data/workloads/a``. Sources:
External Secrets Operator v0.20, ``pkg/provider/vault/client_get.go`` (``buildPath``) and ``client_get_all_secrets.go``.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from warden.core.clusters.manifests import Manifest, Reached, Ref, ref_of

STORES = ("SecretStore", "ClusterSecretStore")
_OWN_CLUSTER = re.compile(r"(https://)?kubernetes\.default(\.svc(\.cluster\.local)?)?(:443)?/?")
_ADDRESS = re.compile(r"(https?)://(?:[^/@]*@)?(\[[^\]]*\]|[^/:?#]*)(?::([0-9]+))?")
_PORTS = {"https": "443", "http": "80"}


class Vault(msgspec.Struct, frozen=True, kw_only=True):
    """An OpenBao as a store names it (provider ``vault``).

    ``mount`` is ``None`` where keys begin with their mount; ``kv`` is ``v1`` or ``v2``, ``ca`` as the manifest has it.
    """

    server: str
    namespace: str = ""
    ca: str = ""
    mount: str | None = None
    kv: str = "v2"

    def path(self, key: str) -> str:
        """Where a key is in the API."""
        data = ["data"] if self.kv == "v2" else []
        if self.mount is not None:
            rest = key.removeprefix(f"{self.mount}/")
            if rest != key and data:
                rest = rest.removeprefix("data/")
            return joined(self.namespace, self.mount, *data, rest)
        first, _, rest = key.partition("/")
        return (
            joined(self.namespace, key) if "/data/" in key or not data else joined(self.namespace, first, *data, rest)
        )

    def is_same(self, reached: Reached) -> bool:
        """Whether it is the OpenBao that warden uses: by its address, or by the authorities that verify it."""
        if origin(self.server) == origin(reached.address):
            return True
        return bool(reached.ca) and "".join(self.ca.split()) == reached.ca_bundle


class Store(msgspec.Struct, frozen=True, kw_only=True):
    """A store: of an OpenBao, of a namespace of this cluster (provider ``kubernetes``), or of neither.

    ``login`` is as whom every namespace may use it: an account (``namespace/name``) and a role; empty otherwise.
    """

    ref: Ref
    vault: Vault | None = None
    namespace: str = ""
    labels: Mapping[str, str] = {}
    login: tuple[str, str] = ("", "")


def store_from(manifest: Manifest) -> Store:
    """What a store says of itself."""
    provider = (manifest.get("spec") or {}).get("provider") or {}
    return Store(
        ref=ref_of(manifest),
        vault=vault_from(provider["vault"]) if provider.get("vault") else None,
        namespace=_namespace_of(provider["kubernetes"]) if provider.get("kubernetes") is not None else "",
        labels=manifest["metadata"].get("labels") or {},
        login=_login_of(manifest, provider.get("vault") or {}),
    )


def _login_of(manifest: Manifest, provider: Mapping[str, Any]) -> tuple[str, str]:
    """As whom a store logs in that more than certain namespaces may use."""
    conditions = (manifest.get("spec") or {}).get("conditions") or ()
    certain = conditions and all(each.get("namespaces") and len(each) == 1 for each in conditions)
    if manifest["kind"] != "ClusterSecretStore" or certain:
        return "", ""
    auth = provider.get("auth") or {}
    by = auth.get("kubernetes") or auth.get("jwt") or {}
    account = (by.get("kubernetesServiceAccountToken") or by).get("serviceAccountRef") or {}
    return f"{account.get('namespace') or ''}/{account.get('name') or ''}", str(by.get("role") or "")


def vault_from(provider: Mapping[str, Any]) -> Vault:
    """The OpenBao of a provider ``vault``, which generators have as well."""
    return Vault(
        server=str(provider.get("server") or ""),
        namespace=joined(str(provider.get("namespace") or "")),
        ca=str(provider.get("caBundle") or ""),
        mount=joined(str(provider["path"])) if provider.get("path") is not None else None,
        kv=str(provider.get("version") or "v2"),
    )


def _namespace_of(provider: Mapping[str, Any]) -> str:
    """The namespace that a provider ``kubernetes`` reads; empty where it is of another cluster."""
    server = str((provider.get("server") or {}).get("url") or "kubernetes.default")
    return str(provider.get("remoteNamespace") or "default") if _OWN_CLUSTER.fullmatch(server) else ""


def joined(*parts: str) -> str:
    """A path without empty segments."""
    return "/".join(segment for part in parts for segment in part.split("/") if segment)


def origin(address: str) -> tuple[str, str, str]:
    """Scheme, host and port of an address; the text itself where it is not a valid URL."""
    found = _ADDRESS.match(address.lower())
    if not found:
        return "", address, ""
    scheme, host, port = found.groups()
    return scheme, host, port or _PORTS.get(scheme, "")
