"""prove on a real OpenBao: a sound lane is proven; each planted hole is found, and nothing is changed by finding it."""

import contextlib
import json
import os
import select
import signal
import socket
import threading
import time
from pathlib import Path

import msgspec
import pytest

from warden.adapters.dev.issuer import LocalIssuer
from warden.adapters.identities import ByMount, NoIssuer
from warden.adapters.openbao.audit_log import AuditCommand, AuditFiles
from warden.adapters.openbao.client import OpenBao
from warden.adapters.openbao.endpoint import parse_address
from warden.core.errors import Closed, Effect, JournalUnwritable, Unidentified
from warden.core.lanes.lane import PeopleReader
from warden.core.plans.plan import NoAudience, ReachesFurther
from warden.core.proofs.details import FieldsDiffer, NoAuditLine, NotSent, NotWrapped, OnlyMembersCanShow, OtherReason
from warden.core.remedies import warden
from warden.core.routes.proof_summary import Advice, summary_of
from warden.core.secret import Secret
from warden.present.verdicts import explanation
from warden.usecases.deactivate import record_closing
from warden.usecases.steps.closing import LanesClosed

EVERYTHING = 'capabilities = ["create", "read", "update", "patch", "delete", "list", "scan"]'


def wrong(proof):
    return sorted(each.probe for each in proof.verdicts if each.result == "wrong")


class Closing:
    """The real issuer; somebody closes the lane in the moment in which the first token is made."""

    def __init__(self, bench):
        self._bench = bench

    def mint(self, workload, audience, ttl):
        record_closing(self._bench.lane.id, "INC-9", "", self._bench.journal)
        self._bench.vault().delete_policy(self._bench.lane.custody.policy_name)
        return self._bench.server.issuer.mint(workload, audience, ttl)


def test_a_lane_that_is_closed_while_it_is_proven_is_not_refuted(bench):
    bench.ready()
    proof = bench.prove(identities=ByMount({}, Closing(bench)))
    (found,) = proof.verdicts
    assert (found.probe, found.result, found.detail.reason) == ("closed", "inconclusive", "INC-9")
    assert bench.journal.state(bench.lane.id).proof.body["state"] == "inconclusive"


def test_nothing_is_asked_about_a_closed_lane(bench):
    bench.ready()
    other = bench.make(f"{bench.lane.id}-b")
    bench.lanes.append(other)
    record_closing(other.id, "INC-9", "", bench.journal)
    size = os.path.getsize(bench.server.audit_file)
    with pytest.raises(Closed) as refused:
        bench.prove_all(bench.lanes)
    assert refused.value.problem == LanesClosed((other.id,))
    assert (refused.value.effect, refused.value.subject) == (Effect.NOTHING_ASKED, other.id)
    assert b"x-lane-probe" not in Path(bench.server.audit_file).read_bytes()[size:]


def test_a_sound_lane_is_proven_with_a_line_beside_each_answer(bench):
    proof = bench.ready().prove()
    assert proof.state == "proven", [each for each in proof.verdicts if each.result != "ok"]
    asked = [each for each in proof.verdicts if each.status]
    assert len(asked) == 16
    assert all(each.audit and each.at for each in asked)
    assert len({each.audit for each in asked}) == len(asked)


def test_the_audit_lines_are_those_of_the_probes(bench):
    proof = bench.ready().prove()
    written = [json.loads(line) for line in Path(bench.server.audit_file).read_text().splitlines()]
    by_id = {entry["request"]["id"]: entry for entry in written if entry["type"] == "response"}
    reads = next(each for each in proof.verdicts if each.probe == "reads")
    assert by_id[reads.audit]["request"]["path"] == f"platform/data/{bench.path}"
    assert by_id[reads.audit]["auth"]["display_name"].endswith(f"tenant:{bench.lane.id}")
    stranger = next(each for each in proof.verdicts if each.probe == "other-account")
    assert by_id[stranger.audit]["request"]["path"] == "auth/kubernetes/login"


def policy_hole(stanza):
    def plant(bench):
        text = bench.vault("admin").policy(bench.lane.custody.policy_name)
        bench.server.must("PUT", bench.policy, {"policy": text + stanza.replace("KEY", bench.path)})

    return plant


def role_hole(**fields):
    def plant(bench):
        shown = json.loads(json.dumps(fields).replace("LANE", bench.lane.id))
        bench.server.must("POST", bench.role, {"role_type": "jwt", "user_claim": "sub", **shown})

    return plant


