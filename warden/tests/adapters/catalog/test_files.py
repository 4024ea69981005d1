import datetime as dt
import importlib.util
import os
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from warden.adapters.catalog.files import load_catalog, load_entry, load_to_check
from warden.core.errors import Invalid, NotFound, UsageError
from warden.core.lanes.catalog import NotALane, UnknownEntry
from warden.core.lanes.lane import PeopleReader, WorkloadReader
from warden.core.remedies import warden

SPEC = importlib.util.spec_from_file_location("catalog_files", Path(__file__).parent / "catalog_files.py")
catalog_files = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(catalog_files)
SHIPPED = str(Path(__file__).parents[4] / "platform")


@pytest.fixture
def directory(tmp_path):
    return catalog_files.Directory(tmp_path)


def faults(directory) -> list[tuple[int, str, str]]:
    return [(fault.line, fault.field, fault.message) for fault in load_catalog(str(directory)).faults]


def only(directory) -> tuple[int, str, str]:
    found = faults(directory)
    assert len(found) == 1, found
    return found[0]


def test_the_shipped_catalog_has_the_entries_and_states_of_before_and_no_faults():
    catalog = load_catalog(SHIPPED)
    assert catalog.faults == ()
    assert set(catalog.lanes) == {
        "openrouter-llm-connect",
        "issue-core-ingestion-api-key",
        "whynot-design-npm-publish",
        "provisioning-key",
        "token-issuer",
    }
    drafts = {entry.id for entry in catalog.entries.values() if entry.status == "draft"}
    assert drafts == {"object-storage-sts", "database-dynamic-credentials", "provisioning-key", "token-issuer"}
    assert len(catalog.entries) == 16


def test_the_first_lane_is_read_as_it_is_live():
    lane = load_catalog(SHIPPED).lane("openrouter-llm-connect")
    assert lane.custody.path == "platform/workloads/activity-core/llm-connect/llm-connect-provider-secrets"
    assert lane.custody.policy_name == "workload-kv-read-llm-connect-provider-secrets"
    assert lane.role_of(lane.readers[0]) == "external-secrets-activity-core"
    assert lane.deliveries["coulombcore"].store == "ClusterSecretStore/openbao-activity-core"
    assert lane.deliveries["coulombcore"].refresh == 3600
    assert lane.rotation.every == 90 * 86400
    assert lane.reviewed == dt.date(2026, 7, 2)


def test_each_kind_of_reader_is_told_by_its_key():
    catalog = load_catalog(SHIPPED)
    issue, npm = catalog.lane("issue-core-ingestion-api-key"), catalog.lane("whynot-design-npm-publish")
    assert [type(reader) for reader in issue.readers] == [WorkloadReader, WorkloadReader]
    assert [issue.role_of(reader) for reader in issue.readers] == [
        "external-secrets-issue-core",
        "workload-activity-core-activity-core",
    ]
    assert isinstance(npm.readers[0], PeopleReader)
    assert npm.role_of(npm.readers[0]) == "whynot-design-workload-kv-read"


def test_an_unknown_id_names_the_nearest_and_another_kind_is_wrong_usage():
    catalog = load_catalog(SHIPPED)
    with pytest.raises(NotFound) as unknown:
        catalog.lane("openrouter-lm-connect")
    assert unknown.value.problem == UnknownEntry("openrouter-lm-connect", ("openrouter-llm-connect",))
    assert unknown.value.remedy == (warden("route show", "openrouter-llm-connect"),)
    with pytest.raises(UsageError) as another:
        catalog.lane("ssh-certificate")
    assert another.value.problem == NotALane("ssh-certificate", "certificate")


def test_a_file_with_faults_stops_no_other_and_says_all_of_them(directory):
    directory.lane("good")
    directory.lane("bad", old="status: active", new="status: live\ncolour: red", more="tags: {}\n")
    catalog = load_catalog(str(directory))
    assert list(catalog.entries) == ["good"]
    assert [(fault.line, fault.field) for fault in catalog.faults] == [(3, "status"), (4, "colour"), (15, "tags")]
    with pytest.raises(Invalid) as bad:
        catalog.lane("bad")
    assert len(bad.value.faults) == 3


