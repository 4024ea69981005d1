"""What was found beside a delivery -> Verdicts: who else takes the value, and where else it is."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from warden.core.clusters.copies import Copy
from warden.core.clusters.manifests import Ref
from warden.core.clusters.operator_index import Link
from warden.core.lanes.delivery_target import DeclaredCluster
from warden.core.proofs import copies_remedies as remedies
from warden.core.proofs.delivery_details import (
    CopiedTo,
    CopiesSought,
    KindsUnlisted,
    NothingDelivered,
    OperatorSearched,
    Replicated,
    TakenBy,
)
from warden.core.proofs.delivery_observation import DeliveryObservation
from warden.core.proofs.delivery_verdict import not_seen, verdict_on
from warden.core.proofs.verdict import Observation, Verdict
from warden.core.quoting import name

MOST = 20
"""Copies that have a verdict of their own; the last one says how many more there are."""
REPLICATORS = (
    "reflector.v1.k8s.emberstack.com/",
    "replicator.v1.mittwald.de/",
    "kubed.appscode.com/",
    "config-syncer.appscode.com/",
)
"""Annotations by which controllers copy a Secret: emberstack/reflector, mittwald/kubernetes-replicator, appscode's
config-syncer (once kubed)."""
_OBSERVED: Mapping[str, Observation] = {
    "reads": "taken",
    "finds": "taken",
    "writes": "written",
    "exports": "exported",
    "fills": "written",
    "opens": "taken",
}


def judge_copies(seen: DeliveryObservation) -> tuple[Verdict, ...]:
    """Every verdict on what there is beside one delivery."""
    if "copies" in seen.unobserved:
        return (not_seen(seen, "taken-elsewhere", "copies"), not_seen(seen, "copies", "copies"))
    return (*_taken(seen), *_copies(seen))


def declared_name(ref: Ref) -> str:
    """An object as ``may_copy`` of clusters.yaml names it."""
    return "/".join(filter(None, (ref.kind, ref.namespace, ref.name)))


def _is_declared(ref: Ref, declared: DeclaredCluster) -> bool:
    return declared_name(ref) in declared.may_copy


# -- who else takes it ------------------------------------------------------------------------------------------------


def _taken(seen: DeliveryObservation) -> Iterator[Verdict]:
    found, declared = seen.copies, seen.target.declared
    others = [each for each in _outermost(found.links) if not _is_declared(each.ref, declared)]
    for link in others:
        detail, remedy = _taken_by(link), remedies.end_link(seen.target, link)
        observed = _OBSERVED[link.effect]
        yield verdict_on(
            seen.target, "taken-elsewhere", "wrong", observed, detail, subject=name(str(link.ref)), remedy=remedy
        )
    keys = replicated_by(seen.secret.metadata) if seen.secret else ()
    if keys:
        remedy = remedies.remove_annotations(seen.target, keys)
        yield verdict_on(seen.target, "taken-elsewhere", "wrong", "replicated", Replicated(keys), remedy=remedy)
    if found.unlisted:
        kinds = KindsUnlisted(tuple(kind for kind, _ in found.unlisted), found.unlisted[0][1])
        yield verdict_on(seen.target, "taken-elsewhere", "inconclusive", "not-seen", kinds)
    elif not others and not keys:
        known = tuple(declared_name(each.ref) for each in found.links if _is_declared(each.ref, declared))
        searched = OperatorSearched(found.listed, tuple(dict.fromkeys(known)))
        yield verdict_on(seen.target, "taken-elsewhere", "ok", "nothing-else", searched)


def _outermost(links: Sequence[Link]) -> Iterator[Link]:
    """Without what another one of them made: that is what has to be mended. One for each object and effect."""
    makers = {(each.ref.kind, each.ref.name) for each in links}
    told = set()
    for link in links:
        made = link.owner is not None and (link.owner.kind, link.owner.name) in makers
        if not made and (link.ref, link.effect) not in told:
            told.add((link.ref, link.effect))
            yield link


def _taken_by(link: Link) -> TakenBy:
    return TakenBy(
        kind=link.ref.kind,
        name=link.ref.name,
        namespace=link.ref.namespace,
        effect=link.effect,
        store=str(link.store or ""),
        managers=link.managers,
        owner=f"{link.owner.kind} {link.owner.name}" if link.owner else "",
    )


def replicated_by(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """The annotations by which a controller copies an object of that metadata."""
    annotations = metadata.get("annotations") or {}
    return tuple(
        sorted(
            key for key, value in annotations.items() if key.startswith(REPLICATORS) and str(value).lower() != "false"
        )
    )


# -- where else it is -------------------------------------------------------------------------------------------------


def _copies(seen: DeliveryObservation) -> Iterator[Verdict]:
    if seen.secret is None:
        unseen = seen.unobserved.get("secret") or NothingDelivered()
        yield verdict_on(seen.target, "copies", "inconclusive", "not-seen", unseen)
        return
    found, declared = seen.copies, seen.target.declared
    others = [each for each in found.copies if not _is_declared(each.ref, declared)]
    for number, copy in enumerate(others[:MOST]):
        more = len(others) - MOST if number == MOST - 1 else 0
        detail, remedy = _copied_to(copy, more), remedies.end_copy(seen.target, copy)
        yield verdict_on(seen.target, "copies", "wrong", "copied", detail, subject=name(str(copy.ref)), remedy=remedy)
    if not others:
        sought = CopiesSought(
            objects=found.searched,
            skipped=found.skipped,
            guessable=found.guessable,
            declared=tuple(declared_name(each.ref) for each in found.copies),
        )
        yield verdict_on(seen.target, "copies", "ok", "nothing-else", sought)


def _copied_to(copy: Copy, more: int) -> CopiedTo:
    return CopiedTo(
        kind=copy.ref.kind,
        name=copy.ref.name,
        namespace=copy.ref.namespace,
        field=copy.field,
        managers=copy.managers,
        owner=f"{copy.owner.kind} {copy.owner.name}" if copy.owner else "",
        more=more,
    )
