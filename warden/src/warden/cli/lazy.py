"""Groups of commands whose modules are imported when they are called."""

import importlib
from collections.abc import Mapping
from typing import Any

import click

Table = Mapping[str, tuple[str, str]]
"""Name -> (module, one sentence). The sentence is there so that ``--help`` imports none of the modules."""


class LazyGroup(click.Group):
    """A group that imports a command when it is called; `table` has its commands."""

    def __init__(self, *args: Any, table: Table, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All names, sorted."""
        return sorted(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import the command's module; the attribute is the command's name, with or without ``_command``."""
        if cmd_name not in self.table:
            return None
        module = importlib.import_module(self.table[cmd_name][0])
        attribute = cmd_name.replace("-", "_")
        command = getattr(module, f"{attribute}_command", None) or getattr(module, attribute)
        assert isinstance(command, click.Command)  # noqa: S101 - a table of our own
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """The list in ``--help``, from the table."""
        if not self.table:
            return
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.table[name][1]) for name in sorted(self.table)])
