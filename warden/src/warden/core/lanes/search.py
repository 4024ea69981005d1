"""What can be wrong with a need: nobody owns what is asked for, or nothing was asked."""

import msgspec

from warden.core.errors import Effect, NotFound, UsageError
from warden.core.remedies import warden
from warden.core.typed import composed


class Nearest(msgspec.Struct, frozen=True):
    """An entry that has something in common with the need and does not answer it."""

    id: str
    title: str


class NotOwned(msgspec.Struct, frozen=True, kw_only=True):
    """Nobody owns what was asked for; ``draft``: the first of ``nearest`` is a draft that will answer it."""

    need: str
    nearest: tuple[Nearest, ...] = ()
    draft: bool = False


class EmptyNeed(msgspec.Struct, frozen=True):
    """No need, or no id, was given."""

    what: str


class Unowned(NotFound):
    """Nobody owns what was asked for; the problem is a `NotOwned`."""

    kind = "unowned"


def expect_words(text: str, what: str) -> str:
    """The text without spaces at its ends. Raises `UsageError` where nothing is left; `what` is a need or an id."""
    stripped = composed(text).strip()
    if not stripped:
        raise UsageError(
            EmptyNeed(what), effect=Effect.NOTHING_READ, system="platform", remedy=(warden("route list", all=True),)
        )
    return stripped


def unowned(found: NotOwned) -> Unowned:
    """The error for a need that nobody answers."""
    step = warden("route show", found.nearest[0].id) if found.nearest else warden("route list", all=True)
    return Unowned(found, system="platform", subject=found.need, remedy=(step,))
