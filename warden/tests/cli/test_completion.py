"""Completion in real shells, where they are installed, and what somebody may have meant by a mistyped word."""

import resource
import shutil
import subprocess

import pexpect
import pytest

CLUSTERS = "here: {context: here, auth_mount: kubernetes}\nthere: {context: there, auth_mount: kubernetes-there}\n"
POINTER = "pointer: a-pointer\ntitle: A pointer\nstatus: active\nreviewed: 2026-07-02\n"


@pytest.fixture
def world(lane_world):
    """A lane that is delivered to one of two clusters, and an entry that is not a lane."""
    with lane_world.lane_file.open("a") as file:
        file.write(f"deliveries:\n  there: {{external_secret: {lane_world.tenant}/api-key}}\n")
    text = lane_world.lane_file.read_text()
    lane_world.lane_file.write_text(text.replace("owners:\n", "owners:\n  runtime: {repo: app, doc: docs/run.md}\n"))
    (lane_world.folder / "platform" / "clusters.yaml").write_text(CLUSTERS)
    lane_world.lane_file.with_name("a-pointer.yaml").write_text(POINTER)
    return lane_world


def offered(world, *words):
    """What bash is offered for the last of the words."""
    line = " ".join(["warden", *words])
    done = world.run(COMP_WORDS=line, COMP_CWORD=str(len(words)), _WARDEN_COMPLETE="bash_complete")
    assert (done.returncode, done.stderr) == (0, "")
    return [each.partition(",")[2] for each in done.stdout.splitlines() if each]


@pytest.mark.parametrize(
    "command", ["access", "plan", "apply", "put", "prove", "status", "sync", "deactivate", "render"]
)
def test_the_lanes_are_offered(world, command):
    assert offered(world, command, "") == [world.lane]
    assert offered(world, command, world.lane[:4]) == [world.lane]
    assert offered(world, command, "zz") == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("route", "show", ""), ["a-pointer", "LANE"]),
        (("put", "LANE", ""), ["API_KEY", "SIGNING_KEY"]),
        (("put", "LANE", "API_KEY", ""), ["SIGNING_KEY"]),
        (("put", "LANE", "S"), ["SIGNING_KEY"]),
        (("access", "LANE", "--fetch", ""), ["API_KEY", "SIGNING_KEY"]),
        (("plan", "LANE", "--cluster", ""), ["there"]),
        (("plan", "--cluster", ""), ["here", "there"]),
        (("render", "LANE", "--cluster", "t"), ["there"]),
        (("dev", "env", "--as", ""), ["admin", "platform", "developer", "person:"]),
        (("dev", "login", "p"), ["platform", "person:"]),
        (("journal", "log", "--lane", ""), ["LANE"]),
        (("help", "e"), ["exit-codes", "environment"]),
        (("de",), ["deactivate", "demote", "dev"]),
        (("access", "LANE", "--", "l"), ["l"]),
    ],
)
def test_fields_clusters_and_personas_are_offered(world, words, expected):
    words = [world.lane if word == "LANE" else word for word in words]
    assert offered(world, *words) == [world.lane if word == "LANE" else word for word in expected]


def test_where_nothing_can_be_read_nothing_is_offered_and_nothing_said(world):
    world.lane_file.write_text("lane: [unfinished")
    assert offered(world, "put", world.lane, "") == []
    shutil.rmtree(world.folder / "platform")
    assert offered(world, "plan", "") == []
    assert offered(world, "--platform", "/nowhere", "plan", "") == []


def test_it_is_quick(world):
    """Many lanes, each of which would take 25 ms to parse."""
    text = world.lane_file.read_text()
    for number in range(300):
        world.lane_file.with_name(f"zz-{number}.yaml").write_text(text.replace(world.lane, f"zz-{number}"))
    before = cpu_seconds()
    asks = world.env(COMP_WORDS="warden plan ", COMP_CWORD="2", _WARDEN_COMPLETE="bash_complete")
    done = subprocess.run(["warden"], env=asks, capture_output=True, text=True, check=False)
    assert len(done.stdout.splitlines()) == 301
    assert 0 < cpu_seconds() - before < 3


