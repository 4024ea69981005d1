"""The last line of defence: nothing but printed text and an exit code leaves warden, whatever went wrong."""

import os
import sys
from collections.abc import Callable

from warden.core.errors import Exit, Inconclusive, WardenError
from warden.present import terminal

READER_WENT_AWAY = 141  # 128 + SIGPIPE, as a shell shows it


def guarded(act: Callable[[], int]) -> int:
    """The exit code of `act`, also where it is interrupted or its reader goes away."""
    try:
        code = act()
        terminal.flush()
    except BrokenPipeError:
        _forget_stdout()
        code = READER_WENT_AWAY
    except OSError as fault:
        _forget_stdout()
        terminal.note(f"warden: stdout cannot be written ({os.strerror(fault.errno or 0).lower()}).")
        code = Exit.INCONCLUSIVE
    except KeyboardInterrupt:
        terminal.interrupted()
        code = Exit.INTERRUPTED
    return int(code)


def _forget_stdout() -> None:
    """What is still buffered cannot be delivered: Python would complain once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def own_fault(fault: Exception) -> WardenError:
    """A fault of warden's own code: where it is and of which kind, never its text, which could hold a value."""
    where, trace = "", fault.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if f"{os.sep}warden{os.sep}" in code.co_filename:
            where = f"{os.path.basename(code.co_filename)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return Inconclusive(
        f"this is a fault in warden itself ({type(fault).__name__} at {where}); what it was doing is not done.",
        hint="warden journal log shows what was begun; please report the line above",
    )
