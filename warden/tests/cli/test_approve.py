"""A read that somebody else has to approve, at the command line and on the real OpenBao."""

import json
import os
import re
import secrets
import select
import signal
import subprocess
import time

import pytest
from killing_proxy import killing_proxy
from notice_server import receiving
from platform_server import served
from warden.tests.conftest import LaneWorld

from warden.adapters.journal.sqlite import SqliteJournal

WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron")
PEOPLE = """
  - people: {tenant}-release
    login: netkingdom
    ttl: 1h
    approval: {{group: {tenant}-leads, approvals: {approvals}, ttl: {ttl}}}
"""


READER = "auth/netkingdom/role/api-workload-kv-read"


class Second:
    """A lane whose people need approvals, and the people: each method runs the command line as one of them."""

    def __init__(self, engineer):
        self.engineer, self.world = engineer, engineer.world
        self.lane, self.server = self.world.lane, self.world.server
        self.group = f"{self.world.tenant}-leads"
        self.file = self.world.lane_file.read_text()
        self.suffix = ""

    def declare(self, approvals=1, ttl="10m"):
        platform = self.world.folder / "platform" / "platform.yaml"
        platform.write_text(
            "logins: {netkingdom: {}}\n" + platform.read_text().replace("logins: {netkingdom: {}}\n", "")
        )
        more = PEOPLE.format(tenant=self.world.tenant, approvals=approvals, ttl=ttl)
        self.world.lane_file.write_text(self.file.rstrip("\n") + more)
        done = self.engineer("apply", self.lane, "--take-over", "--yes")
        assert done.returncode == 0, done.stderr
        return self

    def login(self, name, role, *groups):
        body = {"role": role, "jwt": self.server.person_jwt(f"{name}-{self.suffix}", groups)}
        return self.server.must("POST", "auth/netkingdom/login", body, token=None)["auth"]["client_token"]

    def reader(self, name="ada", *more):
        return self.login(name, "api-workload-kv-read", f"{self.world.tenant}-release", *more)

    def approver(self, name="bob", *more):
        return self.login(name, f"approve-{self.group}", self.group, *more)

    def run(self, token, *argv, **how):
        return self.engineer(*argv, BAO_TOKEN=token, **how)

    def fetch(self, token, *options, **how):
        return self.run(token, "access", self.lane, "--fetch", "API_KEY", *options, **how)

    def accessor(self, done):
        return re.search(r"request (\w+) of", done.stderr)[1]

    def state(self, accessor):
        status, body = self.server.call("POST", "sys/control-group/request", {"accessor": accessor})
        return body["data"] if status == 200 else None

    def start(self, token, *argv, **changed):
        env = self.world.env(**(self.engineer.own | {"BAO_TOKEN": token} | changed))
        return subprocess.Popen(
            ["warden", *argv], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.world.folder, text=True
        )

    @property
    def records(self):
        return SqliteJournal(self.engineer.own["WARDEN_JOURNAL"]).log(lane=self.lane)

    def last(self, event):
        return [record for record in self.records if record.event == event][-1].body


def engineer_of(world):
    """The platform engineer at the command line of that world, with a journal of its own."""
    own = {
        "BAO_TOKEN": world.server.token("platform"),
        "WARDEN_JOURNAL": str(world.folder / "journal.db"),
        "WARDEN_STATE": world.server.state,
        "COLUMNS": "100",
    }

    def run(*argv, **how):
        return world.run(*argv, **(own | how))

    run.world, run.own = world, own
    return run


@pytest.fixture(scope="module")
def lane(platform_server, tmp_path_factory, program):
    """One lane for all tests here: each has people of its own."""
    folder = tmp_path_factory.mktemp("approve")
    world = LaneWorld(platform_server, folder, f"approve-{secrets.choice(WORDS)}", program)
    return Second(engineer_of(world)).declare()


