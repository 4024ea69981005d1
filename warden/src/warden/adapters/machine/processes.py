"""The processes of this machine: whether the one that a record names still runs."""

import datetime as dt
import os

from warden.core.journal.operations import Process

FAR = dt.timedelta(hours=1)
"""How long an operation on another host, which cannot be looked at from here, counts as running."""


def this_process() -> Process:
    """The one that asks."""
    return Process(host=os.uname().nodename, pid=os.getpid())


def runs(process: Process | None, since: dt.datetime, now: dt.datetime) -> bool:
    """Whether the process that ran at `since` still does.

    A process with its number that started later is another one.
    """
    if process is None or process.host != os.uname().nodename:
        return now - since < FAR
    import psutil  # only where something was left unfinished

    try:
        found = psutil.Process(process.pid)
        started = dt.datetime.fromtimestamp(found.create_time(), dt.UTC)
        ended = found.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
    return not ended and started <= since + dt.timedelta(seconds=1)
