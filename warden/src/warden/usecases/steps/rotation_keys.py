"""A rotation at the provider: making a key, asking after values, ending a key. Every wait has an end.

What did not answer is asked again a few times and then raised: the rotation stops there, and goes on later.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from warden.core.errors import Closed, Inconclusive, Missing, WardenError
from warden.core.lanes.rotation import RefusalWindow
from warden.core.rotation.provider import Carry, Intent, KeyId, Minted, Verdict, marker_of
from warden.core.rotation.refusal import Pair, Refusal, pause, refusal_of
from warden.core.rotation.result import NotAcceptedYet
from warden.core.secret import Secret
from warden.ports.provider import Source

PAUSES = (1.0, 2.0, 4.0, 8.0)
"""Seconds before the second and every further attempt."""

LAG = 600.0
"""Seconds beyond the window for which an old value that is still accepted is asked after: some providers take minutes
until a deleted key is refused everywhere."""

_Answer = TypeVar("_Answer")


class Keys:
    """The keys of one rotation at its source."""

    def __init__(
        self,
        source: Source,
        name: str,
        sleep: Callable[[float], None],
        monotonic: Callable[[], float],
        *,
        pauses: Sequence[float] = PAUSES,
        lag: float = LAG,
        unanswered: Callable[[float], None] = lambda _: None,
    ) -> None:
        self.source = source
        self._name = name
        self._sleep = sleep
        self._monotonic = monotonic
        self._pauses = tuple(pauses)
        self._lag = lag
        self._unanswered = unanswered
        self.provider = source.capabilities().provider

    def identify(self, value: Secret) -> KeyId | None:
        """The id of the key with this value, where the provider knows one."""
        return self._patiently(lambda: self.source.identify(value))

    def carried(self, key: KeyId) -> Carry:
        """What a new key takes over; nothing where there is no old one, or somebody has deleted it."""
        try:
            return self._patiently(lambda: self.source.carried(key)) if key else Carry()
        except Missing:
            return Carry()

    def mint(self, intent: Intent, carry: Carry, keep: frozenset[str]) -> Minted:
        """Make a key. One whose creation got no answer may exist all the same: it is deleted before the next attempt.

        `keep` are ids that are never deleted here.
        """
        for seconds in (*self._pauses, None):
            self.end_orphans(intent.rotation, keep)
            try:
                return self.source.mint(intent, carry)
            except Inconclusive:
                if seconds is None:
                    with suppress(WardenError):  # the next run looks again
                        self.end_orphans(intent.rotation, keep)
                    raise
                self._wait(seconds)
        raise AssertionError  # pragma: no cover - the last attempt answers or raises

    def end_orphans(self, rotation: str, keep: frozenset[str]) -> tuple[str, ...]:
        """Delete every key of this rotation but those to `keep`; answers their ids. Nobody has their values."""
        if not self.provider:
            return ()
        found = self._patiently(lambda: self.source.find(marker_of(rotation)))
        ended = tuple(each.key for each in found if each.key not in keep)
        for key in ended:
            self.delete(KeyId(key))
        return ended

    def bind(self, key: KeyId, carry: Carry) -> None:
        """Bind what hangs on the old key's id to the new one."""
        self._patiently(lambda: self.source.bind(key, carry))

    def enable(self, key: KeyId, fence: Callable[[], None]) -> None:
        """Switch a key on again; and off, where `fence` then raises `Closed`.

        Whoever closed the lane for a leak has switched it off, perhaps before it was switched on here.
        """
        self._patiently(lambda: self.source.enable(key))
        try:
            fence()
        except Closed:
            self.disable(key)
            raise

    def disable(self, key: KeyId) -> None:
        """Switch a key off."""
        self._patiently(lambda: self.source.disable(key))

    def delete(self, key: KeyId) -> None:
        """End a key for good."""
        self._patiently(lambda: self.source.delete(key))

    def accepts(self, value: Secret) -> bool:
        """Whether the provider accepts the value, asked until it says so: a key may take a moment to be known.

        True where there is nobody to ask. Raises `Inconclusive` where it says nothing.
        """
        if not self.provider:
            return True
        verdict = self.source.test(value)
        for seconds in self._pauses:
            if verdict.answer == "accepted":
                break
            (self._wait if verdict.answer == "unclear" else self._sleep)(seconds)
            verdict = self.source.test(value)
        if verdict.answer == "unclear":
            raise self._unclear(verdict)
        return verdict.answer == "accepted"

    def refusal(
        self, old: Secret, new: Secret, window: RefusalWindow, *, ended: bool
    ) -> tuple[Refusal, tuple[Pair, ...]]:
        """Ask after both, again and again, until it is plain or the time is over.

        `ended`: the old key was switched off or deleted, so that an acceptance may pass.
        """
        lag = self._lag if ended else 0.0
        began, pairs = self._monotonic(), list[Pair]()
        while True:
            at = self._monotonic() - began
            pairs.append(Pair(at=round(at, 3), new=self.source.test(new), old=self.source.refused(old)))
            found = refusal_of(pairs, window)
            if found in {"refused", "new-refused"} or at > window.over + lag:
                return found, tuple(pairs)
            self._sleep(pause(window))

    def _patiently(self, ask: Callable[[], _Answer]) -> _Answer:
        for seconds in self._pauses:
            try:
                return ask()
            except Inconclusive:
                self._wait(seconds)
        return ask()

    def _wait(self, seconds: float) -> None:
        self._unanswered(seconds)
        self._sleep(seconds)

    def _unclear(self, verdict: Verdict) -> Inconclusive:
        problem = NotAcceptedYet(source=self._name, status=verdict.status, reason=verdict.reason)
        return Inconclusive(problem, system=f"source {self._name}", subject=self._name)
