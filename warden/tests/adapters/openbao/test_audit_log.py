"""The audit log read from files as OpenBao writes and rotates them, and from a command."""

import json
import sys

import pytest

from warden.adapters.openbao.audit_log import AuditCommand, AuditFiles
from warden.core.errors import Inconclusive


def entry(nonce="run-1", at="2026-11-20T10:00:00Z", **how):
    headers = {"x-lane-probe": [nonce]}
    request = {"id": f"id-{nonce}", "operation": "read", "path": "platform/data/x", "headers": headers}
    written = {"type": "response", "time": at, "request": request, "auth": {}} | how
    return json.dumps(written).encode() + b"\n"


def nonces(lines):
    return [line.nonce for line in lines]


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "audit.log"
    path.write_bytes(b"")
    return path


def append(path, *entries):
    with path.open("ab") as file:
        file.writelines(entries)


def test_a_line_keeps_what_is_evidence(log):
    audit = AuditFiles([str(log)])
    auth = {
        "display_name": "kubernetes-x",
        "entity_id": "e-1",
        "policy_results": {"granting_policies": [{"name": "b"}, {"name": "a"}, {"type": ""}]},
    }
    append(log, entry(auth=auth, error="denied", type="request"))
    (line,) = audit.lines("run")
    assert (line.id, line.kind, line.at) == ("id-run-1", "request", "2026-11-20T10:00:00Z")
    assert (line.path, line.nonce) == ("platform/data/x", "run-1")
    assert (line.display_name, line.entity, line.granted_by) == ("kubernetes-x", "e-1", ("", "a", "b"))


def test_what_was_written_before_is_not_read_and_what_comes_is_read_again_each_time(log):
    append(log, entry("run-old"))
    audit = AuditFiles([str(log)])
    assert audit.lines("run") == []
    append(log, entry("run-new"))
    assert nonces(audit.lines("run")) == nonces(audit.lines("run")) == ["run-new"]


def test_only_the_probe_header_makes_a_line_ours(log):
    """Anybody may write our run's name into a path; the header is what the server logged of our own request."""
    audit = AuditFiles([str(log)])
    elsewhere = {"id": "x", "operation": "read", "path": "platform/data/run-1", "headers": {}}
    append(log, entry("theirs-run-1"), entry("other", request=elsewhere), entry("run-1"))
    assert nonces(audit.lines("run")) == ["run-1"]


def test_a_line_nested_deeper_than_can_be_parsed_is_passed_over(log):
    audit = AuditFiles([str(log)])
    deep = "[" * 100_000 + "]" * 100_000
    append(log, f'{{"type": "response", "path": "platform/data/x", "run-1": {deep}}}\n'.encode(), entry("run-1"))
    assert nonces(audit.lines("run")) == ["run-1"]
    assert list(audit.handed(["platform/data/x"])) == []


def test_a_line_that_is_still_being_written_is_left_for_the_next_time(log):
    audit = AuditFiles([str(log)])
    whole = entry("run-2")
    append(log, entry("run-1"), whole[:-20])
    assert nonces(audit.lines("run")) == ["run-1"]
    append(log, whole[-20:])
    assert nonces(audit.lines("run")) == ["run-1", "run-2"]


def test_across_a_rotation_the_old_file_is_read_from_the_mark_and_the_new_one_whole_in_order(log):
    append(log, entry("run-before"))
    audit = AuditFiles([str(log)])
    append(log, entry("run-1", "2026-11-20T10:00:01Z"))
    log.rename(log.with_name("audit-20261120.log"))
    append(log, entry("run-2", "2026-11-20T10:00:02Z"))
    append(log.with_name("unrelated.log"), entry("run-3", "2026-11-20T10:00:00Z"))
    assert nonces(audit.lines("run")) == ["run-1", "run-2"]


def test_several_logs_are_one_and_it_is_enough_that_one_is_there(log, tmp_path):
    second = tmp_path / "second.log"
    audit = AuditFiles([str(second), str(log)])
    append(log, entry("run-1", "2026-11-20T10:00:01Z"))
    append(second, entry("run-2", "2026-11-20T10:00:02Z"))
    assert nonces(audit.lines("run")) == ["run-1", "run-2"]
    second.unlink()
    assert nonces(audit.lines("run")) == ["run-1"]
    log.unlink()
    with pytest.raises(Inconclusive, match="no such file"):
        audit.lines("run")


def command(script):
    return AuditCommand([sys.executable, "-c", script])


def test_a_command_that_ends_badly_gave_no_lines_whatever_it_printed():
    printing = f"import sys; sys.stdout.write({entry().decode()!r}); sys.exit(CODE)"
    assert nonces(command(printing.replace("CODE", "0")).lines("run")) == ["run-1"]
    with pytest.raises(Inconclusive, match="ended with code 3"):
        command(printing.replace("CODE", "3")).lines("run")
    with pytest.raises(Inconclusive, match="could not be run"):
        AuditCommand(["/no/such/program"]).lines("run")
