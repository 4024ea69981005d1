"""The commands that reach into clusters, typed as a person would: what they print, write, and end with."""

import json
import os
import signal
import socket
import time
from pathlib import Path

import pexpect
import pytest
import yaml

pytestmark = pytest.mark.cluster
FIRST, SECOND = "coulombcore", "railiance01"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@pytest.fixture
def delivered(engineer):
    return engineer.ready()


def document(done):
    return json.loads(done.stdout)


def error_of(done):
    """Everything on stderr is one JSON object."""
    found = json.loads(done.stderr)
    assert set(found) >= {"code", "kind", "system", "subject", "message", "hint"}
    return found


# -- plan and apply ---------------------------------------------------------------------------------------------------


def test_from_nothing_to_proven(engineer):
    lane = engineer.lane
    first = engineer.run("plan", lane)
    assert first.returncode == 1
    assert f"! Namespace          {engineer.tenant}" in first.stdout
    assert f"+ ExternalSecret     {engineer.secret}" in first.stdout
    asked = engineer.run("plan", lane, "--create-namespace", "--cluster", FIRST)
    assert asked.stdout.splitlines()[-1].endswith(f"Next: warden apply {lane} --cluster {FIRST} --create-namespace")
    engineer.forget()
    refused = engineer.run("apply", lane)
    assert refused.returncode == 1
    assert f"warden apply {lane} --create-namespace" in refused.stderr
    assert engineer.platform.clusters[FIRST].admin("GET", f"/api/v1/namespaces/{engineer.tenant}")[0] == 404
    made = engineer.run("apply", lane, "--create-namespace")
    assert made.returncode == 0, made.stderr
    assert made.stdout.splitlines()[-1].endswith(f"Next: warden put {lane} API_KEY")
    second = engineer.run("plan", lane)
    assert (second.returncode, second.stdout.splitlines()[-1].partition(":")[0]) == (0, "In sync")
    engineer.fill()
    proven = engineer.run("prove", lane)
    assert proven.returncode == 0, proven.stdout
    assert f"delivery {FIRST} · ExternalSecret {engineer.secret}" in proven.stdout
    assert proven.stderr == ""
    assert engineer.delivered() == engineer.value


def test_a_delivery_that_its_file_no_longer_has_is_named_until_it_is_removed(delivered):
    lane, before = delivered.lane, delivered.secret
    assert document(delivered.run("plan", lane, "--json"))["left_behind"] == []
    delivered.declare({FIRST: {"external_secret": f"{delivered.tenant}/moved"}})
    made = delivered.run("apply", lane)
    assert made.returncode == 0, made.stderr
    remove = f"-n {delivered.tenant} delete externalsecret {before.partition('/')[2]}"
    told = f"ExternalSecret {before} of {FIRST} is from an earlier declaration and still delivers"
    assert told in " ".join(made.stdout.split())
    assert remove in made.stdout
    assert document(delivered.run("plan", lane, "--json"))["left_behind"] == [f"ExternalSecret {before} of {FIRST}"]
    closed = document(delivered.run("deactivate", lane, "--reason", "test", "--yes", "--json"))
    removed = [each["name"] for part in closed["clusters"] for each in part["objects"] if each["state"] == "removed"]
    assert (removed, closed["kept"]) == ([f"{delivered.tenant}/moved"] * 2 + [before] * 2, [])
    path = f"/apis/external-secrets.io/v1/namespaces/{delivered.tenant}/externalsecrets/{before.partition('/')[2]}"
    assert delivered.platform.clusters[FIRST].admin("GET", path)[0] == 404
    assert document(delivered.run("plan", lane, "--json"))["left_behind"] == []


