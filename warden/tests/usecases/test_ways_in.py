"""Every way into a path that was planted on a real OpenBao is found, and gone after the command that is shown."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import ways_in
from platform_server import PlatformServer, served

from warden.adapters.openbao.snapshot_reader import SnapshotReader
from warden.core.access_index.index import AccessIndex
from warden.core.access_index.snapshot import Snapshot
from warden.core.access_index.ways import WayIn
from warden.present.commands import commands
from warden.usecases.steps.concurrency import at_once

pytestmark = pytest.mark.real

ADMINISTRATORS = frozenset({"auth/userpass/users/admin", "auth/userpass/users/platform", "root"})
READERS = frozenset({"auth/kubernetes/role/reader"})


@pytest.fixture(scope="module")
def planted(tmp_path_factory) -> Iterator[tuple[PlatformServer, list[ways_in.Way], list[str]]]:
    """A server with every way in, and some that are none."""
    with served(tmp_path_factory.mktemp("ways")) as server:
        harmless = list(ways_in.harmless(server))
        yield server, ways_in.plant(server), harmless


def snapshot(server: PlatformServer, token: str = "admin") -> Snapshot:
    return SnapshotReader(server.vault(token), at_once).read()


def ways(server: PlatformServer) -> tuple[WayIn, ...]:
    index = AccessIndex(snapshot(server), owners={"lane:mail": "team"}, administrators=ADMINISTRATORS)
    return index.who_can(ways_in.LANE, readers=READERS).ways


@pytest.fixture(scope="module")
def found(planted) -> tuple[WayIn, ...]:
    return ways(planted[0])


def test_finds_every_way_in(planted, found):
    seen = {(way.effect, way.identity.name) for way in found}
    missed = [way for way in planted[1] if (way.effect, way.identity) not in seen]
    assert not missed


def test_says_nothing_of_what_gives_nothing(planted, found):
    assert not {way.identity.name for way in found} & set(planted[2])


def test_condemns_nobody_who_is_declared(found):
    standing = {(way.identity.name, way.effect): way.standing for way in found}
    assert standing["auth/kubernetes/role/reader", "reads"] == "reader"
    assert standing["auth/userpass/users/admin", "reads"] == "administrator"
    assert not [way for way in found if way.standing != "other" and way.remedy]


def test_names_nobody_who_was_not_planted(planted, found):
    known = {way.identity for way in planted[1]}
    assert {way.identity.name for way in found if way.standing == "other"} - known == set()


def test_the_command_that_is_shown_removes_each_way(planted, found):
    server, there, _ = planted
    shown = dict.fromkeys(commands(way.remedy) for way in found if way.standing == "other" and way.effect != "issuer")
    assert all(shown), [way for way in found if way.standing == "other" and not way.remedy]
    env = os.environ | {
        "BAO_ADDR": server.address,
        "BAO_TOKEN": server.token("admin"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    for each in shown:
        done = subprocess.run(["sh", "-c", each], capture_output=True, text=True, check=False, env=env, timeout=60)
        assert done.returncode == 0, (each, done.stderr)
    left = [way for way in ways(server) if way.standing == "other"]
    assert not [(way.effect, way.identity.name, commands(way.remedy)) for way in left]
    assert there
