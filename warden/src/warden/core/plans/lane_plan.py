"""A whole lane: OpenBao and every cluster it is delivered to, planned and applied as one.

An actor or a host of the inventory, which has nothing in clusters, has the same plan and receipt.
"""

from collections.abc import Iterable
from typing import Literal

import msgspec

from warden.core.errors import Exit, UsageError, WardenError
from warden.core.lanes.lane import KvPath
from warden.core.plans.plan import Change, Plan, Receipt, System
from warden.core.remedies import Remedy, RunWarden, warden

Kind = Literal["lane", "actor", "host"]
"""What a plan or a receipt is of."""


class LaneOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of a lane is meant, and how far `apply` may go.

    Attributes:
        clusters: only the deliveries to these; empty for all of them.
        custody_only: OpenBao alone.
        create_namespace: the tenant's namespace, too, where it is missing.
        take_over: objects of our names that are not marked as ours are ours.
        yes: removing access and taking over need no further consent.
        agreed: the changes that were agreed to, by their `consent_key`.
    """

    clusters: tuple[str, ...] = ()
    custody_only: bool = False
    create_namespace: bool = False
    take_over: bool = False
    yes: bool = False
    agreed: frozenset[tuple[str, str, str]] = frozenset()


class Unreached(msgspec.Struct, frozen=True):
    """A target that could not be asked, and why."""

    system: System
    fault: WardenError


class NotConnected(msgspec.Struct, frozen=True):
    """Clusters that the lane is delivered to and that were not looked at: nothing here names them.

    ``embedded``: the embedded platform has none of that name; otherwise clusters.yaml does not declare them.
    """

    clusters: tuple[str, ...] = ()
    embedded: bool = False


class Orphan(msgspec.Struct, frozen=True, kw_only=True):
    """An ExternalSecret that an earlier declaration made and that is still there; ``context`` is of a kubeconfig."""

    cluster: str
    context: str
    namespace: str
    name: str


class LanePlan(msgspec.Struct, frozen=True, kw_only=True):
    """What differs of a whole lane.

    ``lane`` is its id, or the name of what ``kind`` says. ``parts`` begins with OpenBao; it is all of them where the
    lane is ``closed``. ``protected`` is who has to approve a change, as its marks say it: ``2 of alice, bob``.
    """

    lane: str
    parts: tuple[Plan | Unreached, ...]
    options: LaneOptions
    not_connected: NotConnected = NotConnected()
    orphans: tuple[Orphan, ...] = ()
    closed: bool = False
    protected: tuple[str, ...] = ()
    kind: Kind = "lane"

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The targets that could be asked."""
        return tuple(part for part in self.parts if isinstance(part, Plan))

    @property
    def unreached(self) -> tuple[Unreached, ...]:
        """The targets that could not."""
        return tuple(part for part in self.parts if isinstance(part, Unreached))

    @property
    def to_change(self) -> int:
        """How many objects differ."""
        return sum(len(plan.to_change) for plan in self.plans)

    @property
    def blocked(self) -> int:
        """How many of them `apply` refuses to touch."""
        return sum(len(plan.blocked) for plan in self.plans)

    @property
    def as_declared(self) -> int:
        """How many objects do not differ."""
        return sum(len(plan.changes) for plan in self.plans) - self.to_change

    @property
    def former_paths(self) -> tuple[KvPath, ...]:
        """KV paths that were the lane's before."""
        return tuple(path for plan in self.plans for path in plan.former_paths)

    @property
    def exit(self) -> Exit:
        """In sync, different, or not known."""
        return worst([*map(exit_of, self.unreached), *([Exit.NO] if self.to_change else [])])

    @property
    def next(self) -> RunWarden:
        """The command that does what was planned, with the consent that it needs; or asks for its approval."""
        if self.protected:
            creates = any(each.kind == "metadata" and each.action == "create" for each in self.plans[0].to_change)
            return warden(
                "change new",
                self.lane,
                type="create" if creates else "change",
                cluster=self.options.clusters,
                custody_only=self.options.custody_only,
                create_namespace=self.options.create_namespace,
                take_over=self.options.take_over,
            )
        return apply_again(self.lane, self.options, yes=bool(needing_consent(self.plans, self.options)))


