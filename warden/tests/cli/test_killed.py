"""Commands that were killed with SIGKILL at one of their requests: what status says, and what the next run finds."""

import json
import shlex

import pytest
from killing_proxy import killing_proxy
from like import Like

from warden.adapters.journal.sqlite import SqliteJournal

pytestmark = pytest.mark.real


@pytest.fixture
def killed(engineer):
    """Kills ``warden ARGV`` at the first request that `at` is true of, before or after it is `answered`."""
    with killing_proxy(engineer.world.server.address) as proxy:

        def run(*argv, at, answered=True, stdin="", **changed):
            proxy.at, proxy.answered = at, answered
            environ = engineer.world.env(**(engineer.own | {"BAO_ADDR": proxy.address} | changed))
            code = proxy.run(["warden", *argv], environ, stdin)
            assert code == -9, (code, proxy.asked)

        run.engineer, run.world, run.proxy = engineer, engineer.world, proxy
        yield run


@pytest.fixture
def journal(engineer):
    return SqliteJournal(engineer.own["WARDEN_JOURNAL"])


def status(engineer, **how):
    """What status says of the lane, in JSON; its text names each interrupted operation and its command."""
    lane = engineer.world.lane
    (found,) = json.loads(engineer("status", lane, "--json", **how).stdout)
    text = engineer("status", lane, COLUMNS="300").stdout
    for each in found["interrupted"]:
        words = "is running" if each["state"] == "running" else "was killed"
        assert f"{words} (began " in text
        assert f"journal {each['journal']}" in text
        assert each["next_action"] in text
    return found


def paste(engineer, line, code=0, **how):
    """Run a command line of ours exactly as it was shown."""
    program, *argv = shlex.split(line)
    assert program == "warden"
    done = engineer(*argv, **how)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def writes(number):
    """The number-th request that changes something."""
    return lambda asked: (
        asked[-1][0] in {"POST", "PUT", "PATCH", "DELETE"}
        and len([each for each in asked if each[0] in {"POST", "PUT", "PATCH", "DELETE"}]) == number
    )


def last(journal, event):
    return [each.body for each in journal.log() if each.event == event][-1]


@pytest.mark.parametrize("answered", [False, True])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_apply_is_run_again(killed, journal, number, answered):
    """The lane of these tests has three changes: marks, policy and role, in that order."""
    engineer, lane = killed.engineer, killed.world.lane
    killed("apply", lane, "--take-over", "--yes", at=writes(number), answered=answered)
    found = status(engineer)
    (one,) = found["interrupted"]
    assert (one["operation"], one["state"]) == ("apply", "killed")
    assert one["not_known"] == "which of its 3 changes in OpenBao were made is not known"
    if number > 1 or answered:  # the marks say whose path it is
        assert found["next_action"] == f"warden apply {lane}"
    engineer("apply", lane, "--take-over", "--yes")
    made = number if answered else number - 1
    settled = last(journal, "apply.abandoned")
    assert (settled["found"], len(settled["left"])) == ("as-planned" if made == 3 else "differs", 3 - made)
    assert (status(engineer)["interrupted"], journal.unfinished()) == ([], [])
    assert engineer("plan", lane).returncode == 0


@pytest.mark.parametrize("answered", [False, True])
def test_put_is_settled_by_the_command_that_status_names(killed, applied, journal, answered):
    lane, found, version = killed.world.lane, "written" if answered else "not-written", 1 + answered
    at = lambda asked: asked[-1][0] == "PATCH" and "/data/" in asked[-1][1]  # noqa: E731 - one word
    killed("put", lane, "API_KEY", at=at, answered=answered, stdin="a-planted-value-0123456789")
    shown = status(applied)
    assert [each["not_known"] for each in shown["interrupted"]] == ["whether a version was written is not known"]
    assert (shown["next_reason"], shown["next_action"]) == ("interrupted", f"warden prove {lane}")
    paste(applied, shown["next_action"])
    assert {"found": found, "version": version}.items() <= last(journal, "put.abandoned").items()
    assert (status(applied)["interrupted"], journal.unfinished()) == ([], [])


