"""rotate: replace the value of a field with a new one, everywhere, and show that the old one is of no use any more.

    intent journaled and marked at the path -> the steps of `core.rotation.steps` -> journaled, checkpoint, notice

What is under way stands in the path's metadata: `--resume` goes on from there, on this machine or another one. Only
what was shown ends as done.
"""

import secrets
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import msgspec

from warden.core.errors import (
    Closed,
    Effect,
    JournalUnwritable,
    Missing,
    Refused,
    Unidentified,
    UsageError,
    WardenError,
)
from warden.core.lanes.lane import Lane
from warden.core.lanes.rotation import Rotation
from warden.core.lanes.rotation_rules import rotated_field
from warden.core.notices.notice import Fact, Notice
from warden.core.openbao.api import KvMetadata
from warden.core.openbao.resources import expect_concrete
from warden.core.remedies import EditFile, RunWarden, warden
from warden.core.rotation.due import is_due
from warden.core.rotation.mark import ROTATION, RotationMark, key_id_in, last_rotation_in, rotation_in
from warden.core.rotation.provider import KeyId
from warden.core.rotation.result import NotRotated, RotationPlan, RotationResult, RotationStopped
from warden.core.rotation.steps import Shape, plan_of, steps_from
from warden.core.secret import Secret
from warden.ports.provider import Source
from warden.usecases.context import Context
from warden.usecases.steps.checkpoint import checkpoint
from warden.usecases.steps.closing import expect_open
from warden.usecases.steps.recorded import begun
from warden.usecases.steps.rotation_begin import (
    begun_before,
    expect_answerable,
    expect_versions_kept,
    field_of,
    finished_before,
    management_key,
    mark_of,
    metadata_of,
    nothing_to_resume,
    own_mark,
    settle_killed,
    source_of,
)
from warden.usecases.steps.rotation_keys import Keys
from warden.usecases.steps.rotation_parts import Parts
from warden.usecases.steps.rotation_path import same
from warden.usecases.steps.rotation_run import RotateTools, Run

ENDS: Mapping[str, str] = {
    "done": "rotate.done",
    "unproven": "rotate.unproven",
    "waiting": "rotate.waiting",
    "rolled-back": "rotate.rolled-back",
    "stopped": "rotate.stopped",
}
"""How a run ended -> the event that ends it in the journal."""


class Failed(msgspec.Struct, frozen=True):
    """A rotation among several that ended with an error; the others were done all the same."""

    lane: str
    field: str
    fault: WardenError


def rotations_meant(lane: Lane, field: str = "") -> tuple[Rotation, ...]:
    """The rotations of a lane, or of one field of it. Raises `Missing` where the lane file declares none."""
    found = tuple(each for each in lane.rotations if field in {"", rotated_field(lane, each)})
    if not found:
        rotated = tuple(filter(None, (rotated_field(lane, each) for each in lane.rotations)))
        raise Missing(
            NotRotated(lane.id, field, rotated),
            effect=Effect.NOTHING_DONE,
            subject=lane.id,
            remedy=(
                warden("rotate", lane.id, field=rotated[0]) if rotated else EditFile(file="lane", field="rotation"),
            ),
        )
    return found


def due(lane: Lane, context: Context) -> tuple[Rotation, ...]:
    """The rotations of a lane that are due, and open to be begun. Raises as `Vault.kv_metadata`."""
    metadata = context.vault.kv_metadata(lane.custody.mount, lane.custody.key)
    if metadata is None or metadata.asked is None or not metadata.live:
        return ()
    return tuple(each for each in lane.rotations if is_due(lane, each, metadata, metadata.asked))


