"""prove, of how a value is kept: each fault on a real OpenBao, before anything is sent through it; and `--inspect`."""

import contextlib
import json
import os
import signal
import time
from pathlib import Path

import pytest
from canary import Canary
from platform_server import own_server

from warden.adapters.identities import ByMount
from warden.adapters.openbao.client import OpenBao
from warden.core.openbao.rights import policy_text
from warden.core.proofs.details import (
    AcceptedAsIs,
    HeldBack,
    NobodyInspects,
    NotCompared,
    RightMissing,
    SettingsChecked,
    ValueInMetadata,
)
from warden.core.routes.proof_summary import summary_of
from warden.core.secret import Secret
from warden.present.commands import commands
from warden.present.proofs import proof_json
from warden.present.verdicts import explanation

platform_server = own_server()
"""A server of their own: the audit log and the mount are tuned here."""


def wrong(proof):
    return {each.probe for each in proof.verdicts if each.result == "wrong"}


def unclear(proof):
    return {each.probe: each.detail for each in proof.verdicts if each.result == "inconclusive"}


def logged_since(bench, size):
    with Path(bench.server.audit_file).open("rb") as log:
        log.seek(size)
        return log.read()


@contextlib.contextmanager
def tuned(bench, **keys):
    bench.server.must("POST", "sys/mounts/platform/tune", keys)
    yield
    bench.server.must("POST", "sys/mounts/platform/tune", {key: [] for key in keys})


@contextlib.contextmanager
def unregistered(bench):
    header = "sys/config/auditing/request-headers/X-Lane-Probe"
    bench.server.must("DELETE", header)
    yield
    bench.server.must("POST", header, {"hmac": False})


@contextlib.contextmanager
def raw_device(bench):
    """A second audit device that hashes nothing, declared and taken back as an operator does it."""
    layout, status = bench.server.embedded.layout, bench.server.embedded.status()
    config = Path(layout.config).read_text()
    stanza = f'audit "file" "raw" {{ options = {{ file_path = "{layout.audit_file}.raw", log_raw = "true" }} }}\n'
    for text, devices in ((config + stanza, 2), (config, 1)):
        Path(layout.config).write_text(text)
        os.kill(status.pid, signal.SIGHUP)
        until = time.monotonic() + 10
        while len(bench.vault("admin").audit_devices()) != devices:
            assert time.monotonic() < until
            time.sleep(0.05)
        if devices == 2:
            yield Path(f"{layout.audit_file}.raw")


def test_a_sound_lane_has_its_settings_checked(bench, verdict):
    proof = bench.ready().prove()
    assert proof.state == "proven"
    assert verdict(proof, "custody").detail == SettingsChecked(5)
    assert verdict(proof, "metadata").result == "ok"
    assert not proof.inspected
    assert not summary_of(bench.journal.state(bench.lane.id).proof).inspected


@pytest.mark.parametrize("planted", [{"max_versions": 1}, {"delete_version_after": "1h"}])
def test_the_larger_number_of_versions_and_the_shorter_time_of_path_and_mount_count(bench, planted):
    bench.ready()
    undone = {"max_versions": 0, "delete_version_after": "0s"}
    for path in ("platform/config", f"platform/metadata/{bench.path}"):
        bench.server.must("POST", path, planted)
        (found,) = [
            each for each in bench.prove(run=f"wp-{bench.lane.id}-{path[9]}").verdicts if each.result == "wrong"
        ]
        assert found.probe == ("max-versions" if "max_versions" in planted else "expiring-version")
        assert ("config" in commands(found.remedy)) == (path == "platform/config")
        bench.server.must("POST", path, {key: undone[key] for key in planted})
    bench.server.must("POST", "platform/config", {"max_versions": 5})
    bench.server.must("POST", f"platform/metadata/{bench.path}", {"max_versions": 1})
    assert bench.prove(run=f"wp-{bench.lane.id}-both").state == "proven"
    bench.server.must("POST", "platform/config", {"max_versions": 0})


def test_a_live_version_that_will_delete_itself_is_put_anew(bench, verdict):
    bench.apply()
    bench.server.must("POST", f"platform/metadata/{bench.path}", {"delete_version_after": "1h"})
    bench.put()
    bench.server.must("POST", f"platform/metadata/{bench.path}", {"delete_version_after": "0s"})
    found = verdict(bench.prove(), "expiring-version")
    assert found.detail.at > "2026"
    assert found.detail.after == 0
    assert commands(found.remedy) == f"warden put {bench.lane.id} API_KEY"