HOLES = {
    "prefix wildcard": (policy_hole(f'path "platform/data/KEY*" {{ {EVERYTHING} }}'), {"sibling", "below"}),
    "a sibling": (policy_hole('path "platform/data/KEY-warden-probe" { capabilities = ["read"] }'), {"sibling"}),
    "everything below": (policy_hole('path "platform/data/KEY/*" { capabilities = ["read"] }'), {"below"}),
    "the whole tenant": (
        policy_hole('path "platform/data/workloads/tenant/*" { capabilities = ["read"] }'),
        {"sibling"},
    ),
    "list": (policy_hole('path "platform/metadata/workloads/+/*" { capabilities = ["list"] }'), {"lists"}),
    "scan": (policy_hole('path "platform/metadata/workloads/+/*" { capabilities = ["scan"] }'), {"scans"}),
    "update": (
        policy_hole('path "platform/data/KEY" { capabilities = ["read", "update"] }'),
        {"writes", "capabilities"},
    ),
    "patch": (
        policy_hole('path "platform/data/KEY" { capabilities = ["read", "patch"] }'),
        {"patches", "capabilities"},
    ),
    "create only": (policy_hole('path "platform/data/KEY" { capabilities = ["read", "create"] }'), {"capabilities"}),
    "delete newest": (policy_hole('path "platform/data/KEY" { capabilities = ["read", "delete"] }'), {"capabilities"}),
    "delete versions": (policy_hole('path "platform/delete/KEY" { capabilities = ["update"] }'), {"deletes"}),
    "undelete": (policy_hole('path "platform/undelete/KEY" { capabilities = ["update"] }'), {"undeletes"}),
    "destroy": (policy_hole('path "platform/destroy/KEY" { capabilities = ["update"] }'), {"destroys"}),
    "delete metadata": (policy_hole('path "platform/metadata/KEY" { capabilities = ["delete"] }'), {"capabilities"}),
    "read metadata": (policy_hole('path "platform/metadata/KEY" { capabilities = ["read"] }'), {"capabilities"}),
    "any account of the namespace": (
        role_hole(bound_subject="", bound_claims_type="glob", bound_claims={"sub": "system:serviceaccount:tenant:*"}),
        {"other-account", "role"},
    ),
    "any namespace": (
        role_hole(bound_subject="", bound_claims_type="glob", bound_claims={"sub": "system:serviceaccount:*:LANE"}),
        {"other-namespace", "role"},
    ),
    "another audience too": (role_hole(bound_audiences=["openbao", "warden-probe"]), {"other-audience", "role"}),
    "a second policy": (role_hole(token_policies=["default", "second"]), {"reads", "role"}),
    "longer life": (role_hole(token_ttl=360000, token_max_ttl=360000), {"role"}),
}


@pytest.mark.parametrize("hole", HOLES)
def test_a_planted_hole_is_found_and_nothing_is_changed_by_finding_it(bench, hole):
    plant, expected = HOLES[hole]
    bench.ready()
    plant(bench)
    before = bench.snapshot()
    proof = bench.prove()
    assert proof.state == "refuted"
    assert expected <= set(wrong(proof)), wrong(proof)
    assert bench.snapshot() == before


def test_a_hole_in_another_policy_of_the_role_is_found_too(bench, unique):
    bench.ready()
    other = unique("other-policy")
    bench.server.must(
        "PUT", f"sys/policies/acl/{other}", {"policy": 'path "platform/data/workloads/*" { capabilities = ["read"] }'}
    )
    bench.server.must(
        "POST",
        bench.role,
        {"role_type": "jwt", "user_claim": "sub", "token_policies": [bench.lane.custody.policy_name, other]},
    )
    before = bench.snapshot()
    assert {"sibling", "role"} <= set(wrong(bench.prove()))
    assert bench.snapshot() == before


def test_a_path_that_an_identity_policy_opens_for_another_lanes_reader_is_found(bench, verdict):
    bench.ready()
    second = bench.make(f"{bench.lane.id}-b")
    bench.lanes.append(second)
    bench.apply(lane=second)
    assert verdict(bench.prove(), "other-lane").result == "ok"
    name = second.custody.policy_name
    text = bench.vault("admin").policy(name)
    bench.server.must(
        "PUT",
        f"sys/policies/acl/{name}",
        {"policy": f'{text}path "platform/data/{bench.path}" {{ capabilities = ["read"] }}'},
    )
    before = bench.snapshot()
    found = verdict(bench.prove(run=f"wp-{bench.lane.id}-again"), "other-lane")
    assert (found.result, found.observed) == ("wrong", "allowed")
    assert bench.snapshot() == before


