"""Plan -> Verdicts: what differs from the declaration is a finding of its own, whatever the probes say."""

from collections.abc import Iterator, Mapping

import msgspec

from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.lanes.lane import Lane
from warden.core.openbao.comparison import EXPIRATION
from warden.core.openbao.marks import CAS_REQUIRED
from warden.core.plans.plan import Change, NamespaceMissing, Plan
from warden.core.proofs.delivery_verdict import verdict_on
from warden.core.proofs.details import NotKvVersion2, ObjectDiffers, ObjectsCompared
from warden.core.proofs.verdict import CustodyProbe, DeliveryProbe, Verdict
from warden.core.remedies import Remedy, RunWarden, Step, warden

_PROBES: Mapping[str, DeliveryProbe] = {
    "Namespace": "namespace",
    "ServiceAccount": "serviceaccount",
    "Role": "role",
    "RoleBinding": "rolebinding",
    "SecretStore": "secretstore",
    "ClusterSecretStore": "clustersecretstore",
    "ExternalSecret": "externalsecret",
}
"""The kinds of a delivery's objects, and the ids of the verdicts on them."""


def openbao_findings(lane: Lane, plan: Plan) -> tuple[Verdict, ...]:
    """Marks, policy and roles; or the mount alone, where it is not KV version 2 and no probe may be sent."""
    mount = next(change for change in plan.changes if change.kind == "mount")
    if mount.differs:
        return (Verdict(probe="mount", result="wrong", observed="differs", detail=NotKvVersion2(mount.name)),)
    readers = {str(lane.role_name(reader)): reader.label for reader in lane.readers}
    flags = flags_of(plan)
    return tuple(
        with_flags(_finding(lane, probe, part, readers.get(change.name, "")), flags)
        for change in plan.changes
        if change.kind in _KINDS
        for probe, part in _parts(change)
    )


def _parts(change: Change) -> Iterator[tuple[CustodyProbe, Change]]:
    """What the change is about; each of a path's settings that differs, and a policy's end, is a finding by itself."""
    kind = _KINDS[change.kind]
    alone = [each for each in change.differences if change.action == "change" and each.field in _ALONE]
    rest = tuple(each for each in change.differences if each not in alone)
    if not alone:
        yield kind, change
    elif rest:
        yield kind, msgspec.structs.replace(change, differences=rest)
    elif kind == "metadata":
        yield kind, msgspec.structs.replace(change, action="keep", differences=())
    for each in alone:
        yield _ALONE[each.field], msgspec.structs.replace(change, differences=(each,))


_KINDS: Mapping[str, CustodyProbe] = {
    "metadata": "metadata",
    "policy": "policy",
    "group": "approvers",
    "role": "role",
}
"""The kinds of a lane's objects in OpenBao, and the ids of the verdicts on them."""

_ALONE: Mapping[str, CustodyProbe] = {CAS_REQUIRED: "cas-required", EXPIRATION: "policy-expires"}


def _finding(lane: Lane, probe: CustodyProbe, change: Change, reader: str) -> Verdict:
    return Verdict(
        probe=probe,
        reader=reader,
        result="wrong" if change.differs else "ok",
        observed="differs" if change.differs else "as-declared",
        detail=_difference(change) if change.differs else None,
        differences=change.differences,
        remedy=_remedy(lane, change) if change.differs else (),
    )


def cluster_findings(target: DeliveryTarget, plan: Plan) -> tuple[Verdict, ...]:
    """Each object in the cluster that differs; one verdict on all of them where none does.

    The Secret itself is observed, not compared: see `judge_delivery`.
    """
    own = [change for change in plan.changes if change.kind in _PROBES]
    in_the_way = next((each.remedy for each in plan.blocked if each.kind == "Secret"), ())
    wrong = tuple(
        Verdict(
            probe=_PROBES[change.kind],
            reader=target.label,
            cluster=target.cluster,
            result="wrong",
            observed="differs",
            detail=_difference(change),
            differences=() if change.action == "create" else change.differences,
            remedy=_remedy(target.lane, change, in_the_way if change.kind == "ExternalSecret" else ()),
        )
        for change in own
        if change.differs
    )
    all_right = verdict_on(target, "objects", "ok", "as-declared", ObjectsCompared(len(own)))
    flags = flags_of(plan)
    return tuple(with_flags(each, flags) for each in wrong) or (all_right,)


def _difference(change: Change) -> ObjectDiffers:
    return ObjectDiffers(
        action=change.action,
        kind=change.kind,
        name=change.name,
        namespace=change.namespace,
        obstacle=change.obstacle,
        widening=change.widening,
    )


def _remedy(lane: Lane, change: Change, in_the_way: Remedy = ()) -> Remedy:
    """What the change itself names, otherwise `apply`.

    `apply` makes no ExternalSecret for a Secret that is somebody else's: what is `in_the_way` comes first then.
    """
    if change.remedy or (in_the_way and change.action == "create"):
        return tuple(map(_agreed, change.remedy or in_the_way))
    return (warden("apply", lane.id),)


def _agreed(step: Step) -> Step:
    """A take-over with what is asked on a terminal."""
    if not isinstance(step, RunWarden) or step.command != "adopt":
        return step
    return msgspec.structs.replace(step, options=(*step.options, ("yes", "")))


# -- what `apply` needs to be told ------------------------------------------------------------------------------------

Flags = frozenset[str]
"""Of `apply`: ``take_over``, ``create_namespace``, ``yes``."""


def flags_of(plan: Plan) -> Flags:
    """What `apply` needs to get through the plan: it changes nothing of a target while one change there needs more."""
    changes = plan.to_change
    found: set[str] = set()
    if any(each.action == "foreign" and not each.remedy for each in changes):
        found |= {"take_over", "yes"}
    if any(isinstance(each.obstacle, NamespaceMissing) for each in changes):
        found.add("create_namespace")
    if any(each.takes_access for each in changes):  # what is asked on a terminal
        found.add("yes")
    return frozenset(found)


def with_flags(verdict: Verdict, flags: Flags) -> Verdict:
    """The verdict; where `apply` is in its remedy, with these flags, too."""
    if not flags or not verdict.remedy:
        return verdict
    return msgspec.structs.replace(verdict, remedy=tuple(_flagged(step, flags) for step in verdict.remedy))


def _flagged(step: Step, flags: Flags) -> Step:
    if not isinstance(step, RunWarden) or step.command != "apply":
        return step
    given = flags | {name.replace("-", "_") for name, value in step.options if not value}
    ordered = {name: name in given for name in ("take_over", "create_namespace", "yes")}
    return warden("apply", *step.arguments, **ordered)
