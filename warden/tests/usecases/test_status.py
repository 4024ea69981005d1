"""status: many lanes, one server; what it cannot say is said once, and what the journal knows is shown all the same."""

import contextlib
import datetime as dt
import socket
import threading

from warden.adapters.openbao.client import OpenBao
from warden.adapters.openbao.endpoint import parse_address
from warden.core.errors import Refused, Unreachable
from warden.core.lanes.lane import Custody
from warden.core.lanes.routing import route
from warden.core.openbao.rights import policy_text
from warden.core.secret import Secret
from warden.usecases.deactivate import record_closing
from warden.usecases.status import status


def now():
    return dt.datetime.now(dt.UTC)


def test_what_is_there_is_seen_and_what_was_proven_is_known(bench):
    other = bench.make(f"{bench.lane.id}-b")
    bench.ready().prove()
    found, faults = status([bench.lane, other], bench.vault(), bench.journal, now)
    assert faults == []
    assert [(each.custody, each.proof) for each in found] == [("v1", "proven"), ("no value", "never")]


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
        found, faults = status(lanes, dead, bench.journal, now)
    assert len(asked) == 1
    assert [type(fault) for fault in faults] == [Unreachable]
    assert [each.custody for each in found] == ["?"] * 4
    assert [each.proof for each in found] == ["proven", "never", "never", "never"]


def test_a_path_that_may_not_be_looked_at_hides_no_other(bench):
    bench.ready()
    forbidden = bench.make(f"{bench.lane.id}-b")
    seen = f'path "platform/metadata/{bench.path}" {{ capabilities = ["read"] }}'
    vault = bench.server.vault(bench.server.token_with(seen))
    found, faults = status([forbidden, bench.lane], vault, bench.journal, now)
    assert [each.custody for each in found] == ["?", "v1"]
    assert [type(fault) for fault in faults] == [Refused]


def standing_of(bench):
    return status([bench.lane], bench.vault(), bench.journal, now)[0][0]


def test_a_proof_is_of_what_was_declared_then(bench):
    bench.ready().prove()
    assert standing_of(bench).proof == "proven"
    assert route(bench.lane, bench.journal.state(bench.lane.id), now()).proof.state == "proven"
    bench.change(custody=Custody(path=f"platform/moved/{bench.lane.id}", fields=("API_KEY",)))
    assert standing_of(bench).proof == "stale"
    assert route(bench.lane, bench.journal.state(bench.lane.id), now()).proof.state == "stale"


def test_a_proof_is_of_the_server_that_was_asked(bench):
    bench.ready().prove()
    record = bench.journal.state(bench.lane.id).proof
    bench.journal.record("proof", bench.lane.id, {**record.body, "system": "https://elsewhere.example:8200"})
    assert standing_of(bench).proof == "stale"


def test_a_proof_is_none_of_a_lane_that_was_closed_after_it(bench):
    bench.ready().prove()
    for event in ("lane.closed", "lane.opened"):
        bench.journal.record(event, bench.lane.id, {"reason": "x"})
        assert standing_of(bench).proof == "stale"
        assert route(bench.lane, bench.journal.state(bench.lane.id), now()).proof.state == "stale"
    bench.prove()
    assert standing_of(bench).proof == "proven"


def test_what_a_proof_advised_and_was_done_is_not_advised_again(bench):
    bench.ready()
    bench.server.must("PUT", bench.policy, {"policy": 'path "other" { capabilities = ["read"] }'})
    assert bench.prove().state == "refuted"
    assert standing_of(bench).next_action == f"warden apply {bench.lane.id} --take-over"
    bench.apply(take_over=True)
    assert standing_of(bench).next_action == f"warden prove {bench.lane.id}"


def test_a_lane_that_is_closed_in_the_journal_alone_is_to_be_closed_in_openbao(bench):
    bench.ready()
    record_closing(bench.lane.id, "seen in a log", "", bench.journal)
    again = f"close it in OpenBao, too: warden deactivate {bench.lane.id} --reason 'seen in a log'"
    assert (standing_of(bench).access, standing_of(bench).next_action) == ("closed", again)
    bench.server.must("DELETE", bench.policy)
    assert standing_of(bench).next_action == f"warden reactivate {bench.lane.id}"


def test_who_may_not_look_at_policies_is_told_what_the_journal_knows(bench):
    bench.ready()
    record_closing(bench.lane.id, "seen in a log", "", bench.journal)
    vault = bench.server.vault(bench.server.token_with(policy_text("status")))
    found, faults = status([bench.lane], vault, bench.journal, now)
    assert (faults, found[0].next_action) == ([], f"warden reactivate {bench.lane.id}")