def test_a_role_without_audience_is_a_finding_and_its_reader_refused(bench, verdict):
    bench.ready()
    role_hole(bound_audiences=[])(bench)
    proof = bench.prove()
    assert verdict(proof, "role").result == "wrong"
    assert verdict(proof, "role").detail.widening == NoAudience()
    # A jwt mount refuses tokens that have an audience when the role names none (measured).
    assert verdict(proof, "reads").result == "wrong"


def test_a_policy_that_is_not_ours_is_fixed_only_by_taking_over(bench, verdict):
    bench.ready()
    bench.server.must("PUT", bench.policy, {"policy": 'path "theirs" { capabilities = ["read"] }'})
    proof = bench.prove()
    take_over = (warden("apply", bench.lane.id, take_over=True, yes=True),)
    assert verdict(proof, "policy").remedy == take_over
    assert verdict(proof, "reads").remedy == take_over  # without it, `apply` changes nothing at all
    kept = summary_of(bench.journal.state(bench.lane.id).proof)
    assert [each.probe for each in kept.not_ok] == [each.probe for each in proof.verdicts if each.result != "ok"]
    assert kept.next == Advice(stretch="custody", remedy=take_over)


def test_a_role_that_still_grants_a_closed_lane_is_a_finding(bench, verdict):
    bench.ready()
    second = msgspec.structs.replace(bench.make(f"{bench.lane.id}-b"), readers=bench.lane.readers)
    bench.lanes.append(second)
    bench.apply()
    assert verdict(bench.prove(), "role").result == "ok"
    record_closing(second.id, "INC-9", "", bench.journal)
    found = bench.prove(run=f"wp-{bench.lane.id}-closed")
    assert verdict(found, "role").result == "wrong"


def test_the_other_lanes_reader_is_the_first_that_is_another_and_can_log_in(bench, verdict):
    bench.ready()
    same_reader = msgspec.structs.replace(bench.make(f"{bench.lane.id}-same"), readers=bench.lane.readers)
    never_applied, applied = bench.make(f"{bench.lane.id}-never"), bench.make(f"{bench.lane.id}-other")
    bench.lanes += [same_reader, never_applied]
    bench.apply()
    assert "other-lane" not in {each.probe for each in bench.prove().verdicts}
    bench.lanes.append(applied)
    bench.apply(lane=applied)
    found = verdict(bench.prove(run=f"wp-{bench.lane.id}-b"), "other-lane")
    assert found.result == "ok"
    assert found.subject == f"tenant/{applied.id}"


def test_a_policy_wider_than_the_lane_is_named_as_such(bench, verdict):
    bench.ready()
    HOLES["the whole tenant"][0](bench)
    widening = verdict(bench.prove(), "policy").detail.widening
    assert isinstance(widening, ReachesFurther)
    assert any(stanza.startswith('path "platform/data/workloads/tenant/*"') for stanza in widening.stanzas)


def test_no_value_and_a_deleted_value_are_told_apart_from_a_refusal(bench, verdict):
    bench.apply()
    empty = bench.prove()
    assert verdict(empty, "live-version").observed == "none"
    assert (verdict(empty, "reads").result, verdict(empty, "reads").status) == ("ok", 404)
    bench.put()
    bench.server.must("DELETE", f"platform/data/{bench.path}")
    found = verdict(bench.prove(run=f"wp-{bench.lane.id}-b"), "live-version")
    assert (found.result, found.observed) == ("wrong", "none")


def test_a_field_too_many_is_named(bench, verdict):
    bench.ready()
    bench.server.overwrite(bench.lane.custody.path, {"API_KEY": "x", "LEFTOVER": "y"})
    found = verdict(bench.prove(), "live-version")
    assert found.result == "wrong"
    assert found.detail == FieldsDiffer(extra=("LEFTOVER",))


def test_a_lane_that_was_never_applied_is_refuted_not_a_crash(bench):
    proof = bench.prove()
    assert proof.state == "refuted"
    assert {"policy", "role", "live-version"} <= set(wrong(proof))


