"""A pod's own way to its cluster: its service account, as the kubelet mounts it (client-go, `rest.InClusterConfig`)."""

import os
from collections.abc import Mapping

from warden.adapters.kubernetes.kubeconfig_format import Access, Cluster, User

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


def in_cluster(environ: Mapping[str, str]) -> Access:
    """Its API server and its token file. Raises `ValueError` where this is not such a pod."""
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT")
    token = os.path.join(ACCOUNT, "token")
    if not host or not port or not os.path.exists(token):
        raise ValueError("this is not a pod with a service account")
    host = f"[{host}]" if ":" in host else host
    cluster = Cluster(server=f"https://{host}:{port}", authority_file=os.path.join(ACCOUNT, "ca.crt"))
    return Access(context="in-cluster", cluster=cluster, user=User(token_file=token))
