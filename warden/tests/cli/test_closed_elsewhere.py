"""A lane whose path another machine marked as closed, on the command line."""

import json

import pytest

MARK = "2026-11-29T17:10:00.123456Z alice"

CLUSTERS = "here: {context: here, openbao: https://bao.example:8200}\n"
RUNTIME = "  runtime: {repo: run-team, doc: README.md}\n"
DELIVERY = """\
deliveries:
  here: {{external_secret: {tenant}/api-secrets}}
"""


@pytest.fixture
def marked(lane_world):
    """The reader's policy is there, so that nothing but the mark closes it."""
    path = lane_world.path.replace("platform/", "platform/metadata/", 1)
    lane_world.server.must("POST", path, {"custom_metadata": {"closed": MARK}})
    return lane_world


def kind(done):
    return json.loads(done.stderr)["kind"]


def test_access_hands_nothing_over_and_says_who_closed_it(marked):
    done = marked.run("access", marked.lane, "--", "env", BAO_TOKEN=marked.token())
    assert (done.returncode, done.stdout) == (125, "")
    assert f"{marked.lane} has been closed since 2026-11-29T17:10Z (by alice, who marked its path so)" in done.stderr
    for value in marked.values.values():
        assert value not in done.stderr
    fetched = marked.run("access", marked.lane, "--fetch", "API_KEY", "--json", BAO_TOKEN=marked.token())
    assert (fetched.returncode, fetched.stdout, kind(fetched)) == (5, "", "closed")


def test_access_of_a_closed_lane_is_journaled_to_its_end(marked):
    marked.run("access", marked.lane, "--", "env", BAO_TOKEN=marked.token())
    log = json.loads(marked.run("journal", "log", "--json").stdout)
    assert [each["event"] for each in log] == ["decision", "access.begin", "access.failed"]
    assert log[-1]["body"]["kind"] == "closed"


def test_access_that_is_refused_says_so_where_the_caller_may_see_the_mark(marked):
    policy = f"workload-kv-read-{marked.lane}"
    metadata = marked.path.replace("platform/", "platform/metadata/", 1)
    marked.server.must(
        "PUT", f"sys/policies/acl/{policy}", {"policy": f'path "{metadata}" {{capabilities = ["read"]}}'}
    )
    done = marked.run("access", marked.lane, "--json", "--", "env", BAO_TOKEN=marked.token())
    assert (done.returncode, kind(done)) == (125, "closed")
    marked.server.must("DELETE", f"sys/policies/acl/{policy}")
    done = marked.run("access", marked.lane, "--json", "--", "env", BAO_TOKEN=marked.token())
    assert (done.returncode, kind(done)) == (125, "refused")


@pytest.mark.parametrize("argv", [("prove", "LANE"), ("prove", "--all")])
def test_prove_leaves_it_alone(marked, argv):
    words = [marked.lane if word == "LANE" else word for word in argv]
    done = marked.run(*words, BAO_TOKEN=marked.server.token("admin"), WARDEN_AUDIT=marked.server.audit_file)
    assert done.returncode == (5 if "LANE" in argv else 2)


def test_put_says_that_it_is_closed(marked):
    done = marked.run("put", marked.lane, "API_KEY", stdin="a-new-value", BAO_TOKEN=marked.server.token("admin"))
    assert (done.returncode, "is closed" in done.stdout) == (0, True)


def test_render_prints_nothing_and_works_without_openbao(marked):
    (marked.folder / "platform" / "clusters.yaml").write_text(CLUSTERS)
    declared = marked.lane_file.read_text().replace("custody:\n", f"{RUNTIME}custody:\n", 1)
    marked.lane_file.write_text(declared + DELIVERY.format(tenant=marked.tenant))
    argv = ("render", marked.lane, "--cluster", "here")
    closed = marked.run(*argv, BAO_TOKEN=marked.server.token("admin"))
    assert (closed.returncode, closed.stdout) == (5, ""), closed.stderr
    for how in ({"BAO_ADDR": ""}, {"BAO_ADDR": "http://127.0.0.1:1"}, {"BAO_TOKEN": marked.token()}):
        done = marked.run(*argv, **how)
        assert (done.returncode, "ExternalSecret" in done.stdout) == (0, True), done.stderr
    marked.run("deactivate", marked.lane, "--reason", "leaked", "--yes", BAO_ADDR="")
    assert marked.run(*argv, BAO_ADDR="").returncode == 5
