"""Key management at the simulator, over HTTP: the keys that it makes and ends, and how it lies when it is told to."""

from __future__ import annotations

import http.client
import threading

import pytest

from llm_connect.common.secret import Secret
from llm_connect.simulator.account import Account, ManagedKey
from llm_connect.simulator.app import Simulator
from llm_connect.simulator.faults import Faults, NotAFault
from llm_connect.simulator.key import FixedKey

MANAGEMENT = "sk-or-v1-management-0123456789abcdef"
BODY = {"model": "a/b", "messages": [{"role": "user", "content": "hello"}]}


def bearer(key):
    return {"authorization": f"Bearer {key}"}


@pytest.fixture
def provider(serving, call, key):
    """A simulator with pages of two keys, and a function that asks it."""
    simulator = Simulator(FixedKey(Secret(key)), management_key=FixedKey(Secret(MANAGEMENT)), page=2)
    with serving(simulator.application()) as url:

        def ask(method, path, body=None, key=MANAGEMENT):
            return call(method, url + path, body, bearer(key))

        ask.completes = lambda key: ask("POST", "/api/v1/chat/completions", BODY, key).status
        ask.make = lambda **more: ask("POST", "/api/v1/keys", {"name": "made", **more}).json
        ask.lie = lambda *faults, **more: ask("PUT", "/simulator/faults", {"faults": faults, **more}).status
        ask.url = url
        yield ask


def names(provider, query=""):
    return [each["name"] for each in provider("GET", f"/api/v1/keys{query}").json["data"]]


def test_a_created_key_works_until_it_is_disabled_or_deleted(provider):
    made = provider.make(limit=5, limit_reset="monthly", include_byok_in_limit=True)
    path = f"/api/v1/keys/{made['data']['hash']}"
    assert made["key"].startswith("sk-or-v1-")
    assert provider.completes(made["key"]) == 200
    shown = provider("GET", path).json["data"]
    assert (shown["limit"], shown["limit_reset"], shown["include_byok_in_limit"]) == (5, "monthly", True)
    assert 0 < shown["usage"] == pytest.approx(5 - shown["limit_remaining"])
    assert made["key"] not in str(shown)
    assert provider("PATCH", path, {"disabled": True}).json["data"]["disabled"] is True
    assert provider.completes(made["key"]) == 401
    provider("PATCH", path, {"disabled": False, "name": "another"})
    assert provider.completes(made["key"]) == 200
    assert provider("DELETE", path).json == {"deleted": True}
    assert provider.completes(made["key"]) == 401
    assert provider("GET", path).status == provider("DELETE", path).status == 404


def test_a_key_sees_its_own_page_and_nothing_else(provider, key):
    page = provider("GET", "/api/v1/key", key=key).json["data"]
    assert page["label"] == f"{key[:12]}...{key[-4:]}"
    assert page["is_management_key"] is False
    assert provider("GET", "/api/v1/keys", key=key).status == 403
    assert provider("GET", "/api/v1/keys", key="sk-wrong").status == 401


def test_the_management_key_calls_no_model(provider):
    assert provider.completes(MANAGEMENT) == 403
    assert provider("GET", "/api/v1/key").json["data"]["is_management_key"] is True


def test_without_a_management_key_nobody_manages(simulator, call, key):
    for each in (key, ""):
        assert call("GET", f"{simulator}/keys", headers=bearer(each)).status in {401, 403}


def test_keys_are_listed_in_pages_the_newest_first_and_disabled_ones_on_request(provider):
    made = [provider.make(name=f"made-{number}")["data"]["hash"] for number in range(3)]
    provider("PATCH", f"/api/v1/keys/{made[2]}", {"disabled": True})
    assert names(provider) == ["made-1", "made-0"]
    assert names(provider, "?offset=2") == ["there from the start"]
    assert names(provider, "?include_disabled=true") == ["made-2", "made-1"]
    assert names(provider, "?workspace_id=other") == names(provider, "?offset=9") == []
    assert provider("GET", "/api/v1/keys?offset=x").status == 400


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x", "limit": "5"}, "limit"),
        ({"name": "x", "limit_reset": "yearly"}, "limit_reset"),
        ({"name": "x", "expires_at": "2027-01-01T00:00:00+02:00"}, "expires_at"),
        ({"name": "x", "expires_at": "soon"}, "expires_at"),
        ({"name": "x", "disabled": True}, "disabled"),
        ([], "object"),
    ],
)
def test_what_the_reference_does_not_allow_is_400(provider, body, named):
    reply = provider("POST", "/api/v1/keys", body)
    assert reply.status == 400
    assert named in reply.json["error"]["message"]


