"""A planted secret and the callers' tokens show up nowhere: not printed, not logged, not in an argument, not on disk.

Whoever adds a command adds it to `COMMANDS`. Each is run as the reader and as the administrator, as it should be and
with something broken, with Python at its most talkative.
"""

import base64
import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from canary import TALKATIVE, Canary, content
from loaded_warden import loaded_warden, of_python

from warden.cli import main

COMMANDS = [
    ["access", "LANE"],
    ["access", "LANE", "--json"],
    ["access", "LANE", "--fetch", "API_KEY", "--force"],
    ["access", "LANE", "--fetch", "NOPE", "--json"],
    ["access", "LANE", "--reason", "why", "--", "true"],
    ["access", "LANE", "--as", "fd", "--json", "--", "false"],
    ["access", "LANE", "--token-file", "SA_TOKEN", "--json", "--", "true"],
    ["access", "LANE", "--token-file", "SA_TOKEN_FOR_OTHERS", "--json", "--", "true"],
    ["access", "LANE", "--", "/etc/passwd"],
    ["access", "LANE", "--wait", "--timeout", "1s", "--json", "--", "true"],
    ["change", "new", "LANE", "--type", "change", "--take-over", "--json"],
    ["change", "list", "--all", "--json"],
    ["change", "show", "CCR-2026-0001"],
    ["change", "propose", "CCR-2026-0001"],
    ["change", "approve", "CCR-2026-0001", "--comment", "canary", "--json"],
    ["apply", "LANE", "--take-over", "--json"],
    ["approve"],
    ["approve", "LANE", "--json"],
    ["can-reach", "entity:nobody", "--json"],
    ["catalog", "check", "--json"],
    ["inventory", "list"],
    ["issue", "adm-canary"],
    ["issue", "adm-canary", "--out", "keys", "--json"],
    ["ssh", "config", "adm-canary", "--json"],
    ["ssh", "known-hosts"],
    ["ssh", "ca", "show"],
    ["ssh", "ca", "rotate", "--json"],
    ["plan", "adm-canary", "--json"],
    ["ssh", "status", "--json"],
    ["ssh", "log"],
    ["ssh", "scorecard", "--json"],
    ["ssh", "cleanup", "--all", "--json"],
    ["ssh", "host", "sign", "canary", "--pubkey", "-"],
    ["ssh", "ensure", "adm-canary", "--out", "keys", "--json"],
    ["inventory", "list", "--json"],
    ["sign", "adm-canary", "--pubkey", "-"],
    ["sign", "adm-canary", "--pubkey", "-", "--json"],
    ["doctor"],
    ["doctor", "--json"],
    ["journal", "log", "--json"],
    ["journal", "verify"],
    ["journal", "export", "--format", "ocsf"],
    ["journal", "checkpoint", "-o", "kept.checkpoint"],
    ["journal", "verify", "--checkpoint", "kept.checkpoint", "--json"],
    ["evidence", "pack", "LANE", "-o", "evidence.jsonl", "--json"],
    ["evidence", "verify", "evidence.jsonl", "--key", "kept.pub"],
    ["notices", "--test"],
    ["notices", "--json"],
    ["plan", "LANE"],
    ["plan", "--all", "--json"],
    ["login", "--lane", "LANE"],
    ["login", "netkingdom", "--role", "r", "--json"],
    ["next"],
    ["next", "LANE", "--json"],
    ["playbook", "LANE"],
    ["playbook", "LANE", "--check", "--json"],
    ["prove", "LANE"],
    ["prove", "LANE", "--json"],
    ["prove", "LANE", "--inspect"],
    ["prove", "LANE", "--inspect", "--json"],
    ["put", "LANE", "API_KEY"],
    ["put", "LANE", "NOPE", "--json"],
    ["rotate", "LANE", "--plan"],
    ["rotate", "LANE", "--yes", "--json"],
    ["rotate", "LANE", "--resume"],
    ["rotate", "--due", "--yes"],
    ["route", "find", "tests"],
    ["route", "list", "--all", "--json"],
    ["route", "show", "LANE"],
    ["ssh", "acknowledge", "1", "--comment", "canary", "--json"],
    ["ssh", "krl", "signers"],
    ["ssh", "krl", "build", "--json"],
    ["ssh", "krl", "pull", "http://127.0.0.1:1/krl", "--file", "revoked", "--signers", "kept.pub"],
    ["ssh", "krl", "pull", "--check", "--file", "revoked", "--json"],
    ["ssh", "revoke", "--serial", "7", "--reason", "canary"],
    ["ssh", "revoke", "--key", "kept.pub", "--reason", "canary", "--yes", "--json"],
    ["status"],
    ["status", "--json"],
    ["who-can", "LANE"],
    ["who-can", "read", "LANE", "--json"],
    ["promote", "LANE"],
    ["promote", "LANE", "--json"],
    ["demote", "LANE", "--reason", "canary", "--json"],
    ["deactivate", "LANE", "--reason", "canary", "--yes"],
    ["reactivate", "LANE", "--reason", "canary", "--yes"],
    ["compromise", "LANE", "--plan", "--json"],
    ["compromise", "LANE", "--since", "1h", "--yes", "--keep-secrets"],
    ["compromise", "LANE", "--yes", "--json"],
]