def test_custody_alone_leaves_the_clusters_as_they_are_and_is_a_proof_of_a_part(engineer):
    down = engineer.down(FIRST, SECOND)
    made = engineer.run("apply", engineer.lane, "--custody-only", **down)
    assert made.returncode == 0, made.stderr
    assert engineer.run("plan", engineer.lane, "--custody-only", **down).returncode == 0
    engineer.ready()
    proven = engineer.run("prove", engineer.lane, "--custody-only")
    assert proven.returncode == 0, proven.stdout
    assert "This is a proof of custody alone, as requested" in proven.stdout
    shown = document(engineer.run("route", "show", engineer.lane, "--json"))
    assert shown["proof"]["state"] == "partial"
    assert document(engineer.run("status", engineer.lane, "--json"))[0]["proof"] == "partial"


@pytest.fixture
def listener():
    """A port that takes connections and answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield server


def test_custody_alone_asks_no_cluster_for_anything_not_even_for_tokens(engineer, listener):
    engineer.ready()
    port = listener.getsockname()[1]
    done = engineer.run("prove", engineer.lane, "--custody-only", "--json", **engineer.down(FIRST, SECOND, port=port))
    with pytest.raises(TimeoutError):
        listener.accept()
    assert done.returncode == 0, done.stdout + done.stderr
    proof = document(done)
    assert (proof["state"], proof["scope"]) == ("proven", "custody")
    assert proof["unplayed"] == [f"{engineer.tenant}/app"]
    # A login would have OpenBao ask the cluster about the token (TokenReview).
    asked = ["metadata", "policy", "role", "nobody-else", "custody", "live-version", "no-token"]
    assert [each["probe"] for each in proof["verdicts"]] == asked
    said = engineer.run("prove", engineer.lane, "--custody-only", **engineer.down(FIRST, SECOND))
    assert said.returncode == 0
    assert f"nobody was played as {engineer.tenant}/app or as a stranger" in said.stdout


def test_one_cluster_of_two_and_the_other_one_left_as_it_is(engineer):
    both = {"external_secret": engineer.secret}
    engineer.declare({FIRST: both, SECOND: both})
    engineer.tenant_in(FIRST, SECOND)
    done = engineer.run("apply", engineer.lane, "--cluster", SECOND, "--json")
    assert done.returncode == 0, done.stderr
    assert [each["cluster"] for each in document(done)["clusters"]] == [SECOND]
    assert document(engineer.run("plan", engineer.lane, "--cluster", SECOND, "--json"))["to_change"] == 0
    whole = engineer.run("plan", engineer.lane, "--json")
    parts = {each["cluster"]: each["to_change"] for each in document(whole)["clusters"]}
    assert (whole.returncode, parts[SECOND], parts[FIRST] > 0) == (1, 0, True)


def test_a_delivery_that_the_file_calls_made_by_hand_stops_apply_before_anything(engineer):
    """As when the change of the lane's file after a take-over is lost: the role must not go."""
    engineer.declare({SECOND: {"external_secret": engineer.secret}})
    assert engineer.run("apply", engineer.lane, "--create-namespace").returncode == 0
    engineer.fill()
    assert engineer.run("sync", engineer.lane).returncode == 0
    engineer.declare({SECOND: {"bootstrap_secret": engineer.secret}})
    role = f"auth/{engineer.platform.clusters[SECOND].auth_mount}/role/workload-{engineer.tenant}-app"
    assert engineer.platform.call("GET", role)[0] == 200
    planned = engineer.run("plan", engineer.lane)
    assert planned.returncode == 1
    assert f"! Secret             {engineer.secret}" in planned.stdout
    refused = engineer.run("apply", engineer.lane, "--yes")
    assert refused.returncode == 1
    replace = f"replace deliveries.{SECOND}.bootstrap_secret with deliveries.{SECOND}.external_secret"
    assert replace in " ".join(refused.stderr.split())
    assert engineer.platform.call("GET", role)[0] == 200


