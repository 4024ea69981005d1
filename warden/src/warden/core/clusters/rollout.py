"""Whether a Deployment's pods are those of its template: what ``kubectl rollout status`` waits for.

Kubernetes documentation, *Deployments: Deployment status*; the annotation is that of ``kubectl rollout restart``.
"""

from typing import Any, Literal

from warden.core.clusters.manifests import Manifest

RESTARTED = "kubectl.kubernetes.io/restartedAt"

Rollout = Literal["complete", "under-way", "failed"]


def restart_patch(now: str) -> dict[str, Any]:
    """The changes that make a Deployment replace its pods; `now` is ISO 8601."""
    return {"spec": {"template": {"metadata": {"annotations": {RESTARTED: now}}}}}


def rollout_of(deployment: Manifest) -> Rollout:
    """How far the rollout of a Deployment has come."""
    status, wanted = deployment.get("status") or {}, (deployment.get("spec") or {}).get("replicas", 1)
    if (status.get("observedGeneration") or 0) < (deployment["metadata"].get("generation") or 0):
        return "under-way"
    for each in status.get("conditions") or ():
        if each.get("type") == "Progressing" and each.get("reason") == "ProgressDeadlineExceeded":
            return "failed"
    updated, total = status.get("updatedReplicas") or 0, status.get("replicas") or 0
    available = status.get("availableReplicas") or 0
    return "complete" if updated >= wanted and total <= updated and available >= updated else "under-way"