BROKEN = {
    "nothing": {},
    "server gone": {"BAO_ADDR": "http://127.0.0.1:1"},
    "journal unwritable": {"WARDEN_JOURNAL": "/dev/null"},
    "value missing": {},
    "token unknown": {},
}


@pytest.fixture(scope="module")
def talkative(tmp_path_factory):
    with loaded_warden(tmp_path_factory.mktemp("talkative"), **of_python(TALKATIVE)) as loaded:
        yield loaded


@pytest.fixture
def world(lane_world, talkative):
    """The lane, with files for tokens that lie outside what is searched."""
    lane_world.talkative = talkative
    outside = lane_world.folder.with_name(lane_world.folder.name + "-outside")
    outside.mkdir()
    lane_world.outside = outside
    for name, audience in (("SA_TOKEN", "openbao"), ("SA_TOKEN_FOR_OTHERS", "kubernetes")):
        (outside / name).write_text(lane_world.server.mint(lane_world.reader, audience=audience))
    (lane_world.folder / "tmp").mkdir()
    return lane_world


def canary_of(world, *tokens: str) -> Canary:
    return Canary(*world.values.values(), *tokens, *(file.read_text() for file in world.outside.iterdir()))


def said(world, argv: list[str], token: str, broken: dict[str, str]) -> "subprocess.CompletedProcess[bytes]":
    names = {"LANE": world.lane} | {file.name: str(file) for file in world.outside.iterdir()}
    env = world.env(BAO_TOKEN=token, TMPDIR=str(world.folder / "tmp"), **TALKATIVE) | broken
    words = [names.get(word, word) for word in argv]
    return world.talkative.run(words, env=env, cwd=world.folder, stdin=world.values["API_KEY"].encode())


@pytest.mark.parametrize(("broken", "who"), [("nothing", "reader"), *((each, "admin") for each in BROKEN)])
@pytest.mark.timeout(300)
def test_no_command_shows_a_secret(world, broken, who):
    token = world.token() if who == "reader" else world.server.token("admin")
    canary = canary_of(world, token)
    if broken == "value missing":
        world.fill({"API_KEY": world.values["API_KEY"]})
    used = token + "x" if broken == "token unknown" else token
    for argv in [each for each in COMMANDS if importlib.util.find_spec(main.COMMANDS[each[0]][0])]:
        done = said(world, argv, used, BROKEN[broken])
        fetched = "--fetch" in argv and done.returncode == 0
        where = f"{' '.join(argv)} ({who}, {broken})"
        canary.look(f"stdout of {where}", b"" if fetched else done.stdout)
        canary.look(f"stderr of {where}", done.stderr)
        assert b"Traceback" not in done.stderr, (where, done.stderr.decode())
    canary.look_below(world.folder)


