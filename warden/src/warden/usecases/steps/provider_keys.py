"""The keys of a lane whose value has leaked: ended at their providers, and made anew where that was asked for.

The provider's id of the key is what rotations leave in the path's custom metadata; where the caller may read the value
the provider is asked for it, and afterwards whether it still accepts the value. A value is kept in memory alone. What
fails at a provider keeps nothing else from being done.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import msgspec

from warden.core.errors import Inconclusive, Missing, Refused, WardenError
from warden.core.lanes.lane import Lane
from warden.core.lanes.rotation import Rotation
from warden.core.lifecycle.closing import Step
from warden.core.lifecycle.leak_parts import KeyPart, KeyState
from warden.core.rotation.mark import key_id_in, rotation_in
from warden.core.rotation.provider import Carry, Intent, KeyId, marker_of
from warden.core.secret import Secret
from warden.ports.http import HttpClient
from warden.ports.provider import Source, Sources
from warden.usecases.context import Context
from warden.usecases.put import put
from warden.usecases.steps.closing_records import StepRecords
from warden.usecases.steps.rotation_begin import field_of, management_key, source_of
from warden.usecases.steps.rotation_keys import Keys

_PERSON = frozenset({"manual", "prompt"})
"""Sources where a person does everything."""

PAUSES = (1.0, 2.0, 4.0)
"""Seconds before a value is asked after again that was not refused at once."""

_Found = TypeVar("_Found")


class Providers(msgspec.Struct, frozen=True, kw_only=True):
    """The installed sources, and what they speak with; ``pauses`` are seconds before a value is asked after again."""

    sources: Sources
    http: HttpClient
    pauses: tuple[float, ...] = PAUSES


class SourceFailed(msgspec.Struct, frozen=True):
    """A source raised something that its port does not know; ``kind`` is the error's type, its words are not shown."""

    source: str
    kind: str


class NotMinted(msgspec.Struct, frozen=True):
    """The provider does not accept the key that it has just made; it was deleted again."""

    source: str


