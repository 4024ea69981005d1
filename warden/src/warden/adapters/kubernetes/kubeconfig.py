"""The clusters that a kubeconfig knows, read by lightkube.

https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
"""

import os
from collections.abc import Mapping

from lightkube.config.kubeconfig import KubeConfig, SingleConfig
from lightkube.core.exceptions import ConfigError

from warden.adapters.kubernetes.client import Kubernetes
from warden.core.errors import UsageError


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
        raise _unusable(name, f"the certificates of context {context} cannot be used{_words(fault)}") from None


def _in_cluster(name: str) -> SingleConfig:
    try:
        found = KubeConfig.from_service_account().get()
    except (OSError, ConfigError):
        found = None
    if found is None:
        raise _unusable(name, "its context is in-cluster, and this is no pod with a service account")
    return found


def _of_context(name: str, context: str, environ: Mapping[str, str]) -> SingleConfig:
    named = environ.get("KUBECONFIG") or os.path.join(os.path.expanduser("~"), ".kube", "config")
    seen = []
    for path in filter(None, named.split(os.pathsep)):
        if not os.path.exists(path):
            continue
        try:
            config = KubeConfig.from_file(path)
            seen += list(config.contexts)
            if context in config.contexts and (found := config.get(context)):
                return found
        except Exception as fault:  # noqa: BLE001 - a file that is no kubeconfig fails in whatever way its parser has
            raise _unusable(name, f"{path} is no kubeconfig{_words(fault)}") from None
    known = f"there are: {', '.join(seen)}" if seen else f"no kubeconfig at {named}"
    raise _unusable(name, f"no context {context}; {known}")


def _unusable(name: str, why: str) -> UsageError:
    return UsageError(
        f"cluster {name} cannot be asked: {why}. Nothing was done there.",
        system=f"cluster {name}",
        subject=name,
        hint="export KUBECONFIG=FILE, or name another context in clusters.yaml",
    )


def _words(fault: Exception) -> str:
    """Why, where that is said in words for people."""
    said = os.strerror(fault.errno).lower() if isinstance(fault, OSError) and fault.errno else ""
    said = str(fault) if isinstance(fault, ConfigError) else said
    return f" ({said})" if said else ""
