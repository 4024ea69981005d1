"""Kubeconfigs of our own: for the embedded platform, and for whoever uses its clusters."""

import base64
from collections.abc import Mapping
from pathlib import Path

from warden.adapters.kubernetes import yaml_documents
from warden.adapters.kubernetes.kubeconfig_format import Access, Cluster, User, data, fields_of
from warden.core.secret import Secret


def config(
    name: str, server: str, ca: str, *, token: Secret | None = None, certificate: str = "", key: Secret | None = None
) -> Access:
    """How a caller reaches a server: by a token, a certificate with its key, or unknown. Certificates are PEM."""
    user = User(
        token=token,
        certificate_data=_base64(certificate),
        key_data=Secret(_base64(key.reveal())) if key else None,
    )
    return Access(context=name, cluster=Cluster(server=server, authority_data=_base64(ca)), user=user)


def authority(access: Access) -> str:
    """PEM of the authorities that may have signed the server's certificate; empty: the system's."""
    if access.cluster.authority_data:
        return data(access.cluster.authority_data).decode()
    if access.cluster.authority_file:
        return Path(access.cluster.authority_file).read_text(encoding="utf-8")
    return ""


def document(contexts: Mapping[str, Access], current: str) -> str:
    """A kubeconfig file with a context for each name; it holds the credentials and needs mode 0600."""
    return yaml_documents.document(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": fields_of(each.cluster)} for name, each in contexts.items()],
            "users": [{"name": name, "user": fields_of(each.user)} for name, each in contexts.items()],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}} for name in contexts],
            "current-context": current,
        }
    )


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