def test_apply_as_json_is_one_document_with_every_change(engineer):
    engineer.forget()
    done = engineer.run("apply", engineer.lane, "--create-namespace", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    there = document(done)["clusters"][0]
    assert {each["kind"] for each in there["changed"]} >= {"Namespace", "SecretStore", "ExternalSecret"}
    assert there["journal"] > document(done)["journal"]
    again = document(engineer.run("apply", engineer.lane, "--json"))
    assert (again["changed"], again["clusters"][0]["changed"]) == ([], [])


def test_a_cluster_that_is_down_is_told_the_other_one_is_done_and_the_whole_is_inconclusive(engineer):
    both = {"external_secret": engineer.secret}
    engineer.declare({FIRST: both, SECOND: both})
    engineer.tenant_in(FIRST, SECOND)
    down = engineer.down(FIRST)
    planned = engineer.run("plan", engineer.lane, "--cluster", FIRST, "--json", **down)
    made = engineer.run("apply", engineer.lane, "--json", **down)
    said = engineer.run("apply", engineer.lane, **down)
    assert document(planned)["clusters"][0]["error"]["kind"] == "unreachable"
    assert error_of(made)["kind"] == "unreachable"
    assert [each["cluster"] for each in document(made)["clusters"]] == [SECOND]
    assert made.returncode == said.returncode == 3
    assert "cannot be reached" in said.stderr


@pytest.mark.parametrize("argv", [["plan"], ["apply"], ["prove"], ["sync"]], ids=" ".join)
def test_a_cluster_that_is_none_of_the_lanes_is_wrong_usage(engineer, argv):
    for name, said in (("nowhere", "is not delivered to nowhere"), (SECOND, f"is not delivered to {SECOND}")):
        done = engineer.run(*argv, engineer.lane, "--cluster", name, "--json")
        assert (done.returncode, done.stdout) == (2, "")
        assert said in error_of(done)["message"]


def test_clusters_yaml_and_kubeconfig_count_where_the_platform_is_somebody_elses(engineer):
    """Without the state of the embedded platform it is one server among others, reached by what the files say."""
    own = engineer.own_state()
    engineer.tenant_in()
    assert engineer.run("apply", engineer.lane, **own).returncode == 0
    engineer.fill()
    done = engineer.run("prove", engineer.lane, **own)
    assert done.returncode == 0, done.stdout


def test_a_cluster_without_a_context_is_no_answer_of_it_and_says_which_there_are(engineer):
    engineer.clusters_file({FIRST: {"context": "nobodys"}, SECOND: {}})
    own = engineer.own_state()
    planned = engineer.run("plan", engineer.lane, **own)
    assert "no context nobodys; there are: " in planned.stderr
    assert planned.returncode == 1  # OpenBao's part differs, which is known
    engineer.run("apply", engineer.lane, "--custody-only", **own)
    assert engineer.run("plan", engineer.lane, **own).returncode == 3
    synced = engineer.run("sync", engineer.lane, "--json", **own)
    assert (synced.returncode, document(synced)["clusters"][0]["followed"]) == (3, "silent")


def test_a_cluster_that_refuses_who_asks_is_told_as_that_by_sync_too(engineer, tmp_path):
    found = yaml.safe_load(Path(engineer.platform.clusters[FIRST].kubeconfig).read_text())
    for each in found["users"]:
        each["user"] = {"token": "nobodys-token"}
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(found))
    synced = engineer.run("sync", engineer.lane, "--json", **engineer.own_state(), KUBECONFIG=str(path))
    assert (synced.returncode, document(synced)["clusters"][0]["followed"]) == (4, "refused")
    assert "does not accept who is asking" in document(synced)["clusters"][0]["why"]


def test_a_delivery_to_a_cluster_that_the_embedded_platform_has_not_is_named(engineer):
    engineer.clusters_file({FIRST: {}, "elsewhere": {}})
    engineer.declare({FIRST: {"external_secret": engineer.secret}, "elsewhere": {"external_secret": engineer.secret}})
    done = engineer.run("plan", engineer.lane, "--json")
    assert document(done)["not_looked_at"] == ["elsewhere"]
    twice = engineer.run("plan", engineer.lane, "--json", "--cluster", FIRST, "--cluster", FIRST)
    assert [each["cluster"] for each in document(twice)["clusters"]] == [FIRST]
    add = "warden dev up --cluster elsewhere"
    told = engineer.run("plan", engineer.lane).stdout
    assert f"Not checked: elsewhere (not in the embedded platform; to add: {add})" in told
    assert document(engineer.run("status", "--json"))[0]["deliveries"]["elsewhere"] == "not here"


