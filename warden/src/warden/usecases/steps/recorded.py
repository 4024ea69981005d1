"""The record after an effect: where the journal does not take it, the effect has happened all the same."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from warden.core.errors import JournalUnwritable


class NotRecorded(msgspec.Struct, frozen=True):
    """An effect that happened and that the journal does not have; ``done`` says what was done."""

    done: msgspec.Struct


@contextmanager
def effect_so_far(done: msgspec.Struct) -> Iterator[None]:
    """Have a journal that fails in here say what is `done` already, where it would say that nothing was."""
    try:
        yield
    except JournalUnwritable as fault:
        fault.effect = NotRecorded(done)
        raise
