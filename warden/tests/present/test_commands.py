import json
import os
import shlex
import subprocess

import pytest

from warden.core.remedies import (
    AskOwner,
    EditFile,
    LogInAs,
    MountToken,
    OneOf,
    RunAs,
    RunBao,
    RunKubectl,
    RunProgram,
    RunWarden,
    SetVariable,
    access,
    warden,
)
from warden.present.commands import command, commands, only_commands
from warden.present.escaping import is_visible
from warden.present.surroundings import HERE, Surroundings


@pytest.mark.parametrize(
    ("step", "line"),
    [
        (warden("apply", "a-lane", take_over=True, cluster=""), "warden apply a-lane --take-over"),
        (warden("deactivate", "a-lane", reason="seen; rm -rf"), "warden deactivate a-lane --reason 'seen; rm -rf'"),
        (warden("access", "LANE", fetch="FIELD"), "warden access LANE --fetch FIELD"),
        (
            RunKubectl(context="c 1", action="delete", kind="Secret", namespace="n", name="s"),
            "kubectl --context 'c 1' -n n delete secret s",
        ),
        (
            RunKubectl(context="c", action="restart", kind="Deployment", name="d"),
            "kubectl --context c rollout restart deployment/d",
        ),
        (
            RunBao(action="remove-fields", mount="kv", path="a/b", names=("A", "$(id)")),
            "bao kv patch -mount=kv -remove-data=A '-remove-data=$(id)' a/b",
        ),
        (RunBao(action="delete-policy", name="a b"), "bao policy delete 'a b'"),
        (SetVariable("BAO_CACERT", "FILE"), "export BAO_CACERT=FILE"),
        (
            EditFile(file="lane", field="external_secret", instead_of="bootstrap_secret"),
            "replace bootstrap_secret with external_secret in the lane's file",
        ),
        (AskOwner("platform", "docs/a.md"), "ask platform (docs/a.md)"),
        (AskOwner("team", run=warden("plan", "a-lane")), "ask team to run: warden plan a-lane"),
        (access("a-lane", as_="fd"), "warden access a-lane --as fd -- COMMAND"),
        (RunWarden("catalog check", platform="my dir"), "warden --platform 'my dir' catalog check"),
        (
            LogInAs("devs", "corp", "r"),
            "log in as one of devs: warden login corp --role r",
        ),
        (
            RunAs("ns/app", "openbao", access("a")),
            "run it as ns/app, with its token for the audience openbao in a file: warden access a -- COMMAND",
        ),
        (
            MountToken("openbao"),
            "mount a token for it in the pod: serviceAccountToken: {audience: openbao, path: token}",
        ),
        (OneOf((warden("plan", "a"), warden("plan", "b"))), "warden plan a; or: warden plan b"),
    ],
)
def test_a_step_is_written_so_that_it_can_be_pasted(step, line):
    assert command(step) == line


def test_what_stands_in_a_name_stays_one_word():
    evil = "x'; touch /tmp/pwned #"
    line = command(RunKubectl(context=evil, action="delete", kind="Secret", namespace=evil, name=evil))
    assert shlex.split(line) == ["kubectl", "--context", evil, "-n", evil, "delete", "secret", evil]
    assert shlex.split(command(RunBao(action="remove-fields", mount="m", path=evil, names=(evil,))))[-2:] == [
        f"-remove-data={evil}",
        evil,
    ]


NAMES = [
    "$(id)",
    "`id`",
    "a\nid\n",
    "x'; id #",
    '"',
    "\\",
    "a\tb",
    "!!",
    "~",
    "*",
    "\x1b[201~id\n",
    "\u202ex",
    "ü b",
]
STEPS = [
    lambda name: RunBao(action="remove-fields", mount=name, path=name, names=(name, "B")),
    lambda name: RunBao(action="delete-policy", name=name),
    lambda name: RunBao(action="write-policy", name=name),
    lambda name: warden("login", name, role=name),
    lambda name: RunKubectl(context=name, action="delete", kind="Secret", namespace=name, name=name),
    lambda name: RunKubectl(context=name, action="drop-finalizers", kind="Secret", name=name),
    lambda name: RunKubectl(context=name, action="remove-annotation", kind="Secret", name=name, value=name),
    lambda name: warden("put", name, name, reason=name),
    lambda name: RunProgram(("ls", "-l"), (name,)),
    lambda name: SetVariable("KUBECONFIG", name),
]


def pasted(line):
    """The words that bash makes of the line."""
    script = f"set -f; printf '%s\\0' {line}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=True)
    return [each.decode() for each in done.stdout.split(b"\0")[:-1]]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("step", STEPS)
def test_a_shell_makes_of_a_pasted_command_the_very_names_again_and_runs_nothing_in_them(step, name):
    line, plain = command(step(name)), command(step("plain"))
    assert is_visible(line)
    expected = [each.replace("plain", name) for each in pasted(plain)]
    assert pasted(line) == expected