def test_nothing_is_sent_to_a_kv_version_1_mount(bench, unique):
    mount = unique("kv1")
    bench.server.must("POST", f"sys/mounts/{mount}", {"type": "kv", "options": {"version": "1"}})
    key = f"{mount}/data/workloads/tenant/{bench.lane.id}"
    bench.server.must("POST", key, {"API_KEY": "kept"})

    bench.change(custody=msgspec.structs.replace(bench.lane.custody, path=f"{mount}/workloads/tenant/{bench.lane.id}"))
    proof = bench.prove(vaults=lambda: bench.vault("admin"))
    assert wrong(proof) == ["mount"]
    assert all(not each.status for each in proof.verdicts)
    assert bench.server.must("GET", key)["data"] == {"API_KEY": "kept"}
    bench.server.must("DELETE", f"sys/mounts/{mount}")


def test_a_person_is_proven_as_the_caller_and_only_if_a_member(bench, unique, verdict):
    role = unique("people")
    bench.change(readers=(*bench.lane.readers, PeopleReader(people="publishers", login="netkingdom", role=role)))
    bench.ready()
    proof = bench.prove()
    assert proof.state == "inconclusive"
    assert verdict(proof, "member").detail == OnlyMembersCanShow("netkingdom", role)
    # Logged in at the same mount by another role: no member by that.
    other = unique("other")
    bench.server.must(
        "POST",
        f"auth/netkingdom/role/{other}",
        {"role_type": "jwt", "user_claim": "sub", "bound_audiences": ["openbao"], "token_policies": ["warden-prove"]},
    )
    login = {"role": other, "jwt": bench.server.person_jwt(unique("bob"), ["publishers"])}
    token = bench.server.must("POST", "auth/netkingdom/login", login, token=None)["auth"]["client_token"]
    proof = bench.prove(vaults=lambda: bench.server.vault(token), run=f"wp-{bench.lane.id}-other")
    assert verdict(proof, "member").result == "inconclusive"
    assert not [each for each in proof.verdicts if each.reader.startswith("people") and each.probe == "reads"]
    # The same person, with the prover's rights by its identity: an entity whose alias lives at the login mount.
    name = unique("alice")
    accessor = bench.server.must("GET", "sys/auth")["data"]["netkingdom/"]["accessor"]
    entity = bench.server.must("POST", "identity/entity", {"name": name, "policies": ["warden-prove"]})["data"]["id"]
    bench.server.must(
        "POST", "identity/entity-alias", {"name": name, "canonical_id": entity, "mount_accessor": accessor}
    )
    login = {"role": role, "jwt": bench.server.person_jwt(name, ["publishers"])}
    token = bench.server.must("POST", "auth/netkingdom/login", login, token=None)["auth"]["client_token"]
    proof = bench.prove(vaults=lambda: bench.server.vault(token), run=f"wp-{bench.lane.id}-member")
    mine = [each for each in proof.verdicts if each.reader.startswith("people") and each.probe == "reads"]
    assert [(each.result, each.observed) for each in mine] == [("ok", "allowed")]
    assert proof.state == "proven", [each for each in proof.verdicts if each.result != "ok"]


# -- inconclusive is not denied ---------------------------------------------------------------------------------------


def test_without_audit_lines_nothing_is_proven(bench, tmp_path):
    bench.ready()
    empty = tmp_path / "audit.log"
    empty.write_text("")
    proof = bench.prove(audit=AuditFiles([str(empty)]))
    assert proof.state == "inconclusive"
    assert proof.failed == 0
    assert sum(each.detail == NoAuditLine() for each in proof.verdicts) == 16


def test_a_missing_audit_file_is_reported_once(bench, tmp_path, verdict):
    bench.ready()
    proof = bench.prove(audit=AuditFiles([str(tmp_path / "none.log")]))
    assert proof.state == "inconclusive"
    assert "there is no such file" in verdict(proof, "audit").detail.problem