def planned(lane: Lane, rotation: Rotation, context: Context, tools: RotateTools) -> RotationPlan:
    """What `rotate` would do, or still has to do. Neither the provider nor a cluster is asked, and nothing is changed.

    Raises as `rotate` does for what the lane file says.
    """
    source = source_of(lane, rotation, tools.sources, tools.http, management=None)
    field = field_of(lane, rotation)
    can = source.capabilities()
    parts = Parts(lane, field, context, tools.clock)
    metadata = context.vault.kv_metadata(lane.custody.mount, lane.custody.key)
    mark = own_mark(rotation_in(metadata.custom) if metadata else None, field)
    shape = Shape(
        replaces=mark.before > 0 if mark else metadata is not None and metadata.live,
        delivered=parts.any,
        provider=can.provider,
        overlap=can.overlap,
        disable=can.disable,
        person_deletes="delete" in can.human_needed,
    )
    return RotationPlan(
        lane=lane.id,
        field=field,
        source=rotation.source,
        steps=steps_from(mark.position, shape) if mark else plan_of(shape),
        person=can.human_needed,
        provider=can.provider,
        times=rotation.refused.times,
        over=rotation.refused.over,
        secrets=tuple(f"{cluster}: {secret}" for cluster, secret in parts.secrets.items()),
        consumers=parts.consumers,
        rotation=mark.rotation if mark else "",
        back=mark.position.back if mark else False,
    )


def rotate(
    lane: Lane, rotation: Rotation, context: Context, tools: RotateTools, *, resume: bool = False
) -> RotationResult:
    """Replace one field's value, or go on with the rotation of it that is under way.

    Raises:
        Closed: the lane is closed, or was closed meanwhile; closing wins.
        NotNow: a rotation is under way and `resume` was not given, there is none, or its lane file was changed.
        Held: somebody else is rotating the lane.
        Missing: the source cannot be used, or its management key is not there.
        UsageError: the lane file's settings are wrong, or the value that a person gave is not one.
        Inconclusive: a system did not answer; where the rotation had begun its effect says that it can go on.
    """
    expect_concrete(lane)
    with _refusals_named(rotation, context):
        expect_open([lane], context.vault, context.journal, Effect.NOTHING_CHANGED)
        return _alone(lane, rotation, context, tools, resume=resume)


def _alone(lane: Lane, rotation: Rotation, context: Context, tools: RotateTools, *, resume: bool) -> RotationResult:
    with tools.alone(lane.id):
        there = metadata_of(lane, context)
        seen = rotation_in(there.custom) if there else None
        expect_answerable(lane, rotation, seen, context, resume=resume)
        ended = finished_before(lane, rotation, context) if resume and seen is None else None
        if ended is not None:
            return ended
        expect_versions_kept(lane, there, context)
        source = source_of(lane, rotation, tools.sources, tools.http, management=management_key(rotation, context))
        return _run(lane, rotation, source, there=there, context=context, tools=tools)


@contextmanager
def _refusals_named(rotation: Rotation, context: Context) -> Iterator[None]:
    """Have a refusal say what is missing.

    It may be rights of OpenBao beside the usual ones, a management key that is good, or a lane that is open.
    """
    try:
        yield
    except Closed as fault:
        fault.remedy = (*fault.remedy, warden("reactivate", fault.subject, reason="TEXT"))
        raise
    except Refused as fault:
        if fault.system.endswith(context.vault.address):
            fault.remedy = (warden("doctor", for_="rotate"),)
        elif isinstance(fault, Unidentified) and rotation.management is not None:
            name, _, field = rotation.management.partition(".")
            fault.remedy = (warden("put", name, *filter(None, (field,))), *fault.remedy)
        raise


def abandon(lane: Lane, rotation: Rotation, context: Context, tools: RotateTools) -> RotationMark:
    """Give up the rotation that is under way: nothing is deleted, and a new one can begin. Answers what it was.

    Raises `NotNow` where there is none.
    """
    with tools.alone(lane.id):
        mark = own_mark(mark_of(lane, context), field_of(lane, rotation))
        if mark is None:
            raise nothing_to_resume(lane)
        custody, journal = lane.custody, context.journal
        body = {"rotation": mark.rotation, "field": mark.field, "step": mark.step, "old": mark.old, "new": mark.new}
        with begun("rotate", lane.id, body | {"abandons": True, "path": custody.path}, journal) as end:
            context.vault.mark(custody.mount, custody.key, {ROTATION: None})
            settle_killed(lane, mark.rotation, context)
            journal.record("rotate.abandoned", lane.id, end)
    return mark


