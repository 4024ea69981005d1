"""What a rotation has at the lane's path: its mark, and the old and the new value.

The mark is written with a check-and-set on the metadata, values with one on the data: of two who rotate one lane only
one gets on. Values are compared here, in memory.
"""

import hmac
from collections.abc import Mapping
from contextlib import suppress

import msgspec

from warden.core.errors import Closed, Effect, Held, NotNow
from warden.core.lanes.lane import Lane
from warden.core.openbao.api import KvMetadata
from warden.core.openbao.closed_mark import mark_in
from warden.core.remedies import warden
from warden.core.rotation.mark import ROTATION, RotationMark, rotation_in
from warden.core.rotation.result import TakenOver, ValueReplaced
from warden.core.secret import Secret
from warden.usecases.context import Context
from warden.usecases.steps.closing import LanesClosed, look_closer
from warden.usecases.steps.fingerprints import hash_of

ATTEMPTS = 3
"""How often something is tried that another write may overtake: a sibling's value, other keys of the metadata."""


def same(one: Secret, other: Secret) -> bool:
    """Whether two values are the same text."""
    return hmac.compare_digest(one.reveal().encode(), other.reveal().encode())


class RotationPath:
    """One lane's path while a field of it is rotated.

    Attributes:
        mark: where the rotation stands; `fence` writes it.
        old: the old value; ``None`` where there was none, or its version is gone.
        new: the new value; ``None`` where there is none yet.
    """

    def __init__(self, lane: Lane, mark: RotationMark, context: Context) -> None:
        self.mark = mark
        self.old: Secret | None = None
        self.new: Secret | None = None
        self._lane = lane
        self._context = context

    def note(self, **facts: object) -> None:
        """Change the mark; it is written with the next `fence`."""
        self.mark = msgspec.structs.replace(self.mark, **facts)

    def claim(self, seen: KvMetadata | None) -> None:
        """Take the rotation, if nothing at the path was changed since it was `seen`. Raises as `go`."""
        metadata = self.metadata()
        if metadata is not None:
            self._expect_open(metadata)
        there = rotation_in(metadata.custom) if metadata else None
        before = rotation_in(seen.custom) if seen else None
        if there != before or _revision(metadata) != _revision(seen):
            raise self._taken_over(there)
        self.set_custom({ROTATION: self.mark.text}, metadata)

    def fence(self) -> None:
        """Write the mark, if the rotation is still ours and the lane is open. Raises `Closed` and `Held` otherwise."""
        for attempt in range(1, ATTEMPTS + 1):
            metadata = self.metadata()
            if metadata is not None:
                self._expect_open(metadata)
            there = rotation_in(metadata.custom) if metadata else None
            if there is None or there.run != self.mark.run:
                raise self._taken_over(there)
            try:
                self.set_custom({ROTATION: self.mark.text}, metadata)
            except Held:
                if attempt == ATTEMPTS:
                    raise
            else:
                return

    def set_custom(self, custom: Mapping[str, str | None], metadata: KvMetadata | None) -> None:
        """Merge into the custom metadata as it was when `metadata` was read. Raises `Held` where it has changed."""
        custody, revision = self._lane.custody, metadata.revision if metadata else 0
        if metadata is not None and not revision:  # a server that does not count: the next look tells who was faster
            self._context.vault.mark(custody.mount, custody.key, custom)
        else:
            self._context.vault.mark_if(custody.mount, custody.key, custom, revision)

    def metadata(self) -> KvMetadata | None:
        """The path's metadata."""
        custody = self._lane.custody
        return self._context.vault.kv_metadata(custody.mount, custody.key)

    def _expect_open(self, metadata: KvMetadata) -> None:
        journaled = self._context.journal.state(self._lane.id).closed is not None
        if not journaled and mark_in(metadata.custom) is None:
            return
        look = look_closer(self._lane.id, journaled=journaled)
        raise Closed(LanesClosed((self._lane.id,)), effect=None, subject=self._lane.id, remedy=(look,))

    def _taken_over(self, there: RotationMark | None) -> Held:
        problem = TakenOver(lane=self._lane.id, by=there.by if there else "")
        return Held(problem, subject=self._lane.id, remedy=(warden("status", self._lane.id),))

    def read_values(self) -> None:
        """The old value, and the new one where it is written."""
        vault, custody, mark = self._context.vault, self._lane.custody, self.mark
        old = vault.read_version(custody.mount, custody.key, mark.before) if mark.before else None
        self.old = old.fields.get(mark.field) if old else None
        if mark.after:
            new = vault.read_version(custody.mount, custody.key, mark.after)
            self.new = new.fields.get(mark.field) if new else None

    def current(self) -> tuple[int, Secret | None]:
        """The newest version, and the field's value in it; ``None`` where that one is not live."""
        custody = self._lane.custody
        found = self._context.vault.read(custody.mount, custody.key)
        if found is None:  # the newest version may be deleted, and is the one that a write replaces
            metadata = self.metadata()
            return metadata.current if metadata else 0, None
        return found.version, found.fields.get(self.mark.field)

    def is_new(self, value: Secret | None) -> bool:
        """Whether it is the value that this rotation made."""
        if value is None or not self.mark.print:
            return False
        if self.new is not None:
            return same(value, self.new)
        return hash_of(self._context.vault, self._context.audit_device, value) == self.mark.print

    def is_old(self, value: Secret | None) -> bool:
        """Whether it is the value that was there before."""
        return self.old is None if value is None else self.old is not None and same(value, self.old)

    def replaced(self, version: int) -> NotNow:
        """The error for a value that is neither the old one nor the new one."""
        problem = ValueReplaced(lane=self._lane.id, field=self.mark.field, version=version)
        give_up = warden("rotate", self._lane.id, field=self.mark.field, abandon=True)
        return NotNow(problem, subject=self._lane.id, remedy=(give_up,))

    def given_up(self, version: int) -> NotNow:
        """The error where somebody else's value came before this rotation's was written."""
        problem = ValueReplaced(lane=self._lane.id, field=self.mark.field, version=version, given_up=True)
        again = warden("rotate", self._lane.id, field=self.mark.field)
        return NotNow(problem, effect=Effect.NOTHING_CHANGED, subject=self._lane.id, remedy=(again,))

    def expect_new_in_use(self) -> int:
        """The newest version, which has the new value. Raises `NotNow` where somebody put another one."""
        version, value = self.current()
        if not self.is_new(value):
            raise self.replaced(version)
        return version

    def write(self) -> bool:
        """Write the new value over the old one; False where nobody has it any more. Does nothing where it is there.

        Raises `NotNow` where the field has a third value.
        """
        for _ in range(ATTEMPTS):
            version, value = self.current()
            if self.is_new(value):
                self.note(after=self.mark.after or version)
                self.new = value
                return True
            if not self.is_old(value):
                raise self.replaced(version)
            if self.new is None:
                return False
            with suppress(Held):  # a sibling was put meanwhile: look again
                done = self._put(self.new, version)
                self.note(after=done, base=version, before=version if self.mark.before else 0)
                return True
        raise self.replaced(self.current()[0])

    def restore(self, old: Secret) -> int:
        """Write the old value over the new one; answers the newest version. Does nothing where it is there.

        Raises `NotNow` where the field has a third value.
        """
        for _ in range(ATTEMPTS):
            version, value = self.current()
            if self.is_old(value):
                return version
            if not self.is_new(value):
                raise self.replaced(version)
            with suppress(Held):
                self.note(after=self.mark.after or version)
                return self._put(old, version)
        raise self.replaced(self.current()[0])

    def _put(self, value: Secret, version: int) -> int:
        custody = self._lane.custody
        return self._context.vault.put_fields(custody.mount, custody.key, {self.mark.field: value}, replacing=version)

    def expect_old_in_use(self) -> int:
        """The newest version, which has the old value. Raises `NotNow` where somebody put another one."""
        version, value = self.current()
        if not self.is_old(value):
            raise self.replaced(version)
        return version

    def destroy(self, first: int, end: int) -> tuple[int, ...]:
        """Destroy the versions from `first` on and before `end`; answers those that were still there."""
        custody, metadata = self._lane.custody, self.metadata()
        found = tuple(each for each in (metadata.kept if metadata else ()) if first <= each < end)
        self._context.vault.destroy_versions(custody.mount, custody.key, found)
        return found


def _revision(metadata: KvMetadata | None) -> tuple[int, int]:
    return (metadata.current, metadata.revision) if metadata else (0, 0)
