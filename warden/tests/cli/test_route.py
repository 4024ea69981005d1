import json
import os
import pty
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from loaded_warden import LoadedWarden

from warden.adapters.catalog.files import load_catalog
from warden.adapters.catalog.platform_name import platform_name
from warden.adapters.journal.sqlite import SqliteJournal
from warden.core.routes.proof_summary import ProofSummary, as_record
from warden.core.routes.route import declaration, declared_route

BIN = str(Path(sys.executable).parent / "warden")
SHIPPED = str(Path(__file__).parents[3] / "platform")
CONTRACT = """id title status owner_repo subsystem warden_role warden_executes exec_capable resolvable auth_method
    path fields policy role playbook reviewed next_action proof deliveries""".split()  # noqa: SIM905


class World:
    def __init__(self, root: Path, program: LoadedWarden) -> None:
        self.root = root
        self.program = program
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(root),
            "XDG_CACHE_HOME": str(root / "cache"),
            "WARDEN_JOURNAL": str(root / "journal.db"),
            "WARDEN_PLATFORM": SHIPPED,
        }

    def run(self, *argv: str, **env: str) -> subprocess.CompletedProcess[str]:
        done = self.program.run(argv, env=self.env | env, cwd=self.root, stdin="")
        assert "Traceback" not in done.stderr
        return done

    def json(self, *argv: str, **env: str):
        done = self.run(*argv, "--json", **env)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def world(tmp_path, program):
    return World(tmp_path, program)


def test_the_entry_of_certificates_sums_up_the_proofs_of_the_actors(world):
    def shown(*argv):
        return " ".join(world.run("route", *argv).stdout.split())

    before = world.json("route", "show", "ssh-certificate")
    assert [each["actor"] for each in before["actors"]] == ["adm-ada", "agt-triage", "atm-backup"]
    assert (before["proof"]["state"], before["proof"]["at"]) == ("unproven", None)
    journal = SqliteJournal(str(world.root / "journal.db"))
    place = {"place": {"platform": platform_name(SHIPPED), "openbao": "1111", "namespace": ""}}
    for actor in ("adm-ada", "agt-triage"):
        journal.record("proof", actor, as_record(ProofSummary(state="proven", passed=9, total=9)) | place)
    journal.record("apply.done", "agt-triage", place)
    text = shown("show", "ssh-certificate")
    assert "active certificate, 1 of 3 actors proven (the oldest proof " in text
    assert "agt-triage proof out of date (" in text
    assert "atm-backup never proven" in text
    assert "prove warden prove --all" in text
    assert "adm-ada" not in text
    found = world.json("route", "show", "ssh-certificate")
    assert [each["state"] for each in found["actors"]] == ["proven", "stale", "unproven"]
    assert (found["proof"]["state"], found["proof"]["passed"]) == ("unproven", 18)
    assert found["proof"]["at"] == found["actors"][0]["at"]
    assert world.json("route", "find", "ssh-certificate")[0]["proof"] == found["proof"]
    assert world.json("access", "ssh-certificate")["proof"] == found["proof"]
    assert next(each for each in world.json("route", "list") if each["id"] == "ssh-certificate")["actors"]
    assert "1 of 3 actors proven" in shown("list")


def test_show_gives_the_names_that_agents_rely_on(world):
    found = world.json("route", "show", "openrouter-llm-connect")
    assert set(CONTRACT) <= set(found)
    assert found["proof"] == {"state": "unproven", "at": None, "passed": 0, "failed": 0, "total": 0}
    assert [each["cluster"] for each in found["deliveries"]] == ["coulombcore", "railiance01"]
    assert found["reviewed"] == "2026-07-02"


SHOWN = [
    ["route", "show", "ssh-certificate", "--json"],
    ["route", "show", "--json", "ssh-certificate"],
    ["route", "show", "ssh-certificate", "--json", "--json"],
    ["--platform", SHIPPED, "route", "show", "ssh-certificate", "--json"],
    ["--platform=" + SHIPPED, "route", "show", "ssh-certificate", "--json"],
]
WRONG = [
    (["route", "show", "nope", "--json"], 1, "not-found"),
    (["route", "--json", "show", "ssh-certificate"], 2, "usage"),
    (["route", "show", "--json"], 2, "usage"),
    (["route", "show", "a", "b", "--json"], 2, "usage"),
    (["--platform", "missing", "route", "show", "ssh-certificate", "--json"], 2, "usage"),
]


