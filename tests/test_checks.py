"""What `make check` is made of finds what it is there to find."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from warden.cli.main import COMMANDS

TOOLS = Path(__file__).resolve().parent.parent / "tools"


def run(tool: str, *argv: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(TOOLS / tool), *argv], cwd=cwd, capture_output=True, text=True, check=False
    )


@pytest.fixture
def checkout(tmp_path):
    """Git's view of one file: `checkout(path, text)` answers what the house rules say of it."""
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)

    def judged(path: str, text: str) -> str:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
        done = run("house.py", cwd=tmp_path)
        assert done.returncode == (done.stdout != "house: ok\n"), done.stderr
        return done.stdout

    return judged


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("a.md", "see https://py" + "pi.org/simple\n", "a.md:1: names a package registry"),
        ("a.md", "\ncd /wo" + "rk/main\n", "a.md:2: names a path of one machine"),
        ("warden/src/warden/core/a.py", "import httpx\n", "imports httpx"),
        ("warden/src/warden/usecases/a.py", "from click import echo\n", "imports click"),
        ("warden/src/warden/usecases/a.py", "print(1)\n", "a.py:1: prints"),
        ("warden/src/warden/adapters/a.py", "import sys\nsys.stdout.write('x')\n", "a.py:2: writes to sys.stdout"),
        ("llm-connect/src/llm_connect/a.py", "class KeyManager: ...\n", "KeyManager says nothing"),
        ("warden/src/warden/core/a.py", "hint = f'run: warden apply {lane}'\n", "a command line (warden apply …)"),
        ("warden/src/warden/cli/a.py", "hint = 'bao login'\n", "a command line (bao login …)"),
        ("warden/src/warden/adapters/a.py", "hint = 'kubectl -n x get'\n", "a command line (kubectl - …)"),
        ("warden/src/warden/a.py", "x = 1\n" * 401, "has 401 lines"),
        ("warden/src/warden/a.py", "def f():\n" + "    x = 1\n" * 50, "f has 51 lines"),
    ],
)
def test_a_house_rule_that_is_broken_is_named(checkout, path, text, said):
    assert said in checkout(path, text)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.md", "https://openbao.org/docs, ~/work/main, $HOME/work/x, tests/work/y\n"),
        ("warden/src/warden/core/a.py", "import json\nimport msgspec\nfrom warden.core import b\n"),
        ("warden/src/warden/adapters/a.py", "import yaml\n"),
        ("warden/src/warden/present/terminal.py", "import sys\nsys.stdout.write('x')\n"),
        ("warden/src/warden/present/a.py", "hint = f'run: warden apply {lane}'\n"),
        ("warden/src/warden/core/remedies.py", "hint = 'warden apply x'\n"),
        ("warden/src/warden/cli/a.py", 'def f():\n    """Example: warden apply x."""\nX = 1\n"""See warden plan."""\n'),
        ("warden/src/warden/core/a.py", "hint = 'made by warden for this lane, and kubectl'\n"),
        ("warden/src/warden/a.py", "def f():\n" + "    x = 1\n" * 49),
    ],
)
def test_a_house_rule_that_is_kept_says_nothing(checkout, path, text):
    assert checkout(path, text) == "house: ok\n"


def test_the_house_rule_about_command_lines_knows_every_command_of_warden():
    pattern = runpy.run_path(str(TOOLS / "house.py"))["COMMAND"]
    assert [name for name in COMMANDS if not pattern.search(f"next: warden {name} x")] == []


def transcript(folder: Path, *lines: str) -> Path:
    file = folder / "page.md"
    file.write_text("\n".join(["# A page", "", "```console", *lines, "```", "", "```", "$ not run", "```", ""]))
    return file


TOLD = [
    ("$ echo one", "one"),
    ("$ printf 'a\\nb\\nc\\n'", "a", "…", "c"),
    ("$ false", "[exit 1]"),
    ("$ X=7", "$ echo $X", "7"),
    ("$ echo ~ http://127.0.0.1:1234 pid 77 12 ms", "~ http://127.0.0.1:9 pid 1 3 ms"),
    ("$ test -t 1 && tput cols 2>/dev/null || stty size", "…"),
    ("$ (echo to-stderr >&2)", "to-stderr"),
]


