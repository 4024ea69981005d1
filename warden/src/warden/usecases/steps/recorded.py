"""The record after an effect: where the journal does not take it, the effect has happened all the same."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from warden.core.errors import DoneBefore, Effect, JournalUnwritable, WardenError


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


@contextmanager
def after_earlier_steps() -> Iterator[None]:
    """Have no error in here say that nothing was done: something was, by the same command."""
    try:
        yield
    except WardenError as fault:
        if isinstance(fault.effect, Effect):
            fault.effect = DoneBefore()
        raise
