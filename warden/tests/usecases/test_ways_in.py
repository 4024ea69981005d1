"""Every way into a path that was planted on a real OpenBao is found, and gone after the command that is shown."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import ways_in
from platform_server import PlatformServer, served

from warden.adapters.dev import config
from warden.adapters.openbao.snapshot_reader import SnapshotReader
from warden.core.access_index.index import AccessIndex
from warden.core.access_index.snapshot import Snapshot
from warden.core.access_index.ways import WayIn
from warden.core.lanes.administrators import administrators
from warden.core.openbao.right import Right, Scope
from warden.core.openbao.rights import policy_text, rights_of
from warden.core.remedies import RunBao
from warden.present.commands import command, commands
from warden.usecases.steps.concurrency import at_once

pytestmark = pytest.mark.real

ADMINISTRATORS = administrators([*config.ADMINISTRATORS, "root"])
READERS = frozenset({"auth/kubernetes/role/reader"})


@pytest.fixture(scope="module")
def planted(tmp_path_factory) -> Iterator[tuple[PlatformServer, list[ways_in.Way], list[str]]]:
    """A server with every way in, and some things that are not."""
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


NOT_HERE = {"auth/+/groups/*", "auth/+/certs/*", "auth/cert/certs/*"}
"""Rights that this server has nothing to ask for with, or that another one covers."""


def lookable() -> list[Right]:
    rights = [each for each in rights_of("who-can", SCOPE) if not each.optional]
    return [each for each in rights if each.path not in {*NOT_HERE, *SCOPE.roles}]


SCOPE = Scope(auth=(), approle=(), cert=())


@pytest.mark.parametrize("right", lookable(), ids=lambda right: right.path)
def test_names_the_right_without_which_something_is_not_known(planted, right):
    server = planted[0]
    held = [each for each in rights_of("who-can", SCOPE) if each.path != right.path]
    text = "".join(ways_in.rule(each.path, *each.capabilities) for each in held)
    deny = ways_in.rule(right.path, "deny")
    seen = snapshot(server, server.token_with(text + deny)).unknown
    pattern = re.escape(right.path).replace(r"\+", "[^/]+").replace(r"\*", ".*")
    lacking = [each for each in seen if re.match(pattern.removesuffix("/.*"), each.path)]
    assert lacking
    assert {each.why for each in lacking} == {"denied"}
    assert set().union(*(each.capabilities for each in lacking)) <= set(right.capabilities)
    assert {each.path for each in seen} == {each.path for each in lacking}


def test_knows_everything_with_the_rights_of_its_policy(planted):
    server = planted[0]
    token = server.token_with(policy_text("who-can", Scope(auth=("kubernetes",), approle=("approle",), cert=("cert",))))
    assert snapshot(server, token).unknown == ()


def test_says_what_a_program_decides_and_what_is_in_a_namespace(planted):
    server = planted[0]
    server.must("POST", "sys/namespaces/inner")
    cel = {"cel_program": {"variables": [], "expression": "true"}, "bound_audiences": ["openbao"]}
    status, _ = server.call("POST", "auth/kubernetes/cel/role/computed", cel)
    seen = snapshot(server)
    assert "inner" in seen.namespaces
    if status in {200, 204}:
        assert [each.why for each in seen.unknown if "computed" in each.name] == ["computed"]
    server.must("DELETE", "sys/namespaces/inner")
    server.call("DELETE", "auth/kubernetes/cel/role/computed")


def test_the_command_that_is_shown_removes_each_way(planted, found):
    server = planted[0]
    steps = list(dict.fromkeys(step for way in found if way.standing == "other" for step in way.remedy))
    assert not [way for way in found if way.standing == "other" and not way.remedy]
    by_shape = {shape(each): each for each in steps}
    for step in by_shape.values():
        run(server, command(step))
    for step in steps:
        if step not in by_shape.values():
            send(server, step)
    left = [way for way in ways(server) if way.standing == "other"]
    assert not [(way.effect, way.identity.name, commands(way.remedy)) for way in left]


def shape(step: RunBao) -> tuple[object, ...]:
    """What commands have in common that differ in names only: one of each is run by OpenBao's own program."""
    empty = tuple((field, bool(value)) for field, value in step.settings)
    return (step.action, step.path.rpartition("/")[0], empty)


def run(server: PlatformServer, line: str) -> None:
    """Paste it into a shell."""
    env = os.environ | {
        "BAO_ADDR": server.address,
        "BAO_TOKEN": server.token("admin"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False, env=env, timeout=60)
    assert done.returncode == 0, (line, done.stderr)


def send(server: PlatformServer, step: RunBao) -> None:
    """What that program would send."""
    if step.action == "revoke-accessor":
        server.must("POST", "auth/token/revoke-accessor", {"accessor": step.name})
    else:
        server.must("PUT", step.path, dict(step.settings))