def test_what_a_value_is_wrong_about_does_not_hide_what_else_is_wrong(directory):
    path = directory.lane(old="reviewed: 2026-07-02", new="reviewed: x", more="rotation: {every: y, source: z}\n")
    path.write_text(path.read_text().replace("APP_KEY", "app").replace("team/one", "team").replace("team/app", "../a"))
    assert [field for _, field, _ in faults(directory)] == [
        "reviewed",
        "custody.path",
        "custody.fields[0]",
        "readers[0].workload",
        "rotation.every",
    ]


CASES = {
    "unknown key": ("title: A key", "titel: A key", (2, "titel", "unknown key; did you mean title?")),
    "no namespace": ("team/one", "team", (13, "readers[0].workload", '"team" has no namespace')),
    "account in capitals": ("team/one", "team/One", (13, "readers[0].workload", "RFC 1123")),
    "unicode account": ("team/one", "team/öne", (13, "readers[0].workload", "RFC 1123")),
    "kept account": ("team/one", "team/warden-probe", (13, "readers[0].workload", "reserved for probes")),
    "kept namespace": ("team/one", "warden-probe/one", (13, "readers[0].workload", "reserved for probes")),
    "two kinds of reader": ("team/one", "team/one\n    people: x", (13, "readers[0]", "exactly one of the keys")),
    "no reader": ("\n  - workload: team/one", " []", (12, "readers", "at least one")),
    "no date": ("2026-07-02", "2026-02-30", (4, "reviewed", "is not a date")),
    "yesterday": ("2026-07-02", "yesterday", (4, "reviewed", "is not a date")),
    "climbing path": ("team/app/one", "../app/one", (10, "custody.path", "without ..")),
    "empty segment": ("team/app/one", "team//one", (10, "custody.path", "empty")),
    "absolute path": ("path: platform", "path: /platform", (10, "custody.path", "is not a path")),
    "other mount": ("path: platform", "path: secret", (10, "custody.path", "is not on the mount platform/")),
    "placeholder": ("team/app/one", "<team>/app/one", (10, "custody.path", "placeholder <team>")),
    "lower field": ("APP_KEY", "app_key", (11, "custody.fields[0]", "is not an environment variable name")),
    "steering field": ("APP_KEY", "LD_PRELOAD", (11, "custody.fields[0]", "would control")),
    "field twice": ("[APP_KEY]", "[APP_KEY, APP_KEY]", (11, "custody.fields[1]", "listed twice")),
    "no field": ("[APP_KEY]", "[]", (11, "custody.fields", "at least one")),
    "one field": ("[APP_KEY]", "APP_KEY", (11, "custody.fields", "write a list")),
    "empty value": ("title: A key", "title:", (2, "title", "is empty")),
    "key twice": ("title: A key", "title: A key\ntitle: B key", (3, "title", "already written in line 2")),
    "anchor": ("title: A key", "title: &a A key", (2, "", "uses the anchor")),
    "alias": ("title: A key", "title: *a", (2, "", "uses the alias")),
    "tag": ("title: A key", "title: !!str A key", (2, "", "uses a tag")),
    "object tag": ("title: A key", "title: !!python/name:os.system x", (2, "", "uses a tag")),
    "tab": ("  path:", "\tpath:", (10, "", "tab")),
    "NUL": ("A key", "A\0key", (2, "", "U+0000")),
    "escape sequence": ("A key", "A\x1b[31mkey", (2, "", "U+001B")),
    "right-to-left override": ("A key", "A\u202ekey", (2, "", "U+202E")),
    "written escape sequence": ("A key", '"A\\e[31mkey"', (2, "", "U+001B")),
    "written override": ("A key", '"A\\u202ekey"', (2, "", "U+202E")),
    "a policy of the server's own": (
        "  fields",
        "  policy: Root\n  fields",
        (11, "custody.policy", "a policy of OpenBao itself"),
    ),
    "reader twice": ("team/one", "team/one\n  - workload: team/one", (14, "readers[1]", "role of another reader")),
    "unfinished": ("[APP_KEY]", "[APP_KEY", (12, "", "is not valid YAML")),
    "mapping as key": ("title: A key", "{a: b}: c", (2, "", "as a key")),
    "other kind": ("lane: one", "lanes: one", (1, "", "does not start with its kind")),
    "owner missing": ("  consumer: {repo: app, doc: docs/b.md}\n", "", (7, "owners.consumer", "is missing")),
    "no login mount": ("workload: team/one", "people: x\n    login: y", (14, "readers[0].login", "netkingdom")),
    "doc climbs": ("docs/a.md", "../a.md", (7, "owners.custody.doc", "is not a page")),
}


