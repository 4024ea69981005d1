"""Every command and option of warden that the sources name as a step to take exists on the command line."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

import warden
from warden.cli.main import warden as root

SOURCE = Path(warden.__file__).parent
FACTORIES = {"warden", "RunWarden", "access", "run_with"}
"""What makes a `RunWarden`: `core.remedies.warden` and `access`, which a command of that name imports as `run_with`."""

Named = tuple[str, str, dict[str, bool]]
"""Where it is named, the command, and its options with whether each is a flag."""


def named_in(path: Path) -> Iterator[Named]:
    text = path.read_text()
    if not any(f"{name}(" in text for name in FACTORIES):  # to parse the rest takes each worker seconds
        return
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in FACTORIES:
            continue
        where = f"{path.relative_to(SOURCE)}:{node.lineno}"
        options = {
            f"--{each.arg.strip('_').replace('_', '-')}": isinstance(each.value, ast.Constant)
            and each.value.value is True
            for each in node.keywords
            if each.arg and node.func.id != "RunWarden"
        }
        if node.func.id in {"access", "run_with"}:
            yield where, "access", options
        elif node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
            yield where, node.args[0].value, options


NAMED = [each for path in sorted(SOURCE.rglob("*.py")) if path.name != "remedies.py" for each in named_in(path)]


def command_of(name: str) -> click.Command | None:
    found: click.Command | None = root
    if name.startswith("--"):
        return root if any(name in param.opts for param in root.params) else None
    for word in name.split():
        assert isinstance(found, click.Group), name
        found = found.get_command(click.Context(found), word)
    return found


def test_the_sources_name_many():
    assert len(NAMED) > 20


@pytest.mark.parametrize(("where", "name", "options"), NAMED, ids=[f"{where} {name}" for where, name, _ in NAMED])
def test_each_named_command_and_option_exists(where, name, options):
    if name.startswith("--"):
        name, options = "", {name: True}
    command = command_of(name)
    assert command is not None, f"{where}: warden {name}"
    known = {text: param for param in command.params for text in param.opts if isinstance(param, click.Option)}
    assert options.keys() <= known.keys(), where
    for option, flag in options.items():
        assert known[option].is_flag or not flag, f"{where}: {option} takes a value"


def entries_that_say(pattern: str) -> Iterator[tuple[str, str, str]]:
    """Each entry of the catalog whose next step names a command of warden: its file, the command, and the step."""
    for path in sorted((SOURCE.parents[2] / "platform" / "catalog").glob("*.yaml")):
        step = str(yaml.safe_load(path.read_text()).get("next", ""))
        yield from ((path.name, found, step) for found in re.findall(pattern, step))


def test_a_command_that_is_not_built_yet_is_not_a_next_step_without_saying_so():
    named = list(entries_that_say(r"warden ([a-z]+)"))
    assert named
    for file, command, step in named:
        assert command_of(command) is not None or (f"warden {command}" in step and "not built yet" in step), file