class ApprovedBy(msgspec.Struct, frozen=True, kw_only=True):
    """The change request under which a protected lane was changed: its id, what it asked for, and who approved it."""

    request: str
    request_type: str
    digest: str
    approvers: tuple[str, ...]


class LaneReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What was done of a whole lane. ``next`` comes after it; ``closed`` lanes are left alone in their clusters.

    ``approved`` is of a protected lane, where something was changed.
    """

    lane: str
    parts: tuple[Receipt | Unreached, ...]
    by_hand: tuple[Plan, ...] = ()
    not_connected: NotConnected = NotConnected()
    orphans: tuple[Orphan, ...] = ()
    former_paths: tuple[KvPath, ...] = ()
    closed: bool = False
    approved: ApprovedBy | None = None
    next: Remedy = ()
    kind: Kind = "lane"

    @property
    def receipts(self) -> tuple[Receipt, ...]:
        """The targets on which all is as declared now."""
        return tuple(part for part in self.parts if isinstance(part, Receipt))

    @property
    def unreached(self) -> tuple[Unreached, ...]:
        """The targets on which it is not known, or not done."""
        return tuple(part for part in self.parts if isinstance(part, Unreached))

    @property
    def changed(self) -> int:
        """How many objects were changed."""
        return sum(len(receipt.changed) for receipt in self.receipts)

    @property
    def record(self) -> int:
        """The last record in the journal, 0 where nothing was to do."""
        return max((receipt.record for receipt in self.receipts), default=0)

    @property
    def exit(self) -> Exit:
        """Done, or the worst that kept a target from it."""
        return worst(map(exit_of, self.unreached))


class ConsentNeeded(msgspec.Struct, frozen=True):
    """Taking access away, and taking over what others made, has to be agreed to first."""

    lane: str
    changes: tuple[Change, ...]


class NotAgreed(UsageError):
    """`apply` would remove or take over something that nobody agreed to; ``changes`` are shown first."""

    problem: ConsentNeeded


def needing_consent(plans: Iterable[Plan], options: LaneOptions) -> tuple[Change, ...]:
    """The changes that have to be agreed to and were not; none where something blocks the plan anyway."""
    plans = tuple(plans)
    if options.yes or any(plan.blocked for plan in plans):
        return ()
    risky = [each for plan in plans for each in plan.to_change if each.takes_access or each.is_taken_over]
    return tuple(each for each in risky if consent_key(each) not in options.agreed)


def consent_key(change: Change) -> tuple[str, str, str]:
    """What an agreement names a change by: kind, namespace, name."""
    return change.kind, change.namespace, change.name


def apply_again(lane_id: str, options: LaneOptions, *, yes: bool = False) -> RunWarden:
    """`apply` with the options that a plan was made with."""
    return warden(
        "apply",
        lane_id,
        cluster=options.clusters,
        custody_only=options.custody_only,
        create_namespace=options.create_namespace,
        take_over=options.take_over,
        yes=yes,
    )


_WEIGHT = (Exit.DONE, Exit.INCONCLUSIVE, Exit.REFUSED, Exit.NO)
"""Exit codes by weight: what is known to be wrong outweighs what is not known."""


def worst(codes: Iterable[Exit]) -> Exit:
    """The code that weighs most."""
    return max(codes, key=_WEIGHT.index, default=Exit.DONE)


def exit_of(part: Unreached) -> Exit:
    """A target that could not be asked is inconclusive, whatever the reason; a refusal stays one."""
    return part.fault.exit if part.fault.exit in _WEIGHT else Exit.INCONCLUSIVE