@pytest.mark.parametrize("name", CASES)
def test_each_fault_is_told_with_line_field_and_what_is_allowed(directory, name):
    old, new, (line, field, words) = CASES[name]
    directory.lane(old=old, new=new)
    found = faults(directory)
    assert any(f[:2] == (line, field) and words in f[2] for f in found), found


MORE = {
    "runtime owner": ("consumers: [{deployment: team/app}]\n", "owners.runtime", "needs it"),
    "delivery of both": (
        "deliveries: {here: {external_secret: a/b, bootstrap_secret: a/b}}\n",
        "deliveries.here",
        "exactly one",
    ),
    "store": ("deliveries: {here: {external_secret: a/b, store: b}}\n", "deliveries.here.store", "SecretStore/name"),
    "duration": ("rotation: {every: 90, source: x}\n", "rotation.every", "90d"),
    "no duration": ("rotation: {every: 0d, source: x}\n", "rotation.every", "above 0"),
}


@pytest.mark.parametrize("name", MORE)
def test_faults_of_what_is_optional(directory, name):
    more, field, words = MORE[name]
    directory.lane(more=more)
    assert any(f[1] == field and words in f[2] for f in faults(directory)), faults(directory)


def test_the_file_is_named_after_the_id(directory):
    directory.lane("one").rename(directory.file("two.yaml"))
    assert only(directory)[1:] == ("lane", "is not the file's name; rename it one.yaml")


def test_the_same_id_in_another_file_is_told_beside_it(directory):
    text = directory.lane("one").read_text()
    directory.write("two.yaml", text)
    messages = [message for _, _, message in faults(directory)]
    assert any(message.startswith("already the id in") for message in messages)
    assert list(load_catalog(str(directory)).entries) == ["one"]


def test_two_lanes_on_one_path_are_a_fault_of_the_later(directory):
    directory.lane("one")
    directory.lane("two", old="app/two", new="app/one")
    assert only(directory) == (10, "custody.path", "is already the path of one")


def test_one_policy_name_for_two_paths_is_a_fault(directory):
    for name in ("one", "two"):
        directory.lane(name, old="  fields:", new="  policy: shared\n  fields:")
    line, field, message = only(directory)
    assert (line, field) == (11, "custody.policy")
    assert "already the policy of one" in message


def test_a_policy_name_that_two_paths_derive_is_told_apart_also_beside_a_file_with_errors(directory):
    directory.lane("one", old="team/app/one", new="billing/api/postgres")
    path = directory.lane("two", old="team/app/two", new="orders/api/postgres")

    def policies():
        lanes = load_catalog(str(directory)).lanes
        both = {name: lane.custody.policy_name for name, lane in lanes.items()}
        alone = load_entry(str(directory), "one")
        assert alone == lanes["one"]
        return both

    longer = "workload-kv-read-workloads.billing.api.postgres"
    assert policies() == {"one": longer, "two": "workload-kv-read-workloads.orders.api.postgres"}
    for slip in (("status: active", "status: actve"), ("title: A key", "title: [A key")):
        path.write_text(path.read_text().replace(*slip))
        assert policies() == {"one": longer}
        path.write_text(path.read_text().replace(*slip[::-1]))
    path.unlink()
    assert policies() == {"one": "workload-kv-read-postgres"}


@pytest.mark.parametrize("api", ["data", "metadata", "subkeys", "delete", "undelete", "destroy"])
def test_a_path_of_the_api_is_explained(directory, api):
    directory.lane("one", old="platform/workloads", new=f"platform/{api}/workloads")
    line, field, message = only(directory)
    assert (line, field) == (10, "custody.path")
    assert f"{api}/ belongs to the API of KV version 2" in message
    assert message.endswith("write platform/workloads/team/app/one")


