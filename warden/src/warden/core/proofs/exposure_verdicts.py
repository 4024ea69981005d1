"""What was observed of a cluster's RBAC -> Verdicts: who reads the Secret, and who could get at it otherwise."""

from collections.abc import Iterable, Iterator, Sequence

from warden.core.clusters.exposure import widest
from warden.core.clusters.kubectl import kubectl
from warden.core.clusters.manifests import Ref
from warden.core.clusters.ways import Bound
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.proofs.delivery_observation import DeliveryObservation
from warden.core.proofs.delivery_verdict import not_seen, verdict_on
from warden.core.proofs.exposure_details import (
    Administered,
    Asked,
    AuthorizersDiffer,
    EndlessTokens,
    ObtainableByOthers,
    ReadableByOthers,
    TokensNotListed,
)
from warden.core.proofs.verdict import Verdict
from warden.core.quoting import name, placeholder
from warden.core.remedies import Remedy

MENDED = 5
"""Bindings that a remedy takes subjects out of at once; the next proof shows the rest."""


def judge_exposure(seen: DeliveryObservation) -> Iterator[Verdict]:
    """Who else reads it, who could get at it, whether RBAC decides that alone, and tokens that do not end."""
    if "exposure" in seen.unobserved:
        yield not_seen(seen, "exposure", "exposure")
        yield not_seen(seen, "indirect", "exposure")
    else:
        yield _readable(seen)
        yield _obtainable(seen)
        yield from _authorizers(seen)
    yield from _tokens(seen)


def _readable(seen: DeliveryObservation) -> Verdict:
    asked, known = seen.exposure.asked, seen.exposure.known
    readable_by = widest(seen.exposure.readable_by)
    if not readable_by:
        return verdict_on(seen.target, "exposure", "ok", "nobody-else", Asked(asked, known))
    detail = ReadableByOthers(readable_by, asked, known)
    remedy = _take_away(seen.target, (bound for each in readable_by for bound in each.bindings))
    return verdict_on(seen.target, "exposure", "wrong", "others", detail, remedy=remedy)


def _obtainable(seen: DeliveryObservation) -> Verdict:
    others = seen.exposure.obtainable_by
    if others:
        remedy = _take_away(seen.target, (bound for each in others for bound in each.bindings))
        return verdict_on(seen.target, "indirect", "wrong", "others", ObtainableByOthers(others), remedy=remedy)
    declared = tuple(sorted(map(str, seen.exposure.administrators)))
    return verdict_on(seen.target, "indirect", "ok", "nobody-else", Administered(declared) if declared else None)


def _authorizers(seen: DeliveryObservation) -> Iterator[Verdict]:
    """Whom another authorizer lets through by names of its own, no list says: that stays open."""
    if found := seen.exposure.disagreements:
        yield verdict_on(seen.target, "authorizer", "inconclusive", "differs", AuthorizersDiffer(found))


def _tokens(seen: DeliveryObservation) -> Iterator[Verdict]:
    reader, found = seen.target.reader.workload, seen.token_secrets
    if found is not None and found.found:
        remedy = tuple(kubectl(seen.target, "delete", each) for each in found.found)
        detail = EndlessTokens(found.account, found.found)
        yield verdict_on(seen.target, "token-secrets", "wrong", "others", detail, remedy=remedy)
    elif found is not None:
        yield verdict_on(seen.target, "token-secrets", "ok", "none")
    elif (away := seen.unobserved.get("token-secrets")) is not None and away.kind != "refused":
        yield verdict_on(seen.target, "token-secrets", "inconclusive", "not-seen", away)
    elif away is not None:
        yield verdict_on(seen.target, "token-secrets", "ok", "not-seen", TokensNotListed(str(reader), reader.namespace))


def _take_away(target: DeliveryTarget, bounds: Iterable[Bound]) -> Remedy:
    """Take subjects out of bindings, of one binding the last one first: the places of the others stay."""
    chosen: Sequence[Bound] = tuple(dict.fromkeys(bounds))[:MENDED]
    return tuple(
        kubectl(target, "remove-subject", each.ref, value=placeholder(name(each.name)), index=each.index)
        for each in sorted(chosen, key=lambda each: (chosen.index(_first(chosen, each.ref)), -each.index))
    )


def _first(bounds: Sequence[Bound], ref: Ref) -> Bound:
    return next(each for each in bounds if each.ref == ref)
