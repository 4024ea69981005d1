"""What became of a value that has leaked, beside the closing of its lane: its key, its versions, who read it."""

import datetime as dt
from typing import Literal

import msgspec

from warden.core.access_index.readings import SameValue, Surveyed
from warden.core.errors import Exit, WardenError
from warden.core.plans.lane_plan import worst
from warden.core.rotation.provider import Verdict

KeyState = Literal["disabled", "deleted", "no-provider", "by-hand", "no-source", "no-key", "not-done"]
"""``no-provider``: nobody issues such values, so nobody can refuse one. ``by-hand``: a person does it. ``no-source``:
the lane names no provider. ``no-key``: the provider's id of the key is not known."""


class KeyPart(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the key of one field at its provider.

    ``keys`` are the provider's ids. ``verdict`` is what the provider answered to the value afterwards, where the value
    could be asked after. ``fault`` says why it was not done.
    """

    field: str
    state: KeyState
    source: str = ""
    keys: tuple[str, ...] = ()
    verdict: Verdict | None = None
    fault: WardenError | None = None

    @property
    def exit(self) -> Exit:
        """Done, where the provider refuses the value; no, where it still accepts it; else that is not known."""
        answer = self.verdict.answer if self.verdict else ""
        return {"accepted": Exit.NO, "refused": Exit.DONE}.get(answer, Exit.INCONCLUSIVE)


class VersionsPart(msgspec.Struct, frozen=True, kw_only=True):
    """Which versions were destroyed, and which are still there; ``fault`` says why."""

    destroyed: tuple[int, ...] = ()
    left: tuple[int, ...] = ()
    fault: WardenError | None = None

    @property
    def exit(self) -> Exit:
        """Done where none is left."""
        if self.fault is not None:
            return Exit.REFUSED if self.fault.exit is Exit.REFUSED else Exit.INCONCLUSIVE
        return Exit.NO if self.left else Exit.DONE


class Replacement(msgspec.Struct, frozen=True, kw_only=True):
    """The version with the value that was made; 0 without one, then ``by_hand`` or ``fault`` says why.

    ``by_hand`` are fields whose new value a person has to bring.
    """

    version: int = 0
    by_hand: tuple[str, ...] = ()
    fault: WardenError | None = None

    @property
    def exit(self) -> Exit:
        """Inconclusive where none was made that was to be."""
        return Exit.INCONCLUSIVE if self.by_hand or self.fault else Exit.DONE


class LeakParts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that `compromise` does besides closing.

    ``ahead`` is how many seconds OpenBao's clock is ahead of this machine's: times in the log are by it.
    ``not_compared`` are the lanes whose value the audit log has no line of.
    """

    since: dt.datetime | None = None
    keys: tuple[KeyPart, ...] = ()
    versions: VersionsPart = VersionsPart()
    surveyed: Surveyed = Surveyed()
    ahead: int = 0
    replacement: Replacement = Replacement()
    same: tuple[SameValue, ...] = ()
    not_compared: tuple[str, ...] = ()

    @property
    def exit(self) -> Exit:
        """The worst of them; a log that could not be read whole may hide a reader."""
        short = self.since is not None and not self.surveyed.reaches(self.since)
        unread = Exit.INCONCLUSIVE if self.surveyed.why or short else Exit.DONE
        elsewhere = Exit.NO if self.same else Exit.DONE
        return worst((self.versions.exit, unread, elsewhere, self.replacement.exit, *(each.exit for each in self.keys)))
