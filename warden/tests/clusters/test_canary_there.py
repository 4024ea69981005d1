"""The canary for what reaches into clusters: planted values show up nowhere.

One value is in OpenBao, another in a Secret made by hand and in the copy of it that ``kubectl apply`` leaves in an
annotation. Commands are run as they should be and with something broken, with Python at its most talkative.
"""

import io
import json
import os
from pathlib import Path

import pexpect
import pytest
from canary import TALKATIVE, Canary
from loaded_warden import loaded_warden, of_python

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]
FIRST, SECOND = "coulombcore", "railiance01"

COMMANDS = [
    ["plan", "LANE"],
    ["plan", "LANE", "--json", "--create-namespace", "--take-over"],
    ["apply", "LANE"],
    ["apply", "LANE", "--json", "--take-over", "--yes"],
    ["prove", "LANE"],
    ["prove", "LANE", "--json"],
    ["prove", "LANE", "--cluster", SECOND],
    ["prove", "LANE", "--custody-only", "--json"],
    ["prove", "--all", "--jobs", "2"],
    ["sync", "LANE", "--timeout", "3"],
    ["sync", "LANE", "--json", "--timeout", "3"],
    ["render", "LANE", "--cluster", FIRST],
    ["render", "LANE", "--cluster", FIRST, "--json"],
    ["render", "LANE", "--cluster", SECOND],
    ["render", "LANE", "--cluster", FIRST, "--rights", "apply"],
    ["status"],
    ["status", "--json"],
    ["route", "show", "LANE", "--json"],
    ["adopt", "LANE", "--cluster", SECOND],
    ["adopt", "LANE", "--cluster", SECOND, "--yes"],
    ["adopt", "LANE", "--cluster", SECOND, "--yes", "--json"],
    ["adopt", "LANE", "--cluster", FIRST, "--yes", "--json"],
    ["journal", "log", "--json"],
]
LAST = [
    ["adopt", "LANE", "--cluster", SECOND, "--yes", "--keep", "secret"],
    ["put", "LANE", "API_KEY"],
    ["prove", "LANE", "--json"],
]
"""What changes where the values are."""

BROKEN = [
    ["plan", "LANE"],
    ["apply", "LANE", "--json", "--take-over", "--yes"],
    ["prove", "LANE"],
    ["prove", "LANE", "--cluster", FIRST, "--json"],
    ["sync", "LANE", "--timeout", "3", "--json"],
    ["status"],
    ["adopt", "LANE", "--cluster", SECOND, "--yes"],
]
"""What is tried with something broken: each says then what it could not do."""

KEPT_THERE = ("etcd", "raft")
"""Where the servers themselves keep them: the cluster's store, and OpenBao's, which is encrypted."""


class World:
    """A lane that is delivered to one cluster and made by hand in the other, and the canary for both values."""

    def __init__(self, engineer, talkative):
        self.engineer = engineer
        self.talkative = talkative
        self.by_hand = f"sk-by-hand-{os.urandom(16).hex()}"
        secret = {"external_secret": engineer.secret}
        engineer.declare({FIRST: secret, SECOND: {"bootstrap_secret": engineer.secret}})
        engineer.ready()
        engineer.hand_made(self.by_hand, SECOND)
        kubeconfig = Path(engineer.platform.clusters[FIRST].kubeconfig).read_text()
        tokens = {line.split()[-1].strip('"') for line in kubeconfig.splitlines() if "token:" in line}
        assert tokens
        self.values = Canary(engineer.value, self.by_hand)
        self.everything = Canary(engineer.value, self.by_hand, engineer.platform.token("platform"), *tokens)

    def broken(self, how):
        engineer = self.engineer
        if how == "clusters down":
            return engineer.down(FIRST, SECOND)
        if how == "policy gone":
            engineer.platform.must("DELETE", f"sys/policies/acl/workload-kv-read-{engineer.lane}")
        return {
            "server gone": {"BAO_ADDR": "https://127.0.0.1:1"},
            "token unknown": {"BAO_TOKEN": engineer.platform.token("platform") + "x"},
            "journal unwritable": {"WARDEN_JOURNAL": "/dev/null"},
        }.get(how, {})

    def run(self, argv, **changed):
        words = [self.engineer.lane if word == "LANE" else word for word in argv]
        env = self.engineer.env(**TALKATIVE, **changed)
        done = self.talkative.run(words, env=env, cwd=self.engineer.folder, stdin=self.engineer.value, timeout=90)
        assert "Traceback" not in done.stderr, done.stderr
        self.everything.look(f"stdout of {' '.join(argv)}", done.stdout.encode())
        self.everything.look(f"stderr of {' '.join(argv)}", done.stderr.encode())
        return done

    def look_at_files(self):
        down = self.engineer.folder / "home" / "down.kubeconfig"
        down.unlink(missing_ok=True)
        assert self.everything.look_below(self.engineer.folder) >= 3
        assert self.values.look_below(Path(self.engineer.platform.state), but=KEPT_THERE) > 10


