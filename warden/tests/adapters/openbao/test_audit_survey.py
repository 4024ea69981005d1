"""Who has read a path: over rotated files and several nodes, whatever their clocks, and without losing a line."""

import datetime as dt
import gzip
import json
import sys

import pytest

from warden.adapters.openbao.audit_history import AuditCommandHistory, AuditFilesHistory, NoHistory
from warden.core.access_index.readings import Asked, SameValue, not_compared, same_values

PATH = "platform/data/team/key"
SINCE = dt.datetime(2026, 11, 30, 8, 0, tzinfo=dt.UTC)
_NUMBERS = iter(range(10**6))


def hashed(text):
    return f"hmac-sha256:{text:0>64}"


def line(at="2026-11-30T09:00:00.123456789Z", *, kind="response", path=PATH, operation="read", **more):
    """An audit line as OpenBao writes it; `more` replaces parts of it."""
    values = more.pop("values", {"API_KEY": hashed("a")})
    data = {"data": values, "metadata": {"version": more.pop("version", 1), "deletion_time": hashed("empty")}}
    auth = {
        "accessor": more.pop("accessor", hashed("one")),
        "display_name": "kubernetes-team-app",
        "entity_id": "e-1",
        "metadata": {"role": "app", "service_account_namespace": "team", "service_account_name": "app"},
        "policy_results": {"allowed": True, "granting_policies": [{"name": "workload-kv-read-key"}]},
    } | more.pop("auth", {})
    request = {
        "id": more.pop("id", f"r-{next(_NUMBERS)}"),
        "operation": operation,
        "path": path,
        "remote_address": more.pop("address", "10.0.0.7"),
        "headers": more.pop("headers", {}),
    } | more.pop("request", {})
    entry = {"type": kind, "time": at, "auth": auth, "request": request, "response": {"data": data}} | more
    return json.dumps(entry).encode() + b"\n"


def surveyed(*paths, since=SINCE):
    return AuditFilesHistory([str(each) for each in paths]).survey(Asked(path=PATH, since=since))


def test_who_when_from_where_and_through_which_role(tmp_path):
    log = tmp_path / "audit.log"
    log.write_bytes(
        line("2026-11-30T07:00:00Z")
        + line("2026-11-30T09:00:00Z")
        + line("2026-11-30T10:00:00Z", version=2, address="10.0.0.8")
        + line("2026-11-30T09:30:00Z", accessor=hashed("two"), auth={"display_name": "userpass-eve", "metadata": None})
        + line("2026-11-30T09:40:00Z", path="platform/data/team/other", values={"X": hashed("b")})
        + line("2026-11-30T09:41:00Z", kind="request")
        + line("2026-11-30T09:42:00Z", error="permission denied")
        + line("2026-11-30T09:43:00Z", operation="list")
    )
    found = surveyed(log)
    assert [(each.display_name, each.count) for each in found.readings] == [
        ("kubernetes-team-app", 2),
        ("userpass-eve", 1),
    ]
    app = found.readings[0]
    assert (app.role, app.account, app.entity) == ("app", "team/app", "e-1")
    assert (app.addresses, app.versions) == (("10.0.0.7", "10.0.0.8"), (1, 2))
    assert (app.first, app.last) == ("2026-11-30T09:00:00.000000Z", "2026-11-30T10:00:00.000000Z")
    assert app.policies == ("workload-kv-read-key",)
    assert (found.begins, found.why, found.files) == ("2026-11-30T07:00:00.000000Z", "", 1)


def test_rotated_and_packed_files_and_those_of_every_node_are_read_and_no_request_counts_twice(tmp_path):
    twice = line("2026-11-30T09:00:00Z", id="r-same")
    (tmp_path / "audit.log").write_bytes(line("2026-11-30T11:00:00Z") + twice)
    (tmp_path / "audit.log.1").write_bytes(line("2026-11-30T10:00:00Z"))
    (tmp_path / "audit.log.2.gz").write_bytes(gzip.compress(line("2026-11-30T09:00:00Z")))
    (tmp_path / "second-device.log").write_bytes(twice)
    node = tmp_path / "node-2"
    node.mkdir()
    (node / "audit.log").write_bytes(line("2026-11-30T09:00:00Z", accessor=hashed("three")))
    found = surveyed(tmp_path / "audit.log", tmp_path / "second-device.log", node)
    assert {each.accessor: each.count for each in found.readings} == {hashed("one"): 4, hashed("three"): 1}
    assert found.files == 5


@pytest.mark.parametrize(
    ("at", "counts", "early"),
    [
        ("2026-11-30T08:00:00Z", True, 0),
        ("2026-11-30T07:59:30Z", True, 1),
        ("2026-11-30T07:58:00Z", False, 0),
        ("2026-11-30T09:00:30+01:00", True, 0),
        ("2026-11-30T08:30:00+01:00", False, 0),
    ],
)
def test_clocks_of_nodes_may_differ_and_so_may_their_zones(tmp_path, at, counts, early):
    (tmp_path / "audit.log").write_bytes(line(at))
    found = surveyed(tmp_path / "audit.log").readings
    assert [each.early for each in found] == ([early] if counts else [])


