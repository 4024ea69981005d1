"""status: many lanes, one server; a fault is reported once, and what the journal knows is shown all the same."""

import contextlib
import datetime as dt
import socket
import threading

from warden.adapters.openbao.client import OpenBao
from warden.adapters.openbao.endpoint import parse_address
from warden.core.errors import Refused, Unreachable
from warden.core.lanes.lane import Custody, Workload, WorkloadReader
from warden.core.openbao.rights import policy_text
from warden.core.remedies import warden
from warden.core.routes.freshness import FRESH
from warden.core.routes.route import route
from warden.core.secret import Secret
from warden.usecases.deactivate import record_closing
from warden.usecases.status import status


def now():
    return dt.datetime.now(dt.UTC)


def report_of(bench, lanes=None, vault=None):
    return status(lanes or [bench.lane], vault or bench.vault(), None, bench.journal, now, counts_for=FRESH)


def status_of(bench):
    return report_of(bench).lanes[0]


def test_what_is_there_is_seen_and_what_was_proven_is_known(bench):
    other = bench.make(f"{bench.lane.id}-b")
    bench.ready().prove()
    report = report_of(bench, [bench.lane, other])
    assert report.faults == ()
    assert [(each.version, each.proof) for each in report.lanes] == [(1, "proven"), (0, "unproven")]


def test_a_dead_server_is_asked_once_however_many_lanes_there_are(bench):
    bench.ready().prove()
    lanes = [bench.lane, *(bench.make(f"{bench.lane.id}-{number}") for number in range(3))]
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up():
            with contextlib.suppress(OSError):  # until the listener is closed
                for _ in lanes:
                    client, _ = listener.accept()
                    asked.append(client.recv(4096))
                    client.close()

        threading.Thread(target=hang_up, daemon=True).start()
        dead = OpenBao(parse_address(f"http://127.0.0.1:{listener.getsockname()[1]}", "BAO_ADDR"), Secret("t"))
        report = report_of(bench, lanes, dead)
    assert len([each for each in asked if b" /v1/" in each]) == 1  # what follows finds out what is spoken there
    assert [type(fault) for fault in report.faults] == [Unreachable]
    assert [each.version for each in report.lanes] == [None] * 4
    assert [each.proof for each in report.lanes] == ["proven", "unproven", "unproven", "unproven"]


def test_a_path_that_may_not_be_looked_at_hides_no_other(bench):
    bench.ready()
    forbidden = bench.make(f"{bench.lane.id}-b")
    seen = f'path "platform/metadata/{bench.path}" {{ capabilities = ["read"] }}'
    vault = bench.server.vault(bench.server.token_with(seen))
    report = report_of(bench, [forbidden, bench.lane], vault)
    assert [each.version for each in report.lanes] == [None, 1]
    assert [type(fault) for fault in report.faults] == [Refused]


def test_without_an_openbao_only_what_the_journal_knows_is_said(bench):
    bench.ready().prove()
    report = status([bench.lane], None, None, bench.journal, now, counts_for=FRESH)
    assert (report.faults, report.lanes[0].version, report.lanes[0].proof) == ((), None, "proven")


def test_a_proof_is_of_what_was_declared_then(bench):
    bench.ready().prove()
    assert status_of(bench).proof == "proven"
    assert route(bench.lane, bench.journal.state(bench.lane.id), now(), FRESH).proof.state == "proven"
    bench.change(custody=Custody(path=f"platform/moved/{bench.lane.id}", fields=("API_KEY",)))
    assert status_of(bench).proof == "stale"
    assert route(bench.lane, bench.journal.state(bench.lane.id), now(), FRESH).proof.state == "stale"


def test_a_proof_is_of_the_server_that_was_asked_and_not_of_its_address(bench):
    bench.ready().prove()
    record = bench.journal.state(bench.lane.id).proof
    bench.journal.record("proof", bench.lane.id, {**record.body, "system": "https://elsewhere.example:8200"})
    assert status_of(bench).proof == "proven"
    other = {**record.body, "state": "refuted", "place": {**record.body["place"], "openbao": "another"}}
    bench.journal.record("proof", bench.lane.id, other)
    assert status_of(bench).proof == "proven"