@pytest.fixture
def second(lane, unique):
    """That lane, with nobody's request; as it was declared again afterwards."""
    before = lane.world.lane_file.read_text()
    lane.suffix = unique("").replace("-", "")
    yield lane
    if lane.world.lane_file.read_text() != before:
        lane.declare()


def said(process, words, seconds=20.0):
    """What a process writes to stderr until it has said these words."""
    text, end = "", time.monotonic() + seconds
    while words not in text and time.monotonic() < end:
        if select.select([process.stderr], [], [], 0.2)[0]:
            text += os.read(process.stderr.fileno(), 65536).decode()
    assert words in text, text
    return text


def test_a_read_is_withheld_until_somebody_else_approves_and_then_used_once(second):
    token = second.reader()
    asked = second.fetch(token)
    assert (asked.returncode, asked.stdout) == (5, "")
    accessor = second.accessor(asked)
    assert f"ask a member of {second.group} to run: warden" in asked.stderr
    assert f"approve {accessor}" in asked.stderr
    again = second.fetch(token)
    assert (again.returncode, second.accessor(again)) == (5, accessor)
    requested = [record.body["accessor"] for record in second.records if record.event == "access.requested"]
    assert requested.count(accessor) == 1
    approved = second.run(second.approver(), "approve", accessor, "--comment", "release 4", "--json")
    assert approved.returncode == 0, approved.stderr
    found = json.loads(approved.stdout)
    assert (found["enough"], found["already"], len(found["given"])) == (True, False, 1)
    assert second.last("approval.done")["comment"] == "release 4"
    used = second.fetch(token)
    assert (used.returncode, used.stdout) == (0, second.world.values["API_KEY"]), used.stderr
    assert second.state(accessor) is None  # nobody can unwrap it once more
    handed = second.last("access.handed")["approval"]
    assert (handed["request"], handed["ended"], len(handed["approved_by"])) == (accessor, True, 1)
    anew = second.fetch(token)
    assert anew.returncode == 5
    assert second.accessor(anew) != accessor


def test_with_a_command_it_ends_before_the_command_and_json_says_not_now(second):
    done = second.run(second.reader(), "access", second.lane, "--json", "--", "true")
    assert done.returncode == 125
    error = json.loads(done.stderr)
    assert (error["code"], error["kind"]) == (5, "not-now")
    assert "true was not started" in error["message"]


def test_the_server_refuses_to_have_ones_own_request_approved(second):
    asked = second.fetch(second.reader("ada", second.group))
    accessor = second.accessor(asked)
    own = second.run(second.approver("ada", f"{second.world.tenant}-release"), "approve", accessor)
    assert own.returncode == 4
    assert "OpenBao refused the approval" in own.stderr
    assert "token owner cannot be approver" in own.stderr
    assert second.state(accessor)["approved"] is False
    assert second.last("approval.failed")["kind"] == "refused"


def test_an_approval_that_openbao_answers_200_and_does_not_count_is_a_refusal(second):
    accessor = second.accessor(second.fetch(second.reader()))
    role = second.server.must("GET", f"auth/netkingdom/role/approve-{second.group}")["data"]
    role["bound_claims"] = {"groups": ["outsiders"]}
    second.server.must("POST", "auth/netkingdom/role/outsiders", role)
    outsider = second.login("mal", "outsiders", "outsiders")
    assert second.server.call("POST", "sys/control-group/authorize", {"accessor": accessor}, token=outsider)[0] == 200
    done = second.run(outsider, "approve", accessor)
    assert done.returncode == 4
    assert "did not count" in done.stderr
    assert second.state(accessor)["authorizations"] == []


def test_a_token_that_is_of_nobody_cannot_approve(second):
    accessor = second.accessor(second.fetch(second.reader()))
    token = second.server.token_with('path "sys/control-group/*" { capabilities = ["update"] }')
    done = second.run(token, "approve", accessor)
    assert done.returncode == 4
    assert "did not count" in done.stderr