MISPLACED = [
    ["plan", "LANE"],
    ["plan", "LANE", "--json"],
    ["change", "new", "LANE", "--type", "change", "--json"],
    ["change", "new", "LANE", "--type", "change", "--take-over"],
    ["apply", "LANE"],
    ["apply", "LANE", "--take-over", "--json"],
    ["prove", "LANE"],
    ["prove", "LANE", "--json"],
    ["prove", "LANE", "--inspect", "--json"],
    ["promote", "LANE"],
    ["promote", "LANE", "--json"],
    ["status", "--json"],
    ["next"],
    ["next", "--json"],
    ["playbook", "LANE", "-o", "page.md"],
    ["access", "LANE", "--", "true"],
    ["put", "LANE", "API_KEY"],
    ["apply", "LANE", "--take-over", "--yes"],
    ["deactivate", "LANE", "--reason", "canary", "--yes"],
    ["reactivate", "LANE", "--reason", "canary", "--yes", "--json"],
    ["compromise", "LANE", "--yes"],
    ["journal", "log", "--json"],
    ["doctor"],
    ["who-can", "LANE"],
    ["who-can", "LANE", "--json"],
]


def misplace(world, value: str, tail: str = "") -> None:
    """Put a value, and `tail`, where names and descriptions belong: in a field's name, a mark, a role, a policy."""
    server, role = world.server, f"auth/kubernetes/role/workload-{world.tenant}-api"
    name = f"workload-kv-read-{world.lane}"
    world.fill({**world.values, f"{value}{tail}": "x"})
    printable = f"{value}{tail.rpartition(chr(0x202E))[2]}"  # OpenBao takes no other marks
    marks = {"catalog-id": printable, "note": printable, f"x{value}": "y"}
    server.must("POST", world.path.replace("platform/", "platform/metadata/", 1), {"custom_metadata": marks})
    found = server.must("GET", role)["data"]
    changed = {"bound_claims": {f"/{value}": [f"{value}{tail}"]}, "token_policies": [*found["token_policies"], value]}
    server.must("POST", role, {key: item for key, item in found.items() if item} | changed)
    policy = server.must("GET", f"sys/policies/acl/{name}")["data"]["policy"]
    server.must("PUT", f"sys/policies/acl/{name}", {"policy": f'# {value}\n{policy}\npath "x/{value}" {{}}\n'})


@pytest.mark.timeout(300)
def test_a_value_that_stands_where_a_name_belongs_is_neither_printed_nor_journaled(world):
    value = f"sk-or-v1-{os.urandom(32).hex()}"
    canary = Canary(value, value.removeprefix("sk-or-v1-"))
    misplace(world, value)
    look_at(world, canary, MISPLACED)
    marks = {"catalog-id": world.lane, f"auth/kubernetes/role/{value}": "a/b", "policy": value, "closed": f"{value} me"}
    world.server.must("POST", world.path.replace("platform/", "platform/metadata/", 1), {"custom_metadata": marks})
    look_at(world, canary, [argv for argv in MISPLACED if argv[0] in {"plan", "apply", "status", "journal", "access"}])
    assert canary.look_below(world.folder)


def look_at(world, canary, commands):
    for argv in commands:
        done = said(world, argv, world.server.token("admin"), {})
        canary.look(f"stdout of {' '.join(argv)}", done.stdout)
        canary.look(f"stderr of {' '.join(argv)}", done.stderr)
        assert b"Traceback" not in done.stderr, (argv, done.stderr.decode())
        assert b"defect" not in done.stderr, (argv, done.stderr.decode())


@pytest.mark.timeout(300)
def test_a_name_with_line_breaks_and_control_characters_forges_nothing(world):
    forged = "\n  ok   reads everything  allowed\n\x1b]0;title\x07proven: 99 of 99\r\u202e$(touch pwned)"
    misplace(world, "note", forged)
    pasted = 0
    for argv in MISPLACED:
        done = said(world, argv, world.server.token("admin"), {})
        text = (done.stdout + done.stderr).decode()
        lines = text.splitlines()
        assert not [line for line in lines if line.startswith(("  ok   reads everything", "proven: 99"))], (argv, text)
        assert all(each.isprintable() for each in text.replace("\n", "")), argv
        for line in [each for each in lines if "fix: bao kv patch" in each]:
            pasted += 1
            subprocess.run(
                ["bash", "-c", f"bao() {{ :; }}; {line.partition('fix: ')[2]}"], cwd=world.folder, check=True
            )
    assert pasted == 2  # of prove, and of promote
    assert not (world.folder / "pwned").exists()