@pytest.mark.parametrize("name", NAMES)
def test_a_policy_is_edited_in_a_file_and_written_back(tmp_path, name):
    bao, log = tmp_path / "bao", tmp_path / "log"
    bao.write_text(
        f"#!/bin/sh\nprintf '%s\\0' \"$@\" >> {log}\n"
        'if [ "$2" = read ]; then printf "keep\\nwide\\n"; else cat > "$0.written"; fi\n'
    )
    bao.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    env = os.environ | {"PATH": path, "TMPDIR": str(tmp_path), "EDITOR": "sed -i /wide/d"}
    line = command(RunBao(action="edit-policy", name=name, namespace="team"))
    subprocess.run(["bash", "-c", line], env=env, check=True)
    assert (tmp_path / "bao.written").read_text() == "keep\n"
    words = log.read_bytes().decode().split("\0")[:-1]
    dashes = ["--"] if name.startswith("-") else []
    both = [["policy", each, "-namespace=team", *dashes, name] for each in ("read", "write")]
    assert words == [*both[0], *both[1], "-"]


def test_a_key_is_removed_by_a_pointer_in_which_nothing_of_it_is_left_to_chance():
    step = RunKubectl(context="c", action="remove-key", kind="ConfigMap", namespace="n", name="x", value='a/b~c"d')
    *words, patch = pasted(command(step))
    assert words == ["kubectl", "--context", "c", "-n", "n", "patch", "configmap", "x", "--type=json"]
    assert json.loads(patch.removeprefix("--patch=")) == [{"op": "remove", "path": '/data/a~1b~0c"d'}]


@pytest.mark.parametrize(
    ("step", "line"),
    [
        (RunBao(action="delete-policy", name="-x"), "bao policy delete -- -x"),
        (RunBao(action="write-policy", name="-x"), "bao policy write -- -x -"),
        (RunBao(action="delete-metadata", mount="-m", path="-p"), "bao kv metadata delete -mount=-m -- -p"),
        (RunBao(action="remove-fields", mount="m", path="p", names=("-f",)), "bao kv patch -mount=m -remove-data=-f p"),
        (
            RunKubectl(context="-c", namespace="n", action="get", kind="ClusterRole", name="-x"),
            "kubectl --context=-c -n n get -o yaml -- clusterrole -x",
        ),
        (warden("put", "-x", "F", as_is=True), "warden put --as-is -- -x F"),
        (warden("deactivate", "a", reason="-r"), "warden deactivate a --reason=-r"),
        (RunWarden("plan", ("a",), platform="-p"), "warden --platform=-p plan a"),
        (RunProgram(("chmod", "go-w"), ("-R", "b")), "chmod go-w -- -R b"),
    ],
)
def test_a_name_that_begins_with_a_dash_is_not_an_option(step, line):
    assert command(step) == line


def test_steps_are_joined_so_that_they_stop_at_the_first_that_fails():
    first, edit, last = warden("sync", "a"), EditFile(file="lane", field="status"), warden("prove", "a")
    assert commands((first, last)) == "warden sync a && warden prove a"
    assert commands((edit, last)) == "add status to the lane's file; then: warden prove a"
    assert commands(()) == ""


def test_a_command_line_names_the_platform_that_the_caller_named():
    token = HERE.set(Surroundings("my dir"))
    try:
        assert command(warden("plan", "first")) == "warden --platform 'my dir' plan first"
        assert command(RunWarden("catalog check", platform="other")) == "warden --platform other catalog check"
        assert command(AskOwner("team", run=warden("apply", "x"))).endswith("warden --platform 'my dir' apply x")
        for name in ("journal log", "dev up", "init", "help exit-codes", "completion bash"):
            assert command(warden(name)) == f"warden {name}"
    finally:
        HERE.reset(token)
    assert command(warden("plan", "first")) == "warden plan first"


def test_people_of_the_embedded_platform_log_in_by_a_command_of_warden():
    login = LogInAs("devs", "netkingdom", "api-read")
    bao = "warden login netkingdom --role api-read"
    assert (command(login), only_commands(login)) == (f"log in as one of devs: {bao}", bao)
    token = HERE.set(Surroundings(embedded=lambda: True))
    try:
        become = ' && eval "$(warden dev env --as person:NAME)"'
        own = f"warden dev login person:NAME --group devs --role api-read{become}"
        assert (command(login), only_commands(login)) == (f"log in as one of devs: {own}", own)
        platform = 'warden dev login platform && eval "$(warden dev env --as platform)"'
        assert command(RunBao(action="login-default")) == platform
        assert command(RunBao(action="unseal")) == "warden dev up"
        elsewhere = LogInAs("devs", "corp", "x")
        assert only_commands(elsewhere) == "warden login corp --role x"
    finally:
        HERE.reset(token)
