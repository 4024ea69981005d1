"""What ``warden put`` wrote, and what comes next."""

from warden.core.remedies import warden
from warden.present import terminal
from warden.present.commands import to_paste
from warden.usecases.put import Written


def show(written: Written, *, closed: bool) -> None:
    """Where the value is, which fields have none yet, and the next command."""
    terminal.sentence(f"{written.field} is in version {written.version} of {written.path} · journal {written.record}")
    if written.missing:
        terminal.line(f"No value yet: {', '.join(written.missing)}.")
    if closed:
        reopen = warden("reactivate", written.lane, reason="TEXT")
        terminal.sentence(f"The lane is closed. To open it: {to_paste(reopen)}")
    elif written.missing:
        terminal.sentence(f"Next: {to_paste(warden('put', written.lane, written.missing[0]))}")
    else:
        terminal.sentence(f"Next: {to_paste(warden('prove', written.lane))}")
