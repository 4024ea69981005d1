"""The command line: help that teaches, one table of exit codes, one file that prints."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "activity_core"
PROGRAMS = Path(sys.executable).parent
COMMANDS = ["triage", "runs", "schema", "exit-codes"]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_a_sentence_and_two_examples(world, command):
    done = world.run(command, "--help")
    examples = done.stdout.partition("Examples:")[2].splitlines()
    assert done.returncode == 0
    assert len([line for line in examples if f"activity-core {command}" in line]) >= 2
    assert max(map(len, done.stdout.splitlines())) <= 100


@pytest.mark.parametrize("arguments", [["--help"], ["triage", "--help"]])
def test_the_examples_name_files_that_are_there(world, arguments):
    named = re.findall(r"--digest (\S+\.json)", world.run(*arguments).stdout)
    assert named
    assert all((SOURCE.parents[2] / name).is_file() for name in named)


def test_the_table_of_exit_codes_has_what_each_command_ends_with(world):
    table = world.run("exit-codes").stdout
    assert max(map(len, table.splitlines())) <= 100
    for code, meaning in ((1, "no such run"), (2, "several runs match"), (3, "could not be read")):
        assert meaning in next(line for line in table.splitlines() if line.startswith(f"{code} "))


def test_the_table_of_exit_codes(world):
    lines = world.run("exit-codes").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["CODE", "0", "1", "2", "3", "4", "5", "130"]


@pytest.mark.parametrize(
    "arguments", [["nope"], ["triage"], ["triage", "--digest", "x", "--out", "r.txt"], ["schema", "x"]]
)
def test_a_usage_error_is_2_and_json_if_asked_for(world, arguments):
    assert world.run(*arguments).returncode == 2
    done = world.run(*arguments, "--json")
    if "schema" not in arguments:
        assert json.loads(done.stderr)["code"] == 2


def test_the_version_has_the_same_format_as_wardens(world):
    done = world.run("--version")
    warden = subprocess.run([PROGRAMS / "warden", "--version"], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"activity-core \d+\.\d+\.\d+\n", done.stdout)
    assert done.stdout.replace("activity-core", "warden") == warden.stdout


def test_no_command_is_a_usage_error(world):
    assert world.run().returncode == 2


def test_a_missing_gateway_is_reported(world):
    done = world.run("triage", "--digest", "x", LLM_CONNECT_URL="")
    assert (done.returncode, "LLM_CONNECT_URL is not set" in done.stderr) == (2, True)


def test_one_file_prints():
    for path in SOURCE.rglob("*.py"):
        if path.name == "console.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            assert called not in {"print", "click.echo", "click.secho", "sys.stdout.write", "sys.stderr.write"}, path


def test_asking_for_help_loads_neither_the_client_nor_the_validator(world):
    (world.home / "sitecustomize.py").write_text(
        "import atexit, sys\n"
        "atexit.register(lambda: print({'aiohttp', 'jsonschema', 'sqlite3'} & set(sys.modules), file=sys.stderr))\n"
    )
    assert world.run("exit-codes", PYTHONPATH=str(world.home)).stderr == "set()\n"