def cpu_seconds():
    """What programs have used that were started here and have ended: how busy the machine is does not count."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def started(world, shell, *argv):
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"{shell} is not installed")
    env = world.env() | {"TERM": "dumb", "PS1": "ready> "}
    return pexpect.spawn(
        path, list(argv), env=env, cwd=str(world.folder), encoding="utf-8", timeout=20, dimensions=(24, 200)
    )


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [("plan {start}\t", "plan {lane} "), ("put {lane} SIG\t", "{lane} SIGNING_KEY "), ("rou\t", "route ")],
)
@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_word_is_completed_where_it_is_typed(world, shell, typed, wanted):
    argv = {"bash": ("--norc", "--noprofile"), "zsh": ("-f",)}[shell]
    child = started(world, shell, *argv)
    try:
        if shell == "zsh":
            child.sendline("PS1='ready> '; unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -u -D")
        child.sendline(f"source <(warden completion {shell}); echo loa''ded")
        child.expect_exact("loaded")
        names = {"start": world.lane[:6], "lane": world.lane}
        child.send(f"warden {typed.format(**names)}")
        child.expect_exact(wanted.format(**names))
    finally:
        child.close(force=True)


def test_fish_completes(world):
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")
    script = "warden completion fish | source; complete -C 'warden plan '; complete -C 'warden put LANE '"
    done = subprocess.run(
        ["fish", "--no-config", "-c", script.replace("LANE", world.lane)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=world.env(),
        cwd=world.folder,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{world.lane}\tA lane of the tests" in done.stdout.splitlines()
    assert {"API_KEY", "SIGNING_KEY"} <= {each.split("\t")[0] for each in done.stdout.splitlines()}


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("stauts",), "Did you mean 'status'?"),
        (("prvoe", "x"), "Did you mean 'prove' or 'promote'?"),
        (("list",), "Did you mean 'route list'?"),
        (("get",), "Did you mean 'access'?"),
        (("route", "shw"), "Did you mean 'show'?"),
        (("dev", "upp"), "Did you mean 'up'?"),
        (("plan", "--al"), "'--all'"),
        (("plan", "-all"), "Did you mean '--all'?"),
        (("plan", "x", "--platform", "y"), "warden --platform DIR plan"),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_a_mistyped_word_is_answered_with_the_right_one(lane_world, words, meant, as_json):
    done = lane_world.run(*words, *(["--json"] if as_json else []))
    assert (done.returncode, done.stdout) == (2, "")
    assert meant in done.stderr


def test_a_word_that_looks_like_nothing_gets_no_guess(lane_world):
    assert "Did you mean" not in lane_world.run("qqqqqq").stderr


INVENTORY = """\
actors:
  adm-ada: {}
hosts:
  # of the team
  web: {names: [web.example.com]}
  db:
    names: [db.example.com]
    ttl: 7d

host_groups:
  clusters: [web, db]
authorities:
  users: {openbao: ssh}
"""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("ssh", "host", "sign", ""), ["web", "db"]),
        (("ssh", "status", ""), ["adm-ada", "web", "db"]),
        (("ssh", "log", "w"), ["web"]),
        (("ssh", "revoke", "--actor", "d"), ["db"]),
        (("inventory", "add", "adm-x", "--host", ""), ["web", "db", "clusters"]),
        (("inventory", "add", "adm-x", "--extension", "permit-p"), ["permit-port-forwarding", "permit-pty"]),
        (("prove", "adm-ada", "--host", ""), ["web", "db"]),
        (("sign", ""), ["adm-ada"]),
        (("plan", "w"), ["web"]),
        (("apply", "d"), ["db"]),
    ],
)
def test_the_actors_and_hosts_of_the_inventory_are_offered(world, words, expected):
    (world.folder / "platform" / "inventory.yaml").write_text(INVENTORY)
    assert offered(world, *words) == expected