# -- prove and sync ---------------------------------------------------------------------------------------------------


def test_prove_as_json_names_owner_and_stretch_of_each_verdict(ready_engineer):
    done = ready_engineer().run("prove", ready_engineer().lane, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    proof = document(done)
    assert (proof["state"], proof["scope"], proof["failed"], proof["inconclusive"]) == ("proven", "lane", 0, 0)
    assert {each["owner"] for each in proof["verdicts"]} == {"platform-team"}
    assert {each["stretch"] for each in proof["verdicts"]} == {"custody"}
    own = [each["probe"] for each in proof["verdicts"] if each["reader"] == f"delivery {FIRST}"]
    arrived = ["objects", "synced", "handed-out", "secret", "value", "value-form", "plaintext"]
    assert own == [*arrived, "exposure", "indirect", "token-secrets", "taken-elsewhere", "copies"]


def test_what_is_wrong_is_refuted_with_owner_and_command(delivered):
    delivered.declare(
        {FIRST: {"external_secret": delivered.secret}},
        consumers=[{"deployment": f"{delivered.tenant}/app", "overlay": "deploy/k8s/app"}],
    )
    done = delivered.run("prove", delivered.lane)
    assert done.returncode == 1
    assert f"owner app-team · fix: kubectl --context {FIRST}-admin apply -k deploy/k8s/app" in done.stdout
    found = document(delivered.run("prove", delivered.lane, "--json"))
    wrong = next(each for each in found["verdicts"] if each["word"] == "FAIL")
    assert (wrong["probe"], wrong["stretch"], wrong["owner"]) == ("consumer", "consumer", "app-team")


def test_a_cluster_that_gives_no_answer_is_inconclusive(delivered):
    down = delivered.down(FIRST)
    done = delivered.run("prove", delivered.lane, **down)
    synced = delivered.run("sync", delivered.lane, **down)
    assert done.returncode == 3
    assert "??   delivered to coulombcore" in done.stdout
    assert synced.returncode == 3
    assert f"??   {FIRST}" in synced.stdout


def test_some_of_the_clusters_is_said(engineer):
    both = {"external_secret": engineer.secret}
    engineer.declare({FIRST: both, SECOND: both})
    engineer.ready()
    done = engineer.run("prove", engineer.lane, "--cluster", FIRST)
    assert done.returncode == 0, done.stdout
    assert "This is a proof of some of its deliveries, as requested" in done.stdout
    assert document(engineer.run("route", "show", engineer.lane, "--json"))["proof"]["state"] == "partial"
    whole = document(engineer.run("prove", engineer.lane, "--json"))
    assert (whole["state"], whole["scope"]) == ("proven", "lane")
    assert document(engineer.run("route", "show", engineer.lane, "--json"))["proof"]["state"] == "proven"


def test_sync_in_words_and_as_json(ready_engineer):
    engineer = ready_engineer()
    said = engineer.run("sync", engineer.lane)
    assert said.returncode == 0
    assert said.stdout.splitlines()[0].startswith(f"  ok   {FIRST}")
    assert said.stdout.splitlines()[-1] == f"Next: warden prove {engineer.lane}"
    found = document(engineer.run("sync", engineer.lane, "--json"))
    assert [(each["cluster"], each["followed"]) for each in found["clusters"]] == [(FIRST, "synced")]


def test_sync_tells_a_failure_in_the_operators_words_and_ends_with_no(delivered):
    delivered.platform.must("DELETE", f"sys/policies/acl/workload-kv-read-{delivered.lane}")
    done = delivered.run("sync", delivered.lane)
    assert done.returncode == 1
    assert f"FAIL {FIRST}" in done.stdout
    assert done.stdout.splitlines()[-1] == f"Next: warden prove {delivered.lane}"  # it names owner and remedy
    assert document(delivered.run("sync", delivered.lane, "--json"))["clusters"][0]["why"]


def back(engineer):
    """Start OpenBao, and wait until the operator has noticed: a store that failed is looked at again after a while."""
    engineer.platform.start_openbao()
    end = time.monotonic() + 60
    while engineer.run("sync", engineer.lane).returncode:
        assert time.monotonic() < end


def test_a_sealed_openbao_is_named_and_the_delivery_is_not_blamed(delivered):
    platform = delivered.platform
    platform.must("PUT", "sys/seal")
    try:
        said = delivered.run("sync", delivered.lane, "--timeout", "5")
        found = document(delivered.run("sync", delivered.lane, "--timeout", "5", "--json"))["clusters"][0]
    finally:
        platform.stop_openbao()
        back(delivered)
    assert said.returncode == 3, said.stdout
    assert f"??   {FIRST}" in said.stdout
    assert f"OpenBao {platform.address} is sealed" in said.stdout
    assert said.stdout.splitlines()[-1] == f"Next: warden dev up && warden sync {delivered.lane}"
    assert (found["followed"], found["hint"]) == ("silent", "warden dev up")


def test_an_openbao_that_is_away_is_named_from_here_and_from_the_cluster(delivered):
    platform = delivered.platform
    platform.stop_openbao()
    try:
        said = delivered.run("sync", delivered.lane, "--timeout", "5")
    finally:
        back(delivered)
    assert said.returncode == 3, said.stdout
    assert f"OpenBao {platform.address} cannot be reached" in said.stdout
    store = delivered.where("secretstores", "openbao-app").replace("/api/v1/", "/apis/external-secrets.io/v1/")
    elsewhere = {"spec": {"provider": {"vault": {"server": "https://127.0.0.1:1"}}}}
    platform.clusters[FIRST].must("PATCH", store, elsewhere, "application/merge-patch+json")
    away = delivered.run("sync", delivered.lane)
    assert away.returncode == 3, away.stdout
    assert "did not answer External Secrets Operator" in away.stdout
    assert f"check {FIRST}.openbao and {FIRST}.openbao_ca in clusters.yaml" in away.stdout.splitlines()[-1]
    # Later the operator says of the delivery no more than that its store is not ready; the reason is told of the store.
    end = time.monotonic() + 60
    while platform.clusters[FIRST].must("GET", store)["status"]["conditions"][0]["status"] == "True":
        assert time.monotonic() < end
        time.sleep(0.1)
    later = delivered.run("sync", delivered.lane)
    assert later.returncode == 3, later.stdout
    assert "did not answer External Secrets Operator" in later.stdout


def test_a_closed_lane_leaves_no_secret_unless_it_is_to_be_kept(delivered):
    where = delivered.where("secrets", delivered.name)
    kept = delivered.run("deactivate", delivered.lane, "--reason", "test", "--yes", "--keep-secrets")
    assert kept.returncode == 0, kept.stdout
    assert delivered.platform.clusters[FIRST].admin("GET", where)[0] == 200
    said = delivered.run("deactivate", delivered.lane, "--reason", "test", "--yes")
    assert said.returncode == 0, said.stdout
    assert f"{FIRST}: remove Secret {delivered.secret}" in said.stderr
    assert f"{FIRST}: Secret {delivered.secret} is removed" in said.stdout
    assert delivered.platform.clusters[FIRST].admin("GET", where)[0] == 404


def test_no_external_secret_and_a_lane_by_hand(engineer):
    engineer.tenant_in()
    done = engineer.run("sync", engineer.lane)
    assert (done.returncode, "ExternalSecret not found" in done.stdout) == (1, True)
    engineer.declare({FIRST: {"bootstrap_secret": engineer.secret}})
    by_hand = engineer.run("sync", engineer.lane, "--json")
    assert (by_hand.returncode, error_of(by_hand)["kind"]) == (1, "missing")


@pytest.mark.parametrize("command", ["prove", "sync"])
def test_ctrl_c_while_a_refresh_is_waited_for_is_one_line(delivered, command):
    cluster = delivered.platform.clusters[FIRST]
    cluster.stop_eso()
    try:
        before = force_sync(delivered)
        child = delivered.start(command, delivered.lane)
        end = time.monotonic() + 60
        while force_sync(delivered) == before:
            assert time.monotonic() < end
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    finally:
        cluster.start_eso()
    assert (child.returncode, out, err.split("\n")) == (130, "", ["", "warden: interrupted.", ""])


def force_sync(engineer):
    found = engineer.platform.clusters[FIRST].must("GET", engineer.where("externalsecrets", engineer.name))
    return (found["metadata"].get("annotations") or {}).get("force-sync")


# -- render -----------------------------------------------------------------------------------------------------------


def test_what_render_prints_is_taken_by_the_api_server(engineer):
    engineer.tenant_in()
    done = engineer.run("render", engineer.lane, "--cluster", FIRST)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"# warden render {engineer.lane} --cluster {FIRST}: derived;")
    kubectl = engineer.platform.clusters[FIRST].kubectl
    taken = kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", stdin=done.stdout)
    assert taken.returncode == 0, taken.stderr
    listed = document(engineer.run("render", engineer.lane, "--cluster", FIRST, "--json"))
    assert (listed["kind"], listed["items"]) == ("List", list(yaml.safe_load_all(done.stdout)))
    named = engineer.run("render", engineer.lane, "--cluster", FIRST, "--create-namespace").stdout
    assert next(iter(yaml.safe_load_all(named)))["kind"] == "Namespace"


