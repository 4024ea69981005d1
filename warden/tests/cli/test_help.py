"""The help of every command fits a terminal of 80 columns, has no control characters when piped, and can be run."""

import re
from pathlib import Path

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


def test_the_examples_name_actors_and_hosts_that_the_inventory_declares():
    """Whoever tries them with the files of this repository gets what the help says."""
    inventory = (Path(__file__).parents[3] / "platform" / "inventory.yaml").read_text()
    declared = set(re.findall(r"^  ([a-z0-9-]+):", inventory, re.MULTILINE))
    named = {
        name
        for words in _every(warden)
        if words[:1] != ("inventory",)  # it adds some
        for line in CliRunner().invoke(warden, [*words, "--help"]).output.splitlines()
        for name in re.findall(r"\b(?:adm|agt|atm)-[a-z]+|(?<=ssh host sign )[a-z0-9]+", line)
    }
    assert named > {"adm-ada", "coulombcore"}
    assert named - declared == set()