def test_check_and_set_is_required_by_apply_and_its_lack_a_finding(bench, verdict):
    bench.ready()
    status, answer = bench.server.call("POST", f"platform/data/{bench.path}", {"data": {"API_KEY": "theirs"}})
    assert (status, answer["errors"]) == (400, ["check-and-set parameter required for this call"])
    bench.server.must("POST", f"platform/metadata/{bench.path}", {"cas_required": False})
    assert [each.field for change in bench.plan().to_change for each in change.differences] == ["cas_required"]
    proof = bench.prove()
    assert wrong(proof) == {"cas-required"}
    assert commands(verdict(proof, "cas-required").remedy) == f"warden apply {bench.lane.id}"
    bench.apply()
    assert bench.prove(run=f"wp-{bench.lane.id}-b").state == "proven"


def test_a_policy_that_ends_by_itself_is_written_anew(bench, verdict):
    bench.ready()
    text = bench.vault("admin").policy(bench.lane.custody.policy_name)
    bench.server.must("PUT", bench.policy, {"policy": text, "expiration": "2099-01-01T00:00:00Z"})
    proof = bench.prove()
    assert wrong(proof) == {"policy-expires"}
    assert verdict(proof, "policy-expires").differences[0].before == "2099-01-01T00:00:00Z"
    bench.apply()
    assert bench.prove(run=f"wp-{bench.lane.id}-b").state == "proven"


def test_a_mount_that_shows_a_field_is_found_and_the_field_alone_counts(bench, verdict):
    bench.ready()
    with tuned(bench, audit_non_hmac_response_keys=["data", "OTHER"], audit_non_hmac_request_keys=["data"]):
        assert bench.prove().state == "proven"
    size = os.path.getsize(bench.server.audit_file)
    with tuned(bench, audit_non_hmac_response_keys=["API_KEY"]):
        proof = bench.prove(run=f"wp-{bench.lane.id}-r", inspect=True)
    assert wrong(proof) == {"response-in-clear"}
    assert unclear(proof) == {"value-form": HeldBack()}
    assert verdict(proof, "reads").result == "ok"
    Canary(bench.value).look("the audit log", logged_since(bench, size))
    with tuned(bench, audit_non_hmac_request_keys=["API_KEY"]):
        assert wrong(bench.prove(run=f"wp-{bench.lane.id}-w")) == {"response-in-clear"}


def test_without_the_probes_header_nothing_is_sent(bench, verdict):
    bench.ready()
    size = os.path.getsize(bench.server.audit_file)
    with unregistered(bench):
        proof = bench.prove(inspect=True)
    assert wrong(proof) == {"probe-header"}
    assert "register" not in commands(verdict(proof, "probe-header").remedy)
    assert commands(verdict(proof, "probe-header").remedy).endswith("X-Lane-Probe hmac=false")
    log = logged_since(bench, size)
    assert bench.path.encode() in log
    assert b"platform/data/" not in log
    assert "probe.begin" not in {each.event for each in bench.journal.log()}


def test_an_audit_device_that_hashes_nothing_gets_no_token_and_no_value_of_a_proof(bench, verdict):
    bench.ready()
    tokens = []

    class Counting:
        def mint(self, workload, audience, ttl):
            tokens.append(workload)
            return bench.server.issuer.mint(workload, audience, ttl)

    with raw_device(bench) as log:
        proof = bench.prove(inspect=True, identities=ByMount({}, Counting()))
        Canary(bench.value).look("the raw log", log.read_bytes())
    assert wrong(proof) == {"log-raw"}
    assert tokens == []
    assert "audit device raw" in commands(verdict(proof, "log-raw").remedy)
    assert bench.prove(run=f"wp-{bench.lane.id}-b").state == "proven"


def test_what_may_not_be_looked_at_is_named_with_its_right_and_never_a_pass(bench, verdict):
    bench.ready()
    rights = {
        "log-raw": ("sys/audit", ("read", "sudo")),
        "expiring-version": ("platform/config", ("read",)),
        "max-versions": ("platform/config", ("read",)),
    }
    text = policy_text("prove", extras=True)
    blind = text + "".join(f'path "{path}" {{ capabilities = ["deny"] }}\n' for path, _ in set(rights.values()))
    blind += 'path "sys/config/auditing/request-headers" { capabilities = ["deny"] }\n'
    token = bench.server.token_with(blind)
    proof = bench.prove(vaults=lambda: bench.vault(token))
    assert wrong(proof) == set()
    assert set(unclear(proof)) == set(rights)  # of the header, the lines that were found tell
    for probe, (path, capabilities) in rights.items():
        found = verdict(proof, probe).detail
        assert isinstance(found, RightMissing)
        assert (found.path, found.capabilities) == (path, capabilities)
        assert explanation(verdict(proof, probe)).startswith(f"needs {' and '.join(capabilities)} on {path}: ")


