"""The last line of defence: only printed text and an exit code leave warden, whatever goes wrong."""

import os
import sys
from collections.abc import Callable

from warden.core.errors import Exit, Inconclusive, WardenError
from warden.core.remedies import warden
from warden.present import terminal

READER_GONE = 141
"""128 + SIGPIPE, as a shell reports it."""


def guarded(act: Callable[[], int]) -> int:
    """The exit code of `act`, also when it is interrupted or stdout cannot be written."""
    try:
        code = act()
        terminal.flush()
    except (BrokenPipeError, terminal.ReaderGone):
        _discard_stdout()
        code = READER_GONE
    except OSError as fault:
        _discard_stdout()
        terminal.note(f"warden: stdout cannot be written ({os.strerror(fault.errno or 0).lower()}).")
        code = Exit.INCONCLUSIVE
    except KeyboardInterrupt:
        terminal.interrupted()
        code = Exit.INTERRUPTED
    return int(code)


def reported(act: Callable[[], int], *, as_json: bool) -> tuple[int, WardenError | None]:
    """The exit code of `act`, and the error that it ended with, which has been printed.

    A defect of warden's own becomes an error too: its traceback could quote a value.
    """
    try:
        return act(), None
    except WardenError as fault:
        error = fault
    except (terminal.ReaderGone, terminal.Unwritable):
        raise
    except Exception as fault:  # noqa: BLE001 - see above
        error = _defect(fault)
    terminal.error(error, as_json=as_json)
    return int(error.exit), error


def _discard_stdout() -> None:
    """What is still buffered cannot be delivered, and Python would complain again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _defect(fault: Exception) -> WardenError:
    """A defect of warden: its place and kind, never its text, which could hold a value."""
    where, trace = "", fault.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if f"{os.sep}warden{os.sep}" in code.co_filename:
            where = f"{os.path.basename(code.co_filename)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return Inconclusive(
        f"warden has a defect ({type(fault).__name__} at {where}) and stopped before it was done",
        hint="report the line above; what had begun",
        remedy=(warden("journal log"),),
    )