@pytest.mark.parametrize(
    ("path", "right"),
    [
        ("/platform/workloads/team/app/one", "platform/workloads/team/app/one"),
        ("platform/workloads/team/app/one/", "platform/workloads/team/app/one"),
        ("v1/platform/data/workloads/team/app/one", "platform/workloads/team/app/one"),
    ],
)
def test_a_path_that_is_nearly_right_is_answered_with_the_right_one(directory, path, right):
    directory.lane("one", old="platform/workloads/team/app/one", new=path)
    _, field, message = only(directory)
    assert field == "custody.path"
    assert message.endswith(f"write {right}")


def test_a_path_of_the_api_on_another_mount_has_both_errors(directory):
    directory.lane("one", old="platform/workloads/team/app/one", new="secret/data/team/one")
    messages = [message for _, _, message in faults(directory)]
    assert len(messages) == 2
    assert any("is not on the mount platform/" in each for each in messages)
    assert any("write secret/team/one" in each for each in messages)


def test_one_role_for_two_subjects_is_a_fault_and_for_one_it_is_none(directory):
    directory.lane("one", old="team/one", new="team/app\n    role: shared")
    directory.lane("two", old="team/two", new="team/app\n    role: shared")
    assert faults(directory) == []
    directory.lane("three", old="team/three", new="team/other\n    role: shared")
    found = faults(directory)
    assert [(field, "already the role" in message) for _, field, message in found] == [("readers[0].role", True)] * len(
        found
    )
    assert found


def test_a_pointer_with_a_concrete_path_is_to_be_a_lane(directory):
    text = "pointer: p\ntitle: t\nstatus: active\nreviewed: 2026-07-02\nowner: {repo: r, doc: d}\nsubsystem: s\n"
    directory.write("p.yaml", text + "auth_method: a\nnext: n\npath: platform/a/b\n")
    assert only(directory)[:2] == (9, "path")
    directory.write("p.yaml", text + "auth_method: a\nnext: n\npath: platform/<a>/b\n")
    assert faults(directory) == []


@pytest.mark.parametrize("where", ["comment", "value", "key", "escaped", "folded"])
def test_a_file_with_secret_material_is_refused_and_the_material_is_never_repeated(directory, where):
    secret = "sk-or-v1-" + "8f2c4e6a1b3d5f7092a4c6e8b0d2f4a6"
    more = {
        "comment": f"# {secret}\n",
        "value": f"playbook: {secret}\n",
        "key": f"{secret}: x\n",
        "escaped": 'playbook: "sk\\x2dor-v1-' + secret[9:] + '"\n',
        "folded": f'playbook: "{secret[:12]}\\\n  {secret[12:]}"\n',
    }[where]
    directory.lane(more=more)
    catalog = load_catalog(str(directory))
    assert catalog.entries == {}
    told = [(fault.line, fault.message) for fault in catalog.faults]
    assert any(line == 14 and message.startswith("holds secret material (") for line, message in told), told
    assert all(secret[14:] not in str(fault) for fault in catalog.faults)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "declares nothing"),
        (b"# nothing\n", "declares nothing"),
        (b"- a\n", "declares nothing"),
        (b"\xff\xfe\x00", "byte order mark"),
        (b"\xef\xbb\xbflane: x\n", "byte order mark"),
        (b"lane: x\n# \xe4\n", "not UTF-8"),
        (b"lane: x\n---\nlane: y\n", "second document"),
        (b"lane: " + b"[" * 5000, "deeper than"),
        (b"lane: x\n" + b"a: " * 5000, "is not valid YAML"),
        (b"{a: " * 5000, "deeper than"),
        (b"lane: " + b"x" * (10 << 20), "larger than 1 MiB"),
        (b"lane: x\n" + b"#\n" * (5 << 20), "larger than 1 MiB"),
    ],
    ids=range(12),
)
def test_what_is_no_entry_at_all_is_one_plain_fault(directory, raw, words):
    directory.write("x.yaml", raw)
    assert words in only(directory)[2]


def test_what_is_no_file_is_a_fault_and_a_pipe_does_not_hang(directory):
    os.mkfifo(directory.file("pipe.yaml"))
    directory.file("folder.yaml").mkdir()
    directory.file("gone.yaml").symlink_to("nowhere")
    assert len(faults(directory)) == 3


def test_an_id_in_other_letters_is_a_fault(directory):
    directory.write("schlüssel.yaml", catalog_files.LANE.format(id="schlüssel"))
    assert any("is not a valid id" in message for _, _, message in faults(directory))


