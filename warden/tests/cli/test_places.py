"""One journal, many places: a lane's state is of one platform directory, one OpenBao and one namespace."""

import json
import socket

import pytest
from free_ports import refusing_port

from warden.adapters.journal.sqlite import SqliteJournal


def another_directory(world, name="another", platform_yaml=""):
    """The same entry in another platform directory."""
    folder = world.folder / name
    (folder / "catalog").mkdir(parents=True)
    (folder / "catalog" / world.lane_file.name).write_text(world.lane_file.read_text())
    if platform_yaml:
        (folder / "platform.yaml").write_text(platform_yaml)
    return str(folder)


def is_closed(world, **changed):
    return bool(json.loads(world.run("route", "show", world.lane, "--json", **changed).stdout)["closed"])


def close(world, **changed):
    return world.run("deactivate", world.lane, "--reason", "leaked", "--yes", "--take-over", **changed)


def admin(world, **changed):
    return {"BAO_TOKEN": world.server.token("admin")} | changed


def engineer(world, **changed):
    """Who may play the readers, and keeps the same journal."""
    own = {"WARDEN_STATE": world.server.state, "WARDEN_JOURNAL": str(world.journal)}
    return admin(world, **own | changed)


def records(world):
    return SqliteJournal(str(world.journal)).log()


def test_a_lane_that_was_closed_in_one_directory_is_not_closed_in_another(lane_world):
    other = another_directory(lane_world)
    assert close(lane_world, **engineer(lane_world)).returncode == 0
    assert is_closed(lane_world)
    assert not is_closed(lane_world, WARDEN_PLATFORM=other)


def test_a_directory_with_a_name_is_the_same_platform_wherever_it_is(lane_world):
    named = "platform: team-a # in CI, too\n"
    (lane_world.folder / "platform" / "platform.yaml").write_text(named)
    close(lane_world, **admin(lane_world))
    assert is_closed(lane_world, WARDEN_PLATFORM=another_directory(lane_world, "checkout", named))
    assert not is_closed(lane_world, WARDEN_PLATFORM=another_directory(lane_world, "b", "platform: team-b\n"))
    assert records(lane_world)[0].body["place"]["platform"] == "team-a"


@pytest.mark.parametrize("written", ["'team-a'", '"team-a"', "Team A", "[a]", ""])
def test_a_name_that_is_not_written_plainly_is_an_error_of_the_file(lane_world, written):
    (lane_world.folder / "platform" / "platform.yaml").write_text(f"platform: {written}\n")
    done = lane_world.run("catalog", "check")
    assert (done.returncode, "platform.yaml:1: platform:" in done.stdout + done.stderr) == (1, True)


def test_every_record_has_the_place_with_the_clusters_own_id(lane_world):
    assert lane_world.run("access", lane_world.lane, "--", "true", BAO_TOKEN=lane_world.token()).returncode == 0
    place = {
        "platform": str(lane_world.folder / "platform"),
        "openbao": lane_world.server.must("GET", "sys/seal-status")["cluster_id"],
        "namespace": "",
    }
    assert [each.body["place"] for each in records(lane_world)] == [place] * 3


@pytest.mark.parametrize("away", ["refused", "silent", "not named"])
def test_a_closing_that_no_server_answered_holds_for_every_openbao_of_the_platform(lane_world, away):
    with socket.create_server(("127.0.0.1", 0)) as silent, refusing_port() as refusing:
        port = refusing if away == "refused" else silent.getsockname()[1]
        address = "" if away == "not named" else f"http://127.0.0.1:{port}"
        done = close(lane_world, **admin(lane_world, BAO_ADDR=address, BAO_CLIENT_TIMEOUT="1s"))
    assert done.returncode in {2, 3}
    assert records(lane_world)[0].body["place"]["openbao"] is None
    refused = lane_world.run("access", lane_world.lane, "--json", "--", "true", BAO_TOKEN=lane_world.token())
    assert json.loads(refused.stderr)["kind"] == "closed"
    how = ("--reason", "x", "--yes", "--take-over")
    assert lane_world.run("reactivate", lane_world.lane, *how, **engineer(lane_world)).returncode == 5
    put = lane_world.run("put", lane_world.lane, "API_KEY", stdin="a-new-value-0123456789", **admin(lane_world))
    assert put.returncode == 0, put.stderr
    opened = lane_world.run("reactivate", lane_world.lane, *how, **engineer(lane_world))
    assert opened.returncode == 0, opened.stdout
    assert lane_world.run("access", lane_world.lane, "--", "true", BAO_TOKEN=lane_world.token()).returncode == 0
    assert not is_closed(lane_world)
    assert not is_closed(lane_world, BAO_ADDR="")


def test_a_platform_whose_files_have_errors_is_closed_under_every_name(lane_world):
    (lane_world.folder / "platform" / "platform.yaml").write_text("platform: team-a\nkv_mount: [a]\n")
    assert close(lane_world, **admin(lane_world)).returncode == 1
    assert records(lane_world)[0].body["place"]["platform"] is None
    (lane_world.folder / "platform" / "platform.yaml").write_text("platform: team-a\n")
    assert is_closed(lane_world)


def test_a_closing_of_an_earlier_version_holds_everywhere_until_reactivated(lane_world):
    SqliteJournal(str(lane_world.journal)).record("lane.closed", lane_world.lane, {"reason": "old"})
    other = another_directory(lane_world)
    assert is_closed(lane_world)
    assert is_closed(lane_world, WARDEN_PLATFORM=other)
    how = ("--reason", "x", "--yes", "--take-over")
    assert lane_world.run("reactivate", lane_world.lane, *how, **engineer(lane_world)).returncode == 0
    assert not is_closed(lane_world)
    assert is_closed(lane_world, WARDEN_PLATFORM=other)