@pytest.mark.parametrize("lines", TOLD, ids=lambda lines: lines[0])
def test_a_transcript_that_is_true_passes(tmp_path, lines):
    done = run("transcripts.py", str(transcript(tmp_path, *lines)), cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def test_a_transcript_that_is_untrue_is_shown_and_can_be_written(tmp_path):
    file = transcript(tmp_path, "$ echo one", "two", "$ false", "$ echo kept   127.0.0.1:5", "kept 127.0.0.1:6")
    done = run("transcripts.py", str(file), cwd=tmp_path)
    assert done.returncode == 1
    assert "  - two\n  + one\n" in done.stdout
    assert "2 of 3 commands" in done.stdout
    assert run("transcripts.py", "--write", str(file), cwd=tmp_path).returncode == 0
    text = file.read_text()
    assert "$ echo one\none\n$ false\n[exit 1]\n$ echo kept   127.0.0.1:5\nkept 127.0.0.1:6\n```\n" in text
    assert run("transcripts.py", str(file), cwd=tmp_path).returncode == 0


def test_written_output_keeps_the_ids_of_unchanged_lines_and_the_lines_left_out(tmp_path):
    three = "printf 'audit 11111111\\nb\\nc\\nd\\nnew 127.0.0.1:1\\n'"
    file = transcript(tmp_path, f"$ {three}", "audit abcdef01", "…", "d", "old 127.0.0.1:5")
    assert run("transcripts.py", "--write", str(file), cwd=tmp_path).returncode == 0
    assert f"$ {three}\naudit abcdef01\n…\nd\nnew 127.0.0.1:1\n```" in file.read_text()
    assert run("transcripts.py", str(file), cwd=tmp_path).returncode == 0


def test_a_transcript_knows_nothing_of_who_runs_it(tmp_path, monkeypatch):
    monkeypatch.setenv("BAO_TOKEN", "mine")
    file = transcript(tmp_path, "$ echo token=${BAO_TOKEN-none} home=$HOME", "token=none home=~")
    assert run("transcripts.py", str(file), cwd=tmp_path).returncode == 0


def test_a_shell_that_ends_early_is_no_pass(tmp_path):
    done = run("transcripts.py", str(transcript(tmp_path, "$ exit 0", "$ echo more", "more")), cwd=tmp_path)
    assert done.returncode == 1
    assert "the shell ended" in done.stderr


def test_a_file_of_a_page_is_there_before_its_first_command(tmp_path):
    file = transcript(tmp_path, "$ cat ~/app/a.yaml", "a: 1")
    file.write_text(file.read_text() + "\n```yaml ~/app/a.yaml\na: 1\n```\n")
    done = run("transcripts.py", str(file), cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def test_a_page_that_needs_a_cluster_is_left_to_the_tests_of_clusters_and_keeps_its_fences(tmp_path):
    listed = runpy.run_path(str(TOOLS / "transcripts.py"))
    documents = listed["documents"]()
    assert "docs/tutorial.md" in documents
    assert "docs/first-cluster-lane.md" not in documents
    (block,) = listed["BLOCK"].finditer("```console cluster\n$ true\n```\n")
    assert listed["rewritten"](block, iter([("true", ["yes"])])) == "```console cluster\n$ true\nyes\n```"


def test_whatever_is_installed_has_a_hash_or_is_from_here():
    root = TOOLS.parent
    recipes = [root / "Makefile", *root.glob("*/container-install.sh"), *root.glob("*/Containerfile")]
    lines = [line for path in recipes for line in path.read_text().splitlines()]
    installing = [line for line in lines if re.search(r"\bpip (install|sync)\b", line)]
    assert len(installing) >= 8
    for line in installing:
        assert "--require-hashes" in line or ("--no-deps" in line and " -e " in line), line


def test_uv_is_locked_at_the_version_that_the_makefile_names():
    version = re.search(r"^UV_VERSION := (\S+)$", (TOOLS.parent / "Makefile").read_text(), re.MULTILINE)[1]
    first, *hashes = (TOOLS / "uv-requirements.lock").read_text().splitlines()
    assert first == f"uv=={version} \\"
    assert len(hashes) > 5
    assert all("--hash=sha256:" in each for each in hashes)
