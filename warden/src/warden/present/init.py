"""What ``warden init`` made, and what comes next."""

import os
from collections.abc import Sequence

from warden.core.remedies import RunWarden
from warden.present import terminal
from warden.present.commands import to_paste


def show(directory: str, made: Sequence[str], kept: Sequence[str], *, clusters: bool) -> None:
    """The files, and the next command; with `clusters`, whether the example is delivered to them."""
    for word, paths in (("made", made), ("kept", kept)):
        for path in paths:
            terminal.line(f"{word}  {path}")
    catalog = os.path.join(directory, "catalog")
    if clusters and not any(path.startswith(catalog) for path in made):
        terminal.note("catalog/ already has entries, so no example was made; none of them is delivered yet.")
        terminal.note("  How to deliver a lane: docs/deliveries.md")
        return
    check = RunWarden("catalog check", platform=directory)
    terminal.note(f"Next: edit the example in {catalog}, then: {to_paste(check)}")