def test_put_is_settled_by_the_next_one(killed, applied, journal):
    lane = killed.world.lane
    killed("put", lane, "API_KEY", at=lambda asked: asked[-1][0] == "PATCH", stdin="a-planted-value-0123456789")
    assert applied("put", lane, "API_KEY", stdin="another-planted-value-0123456789").returncode == 0
    assert {"found": "written", "version": 2}.items() <= last(journal, "put.abandoned").items()
    assert journal.unfinished() == []


def test_access_is_ended_by_the_next_one(killed, applied, journal):
    lane, reader = killed.world.lane, {"BAO_TOKEN": killed.world.token()}
    killed("access", lane, "--", "true", at=lambda asked: "/data/" in asked[-1][1], **reader)
    (one,) = status(applied)["interrupted"]
    assert one["not_known"] == "whether the value was read is not known; it was not handed over"
    assert applied("access", lane, "--", "true", **reader).returncode == 0
    assert last(journal, "access.abandoned")["found"] == "nothing-handed-over"
    assert journal.unfinished() == []


def test_the_token_of_an_access_that_was_killed_is_revoked_by_the_next_proof(killed, applied, journal):
    world = killed.world
    (world.folder / "sa-token").write_text(world.server.mint(world.reader))
    pod = {"BAO_TOKEN": "", "WARDEN_SA_TOKEN_FILE": str(world.folder / "sa-token")}
    killed("access", world.lane, "--", "true", at=lambda asked: "/data/" in asked[-1][1], **pod)
    (accessor,) = live_tokens(world)
    (one,) = status(applied)["interrupted"]
    assert one["expires"]
    assert f"its token lives until {one['expires']}" in one["not_known"]
    done = paste(applied, one["next_action"])
    assert "Revoked 1 token left by a killed run." in done.stdout
    assert (live_tokens(world), journal.unfinished()) == ([], [])
    assert last(journal, "access.begin")["accessor"] == accessor


def live_tokens(world, role=""):
    """The accessors of the tokens of the lane's role that live, by the administrator's list."""
    named = role or f"workload-{world.tenant}-api"
    keys = world.server.must("LIST", "auth/token/accessors")["data"]["keys"]
    found = [(key, world.server.call("POST", "auth/token/lookup-accessor", {"accessor": key})) for key in keys]
    return [key for key, (code, body) in found if code == 200 and (body["data"].get("meta") or {}).get("role") == named]


@pytest.fixture
def of_approle(applied):
    """The lane's reader is an AppRole: it can be played at any server, not only at the embedded platform's address."""
    world = applied.world
    text = world.lane_file.read_text()
    world.lane_file.write_text(text.replace(f"- workload: {world.tenant}/api", f"- approle: {world.tenant}-job"))
    assert applied("apply", world.lane, "--take-over", "--yes").returncode == 0
    return applied


def approle_tokens(world):
    keys = world.server.must("LIST", "auth/token/accessors")["data"]["keys"]
    found = [(key, world.server.call("POST", "auth/token/lookup-accessor", {"accessor": key})) for key in keys]
    name = f"{world.tenant}-job"
    return [
        key
        for key, (code, body) in found
        if code == 200 and name in (body["data"].get("meta") or {}).get("role_name", "")
    ]


def in_session(asked):
    """The first request of the session, after the login."""
    return len(asked) > 1 and asked[-2][1] == "auth/approle/login"


