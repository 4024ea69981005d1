"""``warden route show ID --json`` without click: what agents ask most, at the cost of one row.

`read` understands what is written correctly and gives everything else to click (`cli.route`), which says what is
wrong. A test holds the two against each other.
"""

from datetime import UTC, datetime

from warden.cli import wiring
from warden.cli.exit_guard import own_fault
from warden.core.errors import Exit, WardenError
from warden.core.lanes.route import settle
from warden.present import terminal


def read(argv: list[str]) -> tuple[str | None, str] | None:
    """The platform flag and the id, where it is that command and nothing else; ``None``: click's to read."""
    words, platform = list(argv), None
    if words[:1] == ["--platform"] and len(words) > 1:
        platform = words[1]
        words = words[2:]
    if words[:2] != ["route", "show"] or words.count("--json") != 1:
        return None
    words.remove("--json")
    if len(words) != 3 or words[2].startswith("-"):  # noqa: PLR2004 - route, show, ID
        return None
    return platform, words[2]


def run(call: tuple[str | None, str]) -> int:
    """Print the route; every error as click's way prints it."""
    platform, entry_id = call
    try:
        drawn = wiring.drawn(wiring.platform_at(platform), entry_id)
        terminal.document(settle(drawn, wiring.journal().state(entry_id), datetime.now(UTC)))
    except WardenError as fault:
        terminal.error(fault, as_json=True)
        return int(fault.exit)
    except (BrokenPipeError, terminal.Unwritable):
        raise
    except Exception as fault:  # noqa: BLE001 - as in main
        terminal.error(own_fault(fault), as_json=True)
        return int(Exit.INCONCLUSIVE)
    return int(Exit.DONE)