def test_lines_are_read_across_a_rotation(bench):
    """As logrotate does it: rename, then SIGHUP; here between two probes."""
    bench.ready()
    log = Path(bench.server.audit_file)
    rotated = log.with_name(f"{log.name}.{bench.lane.id}")

    class Rotating:
        def mint(self, workload, audience, ttl):
            if not rotated.exists():
                log.rename(rotated)
                os.kill(bench.server.embedded.status().pid, signal.SIGHUP)
                end = time.monotonic() + 10
                while not log.exists() and time.monotonic() < end:
                    time.sleep(0.02)
            return bench.server.issuer.mint(workload, audience, ttl)

    proof = bench.prove(identities=ByMount({}, Rotating()))
    nonce = f'"wp-{bench.lane.id}-'
    assert nonce in rotated.read_text()
    assert nonce in log.read_text()
    assert proof.state == "proven", [each for each in proof.verdicts if each.result != "ok"]


def test_lines_that_come_late_are_waited_for(bench):
    bench.ready()
    files, asked = AuditFiles([bench.server.audit_file]), []

    class Late:
        where = files.where

        def lines(self, needle):
            asked.append(needle)
            found = files.lines(needle)
            return found if len(asked) > 2 else found[:5]

    assert bench.prove(audit=Late()).state == "proven"
    assert len(asked) == 3


def test_lines_can_come_from_a_command(bench):
    bench.ready()
    assert bench.prove(audit=AuditCommand(["cat", bench.server.audit_file])).state == "proven"
    failing = bench.prove(audit=AuditCommand(["false"]), run=f"wp-{bench.lane.id}-b")
    assert failing.state == "inconclusive"


def test_lines_are_found_in_a_directory_of_logs(bench):
    bench.ready()
    assert bench.prove(audit=AuditFiles([os.path.dirname(bench.server.audit_file)])).state == "proven"


def test_where_nobody_can_be_impersonated_it_is_inconclusive(bench, verdict):
    proof = bench.ready().prove(identities=ByMount({}, NoIssuer("https://bao.example:8200")))
    assert proof.state == "inconclusive"
    assert verdict(proof, "other-account").result == "inconclusive"
    assert verdict(proof, "no-token").result == "ok"


def test_a_refusal_for_another_reason_does_not_count(bench, verdict, tmp_path):
    """A token whose signature nobody knows is refused as well, but that says nothing about subject or audience."""
    from warden.adapters.dev.issuer import new_key

    new_key(str(tmp_path / "kubernetes.pem"))
    proof = bench.ready().prove(identities=ByMount({}, LocalIssuer(str(tmp_path))))
    found = verdict(proof, "other-audience")
    assert (found.result, found.observed) == ("inconclusive", "refused")
    assert isinstance(found.detail, OtherReason)
    assert verdict(proof, "sibling").result == "inconclusive"


def test_a_prover_without_rights_proves_nothing(bench):
    bench.ready()
    proof = bench.prove(vaults=lambda: bench.server.vault("developer"))
    assert proof.state == "inconclusive"
    assert all(not each.status for each in proof.verdicts)


def test_a_prover_without_a_token_is_refused(bench):
    with pytest.raises(Unidentified, match="no token was given"):
        bench.prove(vaults=bench.server.vault)


@contextlib.contextmanager
def relay(target, breaks_after, how, seen=None):
    """Forwards requests to the real server until `breaks_after` of them, then behaves as `how` says."""
    host, port = target.removeprefix("http://").split(":")
    listener = socket.create_server(("127.0.0.1", 0))
    seen = [] if seen is None else seen

    def serve(client):
        upstream = socket.create_connection((host, int(port)))
        with client, upstream:
            while request := client.recv(1 << 20):
                seen.append(request)
                if len(seen) > breaks_after:
                    how(client)
                    return
                upstream.sendall(request)
                client.sendall(upstream.recv(1 << 20))
                while select.select([upstream, client], [], [])[0] == [upstream]:  # a long answer comes in pieces
                    client.sendall(upstream.recv(1 << 20))

    def accept():
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


def reply(status, body=b"{}"):
    return lambda client: client.sendall(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))


BREAKS = {
    "killed": (socket.socket.close, "closed the connection"),
    "answering 500": (reply(b"500 Internal Server Error", b'{"errors":["internal error"]}'), "answered 500"),
    "sealed": (reply(b"503 Service Unavailable", b'{"errors":["Vault is sealed"]}'), "answered 503"),
    "silent": (lambda _: time.sleep(10), "no answer within"),
    "no HTTP": (lambda client: client.sendall(b"220 smtp ready\r\n\r\n"), "does not speak HTTP"),
    "a proxy that refuses": (reply(b"403 Forbidden", b"<html>blocked</html>"), "answered 403"),
    "a proxy that knows nothing": (reply(b"404 Not Found", b"<html>no such page</html>"), "answered 404"),
}