def test_who_may_not_approve_is_told_how_an_approver_logs_in(second):
    accessor = second.accessor(second.fetch(second.reader()))
    done = second.run(second.reader("eve"), "approve", accessor)
    assert done.returncode == 4
    assert f"log in as one of {second.group}" in done.stderr
    assert f"--role approve-{second.group}" in done.stderr
    assert second.state(accessor)["authorizations"] == []


def test_two_approvals_are_of_two_people(second):
    second.declare(approvals=2)
    token = second.reader()
    accessor = second.accessor(second.fetch(token))
    first = second.run(second.approver("bob"), "approve", accessor)
    assert first.returncode == 0
    assert "1 of 2 approvals: more of" in first.stdout
    twice = second.run(second.approver("bob"), "approve", accessor, "--json")
    assert (twice.returncode, json.loads(twice.stdout)["already"]) == (0, True)
    waiting = second.fetch(token)
    assert (waiting.returncode, second.accessor(waiting)) == (5, accessor)
    assert "1 so far" in waiting.stderr
    assert second.run(second.approver("kim"), "approve", accessor).returncode == 0
    assert second.fetch(token).stdout == second.world.values["API_KEY"]


def test_the_list_has_what_waits_and_nothing_that_is_over(second):
    second.declare(ttl="2s")
    brief = second.accessor(second.fetch(second.reader("ada")))
    second.declare(ttl="10m")
    accessor = second.accessor(second.fetch(second.reader("eve")))
    approver = second.approver()
    time.sleep(2.2)
    listed = json.loads(second.run(approver, "approve", "--json").stdout)
    accessors = [each["accessor"] for each in listed]
    assert accessor in accessors
    assert brief not in accessors
    assert listed[-1]["who"] == f"eve-{second.suffix}"
    shown = second.run(approver, "approve", COLUMNS="200")
    assert accessor in shown.stdout
    gone = second.run(approver, "approve", brief)
    assert gone.returncode == 5
    assert f"no request {brief}" in gone.stderr
    assert second.run(approver, "approve", "nonsense").returncode == 5


def test_several_requests_of_a_lane_have_to_be_named(second):
    approver = second.approver()
    both = [second.accessor(second.fetch(second.reader(name))) for name in ("ada", "eve")]
    done = second.run(approver, "approve", second.lane)
    assert done.returncode == 2
    assert all(accessor in done.stderr for accessor in both)


def test_a_request_that_is_no_read_of_a_lane_is_not_approved(second):
    policy = """path "platform/data/elsewhere" { capabilities = ["read"] control_group = { ttl = "1m" factor "a" {
      controlled_capabilities = ["read"] identity { group_names = ["GROUP"] approvals = 1 } } } }"""
    token = second.server.token_with(policy.replace("GROUP", second.group))
    wrapped = second.server.must("GET", "platform/data/elsewhere", token=token)["wrap_info"]
    done = second.run(second.approver(), "approve", wrapped["accessor"])
    assert done.returncode == 2
    assert "is not a read of a lane" in done.stderr
    assert second.state(wrapped["accessor"])["authorizations"] == []


def test_waiting_ends_with_the_approval(second):
    process = second.start(second.reader(), "access", second.lane, "--wait", "--fetch", "API_KEY")
    accessor = re.search(r"approve (\w+)", said(process, "Next: "))[1]
    assert second.run(second.approver(), "approve", accessor).returncode == 0
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, second.world.values["API_KEY"])
    assert second.state(accessor) is None


