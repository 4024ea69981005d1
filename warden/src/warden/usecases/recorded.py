"""The record after an effect: where the journal does not take it, the effect has happened all the same, and is told."""

from collections.abc import Iterator
from contextlib import contextmanager

from warden.core.errors import JournalUnwritable


@contextmanager
def although(done: str) -> Iterator[None]:
    """Have a journal that fails in here say what is `done` already, where it would say that nothing was."""
    try:
        yield
    except JournalUnwritable as fault:
        fault.message = f"{done}, and the journal does not have it: {fault.problem}."
        fault.effect = None
        raise