# -- the value itself -------------------------------------------------------------------------------------------------


def test_a_reader_fetches_the_value_and_nothing_of_it_stays(bench, verdict):
    bench.ready()
    size = os.path.getsize(bench.server.audit_file)
    proof = bench.prove(inspect=True)
    assert proof.state == "proven", unclear(proof)
    found = verdict(proof, "value-form")
    assert (found.result, found.observed, found.version, bool(found.audit)) == ("ok", "version", 1, True)
    assert proof.inspected
    assert summary_of(bench.journal.state(bench.lane.id).proof).inspected
    events = [each.event for each in bench.journal.log(lane=bench.lane.id)]
    (read,) = [each for each in bench.journal.log() if each.event == "value.read"]
    assert events.index("probe.begin") < events.index("value.read") < events.index("proof")
    assert (read.body["reader"], read.body["fields"]) == (f"tenant/{bench.lane.id}", ["API_KEY"])
    lines = [json.loads(each) for each in logged_since(bench, size).splitlines()]
    (line,) = [each for each in lines if each["type"] == "response" and each["request"]["id"] == found.audit]
    assert line["auth"]["display_name"].endswith(f"tenant:{bench.lane.id}")
    assert not line["request"].get("wrap_ttl")
    canary = Canary(bench.value)
    canary.look("the proof", repr(proof).encode() + json.dumps(proof_json(bench.lane, proof, "")).encode())
    canary.look_below(bench.directory)
    canary.look("the audit log", logged_since(bench, size))


FORMS = {"CHANGEME": "placeholder", "${API_KEY}": "reference", "sk-real \n": "white space", "/run/secrets/a": "path"}


@pytest.mark.parametrize("value", FORMS)
def test_a_value_that_is_none_is_found_by_looking_and_not_shown(bench, verdict, value):
    bench.apply()
    bench.server.overwrite(bench.lane.custody.path, {"API_KEY": value})
    assert bench.prove().state == "proven"
    proof = bench.prove(run=f"wp-{bench.lane.id}-i", inspect=True)
    assert wrong(proof) == {"value-form"}
    found = verdict(proof, "value-form")
    assert FORMS[value] in explanation(found)
    assert commands(found.remedy) == f"warden put {bench.lane.id} API_KEY"
    assert value not in json.dumps([each.body for each in bench.journal.log()]) + repr(proof)


@pytest.mark.parametrize("value", [5432, None, ["a"], {"inner": "x"}])
def test_what_is_not_text_is_no_secret(bench, verdict, value):
    bench.apply()
    bench.server.overwrite(bench.lane.custody.path, {"API_KEY": value})
    assert wrong(bench.prove(inspect=True)) == {"value-form"}


def test_fields_inside_of_a_field_are_seen_without_looking(bench):
    bench.apply()
    bench.server.overwrite(bench.lane.custody.path, {"API_KEY": {"inner": "x"}})
    proof = bench.prove()
    assert wrong(proof) == {"value-form"}
    assert proof.inspected


def test_what_was_put_as_it_is_is_accepted_for_what_was_doubtful_then(bench, verdict):
    bench.apply()
    bench.put("/run/secrets/a", as_is=True)
    record = bench.journal.log()[-1].seq
    proof = bench.prove(inspect=True)
    assert proof.state == "proven"
    assert verdict(proof, "value-form").detail == AcceptedAsIs(("API_KEY",), record)
    bench.server.overwrite(bench.lane.custody.path, {"API_KEY": "CHANGEME"})
    assert wrong(bench.prove(run=f"wp-{bench.lane.id}-b", inspect=True)) == {"value-form"}
    bench.put("/run/secrets/b", as_is=True)
    bench.put("a-real-one")
    bench.server.overwrite(bench.lane.custody.path, {"API_KEY": "/run/secrets/b"})
    assert wrong(bench.prove(run=f"wp-{bench.lane.id}-c", inspect=True)) == {"value-form"}


def test_what_was_put_as_it_is_is_accepted_of_the_version_that_holds_it_alone(bench, verdict):
    bench.apply()
    bench.put("CHANGEME", as_is=True)
    bench.server.overwrite(bench.lane.custody.path, {"API_KEY": "todo"})  # the same doubt, of another value
    proof = bench.prove(inspect=True)
    assert wrong(proof) == {"value-form"}
    assert verdict(proof, "value-form").version == 2
    bench.put("CHANGEME", as_is=True)
    assert bench.prove(run=f"wp-{bench.lane.id}-b", inspect=True).state == "proven"