class LaneKeys:
    """The keys of one lane, field by field; the path is looked at once, before anything is destroyed."""

    def __init__(self, lane: Lane, context: Context, providers: Providers, records: StepRecords) -> None:
        self._pauses = providers.pauses
        self._lane = lane
        self._context = context
        self._providers = providers
        self._records = records
        self._rotations = {field_of(lane, each): each for each in lane.rotations}
        self._custom: Mapping[str, str] = {}
        self._sources: dict[str, Source] = {}
        self._carried: dict[str, Carry] = {}
        self._uncarried: dict[str, WardenError] = {}
        self._values: dict[str, Secret] = {}

    # -- ending ---------------------------------------------------------------------------------------------------

    def end(self, *, carry: bool = False) -> tuple[KeyPart, ...]:
        """Disable each field's key, or delete it where it cannot be disabled. Raises `JournalUnwritable` alone.

        `carry`: first look at what a new key has to take over.
        """
        self._custom = _custom(self._lane, self._context)
        return tuple(self._ended(field, carry=carry) for field in self._lane.custody.fields)

    def _ended(self, field: str, *, carry: bool) -> KeyPart:
        rotation = self._rotations.get(field)
        if rotation is None:
            return KeyPart(field=field, state="no-source")
        try:
            return self._guarded(rotation.source, lambda: self._end(rotation, field, carry=carry))
        except WardenError as fault:
            if fault.kind == "journal":
                raise
            return KeyPart(field=field, source=rotation.source, state="not-done", fault=fault)

    def _guarded(self, source: str, act: Callable[[], _Found]) -> _Found:
        """Somebody else's code must not keep a lane from being closed, nor show a value in an error."""
        try:
            return act()
        except WardenError:
            raise
        except Exception as fault:  # noqa: BLE001 - see above
            problem = SourceFailed(source, type(fault).__name__)
            raise Inconclusive(problem, system=f"source {source}", subject=self._lane.id) from None

    def _end(self, rotation: Rotation, field: str, *, carry: bool) -> KeyPart:
        name, step = rotation.source, Step(kind="disable-key", subject=field)
        if name in _PERSON:
            return KeyPart(field=field, source=name, state="by-hand")
        source = self._source(rotation, field)
        if not source.capabilities().provider:
            return KeyPart(field=field, source=name, state="no-provider")
        value, faults = self._value(field, step), list[WardenError]()
        found = self._found(source, rotation, field, value, faults)
        keys = tuple(dict.fromkeys((*_ids(field, self._custom), *self._earlier(field), *found)))
        if not keys and not faults:
            return KeyPart(field=field, source=name, state="no-key")
        if carry:
            self._carry(source, name, field, (*found, *keys))
        disable = source.capabilities().disable
        self._records.record(step, doing="disable" if disable else "delete", source=name, keys=list(keys))
        for key in keys:
            self._tried(name, lambda k=key: (source.disable if disable else source.delete)(k), faults)  # type: ignore[misc]
        if faults:
            raise faults[0]
        verdict = source.refused(value) if value is not None else None
        if value is not None:
            self._values[field] = value
        state: KeyState = "disabled" if disable else "deleted"
        self._records.record(step, done=state, answer=verdict.answer if verdict else "")
        return KeyPart(field=field, source=name, state=state, keys=keys, verdict=verdict)

    def _tried(self, source: str, act: Callable[[], _Found], faults: list[WardenError]) -> _Found | None:
        """What it answers; where it fails, its fault is kept and the other keys come next."""
        try:
            return self._guarded(source, act)
        except WardenError as fault:
            faults.append(fault)
            return None

    def _found(
        self, source: Source, rotation: Rotation, field: str, value: Secret | None, faults: list[WardenError]
    ) -> tuple[KeyId, ...]:
        """The key that has the value, and those that a rotation under way made and had no time to note."""
        found: list[KeyId] = []
        if value is not None and (known := self._tried(rotation.source, lambda: source.identify(value), faults)):
            found.append(known)
        mark = rotation_in(self._custom)
        if mark is not None and mark.field == field:
            made = self._tried(rotation.source, lambda: source.find(marker_of(mark.rotation)), faults)
            found += [KeyId(each.key) for each in made or ()]
        return tuple(found)

    def _carry(self, source: Source, name: str, field: str, keys: Sequence[KeyId]) -> None:
        """What a new key takes over, from the first key that is still there. Nothing waits for it but the new key."""
        self._uncarried.pop(field, None)
        for key in dict.fromkeys(keys):
            try:
                self._carried[field] = self._guarded(name, lambda k=key: source.carried(k))  # type: ignore[misc]
            except Missing:
                continue
            except WardenError as fault:
                self._uncarried[field] = fault
            return

    def ask_again(self, parts: Sequence[KeyPart]) -> tuple[KeyPart, ...]:
        """The same, with the provider asked again after a value that it did not refuse at once: some take a moment.

        Every other step comes first; after it the value is nowhere any more, and nobody can ask.
        """
        return tuple(self._asked_again(each) for each in parts)

    def _asked_again(self, part: KeyPart) -> KeyPart:
        value, verdict = self._values.get(part.field), part.verdict
        if value is None or verdict is None:
            return part
        for seconds in self._pauses:
            if verdict.answer == "refused":
                break
            time.sleep(seconds)
            with suppress(WardenError):
                verdict = self._guarded(part.source, lambda: self._sources[part.field].refused(value))
        if verdict is not part.verdict:
            self._records.record(
                Step(kind="disable-key", subject=part.field), done="asked again", answer=verdict.answer
            )
        return msgspec.structs.replace(part, verdict=verdict)

    def _source(self, rotation: Rotation, field: str) -> Source:
        if field not in self._sources:
            management = management_key(rotation, self._context)
            self._sources[field] = source_of(
                self._lane, rotation, self._providers.sources, self._providers.http, management=management
            )
        return self._sources[field]

    def _value(self, field: str, step: Step) -> Secret | None:
        """The live value, where the caller may read it; nothing else depends on it."""
        custody = self._lane.custody
        self._records.record(step, doing="read the value, to ask the provider for its key")
        try:
            stored = self._context.vault.read(custody.mount, custody.key)
        except (Refused, Inconclusive):
            return None
        return stored.fields.get(field) if stored else None

    def _earlier(self, field: str) -> Iterator[KeyId]:
        """The keys that a run before this one found: by now the value may be destroyed."""
        for body in self._steps("disable-key", field):
            yield from map(KeyId, body.get("keys") or ())

    def _steps(self, kind: str, field: str) -> Iterator[Mapping[str, Any]]:
        closing = self._context.journal.state(self._lane.id).closed
        after = closing.seq if closing else 0
        for record in self._context.journal.log(lane=self._lane.id, events=("compromise.step",), after=after):
            if (record.body.get("step"), record.body.get("subject")) == (kind, field):
                yield record.body

    # -- making anew ----------------------------------------------------------------------------------------------

    @property
    def by_hand(self) -> tuple[str, ...]:
        """The fields whose new value a person has to bring."""
        return tuple(
            field
            for field in self._lane.custody.fields
            if field not in self._rotations or self._rotations[field].source in _PERSON
        )

    def replace(self) -> int:
        """Make a value for every field, have its provider accept it, and write all as one version; answers its number.

        Keys that an earlier run made, and of which nobody has the value, are deleted first; so is one whose value could
        not be written. Raises as the port Source says, and as `put`.
        """
        values: dict[str, Secret] = {}
        made: dict[str, KeyId] = {}
        try:
            for field, rotation in self._rotations.items():
                key, values[field] = self._guarded(rotation.source, lambda f=field, r=rotation: self._minted(r, f))  # type: ignore[misc]
                made[field] = key
            written = put(self._lane, values, self._context.vault, self._context.journal, as_is=True)
        except WardenError:
            self._deleted(made)
            raise
        custody = self._lane.custody
        marks: dict[str, str | None] = {f"key-id-{field}": key or None for field, key in made.items()}
        self._context.vault.mark(custody.mount, custody.key, marks)
        for field, key in made.items():
            self._records.record(Step(kind="replace-key", subject=field), done="written", key=key)
        return written.version

    def _minted(self, rotation: Rotation, field: str) -> tuple[KeyId, Secret]:
        step = Step(kind="replace-key", subject=field)
        keys = Keys(self._source(rotation, field), rotation.source, time.sleep, time.monotonic)
        written = {str(body.get("key")) for body in self._steps("replace-key", field) if body.get("done") == "written"}
        for body in [*self._steps("replace-key", field)]:
            if body.get("rotation"):
                keys.end_orphans(str(body["rotation"]), frozenset(written))
        intent = Intent(rotation=secrets.token_hex(4), lane=self._lane.id, field=field)
        self._records.record(step, doing="make", source=rotation.source, rotation=intent.rotation)
        if field in self._uncarried:  # a key without the old one's limit
            raise self._uncarried[field]
        carry = self._carried.get(field, Carry())
        minted = keys.mint(intent, carry, frozenset(written))
        if minted.key:
            keys.bind(minted.key, carry)
        if not keys.accepts(minted.value):
            keys.delete(minted.key)
            raise Inconclusive(NotMinted(rotation.source), system=f"source {rotation.source}", subject=self._lane.id)
        return minted.key, minted.value

    def _deleted(self, made: Mapping[str, KeyId]) -> None:
        """Nobody has the values of these."""
        for field, key in made.items():
            source = self._sources.get(field)
            if source is not None and key and source.capabilities().provider:
                try:
                    source.delete(key)
                except Exception:  # noqa: BLE001, S112 - the error that ended it is the one to report; found by its name
                    continue


def _ids(field: str, custom: Mapping[str, str]) -> Iterator[KeyId]:
    """The key that is in use, and those of a rotation that was under way, by the path's metadata."""
    if marked := key_id_in(custom, field):
        yield marked
    rotation = rotation_in(custom)
    if rotation is not None and rotation.field == field:
        yield from filter(None, (rotation.old, rotation.new))


def _custom(lane: Lane, context: Context) -> Mapping[str, str]:
    try:
        metadata = context.vault.kv_metadata(lane.custody.mount, lane.custody.key)
    except (Refused, Inconclusive):
        return {}
    return metadata.custom if metadata else {}
