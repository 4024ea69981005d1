"""Signals that end a process, for commands that record how they ended."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

ENDING = (signal.SIGTERM, signal.SIGHUP)


class Ended(BaseException):
    """The process is to end by this signal."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def ends_recorded() -> Iterator[None]:
    """Let what runs in here record its end where a signal ends it; then the signal ends the process as it always does.

    A signal that is ignored (``nohup``) or handled already stays so. A program that the process becomes starts with
    the defaults (execve(2)).
    """
    taken = [each for each in ENDING if signal.getsignal(each) is signal.SIG_DFL]
    for each in taken:
        signal.signal(each, _end)
    try:
        yield
    except Ended as end:
        signal.signal(end.number, signal.SIG_DFL)
        os.kill(os.getpid(), end.number)
        raise
    finally:
        for each in taken:
            signal.signal(each, signal.SIG_DFL)


def _end(number: int, _frame: Any) -> None:
    raise Ended(number)