def test_waiting_ends_with_its_time_or_the_requests(second):
    token = second.reader()
    late = second.fetch(token, "--wait", "--timeout", "1s")
    assert late.returncode == 5
    assert "still waits" in late.stderr
    accessor = second.accessor(late)
    assert second.state(accessor) is not None  # it stays
    assert second.accessor(second.fetch(token)) == accessor
    second.declare(ttl="2s")
    over = second.fetch(second.reader("eve"), "--wait")
    assert over.returncode == 5
    assert "has ended" in over.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_whoever_stops_waiting_finds_the_request_again(second, number):
    token = second.reader()
    process = second.start(token, "access", second.lane, "--wait", "--", "true")
    accessor = re.search(r"approve (\w+)", said(process, "Next: "))[1]
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == (130 if number == signal.SIGINT else -number)
    assert "The request stays until" in err
    assert second.last("access.failed")["kind"] == "interrupted"
    assert second.accessor(second.fetch(token)) == accessor


def test_a_batch_token_has_nowhere_to_keep_a_request_and_leaves_none(second):
    role = second.server.must("GET", READER)["data"]
    second.server.must("POST", READER, {**role, "token_type": "batch"})
    token = second.reader()
    second.server.must("POST", READER, role)
    done = second.fetch(token)
    assert done.returncode == 5
    assert "no cubbyhole" in done.stderr
    assert second.state(second.accessor(done)) is None


def test_a_value_that_comes_without_an_approval_is_not_handed_over(second):
    """A policy beside the lane's own decides, where both are of one token: whichever comes first in the alphabet."""
    name = f"a-{second.world.tenant}"
    path = second.world.path.replace("platform/", "platform/data/", 1)
    second.server.must("PUT", f"sys/policies/acl/{name}", {"policy": f'path "{path}" {{ capabilities = ["read"] }}'})
    role = second.server.must("GET", READER)["data"]
    second.server.must("POST", READER, {**role, "token_policies": [*role["token_policies"], name]})
    token = second.reader()
    second.server.must("POST", READER, role)
    done = second.fetch(token)
    assert (done.returncode, done.stdout) == (4, "")
    assert "without an approval" in done.stderr


def test_a_lane_that_was_not_applied_since_its_approval_was_removed_gives_nothing_yet(second):
    second.world.lane_file.write_text(re.sub(r"\n    approval: .*", "", second.world.lane_file.read_text()))
    done = second.fetch(second.reader())
    assert (done.returncode, done.stdout) == (5, "")
    assert "the lane declares no approval for you" in done.stderr
    assert "have the lane applied" in done.stderr


def test_approvers_are_told_by_the_hook(second):
    with receiving() as hook:
        platform = second.world.folder / "platform" / "platform.yaml"
        before = platform.read_text()
        platform.write_text(f"{before}notify: {{webhook: {hook.url}}}\n")
        token = second.reader()
        accessor = second.accessor(second.fetch(token, "--reason", "release 4"))
        second.fetch(token)
        assert second.run(second.approver(), "approve", accessor).returncode == 0
        told = hook.posted
        platform.write_text(before)
    assert [each["kind"] for each in told] == ["access.requested", "access.approved"]
    assert told[0]["facts"]["accessor"] == accessor
    assert told[0]["facts"]["reason"] == "release 4"
    assert told[0]["next"].endswith(f"approve {accessor}")
    assert told[1]["facts"]["enough"] is True


@pytest.fixture
def mortal(tmp_path, program):
    """The same on a server of one's own, which a test may kill."""
    with served(tmp_path / "state") as server:
        folder = tmp_path / "world"
        folder.mkdir()
        found = Second(engineer_of(LaneWorld(server, folder, "approve-mortal", program))).declare()
        found.embedded = server.embedded
        yield found


def test_a_server_that_is_killed_while_somebody_waits_is_waited_for(mortal):
    second = mortal
    token = second.reader()
    process = second.start(token, "access", second.lane, "--wait", "--fetch", "API_KEY")
    accessor = re.search(r"approve (\w+)", said(process, "Next: "))[1]
    os.kill(second.embedded.status().pid, signal.SIGKILL)
    time.sleep(2)
    assert process.poll() is None
    second.embedded.up(lambda _: None)
    assert second.run(second.approver(), "approve", accessor).returncode == 0
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, second.world.values["API_KEY"]), err