@pytest.fixture(scope="module")
def talkative(tmp_path_factory):
    with loaded_warden(tmp_path_factory.mktemp("talkative"), **of_python(TALKATIVE)) as loaded:
        yield loaded


@pytest.fixture
def world(engineer, talkative):
    return World(engineer, talkative)


@pytest.mark.parametrize(
    "how", ["nothing", "clusters down", "policy gone", "server gone", "token unknown", "journal unwritable"]
)
def test_no_command_shows_a_value(world, how):
    changed = world.broken(how)
    codes = {}
    with world.values.watching_arguments():
        for argv in [*COMMANDS, *LAST] if how == "nothing" else BROKEN:
            codes[" ".join(argv)] = world.run(argv, **changed).returncode
    world.look_at_files()
    if how == "nothing":
        assert codes["prove LANE"] == 1, "the copy that was left in clear is a finding"
        assert codes[f"adopt LANE --cluster {SECOND} --yes"] == 1, "the values differ"
        assert codes[f"adopt LANE --cluster {SECOND} --yes --keep secret"] == 0


def misplace(engineer, value):
    """Put a value where names and descriptions belong: label, annotation, field of a Secret, manager, account."""
    first, second = (engineer.platform.clusters[each] for each in (FIRST, SECOND))
    owner = ["--field-manager", value, "-n", engineer.tenant]
    for kind in ("externalsecret", "secretstore", "serviceaccount"):
        names = first.kubectl("get", kind, "-n", engineer.tenant, "-o", "name").stdout.split()
        for name in names:
            done = first.kubectl("label", name, f"note={value}", f"{value}=x", "--overwrite", *owner)
            assert done.returncode == 0, done.stderr
            done = first.kubectl("annotate", name, f"note={value}", f"{value}=x", "--overwrite", *owner)
            assert done.returncode == 0, done.stderr
    spec = {"spec": {"data": [{"secretKey": value, "remoteRef": {"key": value, "property": value}}]}}
    patched = first.kubectl("patch", "externalsecret", engineer.name, "--type=merge", "-p", json.dumps(spec), *owner)
    assert patched.returncode == 0, patched.stderr
    field = {"metadata": {"labels": {"note": value}, "annotations": {value: "x"}}, "stringData": {value: "x"}}
    patched = second.kubectl("patch", "secret", engineer.name, "--type=merge", "-p", json.dumps(field), *owner)
    assert patched.returncode == 0, patched.stderr


def test_a_value_that_stands_where_a_name_belongs_is_neither_printed_nor_journaled(world):
    engineer = world.engineer
    value = f"sk-or-v1-{os.urandom(20).hex()}"
    misplace(engineer, value)
    canary = Canary(value, value.removeprefix("sk-or-v1-"))
    for argv in (
        *BROKEN,
        ["plan", "LANE", "--json"],
        ["adopt", "LANE", "--cluster", SECOND, "--yes", "--json"],
        *COMMANDS,
    ):
        done = world.run(argv)
        canary.look(f"stdout of {' '.join(argv)}", done.stdout.encode())
        canary.look(f"stderr of {' '.join(argv)}", done.stderr.encode())
        assert "Traceback" not in done.stderr
        assert "defect" not in done.stderr
    canary.look_below(engineer.folder)


def test_a_terminal_shows_no_value_either(world):
    engineer = world.engineer
    for argv, answers in (
        (["prove", engineer.lane], []),
        (["sync", engineer.lane], []),
        (["status"], []),
        (["plan", engineer.lane], []),
        (["adopt", engineer.lane, "--cluster", SECOND], ["neither"]),
        (["adopt", engineer.lane, "--cluster", SECOND], ["secret"]),
    ):
        seen = io.StringIO()
        child = engineer.terminal(*argv, **TALKATIVE)
        child.logfile_read = seen
        for answer in answers:
            child.expect("to continue")
            child.sendline(engineer.lane)
            child.expect("Which one to keep")
            child.sendline(answer)
        child.expect(pexpect.EOF)
        child.close()
        assert len(seen.getvalue()) > 20
        world.everything.look(f"the terminal at {' '.join(argv)}", seen.getvalue().encode())
    assert engineer.delivered(SECOND) == world.by_hand
    world.look_at_files()


def test_the_canary_sees_what_is_there(world):
    """The values are where they should be, and a copy of one elsewhere would be seen."""
    engineer = world.engineer
    found = engineer.platform.clusters[SECOND].must("GET", engineer.where("secrets", engineer.name))
    with pytest.raises(AssertionError):
        world.values.look("the Secret", str(found["data"]).encode())
    with pytest.raises(AssertionError):
        world.values.look("its annotation", str(found["metadata"]["annotations"]).encode())
    (engineer.folder / "tmp" / "leak").write_text(world.by_hand)
    with pytest.raises(AssertionError):
        world.look_at_files()