def test_probes_and_wrapped_answers_are_told_apart_and_not_left_out(tmp_path):
    probe = {"headers": {"x-lane-probe": ["wp-1"]}, "response": {"wrap_info": {"ttl": 30}}}
    (tmp_path / "audit.log").write_bytes(line(**probe) + line(response={"wrap_info": {"ttl": 30}}) + line())
    (one,) = surveyed(tmp_path / "audit.log").readings
    assert (one.count, one.probes, one.wrapped) == (3, 1, 2)


def test_what_is_no_line_of_ours_hides_nothing(tmp_path):
    (tmp_path / "audit.log").write_bytes(
        b'{"type": "response", "/data/": \n[1]\n\xff\xfe"response" /data/\n'
        + line(auth={"metadata": None, "policy_results": None})
        + line()[:-20]
    )
    assert [each.count for each in surveyed(tmp_path / "audit.log").readings] == [1]


def test_one_file_that_cannot_be_read_does_not_hide_the_others(tmp_path):
    (tmp_path / "audit.log").write_bytes(line())
    packed = gzip.compress(line() * 2000)
    (tmp_path / "audit.log.1.gz").write_bytes(packed[: len(packed) // 2])
    found = surveyed(tmp_path / "audit.log", tmp_path / "gone.log")
    assert found.readings[0].count >= 1
    assert "audit.log.1.gz: it is cut off" in found.why
    assert "gone.log: there is no such file" in found.why


def test_a_command_prints_it_and_its_failure_is_said(tmp_path):
    (tmp_path / "audit.log").write_bytes(line())
    shown = AuditCommandHistory(f"cat {tmp_path}/audit.log").survey(Asked(path=PATH))
    assert (len(shown.readings), shown.why) == (1, "")
    script = f"import sys; sys.stdout.write(open('{tmp_path}/audit.log').read()); sys.exit(3)"
    failed = AuditCommandHistory(f'{sys.executable} -c "{script}"').survey(Asked(path=PATH))
    assert (len(failed.readings), failed.why) == (1, "the audit command did not end well")
    absent = AuditCommandHistory("/nowhere/cat").survey(Asked(path=PATH))
    assert absent.why == "the audit command could not be run"
    assert NoHistory("--no").survey(Asked(path=PATH)).why == "--no"


def test_the_same_value_is_found_by_its_hash_wherever_it_was_read_or_written(tmp_path):
    def at(path, value, *, version=1, operation="read", field="KEY"):
        return line(path=path, values={field: value}, version=version, operation=operation)

    def written(path, value, version):
        data = {"request": {"data": {"data": {"KEY": value}}}, "response": {"data": {"version": version}}}
        return line(path=path, operation="update", **data)

    (tmp_path / "audit.log").write_bytes(
        at(PATH, hashed("old"))
        + written(PATH, hashed("leaked"), 2)
        + at("platform/data/other/same", hashed("leaked"), field="OTHER_KEY")
        + at("platform/data/other/was-same", hashed("leaked"))
        + written("platform/data/other/was-same", hashed("fresh"), 2)
        + written("platform/data/no/lane", hashed("old"), 7)
        + at("platform/data/other/different", hashed("else"))
        + at("platform/data/other/clear", "in clear")
    )
    found = surveyed(tmp_path / "audit.log")
    lanes = {f"platform/data/{path}": lane for path, lane in [("team/key", "key"), ("other/same", "same-lane")]}
    lanes |= {"platform/data/other/clear": "clear", "platform/data/never/seen": "unseen"}
    assert same_values(found, lanes) == (
        SameValue("platform/data/no/lane", "KEY", "", "API_KEY" if "API_KEY" in found.own else "KEY"),
        SameValue("platform/data/other/same", "OTHER_KEY", "same-lane", "KEY"),
    )
    assert not_compared(found, lanes, PATH) == ("clear", "unseen")


def test_a_line_of_a_namespace_is_not_one_of_the_root(tmp_path):
    (tmp_path / "audit.log").write_bytes(line(request={"namespace": {"path": "team/"}}))
    assert surveyed(tmp_path / "audit.log").readings == ()
    asked = Asked(path=f"team/{PATH}")
    assert len(AuditFilesHistory([str(tmp_path / "audit.log")]).survey(asked).readings) == 1


def test_a_large_log_is_read_with_little_memory(tmp_path):
    import tracemalloc

    other = line(path="sys/health", values={})
    with (tmp_path / "audit.log").open("wb") as file:
        for _ in range(40):
            file.write(other * 500)
            file.write(line(id="r-one"))
    tracemalloc.start()
    found = surveyed(tmp_path / "audit.log")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.readings[0].count == 1
    assert (tmp_path / "audit.log").stat().st_size > 10_000_000
    assert peak < 2_000_000