@pytest.mark.parametrize("way", BREAKS)
def test_a_server_that_breaks_mid_prove_refuses_nothing(bench, way):
    how, words = BREAKS[way]
    bench.ready()
    before = bench.snapshot()
    with relay(bench.server.address, 12, how) as address:
        endpoint = parse_address(address, "BAO_ADDR")

        endpoint = msgspec.structs.replace(endpoint, timeout=3.0 if way == "silent" else 20.0)
        token = Secret(bench.server.token("platform"))
        proof = bench.prove(vaults=lambda: OpenBao(endpoint, token))
    assert proof.state in {"inconclusive", "refuted"}
    broken = [each for each in proof.verdicts if each.result != "ok"]
    assert len(broken) >= 5
    assert any(words in explanation(each) for each in broken), [each.detail for each in broken]
    refused = [each for each in proof.verdicts if each.expected == "refused" and each.result == "ok"]
    assert all(each.audit for each in refused)
    assert bench.snapshot() == before


def test_a_silent_server_is_waited_for_once(bench):
    bench.ready()
    requests = []
    with relay(bench.server.address, 14, BREAKS["silent"][0], requests) as address:
        endpoint = msgspec.structs.replace(parse_address(address, "BAO_ADDR"), timeout=3.0)
        token = Secret(bench.server.token("platform"))
        proof = bench.prove(vaults=lambda: OpenBao(endpoint, token))
    assert len(requests) == 15
    assert sum(isinstance(each.detail, NotSent) for each in proof.verdicts) >= 3


def test_a_proxy_that_drops_the_wrapping_gets_no_value_into_proof_or_journal(bench, verdict):
    bench.ready()

    class Unwrapping(OpenBao):
        def send(self, request):
            kept = {name: value for name, value in request.headers.items() if name != "X-Vault-Wrap-TTL"}
            return super().send(msgspec.structs.replace(request, headers=kept))

    proof = bench.prove(vaults=lambda: Unwrapping(bench.vault().endpoint, Secret(bench.server.token("platform"))))
    found = verdict(proof, "reads")
    assert (found.result, found.detail) == ("inconclusive", NotWrapped())
    assert bench.value not in repr(proof)
    assert bench.value.encode() not in Path(bench.journal.path).read_bytes()


# -- what is kept -----------------------------------------------------------------------------------------------------


def test_probes_are_journaled_before_and_after_and_hold_no_value(bench):
    bench.ready().prove()
    events = [record.event for record in bench.journal.log()]
    assert events.index("probe.begin") < events.index("probe")
    assert events[-1] == "proof"
    begin = next(record for record in bench.journal.log() if record.event == "probe.begin")
    assert begin.body["identity"]["mount"] == "userpass"
    assert {token["subject"] for token in begin.body["tokens"]} >= {f"tenant/{bench.lane.id}", "tenant/warden-probe"}
    with open(bench.journal.path, "rb") as file:
        assert bench.value.encode() not in file.read()
    state = bench.journal.state(bench.lane.id)
    assert state.proof.body["state"] == "proven"


def test_each_identity_that_is_played_was_announced_and_lives_for_ten_minutes_at_most(bench):
    minted = []

    class Counted:
        def mint(self, workload, audience, ttl):
            minted.append({"mount": "kubernetes", "subject": str(workload), "audience": audience, "ttl": ttl})
            return bench.server.issuer.mint(workload, audience, ttl)

    assert bench.ready().prove(identities=ByMount({}, Counted())).state == "proven"
    begin = next(record for record in bench.journal.log() if record.event == "probe.begin")
    assert sorted(minted, key=lambda each: (each["subject"], each["audience"])) == begin.body["tokens"]
    assert {each["ttl"] for each in minted} == {600}


def test_without_a_journal_nothing_is_asked(bench):
    bench.ready()
    size = os.path.getsize(bench.server.audit_file)
    bench.journal.path = "/proc/no-such-place/journal.db"
    bench.journal = type(bench.journal)("/proc/no-such-place/journal.db")
    with pytest.raises(JournalUnwritable):
        bench.prove()
    with open(bench.server.audit_file, "rb") as file:
        file.seek(size)
        assert b'"x-lane-probe":[' not in file.read()  # the header of a probe; its registration is looked at before


