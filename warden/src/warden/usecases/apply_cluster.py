"""apply, in a cluster: make the objects of one delivery what the lane declares, by server-side apply.

Idempotent, and safe to be killed at any point and run again. The order is the plan's: the account and its right, who
strangers are played as, the store, and the ExternalSecret last: nothing is delivered before all the rest is there.
"""

from collections.abc import Callable

from warden.core.clusters.comparison import ClusterPlan, surplus
from warden.core.clusters.manifests import ref_of
from warden.core.errors import Foreign
from warden.core.openbao.comparison import Change
from warden.ports.cluster import Cluster
from warden.ports.journal import Journal
from warden.usecases.apply import Make, Receipt, carry_out


def apply_cluster(
    plan: Callable[[], ClusterPlan],
    cluster: Cluster,
    journal: Journal,
    *,
    take_over: bool = False,
    done: Callable[[Change], None] = lambda _: None,
) -> Receipt:
    """Carry out what `plan` answers, then ask it again: only a plan with nothing left counts as applied.

    Raises:
        Foreign: something there is not ours, or other managers own a field; the message says what was left.
        Inconclusive: the cluster does not show what was written.
        JournalUnwritable: nothing was changed.
    """
    first = plan()
    expect_ours(first)
    if not first.to_change:
        return Receipt(lane=first.lane, changed=(), record=0)
    who = {"display_name": str(cluster.caller())}
    what = {"cluster": cluster.name, "system": cluster.address, "identity": who}

    def one(change: Change) -> None:
        cluster.apply(change.wanted, force=take_over)
        ref = ref_of(change.wanted)
        rest = surplus(change.wanted, cluster.get(ref) or {}) if change.action == "change" else {}
        if rest:  # nobody else's: the plan refuses those, unless they are taken over
            cluster.patch(ref, rest)

    return carry_out(first, plan, Make(cluster.system, what, one, done), journal)


def expect_ours(plan: ClusterPlan) -> None:
    """Raise `Foreign` where the plan has objects that `apply` must not touch; all of them are named."""
    if not plan.blocked:
        return
    named = "; ".join(f"{change.kind} {change.name}: {change.remark}" for change in plan.blocked)
    raise Foreign(
        f"{named}. Nothing was changed in {plan.cluster}.",
        system=plan.system,
        subject=plan.lane,
        hint=_hint(plan),
    )


def _hint(plan: ClusterPlan) -> str:
    """`adopt` takes a Secret over, or says what to write where it is the lane's already."""
    kinds = [change.kind for change in plan.blocked]
    if mend := next((change.mend for change in plan.blocked if change.mend), ""):
        return mend
    if "Secret" in kinds:
        return f"warden adopt {plan.lane} --cluster {plan.cluster}"
    if kinds == ["Namespace"]:
        return f"warden apply {plan.lane} --create-namespace"
    return f"look first: warden plan {plan.lane}; if they are yours to take: --take-over"