def test_a_proof_does_not_count_for_a_lane_that_was_closed_after_it(bench):
    bench.ready().prove()
    for event in ("lane.closed", "lane.opened"):
        bench.journal.record(event, bench.lane.id, {"reason": "x"})
        assert status_of(bench).proof == "stale"
        assert route(bench.lane, bench.journal.state(bench.lane.id), now(), FRESH).proof.state == "stale"
    bench.prove()
    assert status_of(bench).proof == "proven"


def test_what_a_proof_advised_and_was_done_is_not_advised_again(bench):
    bench.ready()
    bench.server.must("PUT", bench.policy, {"policy": 'path "other" { capabilities = ["read"] }'})
    assert bench.prove().state == "refuted"
    assert status_of(bench).next.remedy == (warden("apply", bench.lane.id, take_over=True, yes=True),)
    bench.apply(take_over=True)
    assert status_of(bench).next.remedy == (warden("prove", bench.lane.id),)


def test_a_lane_that_is_closed_in_the_journal_alone_is_to_be_closed_in_openbao(bench):
    bench.ready()
    record_closing(bench.lane.id, "seen in a log", "", bench.journal)
    found = status_of(bench)
    assert (found.closed, found.next.reason) == (True, "closed-in-journal-only")
    assert found.next.remedy == (warden("deactivate", bench.lane.id, reason="seen in a log"),)
    bench.server.must("DELETE", bench.policy)
    assert status_of(bench).next.reason == "closed-in-journal-only"  # no other machine knows of it


def test_who_may_not_look_at_policies_sees_what_the_journal_knows(bench):
    bench.ready()
    record_closing(bench.lane.id, "seen in a log", "", bench.journal)
    vault = bench.server.vault(bench.server.token_with(policy_text("status")))
    report = report_of(bench, vault=vault)
    assert (report.faults, report.lanes[0].next.reason) == ((), "closed-in-journal-only")


def test_a_proof_of_one_namespace_is_not_one_of_another(bench):
    """As the journal has them side by side: refuted here, and proven in namespace team."""
    bench.ready()
    bench.journal.record("proof", bench.lane.id, {"state": "refuted"})
    bench.journal_at("here", BAO_NAMESPACE="team").record("proof", bench.lane.id, {"state": "proven"})
    assert status_of(bench).proof == "refuted"
    bench.journal = bench.journal_at("here", BAO_NAMESPACE="team")
    assert status_of(bench).proof == "stale"


def test_what_was_done_elsewhere_did_not_change_anything_here(bench):
    bench.ready().prove()
    bench.journal_at("elsewhere").record("put.done", bench.lane.id, {})
    assert status_of(bench).next is None


def test_access_is_what_the_readers_can_do_now(bench):
    bench.ready()
    assert status_of(bench).access == "open"
    reader = bench.lane.readers[0]
    role = f"auth/{reader.mount}/role/{bench.lane.role_of(reader)}"
    bench.server.must("POST", role, {"token_policies": ["default"], "role_type": "jwt", "user_claim": "sub"})
    found = status_of(bench)
    assert (found.access, found.next.reason) == ("nobody", "access-missing")
    bench.apply()
    bench.server.must("DELETE", f"sys/policies/acl/{bench.lane.custody.policy_name}")
    assert status_of(bench).access == "nobody"


def test_of_two_readers_one_may_lack_its_role(bench):
    second = WorkloadReader(workload=Workload(bench.lane.readers[0].workload.namespace, "second"))
    bench.change(readers=(*bench.lane.readers, second))
    bench.ready()
    assert status_of(bench).access == "open"
    bench.server.must("DELETE", f"auth/kubernetes/role/{bench.lane.role_of(second)}")
    assert status_of(bench).access == "partly"
