"""The help of every command fits a terminal of 80 columns, and has no control characters when it is piped."""

import click
import pytest
from click.testing import CliRunner

from warden.cli.main import warden


def _every(command: click.Command, words: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The words of each command and group."""
    if not isinstance(command, click.Group):
        return [words]
    context = click.Context(command)
    below = {name: command.get_command(context, name) for name in command.list_commands(context)}
    return [words, *(each for name, found in below.items() if found for each in _every(found, (*words, name)))]


@pytest.mark.parametrize("words", _every(warden), ids=" ".join)
def test_fits_80_columns(words):
    shown = CliRunner().invoke(warden, [*words, "--help"], terminal_width=80)
    assert shown.exit_code == 0
    assert [line for line in shown.output.splitlines() if len(line) > 80] == []
    assert "\b" not in shown.output
    assert [line for line in shown.output.splitlines()[1:] if line.endswith("...")] == []  # a sentence that was cut