@pytest.mark.parametrize("argv", SHOWN, ids=" ".join)
def test_show_reads_its_words_in_any_order(world, argv):
    done = world.run(*argv)
    assert (done.returncode, json.loads(done.stdout)["id"], done.stderr) == (0, "ssh-certificate", "")


@pytest.mark.parametrize(("argv", "code", "kind"), WRONG, ids=[" ".join(argv) for argv, _, _ in WRONG])
def test_a_wrong_show_is_one_json_object_on_stderr(world, argv, code, kind):
    done = world.run(*argv)
    assert (done.returncode, done.stdout) == (code, "")
    error = json.loads(done.stderr)
    assert (error["code"], error["kind"]) == (code, kind)


def test_behind_two_dashes_every_word_of_show_is_an_id(world):
    done = world.run("route", "show", "--", "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("warden: --json is not in the catalog")


def test_the_help_of_show_goes_to_stdout(world):
    done = world.run("route", "show", "--help", "--json")
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: warden route show")


def test_a_proof_and_a_closing_in_the_journal_show_at_once(world):
    journal = SqliteJournal(str(world.root / "journal.db"))
    declared = declaration(declared_route(load_catalog(SHIPPED).lane("openrouter-llm-connect")))
    proven = ProofSummary(state="proven", passed=10, total=10, declared=declared)
    place = {"platform": platform_name(str(SHIPPED)), "openbao": "1111", "namespace": ""}
    journal.record("proof", "openrouter-llm-connect", as_record(proven) | {"place": place})
    for command in (("route", "show"), ("access",)):
        found = world.json(*command, "openrouter-llm-connect")
        assert (found["proof"]["state"], found["proof"]["passed"]) == ("proven", 10)
    shown = world.run("route", "find", "openrouter key").stdout
    assert re.search(r"active, proven [0-9]+ s ago \(10 of 10\)", shown)
    journal.record("lane.closed", "openrouter-llm-connect", {"why": "compromised"})
    for found in (world.json("route", "show", "openrouter-llm-connect"), world.json("route", "find", "openrouter")[0]):
        assert found["resolvable"] is False
        assert found["closed"]
    listed = {one["id"]: one for one in world.json("route", "list")}
    assert listed["openrouter-llm-connect"]["resolvable"] is False
    assert listed["issue-core-ingestion-api-key"]["resolvable"] is True


def test_a_journal_that_cannot_be_read_is_no_open_lane(world):
    (world.root / "journal.db").write_text("no journal")
    for argv in (("route", "show", "openrouter-llm-connect"), ("route", "list"), ("route", "find", "openrouter")):
        done = world.run(*argv, "--json")
        assert (done.returncode, done.stdout) == (3, "")


def test_list_hides_drafts_unless_all_and_filters(world):
    shown = [one["id"] for one in world.json("route", "list")]
    every = [one["id"] for one in world.json("route", "list", "--all")]
    assert len(shown) == 12
    drafts = {"object-storage-sts", "database-dynamic-credentials", "provisioning-key", "token-issuer"}
    assert set(every) - set(shown) == drafts
    assert [one["id"] for one in world.json("route", "list", "--tag", "npm")] == ["whynot-design-npm-publish"]
    assert world.json("route", "list", "--tag", "nothing") == []


def test_stale_lists_what_nobody_reviewed_for_90_days(world, tmp_path):
    assert world.run("init", str(tmp_path / "new")).returncode == 0
    fresh = world.json("--platform", str(tmp_path / "new"), "route", "list", "--all", "--stale")
    assert fresh == []
    old = tmp_path / "new" / "catalog" / "example-api-key.yaml"
    text = "\n".join("reviewed: 2020-01-01" if "reviewed" in x else x for x in old.read_text().split("\n"))
    old.write_text(text)
    found = world.json("--platform", str(tmp_path / "new"), "route", "list", "--all", "--stale")
    assert [one["id"] for one in found] == ["example-api-key"]


def test_find_gives_the_one_that_is_meant(world):
    found = world.json("route", "find", "ssh", "certificate", "for", "an", "agent")
    assert [(each["id"], each["answer"]) for each in found] == [("ssh-certificate", "found")]
    assert set(CONTRACT) | {"needs", "tags", "score"} <= set(found[0])
    assert 0.5 < found[0]["score"] < 1
    assert world.json("route", "find", "ssh-certificate")[0]["score"] == 1


def test_where_it_is_not_sure_find_gives_at_most_three_and_says_so(world):
    found = world.json("route", "find", "server access")
    assert {each["answer"] for each in found} == {"unsure"}
    assert 1 < len(found) <= 3
    assert [each["score"] for each in found] == sorted((each["score"] for each in found), reverse=True)
    done = world.run("route", "find", "server access")
    assert done.returncode == 0
    assert done.stderr.startswith("Not sure what is meant. Perhaps one of these:")
    assert [line for line in done.stdout.splitlines() if line.startswith(found[1]["id"])]
    done = world.run("access", "server access")
    assert done.returncode == 0
    assert done.stderr.startswith("Not sure what is meant. Perhaps one of these:")
    assert {each["id"] for each in world.json("access", "server access")} == {each["id"] for each in found}


def test_a_draft_is_found_with_all_and_named_without(world):
    done = world.run("route", "find", "temporary postgres user", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (1, [])
    error = json.loads(done.stderr)
    assert (error["answer"], error["draft"], error["nearest"]) == ("nobody", True, ["database-dynamic-credentials"])
    found = world.json("route", "find", "--all", "temporary postgres user")
    assert [(each["id"], each["answer"]) for each in found] == [("database-dynamic-credentials", "found")]


def test_find_without_all_shows_no_draft_and_names_those_that_may_be_meant(world):
    done = world.run("route", "find", "password for a service", "--json")
    everything = world.json("route", "find", "--all", "password for a service")
    drafts = {each["id"] for each in everything if each["status"] == "draft"}
    assert drafts
    assert not drafts & {each["id"] for each in json.loads(done.stdout)}
    said = world.run("route", "find", "password for a service").stderr
    assert all(each in said for each in drafts)


@pytest.mark.parametrize("text", ["", "  ", "\t"])
@pytest.mark.parametrize("command", [("route", "find"), ("route", "show"), ("access",)])
def test_an_empty_need_is_a_usage_error(world, command, text):
    done = world.run(*command, text, "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert json.loads(done.stderr)["kind"] == "usage"
    assert "is empty" in world.run(*command, text).stderr


def test_a_need_for_an_entry_whose_file_has_errors_says_so(world, tmp_path):
    copy = tmp_path / "copied"
    shutil.copytree(SHIPPED, copy)
    lane = copy / "catalog" / "openrouter-llm-connect.yaml"
    for text in (lane.read_text().replace("status: active", "status: actve"), "lane: [", ""):
        lane.write_text(text)
        done = world.run("--platform", str(copy), "route", "find", "openrouter llm connect", "--json")
        assert (done.returncode, done.stdout) == (1, ""), done.stderr
        error = json.loads(done.stderr)
        assert (error["kind"], error["subject"]) == ("invalid", "openrouter-llm-connect")


def test_find_reads_a_kept_index_only_while_nothing_has_changed(world, tmp_path):
    copy = tmp_path / "copied"
    shutil.copytree(SHIPPED, copy)
    for path in copy.rglob("*.yaml"):
        os.utime(path, (1, 1))
    time.sleep(1.1)  # a file that was just written is not trusted to show a later change
    argv = ("--platform", str(copy), "route", "find", "zeppelin hangar", "--all")
    assert world.run(*argv).returncode == 1
    assert len(list((world.root / "cache" / "warden").iterdir())) == 1
    assert world.run(*argv).returncode == 1
    lane = copy / "catalog" / "openbao-api-key.yaml"
    lane.write_text(lane.read_text().replace("needs:\n", "needs:\n  - zeppelin hangar\n"))
    assert [each["id"] for each in world.json(*argv)][:1] == ["openbao-api-key"]
    lane.unlink()
    assert world.run(*argv).returncode == 1
    for kept in (world.root / "cache" / "warden").iterdir():
        kept.write_bytes(kept.read_bytes()[:-9] + b"something")
    assert world.run(*argv).returncode == 1


def test_what_nobody_owns_is_exit_1_with_the_nearest_named_as_such(world):
    done = world.run("route", "find", "wifi password")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Nobody here owns this. Nearest, but not it:" in done.stderr
    done = world.run("route", "find", "wifi password", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (1, [])
    error = json.loads(done.stderr)
    assert error["kind"] == "unowned"
    assert error["nearest"]


def test_the_block_for_people_names_owners_path_state_and_what_to_do(world):
    said = world.run("route", "show", "openrouter-llm-connect").stdout
    for words in (
        "openrouter-llm-connect · OpenRouter API key for llm-connect in activity-core",
        "  owners   railiance-platform (custody), llm-connect (consumer), activity-core (runtime)",
        "  state    active, unproven",
        "  use it   warden access openrouter-llm-connect -- COMMAND",
    ):
        assert words in said


def test_piped_output_is_not_cut_and_a_terminal_of_80_columns_fits(world):
    assert "…" not in world.run("route", "list", "--all").stdout
    master, slave = pty.openpty()
    subprocess.run(["stty", "cols", "80"], stdin=slave, check=True)
    with subprocess.Popen(
        [BIN, "route", "list", "--all"], env=world.env | {"NO_COLOR": "1"}, stdout=slave, stderr=subprocess.DEVNULL
    ) as running:
        os.close(slave)
        text = b""
        try:
            while chunk := os.read(master, 4096):
                text += chunk
        except OSError:  # Linux: the other side was closed
            pass
        assert running.wait(30) == 0
    os.close(master)
    lines = text.decode().splitlines()
    assert len(lines) == 17
    assert max(map(len, lines)) <= 80


HEAVY = [
    "yaml",
    "ssl",
    "http.client",
    "cryptography",
    "asyncio",
    "cedarpy",
    "Stemmer",
    "warden.core.search",
    "logging",
    "pathlib",
    "secret_scan",
    "kingfisher_sdk",
]
LISTED = [name for name in HEAVY if name not in {"yaml", "pathlib", "secret_scan"}]


@pytest.mark.parametrize(
    ("argv", "without"),
    [
        (["route", "show", "openrouter-llm-connect", "--json"], HEAVY),
        (["route", "list"], LISTED),
    ],
)
def test_what_route_leaves_unimported(world, tmp_path, argv, without):
    copy = tmp_path / "copied"
    assert world.run("init", str(copy)).returncode == 0
    for path in Path(SHIPPED, "catalog").iterdir():
        target = copy / "catalog" / path.name
        target.write_bytes(path.read_bytes())
        os.utime(target, (1, 1))
    (copy / "platform.yaml").write_bytes(Path(SHIPPED, "platform.yaml").read_bytes())
    code = (
        "import sys; from warden.adapters.catalog import entry_cache; entry_cache.SETTLED = -1\n"
        "entry_cache.entry(sys.argv[1], 'openrouter-llm-connect')"
    )
    subprocess.run([sys.executable, "-c", code, str(copy)], env=world.env, check=True)
    code = (
        "import sys, atexit; sys.stdout.write = lambda text: len(text)\n"
        "atexit.register(lambda: sys.stderr.write('\\nLOADED ' + ' '.join(sys.modules)))\n"
        "from warden.cli.entrypoint import run; run()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *argv],
        env=world.env | {"WARDEN_PLATFORM": str(copy)},
        cwd=world.root,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stderr.rpartition("LOADED ")[2].split())
    assert "warden.usecases.route" in loaded
    assert loaded & set(without) == set()


def test_a_proof_that_is_older_than_the_catalog_allows_is_shown_as_unproven_everywhere(applied):
    world = applied.world
    assert applied("prove", world.lane).returncode == 0
    assert "active, proven" in applied("route", "list").stdout
    file = world.folder / "platform" / "platform.yaml"
    file.write_text(f"{file.read_text()}proofs_count_for: 1s # for this test\n")
    time.sleep(1.1)
    for argv in (["route", "list"], ["route", "show", world.lane], ["route", "find", world.lane]):
        shown = applied(*argv).stdout
        assert "active, unproven: the proof is old" in shown, argv
        assert "active, proven" not in shown, argv
        found = json.loads(applied(*argv, "--json").stdout)
        assert (found if isinstance(found, dict) else found[0])["proof"]["state"] == "stale", argv
    (status,) = json.loads(applied("status", world.lane, "--json").stdout)
    assert (status["proof"], status["next_action"]) == ("stale", f"warden prove {world.lane}")
    assert json.loads(applied("access", world.lane, "--json").stdout)["proof"]["state"] == "stale"


@pytest.mark.parametrize("line", ['"proofs_count_for": 2h', "proofs_count_for: '2h'", "proofs_count_for: 0h"])
def test_how_long_a_proof_counts_is_written_on_a_plain_line(engineer, line):
    file = engineer.world.folder / "platform" / "platform.yaml"
    file.write_text(f"{file.read_text()}{line}\n")
    done = engineer("catalog", "check")
    assert done.returncode == 1
    assert "platform.yaml:2: proofs_count_for:" in done.stdout