def test_the_canary_sees_what_is_there(world):
    canary = canary_of(world)
    with pytest.raises(AssertionError):
        canary.look("here", base64.b64encode(b"key=" + world.values["API_KEY"].encode() + b";"))
    with pytest.raises(AssertionError):
        canary.look("there", world.values["SIGNING_KEY"].encode().hex().encode())
    (world.folder / "tmp" / "leak").write_text(world.values["API_KEY"])
    with pytest.raises(AssertionError):
        canary.look_below(world.folder)


@pytest.mark.parametrize("via", ["env", "fd"])
def test_no_argument_of_any_process_and_no_file_while_the_command_runs(world, via):
    script = "print('up', flush=True); import time; time.sleep(60)"
    file = str(world.outside / "SA_TOKEN")
    process = subprocess.Popen(
        ["warden", "access", world.lane, "--as", via, "--token-file", file, "--", sys.executable, "-c", script],
        env=world.env(TMPDIR=str(world.folder / "tmp")),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        canary = canary_of(world)
        for line in Path("/proc").glob("[0-9]*/cmdline"):
            canary.look(str(line), content(line))
        names = [os.readlink(fd) for fd in Path(f"/proc/{process.pid}/fd").iterdir()]
        canary.look("names of open files", "\n".join(names).encode())
        environment = content(Path(f"/proc/{process.pid}/environ"))
        assert (world.values["API_KEY"].encode() in environment) == (via == "env")
        canary_of_token = Canary(Path(file).read_text())
        canary_of_token.look("the command's environment", environment)
        canary.look_below(world.folder)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


def test_a_value_that_waits_for_approval_shows_up_nowhere(world):
    """Asked for, waited for, approved by another one, and handed to a command; neither token of the request either."""
    tenant, server = world.tenant, world.server
    platform = world.folder / "platform" / "platform.yaml"
    platform.write_text(f"{platform.read_text()}logins: {{netkingdom: {{}}}}\n")
    reader = f"\n  - people: {tenant}\n    login: netkingdom\n    approval: {{group: {tenant}-leads, ttl: 5m}}\n"
    world.lane_file.write_text(world.lane_file.read_text().rstrip("\n") + reader)
    admin = server.token("admin")
    assert said(world, ["apply", "LANE", "--take-over", "--yes"], admin, {}).returncode == 0

    def login(role, group):
        body = {"role": role, "jwt": server.person_jwt(f"{role}-{tenant}", [group])}
        return server.must("POST", "auth/netkingdom/login", body, token=None)["auth"]["client_token"]

    ada, bob = login("api-workload-kv-read", tenant), login(f"approve-{tenant}-leads", f"{tenant}-leads")
    asked = said(world, ["access", "LANE", "--wait", "--timeout", "1s", "--", "true"], ada, {})
    assert asked.returncode == 125
    kept = server.must("GET", f"cubbyhole/warden/approvals/{world.lane}", token=ada)["data"]["token"]
    canary = canary_of(world, ada, bob, kept)
    runs = [
        (ada, ["access", "LANE", "--", "true"]),
        (ada, ["access", "LANE", "--json", "--", "true"]),
        (ada, ["prove", "LANE"]),
        (bob, ["approve"]),
        (bob, ["approve", "--json"]),
        (bob, ["approve", "LANE", "--comment", "canary"]),
        (bob, ["access", "LANE", "--", "true"]),
        (ada, ["access", "LANE", "--as", "fd", "--", "true"]),
        (ada, ["access", "LANE", "--json", "--", "true"]),
    ]
    for token, argv in runs:
        done = said(world, argv, token, {})
        canary.look(f"stdout of {' '.join(argv)}", done.stdout)
        canary.look(f"stderr of {' '.join(argv)}", done.stderr)
        assert b"Traceback" not in done.stderr
    assert server.call("GET", f"cubbyhole/warden/approvals/{world.lane}", token=ada)[0] == 200  # of the last one
    canary.look(f"stderr of {' '.join(argv)}", asked.stderr)
    canary.look_below(world.folder)