def test_no_token_is_left_behind(bench):
    bench.ready()
    count = len(bench.server.must("LIST", "auth/token/accessors")["data"]["keys"])
    bench.prove()
    assert len(bench.server.must("LIST", "auth/token/accessors")["data"]["keys"]) <= count


def test_lanes_are_proven_side_by_side_each_with_its_own_lines(bench):
    bench.ready()
    for number in range(4):
        lane = bench.make(f"{bench.lane.id}-{number}")
        bench.lanes.append(lane)
        bench.apply(lane=lane)
    proofs = bench.prove_all(bench.lanes)
    assert [proof.lane for proof in proofs] == [lane.id for lane in bench.lanes]
    assert proofs[0].state == "proven"
    assert all(wrong(proof) == ["live-version"] for proof in proofs[1:])
    announced = [record.body["probes"] for record in bench.journal.log() if record.event == "probe.begin"]
    assert len({nonce for probes in announced for nonce in probes}) == sum(map(len, announced))


# -- what only a member can show --------------------------------------------------------------------------------------


@pytest.fixture
def for_people(bench, unique):
    """A lane for people too; answers the vault of a member who has no other rights."""
    role = unique("people")
    people = PeopleReader(people="publishers", login="netkingdom", role=role)
    bench.change(readers=(*bench.lane.readers, people))
    bench.ready()

    def member():
        login = {"role": role, "jwt": bench.server.person_jwt(unique("alice"), ["publishers"])}
        token = bench.server.must("POST", "auth/netkingdom/login", login, token=None)["auth"]["client_token"]
        return bench.server.vault(token)

    return member


def test_a_lane_for_people_lacks_nothing_but_a_member(bench, for_people):
    assert for_people
    proof = bench.prove()
    assert (proof.state, proof.lacks_members_only) == ("inconclusive", True)
    assert proof.needs_member == ("people publishers of netkingdom",)


def test_what_a_member_has_shown_counts_in_the_next_proof(bench, for_people, verdict):
    first = bench.prove()
    member = for_people()
    mine = bench.prove(vaults=lambda: member, run=f"wp-{bench.lane.id}-member")
    assert (mine.scope, mine.state, [each.probe for each in mine.verdicts]) == ("member", "proven", ["reads"])
    assert bench.journal.state(bench.lane.id).proof.seq == first.record  # it is not a proof of the lane
    proof = bench.prove(run=f"wp-{bench.lane.id}-again")
    assert (proof.state, proof.needs_member) == ("proven", ())
    assert verdict(proof, "member").audit == mine.verdicts[0].audit
    assert verdict(proof, "member").detail.record == mine.record


@pytest.mark.parametrize("event", ["apply.done", "lane.opened"])
def test_a_member_has_to_show_it_again_after_the_lane_was_changed(bench, for_people, event):
    member = for_people()
    bench.prove(vaults=lambda: member, run=f"wp-{bench.lane.id}-member")
    bench.journal.record(event, bench.lane.id, {})
    assert bench.prove(run=f"wp-{bench.lane.id}-again").lacks_members_only


def test_what_is_not_in_the_audit_log_a_member_has_not_shown(bench, for_people, tmp_path):
    empty = tmp_path / "audit.log"
    empty.write_text("")
    member = for_people()
    mine = bench.prove(vaults=lambda: member, audit=AuditFiles([str(empty)]), run=f"wp-{bench.lane.id}-member")
    assert mine.state == "inconclusive"
    assert bench.prove(run=f"wp-{bench.lane.id}-again").lacks_members_only


def test_who_is_no_member_and_may_not_compare_shows_nothing(bench, for_people):
    assert for_people
    token = bench.server.token_with('path "auth/token/lookup-self" { capabilities = ["read"] }')
    proof = bench.prove(vaults=lambda: bench.server.vault(token), run=f"wp-{bench.lane.id}-nobody")
    assert (proof.scope, proof.state, proof.lacks_members_only) == ("lane", "inconclusive", False)


def test_a_lane_for_people_that_is_wrong_too_is_refuted(bench, for_people):
    assert for_people
    bench.server.must("DELETE", f"sys/policies/acl/{bench.lane.custody.policy_name}")
    proof = bench.prove()
    assert (proof.state, proof.lacks_members_only) == ("refuted", False)
