"""Request a refresh from External Secrets Operator and wait until it followed: what `sync`, `prove`, `adopt` share.

Any change of an ExternalSecret's annotations makes it read again; that it did is seen in
``status.syncedResourceVersion``, which changes with it. A ``Ready=True`` of before says nothing.
"""

import secrets
import time
from collections.abc import Sequence

from warden.core.clusters.manifests import Manifest, Ref
from warden.core.errors import Inconclusive, Missing, Refused
from warden.core.proofs.delivery_details import NoReaction
from warden.core.proofs.delivery_observation import Sync
from warden.core.proofs.details import NotServing
from warden.core.unobserved import Unobserved, unobserved
from warden.ports.cluster import Cluster
from warden.ports.vault import Vault

ANNOTATION = "force-sync"
"""The annotation that External Secrets Operator's own documentation forces a refresh with."""

PATIENCE = 20.0
"""Seconds after which nothing can be expected any more: a refresh takes well under one, a retry some."""

HASTE, PAUSE = 0.02, 0.5
"""Seconds between two looks, from the first on and at most: a quarter of what has passed, so that a slow operator costs
a few looks more and not as many more as it is slower."""

GRACE = 2.0
"""Seconds in which a failure may still pass: what was applied a moment ago is tried again several times by then."""

SURE = 2
"""Failures after which it failed: the first may be of a read that was under way when the refresh was asked for."""


def refresh(cluster: Cluster, ref: Ref, patience: float = PATIENCE) -> Sync:
    """Force a refresh of an ExternalSecret and wait. Raises as the port Cluster says."""
    if cluster.get(ref) is None:
        return Sync(followed="absent")
    failures = _Failures(cluster, ref)
    try:
        return _waited(cluster, ref, failures, patience)
    except Missing:
        return Sync(followed="absent")


def openbao_away(vault: Vault) -> Unobserved | None:
    """Why OpenBao gives nobody a value now, so that no refresh can be followed; ``None`` where it answers."""
    system = f"OpenBao {vault.address}"
    try:
        health = vault.health()
    except Inconclusive as fault:
        return unobserved(fault)
    if health.sealed or not health.initialized:
        return Unobserved("sealed", system, NotServing(system, initialized=health.initialized))
    return None


def _request(cluster: Cluster, ref: Ref) -> Manifest:
    return cluster.patch(ref, {"metadata": {"annotations": {ANNOTATION: secrets.token_hex(8)}}})


def _waited(cluster: Cluster, ref: Ref, failures: "_Failures", patience: float) -> Sync:
    now = asked = _request(cluster, ref)
    started, again = time.monotonic(), False
    while (passed := time.monotonic() - started) < patience:
        if failures.failed and passed - failures.since > GRACE and not _will_retry(cluster, now, failures.failed):
            if failures.times >= SURE:
                break
            if not again:  # it failed once: only a read that begins from here on tells whether it still does
                asked, again = _request(cluster, ref), True
        time.sleep(min(max(HASTE, passed / 4), PAUSE))
        found = cluster.get(ref)
        if found is None:
            return Sync(followed="absent")
        now = found
        if _synced(now) != _synced(asked) and _ready(now):
            return Sync(followed="synced", ms=(time.monotonic() - started) * 1000)
        if not _ready(now):
            failures.listen(passed)
    ms = (time.monotonic() - started) * 1000
    if failures.failed:
        return Sync(followed="failed", reply=failures.failed, ms=ms)
    return Sync(followed="silent", silence=_silence(now, patience), ms=ms)


class _Failures:
    """The failures reported of an ExternalSecret since it was looked at first.

    failed  the words of the newest one; empty before the first
    since   when the first one was heard, as `listen` was told
    times   how often something new was heard
    """

    def __init__(self, cluster: Cluster, ref: Ref) -> None:
        self._cluster = cluster
        self._ref = ref
        self._known = {_event_key(each) for each in _failure_events(cluster, ref)}
        self.failed = ""
        self.since = 0.0
        self.times = 0

    def listen(self, passed: float) -> None:
        """Take in what is new after `passed` seconds."""
        new = [each for each in _failure_events(self._cluster, self._ref) if _event_key(each) not in self._known]
        if not new:
            return
        self._known |= {_event_key(each) for each in new}
        self.since = self.since or passed
        self.times += 1
        self.failed = str(new[-1].get("message") or new[-1].get("reason") or "no reason given")


def _will_retry(cluster: Cluster, external: Manifest, failed: str) -> bool:
    """Whether the operator tries again by itself: its store was not ready, and is now."""
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


def _silence(external: Manifest, waited: float) -> NoReaction:
    conditions = (external.get("status") or {}).get("conditions") or ()
    ready: Manifest = next((each for each in conditions if each.get("type") == "Ready"), {})
    return NoReaction(waited, str(ready.get("reason") or ""), str(ready.get("lastTransitionTime") or ""))


def _failure_events(cluster: Cluster, ref: Ref) -> Sequence[Manifest]:
    """Events of the object that are not successes; a caller who may not list events gets no reason for a failure."""
    try:
        return [each for each in cluster.events(ref) if each.get("type") != "Normal"]
    except Refused:
        return ()


def _event_key(event: Manifest) -> str:
    """What distinguishes one event from another: a repeated one keeps its name and counts on."""
    series = event.get("series") or {}
    return f"{event['metadata']['name']} {event.get('count') or series.get('count') or 0} {event.get('lastTimestamp')}"