def test_tokens_of_a_proof_that_was_killed_are_revoked_by_the_next(killed, of_approle, journal):
    world = killed.world
    audit = {"WARDEN_AUDIT": world.server.audit_file}
    killed("prove", world.lane, at=in_session, answered=False, **audit)
    (accessor,) = approle_tokens(world)
    assert last(journal, "token.begin")["accessor"] == accessor
    found = status(of_approle)
    kinds = [(each["operation"], each["not_known"]) for each in found["interrupted"]]
    assert kinds == [
        ("probe", "nothing was proven"),
        ("token", Like(r"the reader's token lives until 20\d\d-.*Z, unless it was revoked")),
    ]
    assert {each["next_action"] for each in found["interrupted"]} == {f"warden prove {world.lane}"}
    done = paste(of_approle, f"warden prove {world.lane}")
    assert "Revoked 1 token left by a killed run." in done.stdout
    assert (approle_tokens(world), journal.unfinished(), status(of_approle)["interrupted"]) == ([], [], [])
    assert last(journal, "token.abandoned")["token"] == "revoked"
    assert last(journal, "probe.abandoned")["found"] == "not-proven"


def test_a_token_that_may_not_be_revoked_is_named_until_it_expires(killed, of_approle, journal):
    world = killed.world
    audit = {"WARDEN_AUDIT": world.server.audit_file}
    killed("prove", world.lane, at=in_session, answered=False, **audit)
    (accessor,) = approle_tokens(world)
    rights = world.server.must("GET", "sys/policies/acl/warden-prove")["data"]["policy"]
    less = "".join(line for line in rights.splitlines(keepends=True) if "revoke-accessor" not in line)
    token = {"BAO_TOKEN": world.server.token_with(less)}
    done = of_approle("prove", world.lane, **token)
    shown = next(line for line in done.stdout.splitlines() if "bao token revoke" in line)
    assert f"bao token revoke -accessor {accessor}" in done.stdout, shown
    assert [each.operation for each in journal.unfinished()] == ["token"]
    document = json.loads(of_approle("prove", world.lane, "--json", **token).stdout)
    assert [each["state"] for each in document["earlier_tokens"]] == ["left"]
    world.server.must("POST", "auth/token/revoke-accessor", {"accessor": accessor})
    world.server.must("POST", "auth/token/revoke", {"token": token["BAO_TOKEN"]})  # it could make SecretIDs
    assert of_approle("prove", world.lane).returncode == 0
    assert journal.unfinished() == []


def test_a_command_that_is_running_is_not_called_killed(killed, applied, journal):
    """It is stopped at a request for as long as it takes to look."""
    seen = []

    def at(asked):
        if asked[-1][0] == "PATCH" and not seen:
            seen.append(status(applied))
        return asked[-1][0] == "PATCH"

    killed("put", killed.world.lane, "API_KEY", at=at, stdin="a-planted-value-0123456789")
    assert [each["state"] for each in seen[0]["interrupted"]] == ["running"]
    assert seen[0]["next_reason"] != "interrupted"
    assert [each["state"] for each in status(applied)["interrupted"]] == ["killed"]


def test_closing_is_finished_by_the_command_that_status_names(killed, applied, journal):
    lane = killed.world.lane
    killed("deactivate", lane, "--reason", "INC-7", "--yes", at=writes(2))
    shown = status(applied)
    assert [each["operation"] for each in shown["interrupted"]] == ["deactivate", "apply"]
    assert shown["interrupted"][0]["next_action"] == f"warden deactivate {lane} --reason INC-7"
    paste(applied, f"{shown['next_action']} --yes")
    assert (journal.unfinished(), status(applied)["interrupted"]) == ([], [])


def test_an_error_ends_what_it_interrupts(applied, journal):
    """Not everything without a good end was killed."""
    world = applied.world
    nothing = {
        "BAO_TOKEN": world.server.token_with(
            'path "platform/metadata/*" { capabilities = ["read"] }\n'
            'path "sys/mounts/platform" { capabilities = ["read"] }'
        )
    }
    done = applied("put", world.lane, "API_KEY", stdin="a-planted-value-0123456789", **nothing)
    assert done.returncode == 4, done.stderr
    assert last(journal, "put.failed")["kind"] == "refused"
    assert journal.unfinished() == []
