"""Ask External Secrets Operator for a refresh now, and wait until it was followed: what `sync`, `prove`, `adopt` share.

Any change of an ExternalSecret's annotations makes it read again; that it did is seen in
``status.syncedResourceVersion``, which changes with it. A ``Ready=True`` of before says nothing.
"""

import secrets
import time
from collections.abc import Sequence

from warden.domain.errors import Missing, Refused
from warden.domain.manifests import Manifest, Ref
from warden.domain.seen import Sync
from warden.ports import Cluster

ANNOTATION = "force-sync"
"""The annotation that External Secrets Operator's own documentation forces a refresh with."""

PATIENCE = 20.0
"""Seconds after which nothing can be expected any more: a refresh takes well under one, a retry some."""

HASTE = 0.02
"""Seconds between two looks."""

GRACE = 2.0
"""Seconds in which a failure may still pass: what was applied a moment ago is tried again several times by then."""


def refresh(cluster: Cluster, ref: Ref, patience: float = PATIENCE) -> Sync:
    """Force a refresh of an ExternalSecret and wait. Raises as the port Cluster says."""
    before = cluster.get(ref)
    if before is None:
        return Sync(followed="absent")
    told = {_told_apart(each) for each in _events(cluster, ref)}
    try:
        asked = cluster.patch(ref, {"metadata": {"annotations": {ANNOTATION: secrets.token_hex(8)}}})
    except Missing:
        return Sync(followed="absent")
    return _waited(cluster, ref, asked, told, patience=patience)


def _waited(cluster: Cluster, ref: Ref, asked: Manifest, told: set[str], *, patience: float) -> Sync:
    started, now, failed, failed_at = time.monotonic(), asked, "", 0.0
    while (passed := time.monotonic() - started) < patience:
        if failed and passed - failed_at > GRACE and not _passes(cluster, now, failed):
            break
        time.sleep(HASTE if passed < 1 else HASTE * 5)
        found = cluster.get(ref)
        if found is None:
            return Sync(followed="absent")
        now = found
        if _synced(now) != _synced(asked) and _ready(now):
            return Sync(followed="synced", ms=(time.monotonic() - started) * 1000)
        if not _ready(now) and (new := [each for each in _events(cluster, ref) if _told_apart(each) not in told]):
            failed = str(new[-1].get("message") or new[-1].get("reason") or "it did not say why")
            failed_at = failed_at or passed
    ms = (time.monotonic() - started) * 1000
    if failed:
        return Sync(followed="failed", why=failed, ms=ms)
    why = f"External Secrets Operator left {ref} as it was for {patience:.0f} s; does it run there? {_last_said(now)}"
    return Sync(followed="silent", why=why.strip(), ms=ms)


def _passes(cluster: Cluster, external: Manifest, failed: str) -> bool:
    """Whether what failed is mended: a store that was not ready, and is now, is tried again by the operator itself."""
    if not failed.endswith("is not ready"):
        return False
    named = external["spec"]["secretStoreRef"]
    kind = named.get("kind", "SecretStore")
    namespace = "" if kind == "ClusterSecretStore" else external["metadata"]["namespace"]
    try:
        return _ready(cluster.get(Ref(kind, namespace, named["name"])) or {})
    except Refused:
        return False


def _synced(external: Manifest) -> str:
    return str((external.get("status") or {}).get("syncedResourceVersion") or "")


def _ready(external: Manifest) -> bool:
    conditions = (external.get("status") or {}).get("conditions") or ()
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)


def _last_said(external: Manifest) -> str:
    conditions = (external.get("status") or {}).get("conditions") or ()
    ready = next((each for each in conditions if each.get("type") == "Ready"), None)
    return f"(its last word: {ready.get('reason')} at {ready.get('lastTransitionTime')})" if ready else ""


def _events(cluster: Cluster, ref: Ref) -> Sequence[Manifest]:
    """What was said of the object; who may not see it goes without the reason of a failure."""
    try:
        return cluster.events(ref)
    except Refused:
        return ()


def _told_apart(event: Manifest) -> str:
    """What tells one event from another: a repeated one keeps its name and counts on."""
    series = event.get("series") or {}
    return f"{event['metadata']['name']} {event.get('count') or series.get('count') or 0} {event.get('lastTimestamp')}"
