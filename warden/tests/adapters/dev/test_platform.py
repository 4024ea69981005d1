"""The embedded platform's life, on the real binary. One cold start (about 3 s) is shared where nothing is broken."""

import http.server
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest

from warden.adapters.dev import Embedded, config, personas, process, server, state
from warden.adapters.dev.personas import connect
from warden.core.errors import Held, Inconclusive, NotFound, ServerFault, UsageError
from warden.core.openbao.api import Request
from warden.core.secret import Secret
from warden.present.errors import hint, message

pytestmark = pytest.mark.real

UP = "import sys; from warden.adapters.dev import Embedded; print(Embedded(sys.argv[1]).up(print)[1])"


class Impostor(http.server.BaseHTTPRequestHandler):
    """Answers as an unsealed OpenBao would."""

    def do_GET(self):
        body = b'{"initialized": true, "sealed": false, "standby": false, "version": "9"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def up(embedded):
    stages = []
    status, started = embedded.up(stages.append)
    assert status.up
    return status, started, stages


def up_elsewhere(home):
    """`up` in a process of its own, as another terminal would."""
    return subprocess.Popen(
        [sys.executable, "-u", "-W", "error", "-c", UP, home], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture
def home(tmp_path):
    """A state directory whose path is neither a valid URL nor plain HCL; whatever runs there afterwards is ended."""
    directory = tmp_path / 'a "state" ${dir} %{#é'
    yield str(directory)
    Embedded(str(directory)).wipe()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    embedded = Embedded(str(tmp_path_factory.mktemp("shared")))
    embedded.up(lambda _: None)
    yield embedded
    embedded.wipe()


def remember(embedded, value):
    """Store something, so that it can be seen to survive."""
    token = state.read(embedded.personas.token_file("admin"))
    environ = {"BAO_ADDR": embedded.status().address, "BAO_TOKEN": token, "HOME": embedded.layout.root}
    put = [server.binary(), "kv", "put", "-mount=platform", "kept", f"it={value}"]
    subprocess.run(put, env=environ, check=True, capture_output=True)


def recall(embedded):
    token = state.read(embedded.personas.token_file("admin"))
    environ = {"BAO_ADDR": embedded.status().address, "BAO_TOKEN": token, "HOME": embedded.layout.root}
    get = [server.binary(), "kv", "get", "-mount=platform", "-field=it", "kept"]
    return subprocess.run(get, env=environ, check=True, capture_output=True, text=True).stdout.strip()


def test_cold_start_warm_start_and_wipe(home):
    embedded = Embedded(home)
    assert not embedded.wipe()
    _, started, stages = up(embedded)
    assert started
    assert [stage.split()[0] for stage in stages] == ["keys", "OpenBao", "initialised:"]
    found = [Path(home), *Path(home).rglob("*")]
    assert len(found) > 15
    assert [str(path) for path in found if path.stat().st_mode & 0o077] == []
    # as raw bytes, a key that begins or ends in white space would be cut short by OpenBao
    assert re.fullmatch("[0-9a-f]{64}", Path(embedded.layout.unseal_key).read_text())
    embedded.down()
    warm, _, stages = up(embedded)
    assert [stage.split()[0] for stage in stages] == ["OpenBao"]
    assert embedded.wipe()
    assert not Path(embedded.layout.root).exists()
    assert process.ended(warm.pid)
    assert not embedded.status().up


def test_a_sealed_one_is_opened_with_the_key_that_the_platform_keeps(home):
    embedded = Embedded(home)
    up(embedded)
    remember(embedded, "kept")
    # In the first five seconds of a first start OpenBao opens itself again: it looks then whether it was initialised.
    embedded.down()
    up(embedded)
    admin = embedded._server().admin()
    admin.send(admin.as_caller(Request(method="PUT", path="sys/seal")))
    assert embedded.status().sealed
    before = embedded.status().pid
    status, started, stages = up(embedded)
    assert (started, status.sealed, status.pid == before) == (True, False, False)
    assert stages[0].startswith("OpenBao is sealed")
    assert recall(embedded) == "kept"


def test_no_password_is_in_the_configuration_the_arguments_or_the_environment(shared):
    process = Path(f"/proc/{shared.status().pid}")
    seen = Path(shared.layout.config).read_bytes() + Path(shared.layout.log).read_bytes()
    seen += (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
    seen += Path(shared.layout.audit_file).read_bytes()
    passwords = [path.read_bytes() for path in Path(shared.layout.passwords).iterdir()]
    assert len(passwords) == 3
    assert not [password for password in passwords if password in seen]


def test_up_twice_changes_nothing(shared):
    before = shared.status()
    after, started, stages = up(shared)
    assert not started
    assert stages == []
    assert (after.pid, after.address, after.since) == (before.pid, before.address, before.since)


def test_data_and_address_survive_down_and_a_killed_server(shared):
    before = shared.status().address
    remember(shared, "kept-1")
    assert shared.down()
    assert not shared.down()
    assert up(shared)[0].address == before
    assert recall(shared) == "kept-1"
    os.kill(shared.status().pid, signal.SIGKILL)
    status, started, stages = up(shared)
    assert started
    assert status.address == before
    assert [stage.split()[0] for stage in stages] == ["OpenBao"]
    assert recall(shared) == "kept-1"


def test_a_port_that_somebody_else_took_is_left_to_them(shared):
    before = shared.status().address
    remember(shared, "kept-2")
    shared.down()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", int(before.rpartition(":")[2])))
        other.listen()
        assert not shared.status().up
        status, _, _ = up(shared)
    assert status.address != before
    assert recall(shared) == "kept-2"


def test_a_port_that_is_taken_between_choice_and_start_is_exchanged(shared, monkeypatch):
    shared.down()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        ports = iter([taken, process.free_port()])
        monkeypatch.setattr(process, "free_port", lambda _preferred: next(ports))
        status, _, stages = up(shared)
    assert status.address != f"http://127.0.0.1:{taken}"
    assert len(stages) == 2


def test_several_ups_at_once_make_one_server(home):
    others = [up_elsewhere(home) for _ in range(3)]
    said = [other.communicate(timeout=60) for other in others]
    assert [err for _, err in said] == ["", "", ""]
    assert sorted(out.split()[-1] for out, _ in said) == ["False", "False", "True"]
    assert Embedded(home).status().up


@pytest.mark.parametrize("cut_after", ["keys", "OpenBao", "initialised"])
def test_an_up_that_is_killed_midway_is_made_good_by_the_next(home, cut_after):
    victim = up_elsewhere(home)
    assert victim.stdout is not None
    for line in victim.stdout:
        if line.startswith(cut_after):
            break
    victim.kill()
    victim.communicate()
    embedded = Embedded(home)
    _, _, stages = up(embedded)
    assert "starting anew" in stages[0] or cut_after == "initialised"
    remember(embedded, "works")
    assert recall(embedded) == "works"


def test_ctrl_c_during_a_first_start_leaves_no_server(home):
    victim = up_elsewhere(home)
    assert victim.stdout is not None
    for line in victim.stdout:
        if line.startswith("OpenBao"):
            break
    victim.send_signal(signal.SIGINT)
    victim.communicate(timeout=30)
    assert server.find(state.layout(f"{home}/dev").config) is None


def test_ctrl_c_in_the_moment_of_the_start_leaves_no_server(home, monkeypatch):
    """Popen is interrupted after its process began to run: nobody was told its number."""

    class Interrupted(subprocess.Popen):
        def __init__(self, command, **how):
            super().__init__(command, **how)
            self.returncode = 0
            begun.append(command[1])
            raise KeyboardInterrupt

    begun = []
    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        Embedded(home).up(lambda _: None)
    assert begun == ["server"]
    assert server.find(state.layout(f"{home}/dev").config) is None


def test_data_without_its_key_is_never_thrown_away(home):
    embedded = Embedded(home)
    up(embedded)
    embedded.down()
    key = Path(embedded.layout.unseal_key)
    content = key.read_bytes()
    key.unlink()
    with pytest.raises(ServerFault) as caught:
        embedded.up(lambda _: None)
    assert "the key that opens it is gone" in message(caught.value)
    assert Path(embedded.layout.raft).is_dir()
    key.write_bytes(content)
    assert up(embedded)[1]


def test_what_was_published_is_not_believed(shared):
    """A stale platform.json, whose pid and port may be anybody's by now: the process itself is looked at."""
    pid = shared.status().pid
    assert process.listens(pid, int(shared.status().address.rpartition(":")[2]))
    assert not process.listens(os.getpid(), int(shared.status().address.rpartition(":")[2]))
    shared.down()
    try:
        assert Path(shared.layout.published).is_file()
        assert not shared.status().up
        assert shared.status().pid == 0
    finally:
        up(shared)


def test_whoever_else_answers_on_the_published_port_is_not_taken_for_ours(shared):
    published = Path(shared.layout.published)
    kept = published.read_text()
    with http.server.HTTPServer(("127.0.0.1", 0), Impostor) as impostor:
        threading.Thread(target=impostor.serve_forever, daemon=True).start()
        try:
            published.write_text(json.dumps(json.loads(kept) | {"port": impostor.server_port}))
            assert not shared.status().up
        finally:
            impostor.shutdown()
            published.write_text(kept)
    assert shared.status().up


def test_a_server_that_hangs_is_down_and_is_told_by_its_pid(shared, monkeypatch):
    monkeypatch.setattr(server, "READY_SECONDS", 0.1)
    monkeypatch.setattr(personas, "PATIENCE", 0.3)
    pid = shared.status().pid
    os.kill(pid, signal.SIGSTOP)
    try:
        assert not shared.status().up
        with pytest.raises(ServerFault) as caught:
            shared.up(lambda _: None)
        assert str(pid) in message(caught.value)
    finally:
        os.kill(pid, signal.SIGCONT)
        monkeypatch.undo()
    assert shared.status().up


def test_one_that_is_not_the_active_node_yet_is_not_up(shared, monkeypatch):
    """Unsealed and a standby: so it is for a moment when it starts, and it refuses requests."""
    health, standby = server.Server._health, [True, True]

    def look(self, port, pid):
        found = health(self, port, pid)
        return msgspec.structs.replace(found, standby=standby.pop()) if found and standby else found

    monkeypatch.setattr(server.Server, "_health", look)
    assert not shared.status().up
    assert up(shared)[1]
    assert standby == []


def test_an_older_platform_is_given_the_policies_of_this_version(shared):
    published = Path(shared.layout.published)
    published.write_text(json.dumps(json.loads(published.read_text()) | {"policies": "older"}))
    admin = connect(shared.status().address, token=Secret(Path(shared.personas.token_file("admin")).read_text()))
    admin.asked("POST", "auth/userpass/users/platform/policies", {"token_policies": ["warden-plan"]})
    assert up(shared)[2] == ["policies brought in step with this version of warden"]
    assert up(shared)[2] == []
    held = admin.part_of(admin.asked("GET", "auth/userpass/users/platform"))["token_policies"]
    assert sorted(held) == sorted(config.PERSONAS["platform"])


def test_a_wait_for_another_up_ends_with_a_word(tmp_path):
    with state.alone(f"{tmp_path}/lock"), pytest.raises(Held), state.alone(f"{tmp_path}/lock", patience=0.1):
        pytest.fail("both held it")


def test_a_directory_that_was_there_keeps_its_mode_and_ours_in_it_is_private(tmp_path):
    tmp_path.chmod(0o755)
    with pytest.raises(NotFound):
        Embedded(str(tmp_path), program="/nowhere/bao").up(lambda _: None)
    assert tmp_path.stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "dev").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("where", ["/proc/nobody", "/dev/null/state"])
def test_a_state_directory_that_cannot_be_made_is_named(where):
    with pytest.raises(Inconclusive) as caught:
        Embedded(where).up(lambda _: None)
    assert where in message(caught.value)
    assert "WARDEN_STATE" in hint(caught.value)


def test_a_missing_program_is_named_and_the_next_up_works(home, tmp_path):
    with pytest.raises(NotFound) as caught:
        Embedded(home, program=str(tmp_path / "no" / "bao")).up(lambda _: None)
    assert "cannot be run" in message(caught.value)
    assert up(Embedded(home))[1]


def test_a_program_that_ends_at_once_is_told_with_its_own_words(home, tmp_path):
    broken = tmp_path / "bao"
    broken.write_text("#!/bin/sh\necho 'error: no such luck' >&2; exit 3\n")
    broken.chmod(0o700)
    with pytest.raises(ServerFault, match="no such luck"):
        Embedded(home, program=str(broken)).up(lambda _: None)


def test_personas_are_known_by_name(shared):
    with pytest.raises(UsageError) as caught:
        shared.personas.login("nobody")
    assert "choose one of admin, platform, developer" in message(caught.value)
    with pytest.raises(UsageError):
        shared.personas.login_person("../../etc", ["g"], "r")


def test_a_kept_token_is_used_again_until_it_ends(shared):
    path = Path(shared.personas.token_file("developer"))
    first = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert shared.personas.token_file("developer") == str(path)
    assert path.read_text() == first
    path.write_text("s.expired")
    assert Path(shared.personas.token_file("developer")).read_text() != "s.expired"


def test_without_a_platform_the_personas_say_how_to_get_one(home):
    with pytest.raises(NotFound) as caught:
        _ = Embedded(home).personas
    assert hint(caught.value) == "warden dev up"


def test_a_process_that_becomes_another_program_is_found_by_what_it_runs_now(unique):
    """As each child of ours does: it is Python until exec, and may be looked at before that."""
    mark = f"MARK={unique('mark')}"
    name, _, value = mark.partition("=")
    command = ["sh", "-c", "read line; exec sleep 30"]
    with subprocess.Popen(command, env={name: value, "PATH": os.environ["PATH"]}, stdin=subprocess.PIPE) as child:
        try:
            assert process.wait_for(lambda: process.find(Path("/bin/sh").resolve().name, mark), 10) == child.pid
            assert process.find("sleep", mark) is None
            child.stdin.write(b"\n")
            child.stdin.flush()
            assert process.wait_for(lambda: process.find("sleep", mark), 10) == child.pid
        finally:
            child.kill()
    assert process.find("sleep", mark) is None