def _run(
    lane: Lane, rotation: Rotation, source: Source, *, there: KvMetadata | None, context: Context, tools: RotateTools
) -> RotationResult:
    field = field_of(lane, rotation)
    seen = rotation_in(there.custom) if there else None
    keys = Keys(
        source,
        rotation.source,
        tools.sleep,
        tools.monotonic,
        pauses=tools.pauses,
        lag=tools.lag,
        unanswered=partial(tools.unanswered, lane.id, rotation.source),
    )
    parts = Parts(lane, field, context, tools.clock)
    who = context.vault.identity()
    by = f"{who.display_name} on {socket.gethostname()}"
    mark = _resumed(seen, by) if seen else _new_mark(lane, field, keys, context, by=by, tools=tools)
    earlier = begun_before(lane, context, seen) if seen else None
    dropped = earlier.body.get("deliveries") if earlier else None
    dropped = dropped if isinstance(dropped, dict) else {}
    run = Run(lane, rotation, mark, context=context, keys=keys, parts=parts, tools=tools, dropped=dropped)
    settle_killed(lane, mark.rotation, context)
    body = {
        "rotation": mark.rotation,
        "field": field,
        "source": rotation.source,
        "path": lane.custody.path,
        "system": context.vault.address,
        "identity": who.as_json(),
        "before": mark.before,
        "resumes": seen is not None,
        "deliveries": dropped or dict(parts.secrets),
        "consumers": [name for name, _ in parts.consumers],
    }
    with _resumable(run), begun("rotate", lane.id, body, context.journal) as end:
        run.path.claim(there)
        result = run.go(end["begin"])
        record = context.journal.record(ENDS[result.state], lane.id, _ended(result, end))
    result = msgspec.structs.replace(result, record=record)
    if result.state in {"done", "unproven", "rolled-back"}:
        result = msgspec.structs.replace(result, checkpoint=checkpoint(context, "rotation", result.lane))
        _tell(result, who.display_name, context)
    return result


def _new_mark(lane: Lane, field: str, keys: Keys, context: Context, *, by: str, tools: RotateTools) -> RotationMark:
    """The mark of a new rotation, with what is known of the old key. Raises as the ports do."""
    custody = lane.custody
    stored = context.vault.read(custody.mount, custody.key)
    old = stored.fields.get(field) if stored else None
    known: KeyId | None = None
    if old is not None and keys.provider:
        try:
            known = keys.identify(old) or _remembered(lane, field, old, stored.custom if stored else {}, context)
        except WardenError as fault:
            fault.effect = fault.effect or Effect.NOTHING_CHANGED
            raise
    return RotationMark(
        rotation=secrets.token_hex(4),
        field=field,
        base=stored.version if stored else 0,
        before=stored.version if stored and old is not None else 0,
        run=secrets.token_hex(4),
        by=by,
        since=f"{tools.clock():%Y-%m-%dT%H:%M:%SZ}",
        old=known or KeyId(""),
    )


def _remembered(lane: Lane, field: str, value: Secret, custom: Mapping[str, str], context: Context) -> KeyId | None:
    """The id that the last rotation left, where the value is still the one that it wrote: it may have been put since.

    Whoever put it may use the key of that id elsewhere, and another key has the value.
    """
    _, version = last_rotation_in(custom, field)
    written = context.vault.read_version(lane.custody.mount, lane.custody.key, version) if version else None
    found = written.fields.get(field) if written else None
    return key_id_in(custom, field) if found is not None and same(found, value) else None


