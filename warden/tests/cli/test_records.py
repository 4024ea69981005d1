"""What the journal has of each command: whole records, in which only times, hashes and ids are wildcards."""

import getpass
import shutil

import pytest
from like import NUMBER, TIME, UUID, Like

from warden.adapters.journal.sqlite import SqliteJournal


@pytest.fixture
def recorded(engineer):
    """Runs a command, and answers the (event, body) of the records that it added, without place and process.

    The number by which an end names its beginning is ``BEGIN``: every end here is of a record of the same run.
    """
    journal = SqliteJournal(engineer.own["WARDEN_JOURNAL"])

    def run(*argv, code=0, openbao=UUID, namespace="", **how):
        before = len(journal.log())
        done = engineer(*argv, **how)
        assert done.returncode == code, done.stdout + done.stderr
        added = journal.log(after=before)
        assert {(each.lane, each.actor) for each in added} <= {(engineer.world.lane, getpass.getuser())}
        place = {"platform": str(engineer.world.folder / "platform"), "openbao": openbao, "namespace": namespace}
        assert [each.body["place"] for each in added] == [place] * len(added)
        assert [each.event for each in added if "process" in each.body] == [
            each.event for each in added if each.event.endswith(".begin")
        ]
        assert journal.unfinished() == []
        return [(each.event, _without_numbers(each.body, {each.seq for each in added})) for each in added]

    run.world = engineer.world
    return run


BEGIN = {"begin": "its beginning"}


def _without_numbers(body, added):
    kept = {key: part for key, part in body.items() if key not in {"place", "process"}}
    if "begin" in kept:
        assert kept["begin"] in added
        kept |= BEGIN
    return kept


def engineer_of(world):
    return {
        "system": world.server.address,
        "identity": {"display_name": "userpass-platform", "mount": "userpass", "role": "", "entity": UUID},
    }


def changes(world, *made):
    names = {
        "policy": f"workload-kv-read-{world.lane}",
        "role": f"auth/kubernetes/role/workload-{world.tenant}-api",
        "metadata": world.path,
    }
    return {"changes": [{"action": action, "kind": kind, "name": names[kind]} for action, kind in made]}


def around(verb, body):
    return [(f"{verb}.begin", body), (f"{verb}.done", body | BEGIN)]


def test_of_a_lane_that_is_applied_filled_closed_and_opened(recorded):
    world = recorded.world
    who = engineer_of(world)
    taken = changes(world, ("change", "metadata"), ("change", "policy"), ("change", "role"))
    shut = changes(world, ("change", "role"), ("delete", "policy"), ("change", "metadata"))
    opened = changes(world, ("create", "policy"), ("change", "role"))
    put = who | {"path": world.path, "fields": ["API_KEY"], "before": 1}

    assert recorded("apply", world.lane, "--take-over", "--yes") == around("apply", who | taken)
    assert recorded("apply", world.lane, "--yes") == []
    assert recorded("put", world.lane, "API_KEY", stdin="a-planted-value-0123456789") == [
        ("put.begin", put),
        ("put.done", put | {"version": 2} | BEGIN),
    ]
    closed = {"reason": "INC-7", "leaked": False, "system": world.server.address}
    found = recorded("deactivate", world.lane, "--reason", "INC-7", "--yes")
    assert (found[0], found[2:4]) == (("lane.closed", closed), around("apply", who | shut))
    steps = ["deactivate.step", "deactivate.step"]
    assert [event for event, _ in found[4:]] == [*steps, "deactivate.done"]
    assert [body["kind"] for body in found[1][1]["steps"]] == [
        *("record", "close-openbao", "revoke-tokens", "prove-denied"),
    ]
    assert {"complete": True, "denied": True, "revoked": 0}.items() <= found[-1][1].items()

    found = recorded("reactivate", world.lane, "--reason", "mended", "--yes")
    assert (found[0][0], found[1:3]) == ("reactivate.begin", around("apply", who | opened))
    (proof,) = (body for event, body in found if event == "proof")
    assert proof["state"] == "proven"
    marks = changes(world, ("change", "metadata"))
    assert found[-4:-2] == around("apply", who | marks)
    assert [event for event, _ in found[-2:]] == ["reactivate.done", "lane.opened"]
    assert (who | {"reason": "mended"}).items() <= found[-1][1].items()


