"""Show a report on stdout: as JSON, for a terminal, or as Markdown."""

from __future__ import annotations

from typing import Any

from activity_core.present import console, markdown, terminal


def show(report: dict[str, Any], *, as_json: bool) -> None:
    """Print the report in the form that stdout needs."""
    if as_json:
        console.document(console.json_of(report))
    elif console.is_terminal():
        console.lines(terminal.lines(report, console.width(), console.styled))
    else:
        console.document(markdown.rendered(report))