def _resumed(seen: RotationMark, by: str) -> RotationMark:
    return msgspec.structs.replace(seen, run=secrets.token_hex(4), by=by)


class _resumable(AbstractContextManager[None]):  # noqa: N801 - reads as a statement
    """Have an error in here say that the rotation stands at a step, and how it goes on."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def __exit__(self, _kind: object, fault: BaseException | None, _trace: object) -> None:
        """Add the effect and the command, unless the error says its own."""
        if not isinstance(fault, WardenError) or (isinstance(fault, UsageError) and fault.effect is not None):
            return
        mark, lane = self._run.path.mark, self._run.lane_id
        if fault.effect is None or fault.effect is Effect.NOTHING_WRITTEN or isinstance(fault, JournalUnwritable):
            closed = isinstance(fault, Closed)
            fault.effect = RotationStopped(lane=lane, field=mark.field, step=mark.step, closed=closed)
        again = warden("rotate", lane, field=mark.field, resume=True)
        says_how = any(isinstance(step, RunWarden) and step.command in {"rotate", "status"} for step in fault.remedy)
        if not isinstance(fault, Closed) and not says_how:
            fault.remedy = (*fault.remedy, again)


def _ended(result: RotationResult, end: Mapping[str, Any]) -> dict[str, Any]:
    """What the journal keeps of the end: ids and numbers."""
    return dict(end) | {
        "state": result.state,
        "version": result.version,
        "old": result.old,
        "asked": len(result.pairs),
        "destroyed": list(result.destroyed),
        "old_key": result.old_key,
        "new_key": result.new_key,
        "not_fine": [f"{each.cluster} {each.kind} {each.name}: {each.state}" for each in result.not_fine],
        "left": list(result.left),
    }


def _tell(result: RotationResult, who: str, context: Context) -> None:
    """The notice, after everything else."""
    facts: dict[str, Fact] = {
        "field": result.field,
        "version": result.version,
        "old value": str(result.old),
        "ended": result.state,
    }
    context.notices.tell(
        Notice(
            kind="lane.rotated" if result.state == "done" else "rotation.unproven",
            lane=result.lane,
            who=who,
            record=result.record,
            facts=facts,
            next=() if result.state == "done" else result.next,
        )
    )


def due_in(lanes: Sequence[Lane], context: Context) -> tuple[list[tuple[Lane, Rotation]], list[Failed]]:
    """Every rotation that is due, and the lanes of which that cannot be said. Closed lanes are passed over."""
    closed = context.closed
    found: list[tuple[Lane, Rotation]] = []
    failed: list[Failed] = []
    for lane in lanes:
        if not lane.rotations or lane.id in closed:
            continue
        try:
            found += [(lane, each) for each in due(lane, context)]
        except WardenError as fault:
            failed.append(Failed(lane.id, "", fault))
    return found, failed


def rotate_all(
    found: Sequence[tuple[Lane, Rotation]], context: Context, tools: RotateTools
) -> list[RotationResult | Failed]:
    """Rotate one after the other; what fails keeps no other from being rotated.

    What is under way is not begun again: it is a `Failed` that says how it goes on.
    """
    return [_or_failed(lane, each, context, tools) for lane, each in found]


def _or_failed(lane: Lane, rotation: Rotation, context: Context, tools: RotateTools) -> RotationResult | Failed:
    try:
        return rotate(lane, rotation, context, tools)
    except WardenError as fault:
        return Failed(lane.id, field_of(lane, rotation), fault)


def to_resume(lane: Lane, field: str, context: Context) -> tuple[Rotation, ...]:
    """The rotation that is under way, of that field if one is named. Raises as `rotations_meant`."""
    if not field:
        mark = mark_of(lane, context)
        before = begun_before(lane, context, None) if mark is None else None
        field = mark.field if mark else str(before.body.get("field") or "") if before else ""
    return rotations_meant(lane, field)[:1]
