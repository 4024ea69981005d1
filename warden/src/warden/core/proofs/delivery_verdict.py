"""A verdict on a delivery: what all of them have in common."""

from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.lanes.lane import Stretch
from warden.core.openbao.api import Handed
from warden.core.proofs.delivery_observation import DeliveryObservation, Part
from warden.core.proofs.verdict import DeliveryProbe, Detail, Observation, Verdict
from warden.core.remedies import Remedy
from warden.core.routes.proof_states import Result


def verdict_on(
    target: DeliveryTarget,
    probe: DeliveryProbe,
    result: Result,
    observed: Observation,
    detail: Detail | None = None,
    *,
    line: Handed | None = None,
    subject: str = "",
    version: int = 0,
    ms: float = 0.0,
    remedy: Remedy = (),
    stretch: Stretch = "custody",
) -> Verdict:
    """A verdict; `line` is the audit line that it rests on."""
    return Verdict(
        probe=probe,
        reader=target.label,
        cluster=target.cluster,
        result=result,
        observed=observed,
        subject=subject,
        version=version,
        detail=detail,
        remedy=remedy,
        stretch=stretch,
        audit=line.id if line else "",
        at=line.at if line else "",
        ms=round(ms, 1),
    )


def not_seen(seen: DeliveryObservation, probe: DeliveryProbe, part: Part, subject: str = "") -> Verdict:
    """Inconclusive, since that part could not be observed."""
    return verdict_on(seen.target, probe, "inconclusive", "not-seen", seen.unobserved[part], subject=subject)
