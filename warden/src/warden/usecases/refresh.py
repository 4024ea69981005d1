"""Ask External Secrets Operator for a refresh now, and wait until it was followed: what `sync`, `prove`, `adopt` share.

Any change of an ExternalSecret's annotations makes it read again; that it did is seen in
``status.syncedResourceVersion``, which changes with it. A ``Ready=True`` of before says nothing.
"""

import secrets
import time
from collections.abc import Sequence

from warden.core.clusters.manifests import Manifest, Ref
from warden.core.errors import Inconclusive, Missing, Refused
from warden.core.openbao.api import UNSEAL
from warden.core.proofs.delivery_observation import Sync
from warden.ports.cluster import Cluster
from warden.ports.vault import Vault

ANNOTATION = "force-sync"
"""The annotation that External Secrets Operator's own documentation forces a refresh with."""

PATIENCE = 20.0
"""Seconds after which nothing can be expected any more: a refresh takes well under one, a retry some."""

HASTE = 0.02
"""Seconds between two looks."""

GRACE = 2.0
"""Seconds in which a failure may still pass: what was applied a moment ago is tried again several times by then."""

SURE = 2
"""Failures after which it failed: the first may be of a read that was under way when the refresh was asked for."""

NOT_BLAMED = "That the delivery is wrong is not said by this."
"""What is said of a refresh that was not followed while OpenBao gave no answer."""


def refresh(cluster: Cluster, ref: Ref, patience: float = PATIENCE) -> Sync:
    """Force a refresh of an ExternalSecret and wait. Raises as the port Cluster says."""
    if cluster.get(ref) is None:
        return Sync(followed="absent")
    said = _Said(cluster, ref)
    try:
        return _waited(cluster, ref, said, patience)
    except Missing:
        return Sync(followed="absent")


def no_answer_of(vault: Vault) -> tuple[str, str] | None:
    """Why no refresh could be followed, and what to do, where OpenBao gives no answer now; ``None`` where it does."""
    try:
        health = vault.health()
    except Inconclusive as fault:
        return f"{fault.message.rstrip('.')}, as seen from here too. {NOT_BLAMED}", fault.hint
    if health.sealed or not health.initialized:
        state = "sealed" if health.initialized else "not initialised"
        return f"OpenBao {vault.address} is {state}, so nothing can be read. {NOT_BLAMED}", UNSEAL
    return None


def _ask(cluster: Cluster, ref: Ref) -> Manifest:
    return cluster.patch(ref, {"metadata": {"annotations": {ANNOTATION: secrets.token_hex(8)}}})


def _waited(cluster: Cluster, ref: Ref, said: "_Said", patience: float) -> Sync:
    now = asked = _ask(cluster, ref)
    started, again = time.monotonic(), False
    while (passed := time.monotonic() - started) < patience:
        if said.failed and passed - said.since > GRACE and not _passes(cluster, now, said.failed):
            if said.times >= SURE:
                break
            if not again:  # it failed once: only a read that begins from here on tells whether it still does
                asked, again = _ask(cluster, ref), True
        time.sleep(HASTE if passed < 1 else HASTE * 5)
        found = cluster.get(ref)
        if found is None:
            return Sync(followed="absent")
        now = found
        if _synced(now) != _synced(asked) and _ready(now):
            return Sync(followed="synced", ms=(time.monotonic() - started) * 1000)
        if not _ready(now):
            said.listen(passed)
    ms = (time.monotonic() - started) * 1000
    if said.failed:
        return Sync(followed="failed", why=said.failed, ms=ms)
    why = f"External Secrets Operator left {ref} as it was for {patience:.0f} s; does it run there? {_last_said(now)}"
    return Sync(followed="silent", why=why.strip(), ms=ms)


class _Said:
    """The failures that were told of an ExternalSecret since it was looked at first.

    failed  the words of the newest one; empty before the first
    since   when the first one was heard, as `listen` was told
    times   how often something new was heard
    """

    def __init__(self, cluster: Cluster, ref: Ref) -> None:
        self._cluster = cluster
        self._ref = ref
        self._known = {_told_apart(each) for each in _failures(cluster, ref)}
        self.failed = ""
        self.since = 0.0
        self.times = 0

    def listen(self, passed: float) -> None:
        """Take in what is new after `passed` seconds."""
        new = [each for each in _failures(self._cluster, self._ref) if _told_apart(each) not in self._known]
        if not new:
            return
        self._known |= {_told_apart(each) for each in new}
        self.since = self.since or passed
        self.times += 1
        self.failed = str(new[-1].get("message") or new[-1].get("reason") or "it did not say why")


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


def _failures(cluster: Cluster, ref: Ref) -> Sequence[Manifest]:
    """What was said of the object and is no success; who may not see it goes without the reason of a failure."""
    try:
        return [each for each in cluster.events(ref) if each.get("type") != "Normal"]
    except Refused:
        return ()


def _told_apart(event: Manifest) -> str:
    """What tells one event from another: a repeated one keeps its name and counts on."""
    series = event.get("series") or {}
    return f"{event['metadata']['name']} {event.get('count') or series.get('count') or 0} {event.get('lastTimestamp')}"
