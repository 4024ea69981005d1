"""plan: what differs of a whole lane, on OpenBao and in each cluster. Nothing is changed and no value is read."""

from warden.core.changes.protection import protections
from warden.core.errors import WardenError
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.lanes.lane import Lane
from warden.core.openbao.resources import PROTECTED
from warden.core.plans.lane_plan import LaneOptions, LanePlan, Unreached
from warden.core.plans.plan import Plan
from warden.usecases.context import Context
from warden.usecases.steps.orphans import orphans_of
from warden.usecases.targets.of_lane import cluster_target, openbao_target, unreached


def plan(lane: Lane, context: Context, options: LaneOptions) -> LanePlan:
    """Compare every target with what `lane` declares. A closed lane's clusters are left as they are.

    Raises:
        UsageError: a placeholder is left in the lane's path, or an option names a cluster that is not the lane's.
        Inconclusive, Refused: OpenBao could not be asked. A cluster that could not is a part of the answer.
    """
    deliveries = context.deliveries(lane, options)
    target = openbao_target(lane, context, options)
    openbao = target.plan()
    parts: list[Plan | Unreached] = [openbao]
    if not openbao.closed:
        parts += [plan_delivery(each, context, options) for each in deliveries]
    return LanePlan(
        lane=lane.id,
        parts=tuple(parts),
        options=options,
        not_connected=context.not_connected(lane),
        orphans=() if options.custody_only else orphans_of(lane, context),
        closed=openbao.closed,
        protected=tuple(each.said for each in protections(lane, target.custom.get(PROTECTED))),
    )


def plan_delivery(delivery: DeliveryTarget, context: Context, options: LaneOptions) -> Plan | Unreached:
    """One cluster's part, or why it cannot be said."""
    try:
        return cluster_target(delivery, context, options).plan()
    except WardenError as fault:
        return unreached(delivery, context, fault)
