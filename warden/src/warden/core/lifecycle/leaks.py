"""Whether a lane was closed because its value became known: then it is opened again with a new value only.

The record of the closing says so (``leaked``): as whoever closed it said, or else as the words of the reason suggested.
"""

import re

from warden.core.journal.record import Record
from warden.core.remedies import Remedy, warden

_LEAK = re.compile(
    r"\b(leak|compromis|expos(ed|ure)|stolen|theft|disclos|breach|published|pushed|committed|posted|pasted"
    r"|(seen|found|visible|printed|logged|shown) (in|on|by)\b|kompromittier|offengelegt|gestohlen|fuite|vol[ée])",
    re.IGNORECASE,
)
"""Words of a reason for closing. Where it has none of them, the value may stay what it was."""


def names_leak(reason: str) -> bool:
    """Whether the reason for closing says that others may have the value."""
    return _LEAK.search(reason) is not None


def for_leak(closing: Record) -> bool:
    """Whether a lane was closed for a leak. The records of earlier versions do not say it: there the words count."""
    leaked = closing.body.get("leaked")
    return leaked if isinstance(leaked, bool) else names_leak(str(closing.body.get("reason") or ""))


def reopening(lane_id: str, fields: tuple[str, ...], *, new_value: bool) -> Remedy:
    """How a lane is opened again; with `new_value` not before it has one."""
    put = (warden("put", lane_id, *fields),) if new_value else ()
    return (*put, warden("reactivate", lane_id, reason="TEXT"))