def test_a_key_ends_at_its_expiry():
    now = [1000.0]
    account = Account(lambda: now[0])
    made = account.create("made", expires_at=1010.0)
    value = made.value.current().reveal()
    assert account.accepted(value) is made
    assert made.page()["expires_at"] == "1970-01-01T00:16:50Z"
    now[0] = 1010.0
    assert account.accepted(value) is None


def test_a_used_up_key_is_402_and_the_others_are_not(provider, key):
    made = provider.make(limit=0)
    assert provider.completes(made["key"]) == 402
    assert provider.completes(key) == 200


def test_a_guardrail_is_bound_to_a_hash_and_one_key_has_one(provider):
    guardrails = [provider("POST", "/api/v1/guardrails", {"name": name}).json["data"]["id"] for name in "ab"]
    digest = provider.make()["data"]["hash"]
    for each in guardrails:
        path = f"/api/v1/guardrails/{each}/assignments/keys"
        assert provider("POST", path, {"key_hashes": [digest]}).json == {"assigned_count": 1}
    listed = provider("GET", "/api/v1/guardrails/assignments/keys?limit=10").json
    assert (listed["data"], listed["total_count"]) == ([{"key_hash": digest, "guardrail_id": guardrails[1]}], 1)
    assert provider("POST", "/api/v1/guardrails/none/assignments/keys", {"key_hashes": [digest]}).status == 404
    assert provider("POST", path, {"key_hashes": ["unknown"]}).status == 400
    provider("DELETE", f"/api/v1/keys/{digest}")
    assert provider("GET", "/api/v1/guardrails/assignments/keys").json["total_count"] == 0


# -- lies -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["disable", "delete"])
def test_an_ended_key_is_still_accepted_for_a_while(end):
    now = [1000.0]
    account = Account(lambda: now[0], still_accepted_seconds=60)
    made = account.add(ManagedKey(FixedKey(Secret("sk-or-v1-one")), "one"))
    if end == "disable":
        account.change(made, disabled=True)
    account.delete(made)
    now[0] = 1059.0
    assert account.accepted("sk-or-v1-one") is made
    now[0] = 1060.0
    assert account.accepted("sk-or-v1-one") is None


def test_to_delete_a_key_that_is_refused_does_not_have_it_accepted_again():
    now = [1000.0]
    account = Account(lambda: now[0], still_accepted_seconds=60)
    made = account.add(ManagedKey(FixedKey(Secret("sk-or-v1-one")), "one"))
    account.change(made, disabled=True)
    now[0] = 1060.0
    account.delete(made)
    assert account.accepted("sk-or-v1-one") is None


def test_a_new_key_is_not_accepted_yet():
    now = [1000.0]
    account = Account(lambda: now[0], not_yet_accepted_seconds=2)
    value = account.create("made").value.current().reveal()
    assert account.accepted(value) is None
    now[0] = 1002.0
    assert account.accepted(value) is not None


def test_times_of_acceptance_are_chosen_over_http(provider):
    provider.lie(still_accepted_seconds=60)
    made = provider.make()
    provider("DELETE", f"/api/v1/keys/{made['data']['hash']}")
    assert provider.completes(made["key"]) == 200
    provider.lie(not_yet_accepted_seconds=60)
    assert provider.completes(provider.make()["key"]) == 401


def test_what_was_done_is_answered_with_500(provider):
    digest = provider.make()["data"]["hash"]
    provider.lie({"on": "delete-key", "how": "500", "done": True})
    assert provider("DELETE", f"/api/v1/keys/{digest}").status == 500
    assert provider("GET", f"/api/v1/keys/{digest}").status == 404


