"""A copy of the loaded warden is what the program is: its words, its streams, its exit code, and how it ends."""

import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from loaded_warden import PROGRAM, loaded_warden

PLATFORM = str(Path(__file__).parents[1] / "platform")
ENV = {"PATH": "/usr/bin:/bin", "WARDEN_PLATFORM": PLATFORM}
NOWHERE = {"BAO_ADDR": "http://127.0.0.1:1"}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    with loaded_warden(tmp_path_factory.mktemp("loaded")) as started:
        yield started


@pytest.mark.parametrize(
    ("argv", "more"),
    [
        (["--version"], {}),
        (["--help"], {"COLUMNS": "60"}),
        (["no-such-command"], {}),
        (["route", "list", "--all", "--json"], {}),
        (["route", "list"], {"PYTHONIOENCODING": "ascii"}),
        (["catalog", "check"], {"WARDEN_PLATFORM": "somewhere-else"}),
        (["status"], NOWHERE),
        (["access", "openrouter-llm-connect", "--json"], NOWHERE),
        (["put", "openrouter-llm-connect", "API_KEY"], NOWHERE),
        (["journal", "log"], {"WARDEN_JOURNAL": "/dev/null"}),
    ],
)
@pytest.mark.parametrize("stdin", ["", b"a value\r\n"], ids=["text", "bytes"])
def test_it_answers_what_the_program_answers(loaded, tmp_path, argv, more, stdin):
    env = ENV | {"HOME": str(tmp_path)} | more
    text = isinstance(stdin, str)
    program = subprocess.run(
        [PROGRAM, *argv], input=stdin, text=text, env=env, cwd=tmp_path, capture_output=True, check=False
    )
    copy = loaded.run(argv, env=env, cwd=tmp_path, stdin=stdin)
    assert (copy.returncode, copy.stdout, copy.stderr) == (program.returncode, program.stdout, program.stderr)


def test_those_that_run_at_once_do_not_share_anything(loaded, tmp_path):
    def run(number):
        folder = tmp_path / str(number)
        folder.mkdir()
        return loaded.run(["init"], env=ENV | {"WARDEN_PLATFORM": "", "HOME": str(folder)}, cwd=folder, stdin="")

    with ThreadPoolExecutor(4) as pool:
        assert [done.returncode for done in pool.map(run, range(4))] == [0] * 4
    assert len(list(tmp_path.glob("*/platform/catalog/*.yaml"))) == 4


def test_one_that_takes_too_long_is_ended_and_the_next_one_runs(loaded, tmp_path):
    silent = socket.create_server(("127.0.0.1", 0))
    env = ENV | {"HOME": str(tmp_path), "BAO_ADDR": f"http://127.0.0.1:{silent.getsockname()[1]}"}
    with silent, pytest.raises(TimeoutError):
        loaded.run(["status"], env=env, cwd=tmp_path, stdin="", timeout=0.5)
    assert loaded.run(["--version"], env=env, cwd=tmp_path, stdin="").returncode == 0
    assert not [each for each in psutil.process_iter() if cwd_of(each) == str(tmp_path)]


def cwd_of(process):
    try:
        return process.cwd()
    except psutil.Error:
        return ""
