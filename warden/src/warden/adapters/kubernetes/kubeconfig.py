"""The clusters that a kubeconfig knows, read by lightkube; and kubeconfigs of our own.

https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
"""

import base64
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec
import yaml
from lightkube.config.kubeconfig import KubeConfig, SingleConfig
from lightkube.config.models import Cluster, Context, User
from lightkube.core.exceptions import ConfigError

from warden.adapters.kubernetes.client import Kubernetes
from warden.core.errors import Effect, UsageError
from warden.core.remedies import SetVariable
from warden.core.secret import Secret


def connect(name: str, context: str, environ: Mapping[str, str]) -> Kubernetes:
    """The cluster of that context, as kubectl finds it: ``KUBECONFIG``, else ``~/.kube/config``.

    ``in-cluster`` is the pod's own service account. Raises `UsageError` if there is no such context, or if it would
    send a credential over a connection that is not verified.
    """
    config = _in_cluster(name) if context == "in-cluster" else _of_context(name, context, environ)
    if config.cluster.insecure or not config.cluster.server.startswith("https://"):
        raise _unusable(
            name, f"context {context} does not verify whom it speaks to (https, no insecure-skip-tls-verify)"
        )
    if config.user is None:
        raise _unusable(name, f"context {context} names no user")
    try:
        return Kubernetes(name, config)
    except (OSError, ValueError, ConfigError) as fault:
        raise _unusable(name, f"the certificates of context {context} cannot be used{_reason(fault)}") from None


def current(path: str) -> SingleConfig:
    """The current context of a kubeconfig file. Raises `UsageError` where there is none, or it names no user."""
    try:
        found = KubeConfig.from_file(path).get()
    except Exception as fault:  # noqa: BLE001 - a file that is not a kubeconfig fails in whatever way its parser has
        raise _no_current_context(path, _reason(fault)) from None
    if found is None or found.user is None or not any(msgspec.to_builtins(found.user).values()):
        raise _no_current_context(path, " (it names no user with a credential)")
    return found


def config(
    name: str, server: str, ca: str, *, token: Secret | None = None, certificate: str = "", key: Secret | None = None
) -> SingleConfig:
    """How a caller reaches a server: by a token, a certificate with its key, or unknown. Certificates are PEM."""
    user = User(
        token=token.reveal() if token else None,
        client_cert_data=_base64(certificate) if certificate else None,
        client_key_data=_base64(key.reveal()) if key else None,
    )
    return SingleConfig(
        context_name=name,
        context=Context(cluster=name, user=name),
        cluster=Cluster(server=server, certificate_auth_data=_base64(ca)),
        user=user,
    )


def authority(config: SingleConfig) -> str:
    """PEM of the authorities that may have signed the server's certificate; empty: the system's."""
    if config.cluster.certificate_auth_data:
        return base64.b64decode(config.cluster.certificate_auth_data).decode()
    if config.cluster.certificate_auth:
        return Path(config.abs_file(config.cluster.certificate_auth)).read_text(encoding="utf-8")
    return ""


def document(contexts: Mapping[str, SingleConfig], current: str) -> str:
    """A kubeconfig file with a context for each name; it holds the credentials and needs mode 0600."""

    def entries(kind: str) -> list[dict[str, object]]:
        return [{"name": name, kind: _absolute(getattr(each, kind), each)} for name, each in contexts.items()]

    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": entries("cluster"),
            "users": entries("user"),
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}} for name in contexts],
            "current-context": current,
        },
        sort_keys=False,
    )


def _absolute(part: Cluster | User, config: SingleConfig) -> dict[str, object]:
    """As it is written, files of another kubeconfig named so that they are found from everywhere."""
    written = msgspec.to_builtins(part)
    for key in ("certificate-authority", "client-certificate", "client-key"):
        if written.get(key):
            written[key] = str(config.abs_file(written[key]))
    return {key: value for key, value in written.items() if value}


def _in_cluster(name: str) -> SingleConfig:
    try:
        found = KubeConfig.from_service_account().get()
    except (OSError, ConfigError):
        found = None
    if found is None:
        raise _unusable(name, "its context is in-cluster, and this is not a pod with a service account")
    return found


def _of_context(name: str, context: str, environ: Mapping[str, str]) -> SingleConfig:
    named = environ.get("KUBECONFIG") or os.path.join(os.path.expanduser("~"), ".kube", "config")
    known: list[str] = []
    for path in filter(None, named.split(os.pathsep)):
        if not os.path.exists(path):
            continue
        try:
            config = KubeConfig.from_file(path)
            known += list(config.contexts)
            if context in config.contexts and (found := config.get(context)):
                return found
        except Exception as fault:  # noqa: BLE001 - as in `current`
            raise _unusable(name, f"{path} is not a valid kubeconfig{_reason(fault)}") from None
    listed = f"there are: {', '.join(known)}" if known else f"no kubeconfig at {named}"
    raise _unusable(name, f"no context {context}; {listed}")


def _unusable(name: str, why: str) -> UsageError:
    return UsageError(
        f"cluster {name} cannot be asked: {why}",
        effect=Effect.NOTHING_ASKED,
        system=f"cluster {name}",
        subject=name,
        hint="name another context in clusters.yaml, or another file",
        remedy=(SetVariable("KUBECONFIG", "FILE"),),
    )


def _no_current_context(path: str, why: str) -> UsageError:
    return UsageError(
        f"{path} is not a kubeconfig with a current context{why}",
        effect=Effect.NOTHING_ASKED,
        system="kubeconfig",
        subject=path,
        hint="its current context has to name a cluster, and a user with a token or a certificate",
    )


def _reason(fault: Exception) -> str:
    """Why, where that is said in words for people."""
    reason = os.strerror(fault.errno).lower() if isinstance(fault, OSError) and fault.errno else ""
    reason = str(fault) if isinstance(fault, ConfigError) else reason
    return f" ({reason})" if reason else ""


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