@pytest.mark.parametrize("scope", ["prove", "apply"])
def test_the_rights_are_taken_by_the_api_server(engineer, scope):
    engineer.tenant_in()
    to = ["--rights", scope, "--to", f"{engineer.tenant}/robot"]
    done = engineer.run("render", engineer.lane, "--cluster", FIRST, *to)
    assert done.returncode == 0, done.stderr
    kubectl = engineer.platform.clusters[FIRST].kubectl
    taken = kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", stdin=done.stdout)
    assert taken.returncode == 0, taken.stderr
    items = document(engineer.run("render", engineer.lane, "--cluster", FIRST, *to, "--json"))["items"]
    bound = {json.dumps(each["subjects"]) for each in items if each["kind"].endswith("Binding")}
    assert bound == {json.dumps([{"kind": "ServiceAccount", "namespace": engineer.tenant, "name": "robot"}])}


def test_rights_for_nobody_are_wrong_usage(engineer):
    for to in ("eve", "robot:x", "a/b/c", ""):
        done = engineer.run("render", engineer.lane, "--cluster", FIRST, "--rights", "prove", "--to", to, "--json")
        assert (done.returncode, done.stdout) == (2, "")
        assert ("is not a subject" if to else "--to is empty") in error_of(done)["message"]


def test_render_needs_no_server_where_clusters_yaml_has_the_address(engineer):
    offline = engineer.own_state() | dict.fromkeys(("BAO_ADDR", "BAO_CACERT", "BAO_TOKEN", "KUBECONFIG"), "")
    without = engineer.run("render", engineer.lane, "--cluster", FIRST, "--json", **offline)
    assert without.returncode == 2
    assert error_of(without)["kind"] == "usage"
    (engineer.directory / "bao.pem").write_text(Path(engineer.platform.ca).read_text())
    engineer.clusters_file({FIRST: {"openbao": "https://bao.example:8200", "openbao_ca": "bao.pem"}, SECOND: {}})
    done = engineer.run("render", engineer.lane, "--cluster", FIRST, **offline)
    assert done.returncode == 0, done.stderr
    store = next(each for each in yaml.safe_load_all(done.stdout) if each["kind"] == "SecretStore")
    assert store["spec"]["provider"]["vault"]["server"] == "https://bao.example:8200"
    assert store["spec"]["provider"]["vault"]["caBundle"]
    rights = engineer.run("render", engineer.lane, "--cluster", FIRST, "--rights", "prove", **offline)
    assert rights.returncode == 0, rights.stderr
    (engineer.directory / "bao.pem").unlink()
    missing = engineer.run("render", engineer.lane, "--cluster", FIRST, "--json", **offline)
    assert (missing.returncode, "cannot be read as PEM" in error_of(missing)["message"]) == (2, True)


