"""The records around an effect: one before it, and one after it, however it ended.

Where the journal does not take the one after it, the effect has happened all the same.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import msgspec

from warden.core.errors import DoneBefore, Effect, JournalUnwritable, WardenError, failure_kind
from warden.core.journal.operations import Operation
from warden.ports.journal import Journal


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


@contextmanager
def begun(operation: Operation, lane: str, body: Mapping[str, Any], journal: Journal) -> Iterator[dict[str, Any]]:
    """Record an operation before it happens, and, if an error ends it, that it failed.

    Answers the body of the record that is to end it. What is killed in here leaves no record after it: see
    `Journal.unfinished`.
    """
    begin = journal.record(f"{operation}.begin", lane, body)
    try:
        yield {**body, "begin": begin}
    except JournalUnwritable:
        raise
    except BaseException as fault:
        with suppress(JournalUnwritable):  # the error that ended it is the one to report
            journal.record(f"{operation}.failed", lane, {"begin": begin, "kind": failure_kind(fault)})
        raise
