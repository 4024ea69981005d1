"""How a consumer of a closed lane is stopped and started again: its Deployment, and what is remembered there.

    ops-warden/stopped-for: openrouter-llm-connect     the closed lanes that it was stopped for
    ops-warden/replicas: "3"                           what it had before the first of them

Both stand in the Deployment itself, in the same change that scales it: whoever opens the lane, on any machine, restores
it, and a run that was killed leaves nothing in between.
"""

from collections.abc import Mapping
from typing import Any

from warden.core.clusters.manifests import Manifest

STOPPED_FOR, REPLICAS = "ops-warden/stopped-for", "ops-warden/replicas"
"""Annotations of a Deployment."""


def replicas_of(deployment: Manifest) -> int:
    """How many pods it is to have; Kubernetes makes 1 of nothing."""
    found = (deployment.get("spec") or {}).get("replicas")
    return 1 if found is None else int(found)


def stopped_for(deployment: Manifest) -> tuple[str, ...]:
    """The closed lanes that it was stopped for."""
    return tuple(filter(None, _annotations(deployment).get(STOPPED_FOR, "").split(",")))


def stopping(deployment: Manifest, lane: str) -> Mapping[str, Any] | None:
    """The change (RFC 7396) that stops it for that lane.

    None where it is stopped for it already, or where somebody else scaled it to 0: it stays so when the lane is opened.
    """
    replicas, lanes = replicas_of(deployment), stopped_for(deployment)
    if replicas == 0 and (lane in lanes or not lanes):
        return None
    marks = {STOPPED_FOR: ",".join(sorted({*lanes, lane}))}
    marks |= {REPLICAS: str(replicas)} if replicas else {}
    return {"metadata": {"annotations": marks}, "spec": {"replicas": 0}}


def restoring(deployment: Manifest, lane: str) -> Mapping[str, Any] | None:
    """The change that starts it again as it was, unless another closed lane keeps it stopped.

    None where it was not stopped for that lane. What somebody has scaled up meanwhile keeps the number it has.
    """
    lanes = stopped_for(deployment)
    if lane not in lanes:
        return None
    if rest := [each for each in lanes if each != lane]:
        return {"metadata": {"annotations": {STOPPED_FOR: ",".join(rest)}}}
    changes: dict[str, Any] = {"metadata": {"annotations": {STOPPED_FOR: None, REPLICAS: None}}}
    if replicas_of(deployment) == 0:
        changes["spec"] = {"replicas": remembered(deployment)}
    return changes


def remembered(deployment: Manifest) -> int:
    """The replicas that it had; 1 where that was edited into something that is not a number."""
    text = _annotations(deployment).get(REPLICAS, "")
    return max(1, int(text)) if text.isdecimal() else 1


def _annotations(deployment: Manifest) -> Mapping[str, str]:
    found: Mapping[str, str] = (deployment.get("metadata") or {}).get("annotations") or {}
    return found
