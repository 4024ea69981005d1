"""One journal for several people, each on a machine of their own."""

import json
import shutil

import pytest
from free_ports import refusing_port

from warden.adapters.journal.postgresql import PostgresJournal


@pytest.fixture
def team(lane_world, postgres_server, postgres_database, tmp_path):
    """A world whose journal is shared, and a second person with a home and a platform directory of their own."""
    url = postgres_server.url(postgres_database())
    PostgresJournal(url).make()
    platform = lane_world.folder / "platform"
    file = platform / "platform.yaml"
    file.write_text(f"platform: shared-by-tests\njournal: {url}\n{file.read_text()}")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copytree(platform, elsewhere / "platform")
    (tmp_path / "token").write_text(lane_world.server.mint(lane_world.reader))
    return lane_world, url, elsewhere


def fetch(world, elsewhere, **environ):
    """The value on stdout, as the lane's reader asks for it."""
    token = str(elsewhere.with_name("token"))
    return world.run("access", world.lane, "--token-file", token, "--fetch", "API_KEY", "--force", **environ)


def test_a_lane_that_one_person_closes_is_closed_for_all_at_once(team):
    world, _, elsewhere = team
    other = {
        "HOME": str(elsewhere),
        "XDG_STATE_HOME": str(elsewhere / "state"),
        "WARDEN_PLATFORM": str(elsewhere / "platform"),
    }
    assert fetch(world, elsewhere, **other).stdout.strip() == world.values["API_KEY"]
    # Not even OpenBao has to know: its address is wrong where the lane is closed.
    closed = world.run("deactivate", world.lane, "--reason", "INC-7", "--yes", BAO_ADDR="http://127.0.0.1:1")
    assert closed.returncode == 3, closed.stderr
    refused = fetch(world, elsewhere, **other)
    assert refused.returncode == 5, refused.stderr
    assert "INC-7" in refused.stderr
    assert world.values["API_KEY"] not in refused.stdout
    shown = json.loads(world.run("route", "show", world.lane, "--json", **other).stdout)
    assert shown["resolvable"] is False
    assert not (elsewhere / "state" / "warden" / "journal.db").exists()


def test_without_its_server_nothing_happens(team):
    world, _, elsewhere = team
    with refusing_port() as port:
        gone = f"postgresql://warden@127.0.0.1:{port}/warden"
        done = fetch(world, elsewhere, WARDEN_JOURNAL=gone)
        assert done.returncode == 3, done.stderr
        assert "did not answer" in done.stderr
        assert world.values["API_KEY"] not in done.stdout
        closing = world.run("deactivate", world.lane, "--reason", "INC-7", "--yes", WARDEN_JOURNAL=gone)
        assert closing.returncode == 3
    assert fetch(world, elsewhere).returncode == 0


def test_a_platform_without_a_name_cannot_share(team):
    world, url, elsewhere = team
    (elsewhere / "platform" / "platform.yaml").write_text("kv_mount: platform\n")
    done = world.run("status", WARDEN_PLATFORM=str(elsewhere / "platform"), WARDEN_JOURNAL=url)
    assert done.returncode == 2
    assert "platform.yaml has none" in done.stderr


def test_doctor_says_which_journal_it_is(team):
    world, url, _ = team
    found = {each["about"]: each for each in json.loads(world.run("doctor", "--json").stdout)["findings"]}["journal"]
    assert url in found["text"]
    assert "shared, writable, not signed" in found["text"]
    assert "could remove its triggers" in found["hint"]


PLANTED = "planted-hunter2-planted"
COMMANDS = [
    ["access", "LANE", "--fetch", "API_KEY", "--json"],
    ["deactivate", "LANE", "--reason", "canary", "--yes"],
    ["doctor"],
    ["journal", "verify", "--json"],
    ["route", "show", "LANE"],
]


@pytest.fixture
def locked(team, postgres_server):
    """The same, and a role that needs the planted password."""
    world, url, _ = team
    role = f"locked_{world.tenant.replace('-', '_')}"
    postgres_server.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{PLANTED}' IN ROLE by_password")
    PostgresJournal(url).make([role])
    file = world.folder / "platform" / "platform.yaml"
    file.write_text(file.read_text().replace("//postgres@", f"//{role}@"))
    yield world, url.replace("//postgres@", f"//{role}:{PLANTED}@")
    postgres_server.drop_database(url.rpartition("/")[2])
    postgres_server.execute(f"DROP ROLE {role}")


def test_the_databases_password_is_shown_nowhere(locked):
    world, with_password = locked
    kinds = {"right": {"PGPASSWORD": PLANTED}, "wrong": {"PGPASSWORD": f"{PLANTED}x"}, "none": {}}
    kinds["in the URL"] = {"WARDEN_JOURNAL": with_password}
    for kind, environ in kinds.items():
        for argv in COMMANDS:
            done = world.run(*[world.lane if each == "LANE" else each for each in argv], **environ)
            assert PLANTED not in done.stdout + done.stderr, (kind, argv)
            assert "Traceback" not in done.stderr, (kind, argv, done.stderr)
            refused = {"right": {2}, "in the URL": {0, 3}}.get(kind, {0, 2})
            assert done.returncode not in refused, (kind, argv, done.returncode, done.stderr)
    for path in world.folder.rglob("*"):
        assert not path.is_file() or PLANTED.encode() not in path.read_bytes(), path