def test_a_server_that_stays_away_ends_the_waiting_and_not_the_request(mortal):
    second = mortal
    token = second.reader()
    process = second.start(token, "access", second.lane, "--wait", "--timeout", "3s", "--json", "--fetch", "API_KEY")
    wait_for(lambda: "access.requested" in [record.event for record in second.records])
    os.kill(second.embedded.status().pid, signal.SIGKILL)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 3
    assert json.loads(err)["kind"] == "unreachable"
    second.embedded.up(lambda _: None)
    assert second.accessor(second.fetch(token)) == second.last("access.requested")["accessor"]


def wait_for(happened, seconds=20.0):
    end = time.monotonic() + seconds
    while not happened() and time.monotonic() < end:
        time.sleep(0.1)
    assert happened()


@pytest.mark.parametrize("answered", [False, True])
def test_an_approval_that_was_killed_is_settled_by_the_next_one(second, answered):
    accessor = second.accessor(second.fetch(second.reader()))
    approver = second.approver()
    with killing_proxy(second.server.address) as proxy:
        proxy.at, proxy.answered = lambda asked: asked[-1][1] == "sys/control-group/authorize", answered
        env = second.world.env(**(second.engineer.own | {"BAO_ADDR": proxy.address, "BAO_TOKEN": approver}))
        assert proxy.run(["warden", "approve", accessor], env) == -9
    assert bool(second.state(accessor)["authorizations"]) == answered
    (found,) = json.loads(second.engineer("status", second.lane, "--json").stdout)
    (one,) = found["interrupted"]
    assert (one["operation"], one["state"]) == ("approval", "killed")
    assert (one["next_action"], one["not_known"]) == (
        "warden approve",
        "whether the approval counts is not known",
    )
    listed = second.run(approver, "approve", "--json")
    assert accessor in [each["accessor"] for each in json.loads(listed.stdout)]
    assert second.last("approval.abandoned")["found"] == ("approved" if answered else "waiting")
    (found,) = json.loads(second.engineer("status", second.lane, "--json").stdout)
    assert found["interrupted"] == []


def test_an_access_that_was_killed_after_it_asked_is_gone_on_with(second):
    token = second.reader()
    with killing_proxy(second.server.address) as proxy:
        env = second.world.env(**(second.engineer.own | {"BAO_ADDR": proxy.address, "BAO_TOKEN": token}))
        proxy.at, proxy.answered = (
            lambda asked: asked[-1] == ("POST", f"cubbyhole/warden/approvals/{second.lane}"),
            True,
        )
        assert proxy.run(["warden", "access", second.lane, "--fetch", "API_KEY"], env) == -9
    done = second.fetch(token)
    assert done.returncode == 5
    kept = second.server.must("GET", f"cubbyhole/warden/approvals/{second.lane}", token=token)["data"]
    assert kept["accessor"] == second.accessor(done)
    assert second.last("access.abandoned")["found"] == "nothing-handed-over"


def test_a_closed_lane_is_not_approved(mortal):
    second = mortal
    accessor = second.accessor(second.fetch(second.reader()))
    second.engineer("deactivate", second.lane, "--reason", "test", "--yes")
    done = second.run(second.approver(), "approve", accessor)
    assert done.returncode == 5
    assert "has been closed" in done.stderr


def test_who_can_says_on_which_condition_a_reader_reads(second):
    done = second.engineer("who-can", "read", second.lane, COLUMNS="400")
    (line,) = [each for each in done.stdout.splitlines() if "api-workload-kv-read: by path" in each]
    assert line.endswith("condition: a control group has to approve")
    ways = json.loads(second.engineer("who-can", "read", second.lane, "--json").stdout)["ways"]
    conditions = {each["identity"]["name"]: each["conditions"] for each in ways if each["standing"] == "reader"}
    assert conditions[READER] == ["control-group"]
    assert [each for name, each in conditions.items() if name != READER] == [[]]
