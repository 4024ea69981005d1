"""The mark of a rotation that is under way: a key in the custom metadata of the lane's path, which every warden sees.

    rotation                {"id":"3f9a1c2b","field":"API_KEY","step":"deliver","before":3,…}
    key-id-API_KEY          the provider's id of the key that is in use
    rotated-API_KEY         3f9a1c2b 4 2026-11-30T09:41:02Z   the last rotation that ended well, and its version

It is written before each step, with a check-and-set on the metadata, so that of two people who rotate the same lane one
stops before its next step. It is enough to go on with where the journal of whoever began is lost. It holds no value:
``print`` is the audit device's keyed hash of the new one.
"""

import datetime as dt
from collections.abc import Mapping

import msgspec

from warden.core.rotation.provider import KeyId
from warden.core.rotation.steps import Position, Step

ROTATION = "rotation"

LONGEST = 512
"""Bytes of one value of custom metadata (OpenBao, *secret/kv/kv-v2*: custom_metadata)."""


class RotationMark(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"rotation": "id"}):
    """Where a rotation stands.

    Attributes:
        rotation: its id; what its keys at the provider are found by (`provider.marker_of`).
        field: which field of the lane gets a new value.
        step: the step that was begun last.
        reached: where it turned back; empty while it goes forward.
        base: the newest version when it began; the one that is replaced.
        before: the version with the old value; 0 where there was none.
        after: the version with the new value; 0 until it is written.
        old: the provider's id of the old key; empty where it has none, or is not known.
        new: the provider's id of the new key; empty before it is made.
        print: the keyed hash of the new value, by which it is known again.
        waits: a person was told to do what the step is about.
        run: who has the rotation now, by a random word: of two, the one whose word is not there stops.
        by: who that is, for people.
        since: when the rotation began (ISO 8601 UTC).
    """

    rotation: str
    field: str
    before: int
    run: str
    by: str
    since: str
    base: int = 0
    step: Step = "mint"
    reached: Step | str = ""
    after: int = 0
    old: KeyId = KeyId("")
    new: KeyId = KeyId("")
    print: str = ""
    waits: bool = False

    @property
    def position(self) -> Position:
        """The step that is to be done, or done again."""
        return msgspec.convert({"step": self.step, "reached": self.reached}, Position)

    def at(self, position: Position) -> "RotationMark":
        """The same rotation at another step."""
        return msgspec.structs.replace(self, step=position.step, reached=position.reached, waits=False)

    @property
    def text(self) -> str:
        """As it stands in the metadata; at most `LONGEST` bytes."""
        found = msgspec.json.encode(self).decode()
        spare = len(found.encode()) - LONGEST
        if spare > 0:
            found = msgspec.json.encode(msgspec.structs.replace(self, by=self.by[: -spare - 4])).decode()
        return found


def rotation_in(custom: Mapping[str, str]) -> RotationMark | None:
    """The rotation under way, by the custom metadata of a path; ``None`` also for a text that is not one's mark."""
    try:
        return msgspec.json.decode(custom.get(ROTATION, ""), type=RotationMark)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def key_id_in(custom: Mapping[str, str], field: str) -> KeyId | None:
    """The provider's id of the key in a field, as the last rotation left it there."""
    found = custom.get(_key_id(field))
    return KeyId(found) if found else None


def last_rotation_in(custom: Mapping[str, str], field: str) -> tuple[str, int]:
    """The id of the last rotation of a field that ended well, and the version it wrote; empty and 0 without one."""
    rotation, _, rest = custom.get(f"rotated-{field}", "").partition(" ")
    version = rest.partition(" ")[0]
    return (rotation, int(version)) if version.isdigit() else ("", 0)


def rotated_at(custom: Mapping[str, str], field: str) -> dt.datetime | None:
    """When the last rotation of a field ended well, by the clock of the machine that ran it; ``None`` without one."""
    try:
        found = dt.datetime.fromisoformat(custom.get(f"rotated-{field}", "").rpartition(" ")[2])
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)


def is_rotations(key: str) -> bool:
    """Whether a key of custom metadata is one of those that rotations write."""
    return key == ROTATION or key.startswith(("key-id-", "rotated-"))


def finished(mark: RotationMark, now: str) -> dict[str, str | None]:
    """What replaces the mark when all steps are done."""
    return {
        ROTATION: None,
        _key_id(mark.field): mark.new or None,
        f"rotated-{mark.field}": f"{mark.rotation} {mark.after} {now}",
    }


def taken_back(mark: RotationMark) -> dict[str, str | None]:
    """What replaces the mark of a rotation that was taken back, or given up: the old key's id stays where known."""
    return {ROTATION: None, _key_id(mark.field): mark.old or None}


def _key_id(field: str) -> str:
    return f"key-id-{field}"