@pytest.mark.parametrize(("address", "namespace", "code"), [("http://127.0.0.1:1", "", 3), ("", None, 2)])
def test_of_a_closing_that_openbao_did_not_answer(recorded, address, namespace, code):
    closed = ("deactivate", recorded.world.lane, "--reason", "INC-7", "--yes")
    found = recorded(*closed, code=code, openbao=None, namespace=namespace, BAO_ADDR=address)
    assert found[0] == ("lane.closed", {"reason": "INC-7", "leaked": False, "system": address})
    assert [event for event, _ in found[1:]] == (["deactivate.begin", "deactivate.failed"] if address else [])


ACCESSOR = Like(r"[A-Za-z0-9]{24}")


def decision(effect, identity, via, reason=""):
    return {
        "id": UUID,
        "action": "access",
        "effect": effect,
        "policies": ["declared-readers"] if effect == "allow" else [],
        "identity": identity,
        "reason": reason,
        "via": via,
    }


def test_of_values_that_are_handed_over_and_of_those_that_are_not(recorded):
    world = recorded.world
    role = f"workload-{world.tenant}-api"
    reader = {
        "display_name": Like(f"kubernetes-.*{world.tenant}.*"),
        "mount": "kubernetes",
        "role": role,
        "entity": UUID,
    }
    developer = {"display_name": "userpass-developer", "mount": "userpass", "role": "", "entity": UUID}
    both, as_reader = ["API_KEY", "SIGNING_KEY"], {"BAO_TOKEN": world.token()}
    how = {"decision": UUID, "via": "env", "fields": both, "command": "true"}
    allowed = decision("allow", reader, "env", "ticket 7")

    got = recorded("access", world.lane, "--reason", "ticket 7", "--", "true", **as_reader)
    end = how | BEGIN | {"version": 1, "program": shutil.which("true")}
    assert got == [("decision", allowed), ("access.begin", how | {"identity": reader}), ("access.handed", end)]
    assert {body.get("decision", body.get("id")) for _, body in got} == {got[0][1]["id"]}

    fetched = {"decision": UUID, "via": "stdout", "fields": both}
    assert recorded("access", world.lane, "--fetch", "SIGNING_KEY", **as_reader) == [
        ("decision", decision("allow", reader, "stdout")),
        ("access.begin", fetched | {"identity": reader}),
        ("access.handed", fetched | BEGIN | {"version": 1, "fields": ["SIGNING_KEY"]}),
    ]
    denied = decision("deny", developer, "fd")
    stranger = {"BAO_TOKEN": world.server.token("developer")}
    assert recorded("access", world.lane, "--as", "fd", "--", "true", code=125, **stranger) == [("decision", denied)]

    (world.folder / "sa-token").write_text(world.server.mint(world.reader))
    as_pod = {"BAO_TOKEN": "", "WARDEN_SA_TOKEN_FILE": str(world.folder / "sa-token")}
    got = recorded("access", world.lane, "--", "true", **as_pod)
    assert got[2] == ("access.handed", end | {"token": "revoked"})
    world.server.must("DELETE", f"sys/policies/acl/workload-kv-read-{world.lane}")
    assert recorded("access", world.lane, "--", "true", code=125, **as_pod) == [
        ("decision", allowed | {"reason": ""}),
        ("access.begin", how | {"identity": reader, "accessor": ACCESSOR, "ttl": 900}),
        ("access.failed", {"decision": UUID, "kind": "refused", "token": "revoked"} | BEGIN),
    ]


