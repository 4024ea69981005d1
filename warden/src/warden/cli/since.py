"""``--since`` of the commands that have one."""

import datetime as dt

from warden.cli.clock import now
from warden.core.errors import Effect, UsageError
from warden.core.lifecycle.since import moment_of


def past_moment(text: str, effect: Effect) -> dt.datetime:
    """The time that is meant, in UTC. Raises `UsageError`, with this effect, where it is not one in the past."""
    found = moment_of(text, now())
    if found is None:
        raise UsageError(
            f"--since is not a time in the past: {text[:60]!r}",
            effect=effect,
            hint="write 2026-11-30T08:00Z, 2026-11-30, 90m, 36h or 7d",
        )
    return found
