"""Whether an old value is refused: often enough, over a time, each beside a call that the new value passes.

Providers accept ended keys for up to minutes, and refuse good ones when they are unwell. So one refusal does
not count; an acceptance makes the count begin again; a pair that says nothing is skipped.
"""

from collections.abc import Sequence
from typing import Literal

from warden.core.lanes.rotation import RefusalWindow
from warden.core.quoting import Facts
from warden.core.rotation.provider import Verdict

Refusal = Literal["refused", "accepted", "new-refused", "unclear", "counting"]


class Pair(Facts, frozen=True, kw_only=True):
    """The old value and the new one, asked one after the other; ``at`` is in seconds from the first pair on."""

    at: float
    old: Verdict
    new: Verdict

    @property
    def counts(self) -> bool:
        """Whether it is a refusal of the old value by a provider that accepts the new one."""
        return self.old.answer == "refused" and self.new.answer == "accepted"


def refusal_of(pairs: Sequence[Pair], window: RefusalWindow) -> Refusal:
    """What the pairs so far add up to.

    ``new-refused``: the provider refuses both, and has done so for as many pairs as it takes. ``accepted`` and
    ``unclear`` are what the last pair says, and may pass.
    """
    counted: list[Pair] = []
    both = 0
    for each in pairs:
        both = both + 1 if each.new.answer == "refused" else 0
        if each.old.answer == "accepted":
            counted = []
        elif each.counts:
            counted.append(each)
    if len(counted) >= window.times and counted[-1].at - counted[0].at >= window.over * (window.times > 1):
        return "refused"
    if both >= window.times:
        return "new-refused"
    if not pairs or pairs[-1].counts:
        return "counting"
    return "accepted" if pairs[-1].old.answer == "accepted" else "unclear"


def pause(window: RefusalWindow) -> float:
    """Seconds between two pairs: so many that `times` of them span the window."""
    return window.over / max(window.times - 1, 1)