def test_nothing_is_derived_for_a_secret_made_by_hand(engineer):
    engineer.declare({FIRST: {"bootstrap_secret": engineer.secret}})
    done = engineer.run("render", engineer.lane, "--cluster", FIRST, "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert error_of(done)["hint"].endswith(f"warden adopt {engineer.lane} --cluster {FIRST}")


# -- adopt ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def by_hand(engineer):
    """Declared as made by hand, and made: with OpenBao's value, or another."""

    def make(value=""):
        engineer.declare({FIRST: {"bootstrap_secret": engineer.secret}})
        engineer.run("apply", engineer.lane, "--custody-only")
        engineer.fill()
        engineer.hand_made(value or engineer.value)
        return engineer

    return make


def test_taken_over_the_file_says_so_and_is_sound(by_hand):
    engineer = by_hand()
    before = engineer.lane_file.read_text()
    done = engineer.run("adopt", engineer.lane, "--cluster", FIRST, "--yes")
    assert done.returncode == 0, done.stderr
    assert engineer.lane_file.read_text() == before.replace("bootstrap_secret", "external_secret")
    assert "external_secret instead of bootstrap_secret. Commit it." in done.stdout
    assert engineer.run("catalog", "check").returncode == 0
    proven = engineer.run("prove", engineer.lane)
    assert proven.returncode == 0, proven.stdout
    again = engineer.run("adopt", engineer.lane, "--cluster", FIRST, "--yes", "--json")
    assert (document(again)["already"], document(again)["declaration"]) == (True, "as it was")


def test_adopt_as_json_is_one_document(by_hand):
    engineer = by_hand()
    done = engineer.run("adopt", engineer.lane, "--cluster", FIRST, "--yes", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = document(done)
    assert (found["declaration"], found["already"], found["cleaned"]) == ("changed", False, [LAST_APPLIED])
    assert found["compared"]["equal"] == ["API_KEY"]


def test_a_file_that_cannot_be_changed_is_told_what_to_write(by_hand):
    """Here the key is written in a way that is left alone; the same is said where the folder may not be written."""
    engineer = by_hand()
    text = engineer.lane_file.read_text().replace("bootstrap_secret", '"bootstrap\\x5fsecret"')
    engineer.lane_file.write_text(text)
    assert engineer.run("catalog", "check").returncode == 0
    done = engineer.run("adopt", engineer.lane, "--cluster", FIRST, "--yes")
    assert done.returncode == 0, done.stderr
    replace = f"replace deliveries.{FIRST}.bootstrap_secret with deliveries.{FIRST}.external_secret"
    assert replace in " ".join(done.stdout.split())
    assert engineer.lane_file.read_text() == text
    assert os.listdir(engineer.lane_file.parent) == [engineer.lane_file.name]


def test_without_a_terminal_nothing_is_asked(by_hand):
    engineer = by_hand("another-value-made-by-hand")
    unasked = engineer.run("adopt", engineer.lane, "--cluster", FIRST, "--json")
    assert (unasked.returncode, error_of(unasked)["hint"]) == (2, "add --yes to confirm")
    differs = engineer.run("adopt", engineer.lane, "--cluster", FIRST, "--yes", "--json")
    assert (differs.returncode, differs.stdout, error_of(differs)["kind"]) == (1, "", "differs")
    assert "--keep openbao" in error_of(differs)["hint"]
    assert engineer.delivered() == "another-value-made-by-hand"
    told = engineer.run("adopt", engineer.lane, "--cluster", FIRST, "--yes", "--keep", "secret")
    assert told.returncode == 0, told.stderr
    assert engineer.delivered() == "another-value-made-by-hand"


def test_on_a_terminal_it_is_asked_and_the_answer_counts(by_hand):
    engineer = by_hand("another-value-made-by-hand")
    child = engineer.terminal("adopt", engineer.lane, "--cluster", FIRST)
    child.expect("to continue")
    child.sendline("no")
    child.expect("the answer was not the lane's id. Nothing was changed.")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 2
    for answer, code in (("neither", 1), ("openbao", 0)):
        child = engineer.terminal("adopt", engineer.lane, "--cluster", FIRST)
        child.expect("to continue")
        child.sendline(engineer.lane)
        child.expect(r"Which one to keep \(openbao, secret, neither\)")
        child.sendline(answer)
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == code, child.before
        assert engineer.delivered() == (engineer.value if code == 0 else "another-value-made-by-hand")


def test_a_narrow_terminal_breaks_what_is_asked_between_words(by_hand):
    engineer = by_hand("another-value-made-by-hand")
    child = engineer.terminal("adopt", engineer.lane, "--cluster", FIRST, columns=80)
    child.expect("to continue: ")
    asked = child.before + child.after
    child.sendline("no")
    child.expect(pexpect.EOF)
    child.wait()
    lines = asked.splitlines()
    assert len(lines) > 1
    assert all(len(each) <= 80 for each in lines)
    assert " ".join(lines).startswith(
        f"This would take over the Secret {engineer.secret} of {FIRST} for {engineer.lane}."
    )


def test_nothing_to_take_over_and_what_stands_in_the_way(by_hand, engineer):
    engineer.declare({FIRST: {"bootstrap_secret": engineer.secret}})
    engineer.tenant_in()
    none = engineer.run("adopt", engineer.lane, "--cluster", FIRST, "--yes", "--json")
    assert (none.returncode, error_of(none)["kind"]) == (1, "missing")
    by_hand()
    where = engineer.where("secrets", engineer.name)
    cluster = engineer.platform.clusters[FIRST]
    cluster.must("PATCH", where, {"stringData": {"MORE": "x"}, "immutable": True}, "application/merge-patch+json")
    blocked = engineer.run("adopt", engineer.lane, "--cluster", FIRST, "--yes", "--json")
    assert (blocked.returncode, error_of(blocked)["kind"]) == (1, "foreign")
    assert all(said in error_of(blocked)["message"] for said in ("immutable", "MORE", "Nothing was changed"))


# -- status -----------------------------------------------------------------------------------------------------------


def words(engineer, **changed):
    found = engineer.run("status", engineer.lane, "--json", **changed)
    return document(found)[0]["deliveries"]


def test_status_shows_what_was_proven_if_it_is_still_that(engineer):
    engineer.declare({FIRST: {"external_secret": engineer.secret}, SECOND: {"bootstrap_secret": engineer.secret}})
    engineer.ready()
    assert words(engineer) == {FIRST: "unproven", SECOND: "MISSING"}
    engineer.hand_made(engineer.value, SECOND)
    engineer.run("prove", engineer.lane)
    assert words(engineer) == {FIRST: "v1 proven", SECOND: "by hand"}
    table = engineer.run("status", engineer.lane)
    assert table.returncode == 0
    assert "v1 proven" in table.stdout
    assert "by hand" in table.stdout
    engineer.fill("another-value-of-it")
    assert words(engineer)[FIRST] == "v1, not v2"
    engineer.run("sync", engineer.lane)
    assert words(engineer)[FIRST] == "changed since"
    down = engineer.down(FIRST)
    asked = engineer.run("status", engineer.lane, **down)
    assert words(engineer, **down) == {FIRST: "?", SECOND: "by hand"}
    assert asked.returncode == 3
    assert "cannot be reached" in asked.stderr


def test_status_without_a_context_shows_what_the_journal_knows(engineer):
    own = engineer.own_state()
    done = engineer.run("status", engineer.lane, "--json", **(own | {"KUBECONFIG": "/nowhere"}))
    assert (done.returncode, document(done)[0]["deliveries"]) == (3, {FIRST: "?"})
    assert error_of(done)["system"] == f"cluster {FIRST}"
