"""Ending a leaked key at its provider, by the source that the lane's file names; a failure here keeps nothing else.

The provider's id of the key is what rotations leave in the path's custom metadata; where the caller may read the value
the provider is asked for it, and afterwards whether it still accepts the value. A value is kept in memory alone.
"""

from collections.abc import Iterator, Mapping

import msgspec

from warden.core.errors import Inconclusive, Missing, Refused, WardenError
from warden.core.lanes.lane import Lane
from warden.core.lanes.rotation import Rotation
from warden.core.lifecycle.closing import Step
from warden.core.lifecycle.leak_parts import KeyPart, KeyState
from warden.core.rotation.provider import KeyId
from warden.core.secret import Secret
from warden.ports.http import HttpClient
from warden.ports.provider import Source, Sources
from warden.usecases.context import Context
from warden.usecases.steps.closing_records import StepRecords

_PERSON = frozenset({"manual", "prompt"})
"""Sources where a person does everything."""


class Providers(msgspec.Struct, frozen=True, kw_only=True):
    """The installed sources, and what they speak with."""

    sources: Sources
    http: HttpClient


class NoManagement(msgspec.Struct, frozen=True):
    """The lane with the provider's management key has no such value."""

    lane: str


class SourceFailed(msgspec.Struct, frozen=True):
    """A source raised something that its port does not know; ``kind`` is the error's type, its words are not shown."""

    source: str
    kind: str


def end_keys(lane: Lane, context: Context, providers: Providers, records: StepRecords) -> tuple[KeyPart, ...]:
    """For each field: disable its key, or delete it where it cannot be disabled. Raises `JournalUnwritable` alone."""
    by_field = {each.field or lane.custody.fields[0]: each for each in lane.rotations}
    keys = _Keys(lane, context, providers, records)
    return tuple(
        keys.ended(by_field[field], field) if field in by_field else KeyPart(field=field, state="no-source")
        for field in lane.custody.fields
    )


class _Keys:
    """The keys of one lane; the path is looked at once."""

    def __init__(self, lane: Lane, context: Context, providers: Providers, records: StepRecords) -> None:
        self._lane = lane
        self._context = context
        self._providers = providers
        self._records = records
        self._custom = _custom(lane, context)

    def ended(self, rotation: Rotation, field: str) -> KeyPart:
        """One field's key."""
        name = rotation.source
        try:
            return self._end(rotation, field)
        except WardenError as fault:
            if fault.kind == "journal":
                raise
            return KeyPart(field=field, source=name, state="not-done", fault=fault)
        except Exception as fault:  # noqa: BLE001 - somebody else's code must not keep a lane from being closed
            problem = SourceFailed(name, type(fault).__name__)
            unknown = Inconclusive(problem, system=f"source {name}", subject=self._lane.id)
            return KeyPart(field=field, source=name, state="not-done", fault=unknown)

    def _end(self, rotation: Rotation, field: str) -> KeyPart:
        name, step = rotation.source, Step(kind="disable-key", subject=field)
        if name in _PERSON:
            return KeyPart(field=field, source=name, state="by-hand")
        source = self._source(rotation)
        if not source.capabilities().provider:
            return KeyPart(field=field, source=name, state="no-provider")
        value = self._value(field, step)
        keys = tuple(dict.fromkeys((*_ids(field, self._custom, source, value), *self._earlier(field))))
        if not keys:
            return KeyPart(field=field, source=name, state="no-key")
        disable = source.capabilities().disable
        self._records.record(step, doing="disable" if disable else "delete", source=name, keys=list(keys))
        for key in keys:
            (source.disable if disable else source.delete)(key)
        verdict = source.refused(value) if value is not None else None
        state: KeyState = "disabled" if disable else "deleted"
        self._records.record(step, done=state, answer=verdict.answer if verdict else "")
        return KeyPart(field=field, source=name, state=state, keys=keys, verdict=verdict)

    def _earlier(self, field: str) -> Iterator[KeyId]:
        """The keys that a run before this one found: by now the value may be destroyed."""
        closing = self._context.journal.state(self._lane.id).closed
        records = self._context.journal.log(
            lane=self._lane.id, events=("compromise.step",), after=closing.seq if closing else 0
        )
        for record in records:
            if (record.body.get("step"), record.body.get("subject")) == ("disable-key", field):
                yield from map(KeyId, record.body.get("keys") or ())

    def _source(self, rotation: Rotation) -> Source:
        management = self._management(rotation.management) if rotation.management else None
        plugin = self._providers.sources.plugin(rotation.source)
        return plugin.source(rotation.settings, management, self._providers.http)

    def _management(self, named: str) -> Secret:
        """The provider's management key, which is a lane of its own, read as the caller."""
        lane_id, _, field = named.partition(".")
        lane = self._context.lanes.get(lane_id)
        stored = self._context.vault.read(lane.custody.mount, lane.custody.key) if lane else None
        wanted = field or (lane.custody.fields[0] if lane else "")
        if stored is None or wanted not in stored.fields:
            raise Missing(NoManagement(named), system=f"lane {lane_id}", subject=lane_id)
        return stored.fields[wanted]

    def _value(self, field: str, step: Step) -> Secret | None:
        """The live value, where the caller may read it; nothing else depends on it."""
        custody = self._lane.custody
        self._records.record(step, doing="read the value, to ask the provider for its key")
        try:
            stored = self._context.vault.read(custody.mount, custody.key)
        except (Refused, Inconclusive):
            return None
        return stored.fields.get(field) if stored else None


def _ids(field: str, custom: Mapping[str, str], source: Source, value: Secret | None) -> Iterator[KeyId]:
    """The key that is in use, and those of a rotation that was under way."""
    if marked := custom.get(f"key-id-{field}"):
        yield KeyId(marked)
    rotation = _rotation(custom.get("rotation", ""))
    if rotation.get("field") == field:
        yield from (KeyId(str(rotation[each])) for each in ("old", "new") if rotation.get(each))
    if value is not None and (found := source.identify(value)):
        yield found


def _rotation(text: str) -> Mapping[str, object]:
    try:
        found = msgspec.json.decode(text.encode())
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _custom(lane: Lane, context: Context) -> Mapping[str, str]:
    try:
        metadata = context.vault.kv_metadata(lane.custody.mount, lane.custody.key)
    except (Refused, Inconclusive):
        return {}
    return metadata.custom if metadata else {}