def test_what_was_not_done_is_answered_with_an_error_inside_200(provider):
    digest = provider.make()["data"]["hash"]
    provider.lie({"on": "change-key", "how": "error-in-200"})
    reply = provider("PATCH", f"/api/v1/keys/{digest}", {"disabled": True})
    assert (reply.status, reply.json["error"]["code"]) == (200, 502)
    assert provider("GET", f"/api/v1/keys/{digest}").json["data"]["disabled"] is False


def test_a_creation_that_times_out_has_created(provider):
    provider.lie({"on": "create-key", "how": "silent", "done": True})
    connection = http.client.HTTPConnection(provider.url.removeprefix("http://"), timeout=0.3)
    connection.request("POST", "/api/v1/keys", b'{"name": "orphan"}', bearer(MANAGEMENT))
    with pytest.raises(TimeoutError):
        connection.getresponse()
    connection.close()
    assert "orphan" in names(provider)


def test_bursts_and_breaks_end_by_themselves(provider, key):
    provider.lie({"on": "*", "how": "429", "times": 2})
    statuses = [provider("GET", "/api/v1/key", key=key).status for _ in range(3)]
    assert statuses == [429, 429, 200]
    provider.lie({"on": "*", "how": "503", "seconds": 1})
    assert provider.completes(key) == 503
    assert threading.Event().wait(1.1) is False
    assert provider.completes(key) == 200


@pytest.mark.parametrize(
    "chosen",
    [
        {"on": "nothing", "how": "500"},
        {"on": "*", "how": "prose"},
        {"on": "*"},
        {"on": "*", "how": "500", "times": "2"},
        {"on": "*", "how": "500", "more": 1},
        "500",
    ],
)
def test_what_is_no_fault_is_refused_and_changes_nothing(chosen):
    faults = Faults()
    faults.choose([{"on": "*", "how": "500"}])
    with pytest.raises(NotAFault):
        faults.choose([chosen])
    assert faults.next("create-key").how == "500"
    assert faults.next("create-key") is None


def test_only_the_management_key_chooses_faults(provider, key, call):
    assert call("PUT", f"{provider.url}/simulator/faults", {}, bearer(key)).status == 403
    assert provider("PUT", "/simulator/faults", {"faults": [{"on": "x"}]}).status == 400
    assert provider("PUT", "/simulator/faults", {"still_accepted_seconds": "soon"}).status == 400


def test_the_program_with_a_management_key_says_none_of_them(program, call, tmp_path, key):
    (tmp_path / "key").write_text(key)
    options = ("--key-file", str(tmp_path / "key"), "--management-key-env", "MANAGES", "--log-level", "debug")
    variables = {"MANAGES": MANAGEMENT, "PYTHONASYNCIODEBUG": "1"}
    with program("simulate-openrouter", *options, environment=variables) as simulator:
        assert len(call("GET", f"{simulator.url}/keys", headers=bearer(MANAGEMENT)).json["data"]) == 1
        made = call("POST", f"{simulator.url}/keys", {"name": "made"}, bearer(MANAGEMENT)).json["key"]
        faults = {"faults": [{"on": "*", "how": "echo-key"}]}
        call("PUT", simulator.url.replace("/api/v1", "/simulator/faults"), faults, bearer(MANAGEMENT))
        assert MANAGEMENT in str(call("GET", f"{simulator.url}/keys", headers=bearer(MANAGEMENT)).json)
        simulator.terminate()
        said = "".join(simulator.communicate(timeout=10))
    assert [each for each in (key, MANAGEMENT, made) if each in said] == []


def test_one_of_two_ways_to_name_the_management_key(run, tmp_path, key):
    (tmp_path / "key").write_text(key)
    both = ("--management-key-env", "A", "--management-key-file", "b")
    found = run("simulate-openrouter", "--key-file", str(tmp_path / "key"), *both)
    assert found.returncode == 2
    assert "--management-key-file PATH" in found.stderr
