"""What it takes to close a lane, to open it again, and to end a value that has leaked: steps as data, in order.

    steps_of("compromise", lane, targets)
    -> record · disable-key · close-openbao · revoke-tokens · destroy-versions · prove-denied · stop-consumer …

What takes access away comes first, and what a system may be slow at comes last. Each step can be taken again: what is
done already is seen at the system, so a run that was killed is ended by the same steps.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.lanes.lane import Consumer, Lane

Event = Literal["deactivate", "compromise", "reactivate"]

StepKind = Literal[
    "record",
    "disable-key",
    "close-openbao",
    "revoke-tokens",
    "destroy-versions",
    "prove-denied",
    "stop-consumer",
    "inform-consumer",
    "remove-external-secret",
    "remove-secret",
    "list-readers",
    "compare-values",
    "replace-key",
    "open-openbao",
    "deliver",
    "prove",
    "restore-consumer",
    "unmark",
    "record-opening",
]


class Step(msgspec.Struct, frozen=True, order=True, kw_only=True):
    """One step: ``cluster`` is where it is taken (empty: OpenBao, or here), ``subject`` is what it is about there."""

    kind: StepKind
    cluster: str = ""
    subject: str = ""


def steps_of(
    event: Event,
    lane: Lane,
    targets: Sequence[DeliveryTarget],
    *,
    keep_secrets: bool = False,
    replace: bool = False,
) -> tuple[Step, ...]:
    """The steps in the order in which they are taken; `targets` are the lane's deliveries to connected clusters.

    `keep_secrets`: what is in the clusters stays, consumers included. `replace`: after a leak a new value is made, and
    the lane is opened with it.
    """
    if event == "compromise" and replace:
        made = (Step(kind="replace-key", subject=each) for each in lane.custody.fields)
        return (*_closing(event, lane, targets, keep_secrets), *made, *_reopening(lane, targets))
    return tuple(_reopening(lane, targets) if event == "reactivate" else _closing(event, lane, targets, keep_secrets))


def consumers_of(lane: Lane, target: DeliveryTarget) -> tuple[Consumer, ...]:
    """The lane's consumers that run beside the delivered Secret."""
    return tuple(each for each in lane.consumers if each.deployment.startswith(f"{target.namespace}/"))


def _closing(event: Event, lane: Lane, targets: Sequence[DeliveryTarget], keep_secrets: bool) -> Iterator[Step]:
    leaked = event == "compromise"
    yield Step(kind="record", subject=lane.id)
    if leaked:
        yield Step(kind="disable-key", subject=lane.id)
    yield Step(kind="close-openbao", subject=lane.custody.path)
    yield Step(kind="revoke-tokens", subject=lane.custody.policy_name)
    if leaked:
        yield Step(kind="destroy-versions", subject=lane.custody.path)
    yield from (Step(kind="prove-denied", subject=each.label) for each in lane.readers)
    for target in () if keep_secrets else targets:
        for consumer in consumers_of(lane, target):
            stops = consumer.on_closing == "stop"
            kind: StepKind = "stop-consumer" if stops else "inform-consumer"
            yield Step(kind=kind, cluster=target.cluster, subject=consumer.deployment)
        if not target.by_hand:
            yield Step(kind="remove-external-secret", cluster=target.cluster, subject=target.delivery.secret)
        yield Step(kind="remove-secret", cluster=target.cluster, subject=target.delivery.secret)
    if leaked:
        yield Step(kind="list-readers", subject=lane.custody.path)
        yield Step(kind="compare-values", subject=lane.custody.path)


def _reopening(lane: Lane, targets: Sequence[DeliveryTarget]) -> Iterator[Step]:
    """The mark goes after the proof: until then every warden refuses the lane, and only its readers get in."""
    yield Step(kind="open-openbao", subject=lane.custody.path)
    yield from (Step(kind="deliver", cluster=each.cluster, subject=each.delivery.secret) for each in targets)
    yield Step(kind="prove", subject=lane.id)
    for target in targets:
        for consumer in consumers_of(lane, target):
            yield Step(kind="restore-consumer", cluster=target.cluster, subject=consumer.deployment)
    yield Step(kind="unmark", subject=lane.custody.path)
    yield Step(kind="record-opening", subject=lane.id)


Stage = Literal[
    "record",
    "provider",
    "openbao",
    "tokens",
    "versions",
    "denial",
    "cluster",
    "readers",
    "values",
    "replacement",
    "opening",
]
"""Steps that are taken together: those of one cluster, and the question as each former reader."""

_STAGES: dict[StepKind, Stage] = {
    "record": "record",
    "disable-key": "provider",
    "close-openbao": "openbao",
    "revoke-tokens": "tokens",
    "destroy-versions": "versions",
    "prove-denied": "denial",
    "stop-consumer": "cluster",
    "inform-consumer": "cluster",
    "remove-external-secret": "cluster",
    "remove-secret": "cluster",
    "list-readers": "readers",
    "compare-values": "values",
    "replace-key": "replacement",
}


def stages_of(steps: Sequence[Step]) -> tuple[tuple[Stage, str], ...]:
    """The stages of these steps in order, each with its cluster (empty where it has none)."""
    return tuple(dict.fromkeys((_STAGES.get(each.kind, "opening"), each.cluster) for each in steps))
