"""Before a rotation: what the lane file says, what is under way, and what a killed run left to be said."""

from collections.abc import Sequence
from typing import Any

from warden.core.errors import Effect, Missing, NotNow, Refused, UsageError
from warden.core.journal.operations import killed
from warden.core.journal.record import Record
from warden.core.lanes.lane import Lane
from warden.core.lanes.rotation import Rotation
from warden.core.lanes.rotation_rules import rotated_field
from warden.core.openbao.api import KvMetadata
from warden.core.proofs.custody_checks import FEWEST_VERSIONS, KEPT_BY_DEFAULT
from warden.core.remedies import EditFile, RunBao, warden
from warden.core.rotation.mark import RotationMark, last_rotation_in, rotation_in
from warden.core.rotation.result import (
    LaneChanged,
    ManagementMissing,
    NothingToResume,
    OldVersionNotKept,
    RotationResult,
    RotationUnderWay,
    SettingsWrong,
)
from warden.core.secret import Secret
from warden.ports.http import HttpClient
from warden.ports.provider import Source, Sources
from warden.usecases.context import Context
from warden.usecases.steps.closing import expect_open


def metadata_of(lane: Lane, context: Context) -> KvMetadata | None:
    """The metadata of the lane's path. Raises as `Vault.kv_metadata`."""
    return context.vault.kv_metadata(lane.custody.mount, lane.custody.key)


def mark_of(lane: Lane, context: Context) -> RotationMark | None:
    """The rotation of the lane that is under way. Raises as `Vault.kv_metadata`."""
    metadata = metadata_of(lane, context)
    return rotation_in(metadata.custom) if metadata else None


def own_mark(mark: RotationMark | None, field: str) -> RotationMark | None:
    """The mark, if it is of that field."""
    return mark if mark is not None and mark.field == field else None


def field_of(lane: Lane, rotation: Rotation) -> str:
    """Its rules have made sure that there is one."""
    return rotated_field(lane, rotation) or lane.custody.fields[0]


def expect_answerable(
    lane: Lane, rotation: Rotation, seen: RotationMark | None, context: Context, *, resume: bool
) -> None:
    """Raise `NotNow` where a rotation is under way that is not to go on, none is that should, or it cannot go on so."""
    field = field_of(lane, rotation)
    if seen is not None and (seen.field != field or not resume):
        if not any(rotated_field(lane, each) == seen.field for each in lane.rotations):
            raise _changed(lane, "rotation.field", seen.field, field)
        problem = RotationUnderWay(
            lane=lane.id, field=seen.field, rotation=seen.rotation, by=seen.by, since=seen.since, step=seen.step
        )
        again = warden("rotate", lane.id, field=seen.field, resume=True)
        raise NotNow(problem, effect=Effect.NOTHING_CHANGED, subject=lane.id, remedy=(again,))
    before = begun_before(lane, context, seen)
    if before is not None:
        _expect_unchanged(lane, rotation, before, seen, context)
    if resume and seen is None and before is None:
        raise nothing_to_resume(lane)


def _expect_unchanged(
    lane: Lane, rotation: Rotation, before: Record, seen: RotationMark | None, context: Context
) -> None:
    """A rotation goes on at the path and with the source that it began with.

    Without a mark at the lane's path it may stand at the one that the lane file had before.
    """
    was = str(before.body.get("source") or rotation.source)
    if seen is not None and was != rotation.source:
        raise _changed(lane, "rotation.source", was, rotation.source)
    path = str(before.body.get("path") or lane.custody.path)
    if seen is None and path != lane.custody.path:
        mount = lane.custody.mount if path.startswith(f"{lane.custody.mount}/") else path.partition("/")[0]
        there = context.vault.kv_metadata(mount, path.removeprefix(f"{mount}/"))
        mark = rotation_in(there.custom) if there else None
        if mark is not None and mark.rotation == before.body.get("rotation"):
            raise _changed(lane, "custody.path", path, lane.custody.path)


def nothing_to_resume(lane: Lane) -> NotNow:
    """The error where no rotation is under way."""
    return NotNow(
        NothingToResume(lane.id),
        effect=Effect.NOTHING_CHANGED,
        subject=lane.id,
        remedy=(warden("rotate", lane.id),),
    )


def _changed(lane: Lane, field: str, was: str, now: str) -> NotNow:
    problem = LaneChanged(lane=lane.id, field=field, was=was, now=now)
    back = EditFile(file="lane", field=field, value=was)
    return NotNow(
        problem, effect=Effect.NOTHING_CHANGED, subject=lane.id, remedy=(back, warden("rotate", lane.id, resume=True))
    )


_OVER = frozenset({"rotate.done", "rotate.rolled-back", "rotate.abandoned"})


def begun_before(lane: Lane, context: Context, seen: RotationMark | None) -> Record | None:
    """The journal's first record of the rotation under way; without a mark, of the last one if it has no end here."""
    found = context.journal.here(context.journal.log(lane=lane.id, events=("rotate.begin", *_OVER)))
    begins = [each for each in found if each.event == "rotate.begin"]
    over = {str(each.body.get("rotation")) for each in found if each.event in _OVER}
    wanted = seen.rotation if seen else str(begins[-1].body.get("rotation")) if begins else ""
    if wanted in over:
        return None
    return next((each for each in begins if str(each.body.get("rotation")) == wanted), None)