EXPECTED = {
    "live-version": ("allowed", "version", 200),
    "no-token": ("refused", "refused", 403),
    "reads": ("allowed", "allowed", 200),
    "other-account": ("refused", "refused", 400),
    "other-namespace": ("refused", "refused", 400),
    "other-audience": ("refused", "refused", 400),
    "sibling": ("refused", "refused", 403),
    "below": ("refused", "refused", 403),
    "lists": ("refused", "refused", 403),
    "scans": ("refused", "refused", 403),
    "writes": ("refused", "refused", 403),
    "patches": ("refused", "refused", 403),
    "deletes": ("refused", "refused", 403),
    "undeletes": ("refused", "refused", 403),
    "destroys": ("refused", "refused", 403),
    "capabilities": ("allowed", "as-declared", 200),
}


def probe(world, name):
    expected, observed, status = EXPECTED[name]
    return {
        "probe": name,
        "reader": "" if name in ("live-version", "no-token") else world.reader,
        "cluster": "",
        "result": "ok",
        "expected": expected,
        "observed": observed,
        "subject": world.tenant if name == "other-account" else "",
        "version": int(name == "live-version"),
        "status": status,
        "detail": None,
        "differences": [],
        "remedy": [],
        "stretch": "custody",
        "audit": UUID,
        "at": TIME,
        "ms": NUMBER,
    }


def proof(world, **counts):
    role, policy = f"workload-{world.tenant}-api", f"workload-kv-read-{world.lane}"
    return counts | {
        "run": Like("wp-[0-9a-f]{12}"),
        "scope": "lane",
        "inspected": False,
        "shape": 3,
        "system": world.server.address,
        "declared": {
            "path": world.path,
            "fields": ["API_KEY", "SIGNING_KEY"],
            "policy": policy,
            "readers": [f"{world.reader} {role} openbao"],
            "deliveries": {},
        },
        "deliveries": {},
    }


def test_of_a_proof_and_of_one_that_is_refuted(recorded):
    world = recorded.world
    recorded("apply", world.lane, "--take-over", "--yes")
    begin, opened, closed, *probes, last = recorded("prove", world.lane)
    tokens = [("openbao", world.reader), ("warden-probe", world.reader)]
    tokens += [("openbao", f"{world.tenant}/warden-probe"), ("openbao", "warden-probe/api")]
    run = last[1]["run"]
    announced = {
        "probes": {f"{run}-0-{number}": name for number, name in enumerate(EXPECTED)},
        "tokens": [
            {"mount": "kubernetes", "audience": audience, "subject": subject, "ttl": 600}
            for audience, subject in tokens
        ],
        "secret_ids": [],
        "refreshes": [],
    }
    assert begin == ("probe.begin", engineer_of(world) | announced)
    session = {"system": world.server.address, "reader": world.reader, "accessor": ACCESSOR, "ttl": 900}
    assert (opened, closed) == (("token.begin", session), ("token.done", BEGIN | {"token": "revoked"}))
    assert probes == [("probe", probe(world, name)) for name in EXPECTED]
    counts = {"state": "proven", "passed": 21, "failed": 0, "inconclusive": 0, "total": 21, "evidence": 16}
    assert last == ("proof", proof(world, **counts, not_ok=[], next=None) | BEGIN)

    world.fill({"API_KEY": "alone"})
    fix = [{"type": "warden", "command": "put", "arguments": [world.lane, "SIGNING_KEY"]}]
    differs = {"type": "fields-differ", "missing": ["SIGNING_KEY"], "extra": []}
    wrong = {"result": "wrong", "observed": "differs", "version": 2, "detail": differs, "remedy": fix}
    *_, first, last = [
        each for each in recorded("prove", world.lane, code=1) if each[0] != "probe" or "wrong" in each[1].values()
    ]
    assert first == ("probe", probe(world, "live-version") | wrong)
    not_ok = [{"probe": "live-version", "reader": "", "cluster": "", "subject": ""}]
    not_ok[0] |= {"result": "wrong", "stretch": "custody", "remedy": fix}
    counts |= {"state": "refuted", "passed": 20, "failed": 1}
    assert last == ("proof", proof(world, **counts, not_ok=not_ok, next={"stretch": "custody", "remedy": fix}) | BEGIN)