def test_faults_of_platform_yaml_are_told_and_nothing_is_read(directory):
    (directory.root / "platform.yaml").write_text("kv_mount: [a]\nlogin: {}\n")
    with pytest.raises(Invalid) as caught:
        load_catalog(str(directory))
    assert [fault.line for fault in caught.value.faults] == [1, 2]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400))
@example(b"lane: x\nreaders: [workload: a/b, people]\ncustody: {path: [], fields: {a: b}}")
def test_random_bytes_are_faults_and_never_an_error(directory, raw):
    directory.write("x.yaml", raw)
    catalog = load_catalog(str(directory))
    assert catalog.faults
    assert catalog.entries == {}


NODES = st.recursive(
    st.sampled_from(["", "x", "a/b", "15m", "2026-07-02", "~", "no", "<x>", "'"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["repo", "workload", "x"]), inner),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["owners", "custody", "readers", "deliveries", "title", "rotation", "needs", "lane"]), NODES)
def test_any_shape_under_any_key_is_faults_and_never_an_error(directory, key, node):
    directory.lane(old="needs: [a key]", new=f"{key}: {str(node).replace(chr(92), '')}")
    catalog = load_catalog(str(directory))
    assert bool(catalog.entries) != bool(catalog.faults)


def test_no_yaml_is_loaded_by_name(monkeypatch):
    assert "yaml.constructor" in sys.modules  # it is imported by PyYAML; nothing here constructs
    import yaml

    monkeypatch.setattr(yaml, "load", None)
    monkeypatch.setattr(yaml, "compose", None)
    assert load_catalog(SHIPPED).faults == ()


def test_openbao_knows_no_capitals_in_names_so_neither_do_two_policies_that_differ_in_them(directory):
    directory.lane("one", old="  fields", new="  policy: workload-Shared\n  fields")
    directory.lane("two", old="  fields", new="  policy: workload-shared\n  fields")
    assert load_catalog(str(directory)).lane("one").custody.policy_name == "workload-shared"
    line, field, said = only(directory)
    assert (line, field) == (11, "custody.policy")
    assert "workload-shared is already the policy of one" in said


def test_a_role_in_capitals_is_the_role_that_openbao_keeps(directory):
    directory.lane("one", old="team/one", new="team/one\n    role: App-Reader")
    lane = load_catalog(str(directory)).lane("one")
    assert lane.role_of(lane.readers[0]) == "app-reader"


def test_so_is_the_role_of_people_whose_tenant_has_capitals(directory):
    directory.lane("one", old="- workload: team/one", new="- people: operators\n    login: netkingdom")
    lane = load_catalog(str(directory)).lane("one")
    custody = msgspec.structs.replace(lane.custody, path=lane.custody.path.replace("/app/", "/App/"))
    assert custody.path != lane.custody.path
    assert msgspec.structs.replace(lane, custody=custody).role_of(lane.readers[0]) == "app-workload-kv-read"


def test_a_workload_that_cannot_be_read_is_one_error(directory):
    delivered = "deliveries:\n  here: {external_secret: team/app}\n"
    directory.lane("one", old="workload: team/one", new="workload: team-one", more=delivered)
    text = directory.file("one.yaml").read_text()
    directory.write("one.yaml", text.replace("owners:\n", "owners:\n  runtime: {repo: app, doc: docs/c.md}\n"))
    _, field, message = only(directory)
    assert field == "readers[0].workload"
    assert "x/x" not in message


@pytest.mark.parametrize("name", ["platform.yaml", "clusters.yaml"])
def test_a_check_names_the_errors_of_entries_beside_those_of_the_platform(directory, name):
    (directory.root / name).write_text("kv_munt: platform\nlogins: {netkingdom: {}}\n")
    directory.lane("one", old="status: active", new="status: actve")
    directory.lane("two", old="  - workload: team/two", new="  - people: devs\n    login: elsewhere")
    with pytest.raises(Invalid):
        load_catalog(str(directory))
    found = load_to_check(str(directory)).faults
    assert {Path(fault.file).name for fault in found} >= {name, "one.yaml"}
    assert ("two.yaml" in {Path(fault.file).name for fault in found}) == (name == "clusters.yaml")
