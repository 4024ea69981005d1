"""When somebody last did something, from the first line of an audit log on."""

import gzip
import json

import pytest

from warden.adapters.openbao.audit_history import AuditCommandHistory, AuditFilesHistory, NoHistory
from warden.core.access_index.ways import Identity
from warden.core.errors import UsageError

PATH = "platform/data/team/mail"
READ = ("read", PATH)


def line(at, *, path=PATH, operation="read", kind="response", error="", **auth):
    entry = {"time": at, "type": kind, "auth": auth, "request": {"path": path, "operation": operation}}
    return json.dumps(entry | ({"error": error} if error else {})) + "\n"


def by_role(name):
    return {"display_name": "kubernetes-somebody", "metadata": {"role": name}}


ROLE = Identity("", "login", "auth/kubernetes/role/a", mount="auth/kubernetes")
USER = Identity("", "login", "auth/userpass/users/bob", mount="auth/userpass")
ENTITY = Identity("", "entity", "identity/entity/name/bob", label="e-1")
GROUP = Identity("", "group", "identity/group/name/g", label="g-1")
TOKEN = Identity("", "token", "auth/token/accessors/x", label="token-old")


def test_reads_every_file_and_keeps_the_newest_time_of_each(tmp_path):
    with gzip.open(tmp_path / "audit.log.2.gz", "wt") as oldest:
        oldest.write(line("2026-01-01T00:00:00Z", **by_role("a")) + line("2026-01-02T00:00:00Z", **by_role("b")))
    (tmp_path / "audit.log.1").write_text(
        line("2026-02-01T00:00:00Z", display_name="userpass-bob", entity_id="e-1")
        + line("2026-02-02T00:00:00Z", display_name="token-old")
    )
    (tmp_path / "audit.log").write_text(
        line("2026-03-01T00:00:00Z", **by_role("a")) + line("2026-03-02T00:00:00Z", operation="update", **by_role("a"))
    )
    told = []
    found = AuditFilesHistory([str(tmp_path / "audit.log")]).last([READ], lambda *done: told.append(done))
    assert found.since == "2026-01-01T00:00:00Z"
    nobody = frozenset()
    assert found.used([READ], ROLE, nobody) == "2026-03-01T00:00:00Z"
    assert found.used([READ], USER, nobody) == found.used([READ], ENTITY, nobody) == "2026-02-01T00:00:00Z"
    assert found.used([READ], GROUP, frozenset({"e-1"})) == "2026-02-01T00:00:00Z"
    assert found.used([READ], TOKEN, nobody) == "2026-02-02T00:00:00Z"
    other = Identity("", "login", "auth/kubernetes/role/c", mount="auth/kubernetes")
    assert not found.used([READ], other, nobody)


def test_a_refusal_a_request_line_and_half_a_line_are_not_a_use(tmp_path):
    (tmp_path / "audit.log").write_text(
        line("2026-03-01T00:00:00Z", kind="request", **by_role("a"))
        + line("2026-03-02T00:00:00Z", error="permission denied", **by_role("a"))
        + line("2026-03-03T00:00:00Z", path=f"{PATH}2", **by_role("a"))
        + line("2026-03-04T00:00:00Z", **by_role("a"))[:-20]
        + f'\n{{"type": "response", "request": {{"path": "{PATH}", "data": {"[" * 100_000}\n'
    )
    found = AuditFilesHistory([str(tmp_path)]).last([READ])
    assert found.since == "2026-03-01T00:00:00Z"
    assert not found.used([READ], ROLE, frozenset())


def test_the_command_of_another_node_is_read_as_it_comes(tmp_path):
    (tmp_path / "log").write_text(line("2026-03-01T00:00:00Z", **by_role("a")))
    assert AuditCommandHistory(f"cat {tmp_path}/log").last([READ]).used([READ], ROLE, frozenset())
    assert AuditCommandHistory("false").last([READ]).why
    assert AuditCommandHistory("no-such-command-here").last([READ]).why
    with pytest.raises(UsageError, match="not a command"):
        AuditCommandHistory("cat 'log")


def test_says_why_it_could_not_be_read(tmp_path):
    assert AuditFilesHistory([str(tmp_path / "nowhere.log")]).last([READ]).why == "there is no such file"
    (tmp_path / "audit.log").write_text("")
    assert AuditFilesHistory([str(tmp_path / "audit.log")]).last([READ]).why == "it is empty"
    (tmp_path / "audit.log.gz").write_bytes(b"\x1f\x8bno")
    assert AuditFilesHistory([str(tmp_path / "audit.log")]).last([READ]).why
    damaged = bytearray(gzip.compress(line("2026-03-01T00:00:00Z").encode() * 50))
    damaged[12:40] = b"\xff" * 28
    (tmp_path / "audit.log.gz").write_bytes(damaged)
    assert AuditFilesHistory([str(tmp_path / "audit.log")]).last([READ]).why == "it is cut off"
    assert NoHistory("because").last([READ]).why == "because"