def test_where_nobody_may_read_nobody_looks(bench):
    bench.ready()
    bench.vault("admin").delete_policy(bench.lane.custody.policy_name)
    assert unclear(bench.prove(inspect=True))["value-form"] == NobodyInspects()


def test_without_a_live_version_there_is_nothing_to_look_at(bench):
    bench.ready()
    bench.server.must("DELETE", f"platform/data/{bench.path}")
    proof = bench.prove(inspect=True)
    assert wrong(proof) == {"live-version"}
    assert "value-form" in unclear(proof)
    assert not proof.inspected


def annotate(bench, **custom):
    path = f"platform/metadata/{bench.path}"
    kept = bench.server.must("GET", path)["data"]["custom_metadata"] or {}
    bench.server.must("POST", path, {"custom_metadata": kept | custom})


def test_the_value_in_custom_metadata_is_found_by_looking(bench, verdict):
    bench.ready()
    annotate(bench, note=f"was {bench.value} until Monday", team="theirs", **{bench.value: "x"})
    open_ = bench.prove()
    assert unclear(open_) == {"value-in-metadata": NotCompared(3)}
    assert commands(verdict(open_, "value-in-metadata").remedy) == f"warden prove {bench.lane.id} --inspect"
    proof = bench.prove(run=f"wp-{bench.lane.id}-i", inspect=True)
    found = verdict(proof, "value-in-metadata")
    assert (wrong(proof), found.detail) == ({"value-in-metadata"}, ValueInMetadata(("note",), 1))
    said = json.dumps(proof_json(bench.lane, proof, "")) + json.dumps([each.body for each in bench.journal.log()])
    Canary(bench.value).look("what was said", said.encode())
    bench.server.must("POST", f"platform/metadata/{bench.path}", {"custom_metadata": {"team": "theirs"}})
    bench.apply()
    assert bench.prove(run=f"wp-{bench.lane.id}-b", inspect=True).state == "proven"


def test_a_short_value_counts_as_a_whole_text_and_our_own_marks_do_not(bench):
    bench.apply()
    bench.put("tenant", as_is=True)
    annotate(bench, team="the tenant team")
    assert "value-in-metadata" not in wrong(bench.prove(inspect=True))
    annotate(bench, team="tenant")
    assert wrong(bench.prove(run=f"wp-{bench.lane.id}-b", inspect=True)) == {"value-in-metadata"}
    bench.put(bench.lane.id, as_is=True)  # the text of a mark of ours
    annotate(bench, team="theirs")
    assert wrong(bench.prove(run=f"wp-{bench.lane.id}-c", inspect=True)) == set()


def test_the_marks_of_a_rotation_need_no_look_and_are_looked_at_all_the_same(bench):
    bench.ready()
    annotate(
        bench, **{"key-id-API_KEY": "a41c9", "rotated-API_KEY": "3f9a1c2b 2 2026-11-30T09:41:02Z", "rotation": "{}"}
    )
    assert "value-in-metadata" not in unclear(bench.prove())
    annotate(bench, **{"key-id-API_KEY": bench.value})
    assert set(wrong(bench.prove(run=f"wp-{bench.lane.id}-b", inspect=True))) == {"value-in-metadata"}


def test_marks_of_another_text_are_a_finding_and_put_right_by_apply(bench, verdict):
    bench.ready()
    annotate(bench, **{"owner-custody": "somebody-else"})
    proof = bench.prove(inspect=True)
    assert wrong(proof) == {"metadata"}
    assert [each.field for each in verdict(proof, "metadata").differences] == ["owner-custody"]
    bench.apply()
    assert bench.prove(run=f"wp-{bench.lane.id}-b").state == "proven"


def test_ctrl_c_while_the_value_is_on_its_way_leaves_no_token_and_no_value(bench):
    bench.ready()
    accessors = bench.server.must("LIST", "auth/token/accessors")["data"]["keys"]

    class Interrupted(OpenBao):
        def send(self, request):
            answer = super().send(request)
            reads = (request.method, request.path) == ("GET", f"platform/data/{bench.path}")
            if reads and "X-Vault-Wrap-TTL" not in request.headers:
                raise KeyboardInterrupt
            return answer

    admin = bench.vault("platform")
    with pytest.raises(KeyboardInterrupt):
        bench.prove(inspect=True, vaults=lambda: Interrupted(admin.endpoint, Secret(bench.server.token("platform"))))
    assert bench.server.must("LIST", "auth/token/accessors")["data"]["keys"] == accessors
    assert [each.event for each in bench.journal.log()].count("value.read") == 1
    Canary(bench.value).look_below(bench.directory)