def finished_before(lane: Lane, rotation: Rotation, context: Context) -> RotationResult | None:
    """What is left of a rotation that was killed after its last step: its end in the journal, which comes now.

    One that was killed before its mark changed nothing, and is begun anew.
    """
    field = field_of(lane, rotation)
    metadata = context.vault.kv_metadata(lane.custody.mount, lane.custody.key)
    ended, version = last_rotation_in(metadata.custom if metadata else {}, field)
    before = begun_before(lane, context, None)
    if before is None:
        return None
    known = str(before.body.get("rotation"))
    settle_killed(lane, known, context)
    if known != ended:
        went_back = any(each.body.get("rotation") == known and each.body.get("back") for each in _steps(lane, context))
        end = "rotate.rolled-back" if went_back else "rotate.abandoned"
        record = context.journal.record(end, lane.id, {"rotation": known, "field": field, "begin": before.seq})
        if not went_back:
            return None
        return _result(lane, rotation, known, "rolled-back", version=0, record=record)
    body = {"rotation": known, "field": field, "begin": before.seq, "version": version, "found": "done"}
    record = context.journal.record("rotate.done", lane.id, body)
    return _result(lane, rotation, known, "done", version=version, record=record)


def _steps(lane: Lane, context: Context) -> Sequence[Record]:
    return context.journal.here(context.journal.log(lane=lane.id, events=("rotate.step",)))


def _result(lane: Lane, rotation: Rotation, known: str, state: Any, *, version: int, record: int) -> RotationResult:
    return RotationResult(
        lane=lane.id,
        field=field_of(lane, rotation),
        source=rotation.source,
        rotation=known,
        state=state,
        steps=(),
        version=version,
        record=record,
    )


def source_of(
    lane: Lane, rotation: Rotation, sources: Sources, http: HttpClient, *, management: Secret | None
) -> Source:
    """The source, with its settings checked."""
    plugin = sources.plugin(rotation.source)
    faults = plugin.faults(rotation.settings)
    if faults:
        raise UsageError(
            SettingsWrong(
                lane=lane.id, source=rotation.source, faults=tuple((each.key, each.message) for each in faults)
            ),
            effect=Effect.NOTHING_CHANGED,
            subject=lane.id,
            remedy=tuple(EditFile(file="lane", field=f"rotation.settings.{each.key}") for each in faults[:1]),
        )
    if plugin.needs_management and rotation.management is None:
        raise UsageError(
            ManagementMissing(source=rotation.source, lane=""),
            effect=Effect.NOTHING_CHANGED,
            subject=lane.id,
            remedy=(EditFile(file="lane", field="rotation.management"),),
        )
    return plugin.source(rotation.settings, management, http)


def management_key(rotation: Rotation, context: Context) -> Secret | None:
    """The provider's management key, read as the caller. Raises `Missing` where its lane has no value."""
    if rotation.management is None:
        return None
    name, _, field = rotation.management.partition(".")
    holder = context.lanes.get(name)
    if holder is None:
        raise _without_key(rotation.source, name)
    expect_open([holder], context.vault, context.journal, Effect.NOTHING_CHANGED)
    found = context.vault.read(holder.custody.mount, holder.custody.key)
    value = found.fields.get(field or holder.custody.fields[0]) if found else None
    if value is None or not value.reveal():
        raise _without_key(rotation.source, name)
    return value


def _without_key(source: str, lane: str) -> Missing:
    problem = ManagementMissing(source=source, lane=lane)
    return Missing(problem, effect=Effect.NOTHING_CHANGED, subject=lane, remedy=(warden("put", lane),))


def settle_killed(lane: Lane, rotation: str, context: Context) -> None:
    """End, in the journal, the runs that were killed: of this rotation, which goes on, or of one that came to nothing.

    There is one rotation of a lane at a time, so no other one is under way.
    """
    found = killed(context.journal.unfinished(lane.id), "rotate")
    if found:  # the rotation itself goes on: not what "rotate.abandoned" says
        ends = [("rotate.killed", lane.id, {"begin": each.seq, "found": _found(each, rotation)}) for each in found]
        context.journal.record_all(ends)


def _found(record: Record, rotation: str) -> str:
    return "resumed" if record.body.get("rotation") == rotation else "not-under-way"


def expect_versions_kept(lane: Lane, metadata: KvMetadata | None, context: Context) -> None:
    """Raise `Missing` where a new version would push the old one out; the larger of what path and mount say counts.

    Who may not read what the mount says is let through: OpenBao keeps ten where neither says anything.
    """
    custody, own = lane.custody, metadata.max_versions if metadata else 0
    if own >= FEWEST_VERSIONS:
        return
    try:
        of_mount = context.vault.kv_config(custody.mount).max_versions
    except Refused:
        of_mount = 0
    kept = max(own, of_mount) or KEPT_BY_DEFAULT
    if kept < FEWEST_VERSIONS:
        raise Missing(
            OldVersionNotKept(custody.path, kept),
            effect=Effect.NOTHING_CHANGED,
            subject=lane.id,
            remedy=(RunBao(action="keep-more-versions", mount=custody.mount, path=custody.key),),
        )
