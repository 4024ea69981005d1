"""What ``warden put`` wrote, and what comes next."""

from typing import Any

from warden.core.remedies import warden
from warden.present import terminal
from warden.present.commands import to_paste
from warden.usecases.put import Written


def as_json(written: Written) -> dict[str, Any]:
    """``lane, path, fields, version, record, missing``; ``field`` where it is one."""
    return terminal.plain(written) | {"field": written.fields[0] if len(written.fields) == 1 else ""}


def show(written: Written, *, closed: bool) -> None:
    """Where the values are, which fields have none yet, and the next command."""
    fields = listed(written.fields)
    terminal.sentence(f"{fields} in version {written.version} of {written.path} · journal {written.record}")
    if written.missing:
        terminal.sentence(f"No value yet: {', '.join(written.missing)}.")
    if closed:
        reopen = warden("reactivate", written.lane, reason="TEXT")
        terminal.sentence(f"The lane is closed. To open it: {to_paste(reopen)}")
    elif written.missing:
        terminal.sentence(f"Next: {to_paste(warden('put', written.lane, *written.missing))}")
    else:
        terminal.sentence(f"Next: {to_paste(warden('prove', written.lane))}")


def listed(fields: tuple[str, ...]) -> str:
    """``A is`` or ``A, B are``."""
    return f"{', '.join(fields)} {'is' if len(fields) == 1 else 'are'}"
