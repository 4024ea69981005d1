"""plan and apply on a real OpenBao, with the rights of the platform engineer only."""

import os
import signal
import subprocess
import sys
import time

import msgspec
import pytest

from warden.core.errors import Effect, Foreign, Inconclusive, JournalUnwritable, Refused, Unreachable, UsageError
from warden.core.lanes.lane import Custody, LoginMount, PeopleReader, Workload, WorkloadReader
from warden.core.openbao.api import jwt_login
from warden.core.openbao.resources import Settings
from warden.core.plans.lane_plan import LaneOptions
from warden.core.plans.plan import AuthMountMissing, NoRedirect
from warden.core.remedies import RunBao, warden
from warden.core.secret import Secret
from warden.present.errors import message
from warden.present.plans import difference_lines
from warden.usecases.apply import apply
from warden.usecases.deactivate import record_closing
from warden.usecases.steps.apply_target import apply_target
from warden.usecases.targets.openbao import OpenBaoTarget


def actions(plan):
    return {change.kind: change.action for change in plan.changes}


def test_a_new_lane_is_planned_applied_and_then_in_step(bench):
    assert actions(bench.plan()) == {"mount": "keep", "metadata": "create", "policy": "create", "role": "create"}
    receipt = bench.apply()
    assert [change.kind for change in receipt.changed] == ["metadata", "policy", "role"]
    assert bench.plan().to_change == ()
    assert bench.apply().changed == ()
    begin, done = bench.journal.log()
    assert (begin.event, done.event) == ("apply.begin", "apply.done")
    assert begin.body["identity"]["display_name"] == "userpass-platform"
    made = [{"action": "create", "kind": change.kind, "name": change.name} for change in receipt.changed]
    assert begin.body["changes"] == done.body["changes"] == made
    assert begin.body["system"] == bench.server.address


def test_the_policy_grants_read_on_the_data_of_one_path_and_nothing_else(bench):
    bench.apply()
    text = bench.vault("admin").policy(bench.lane.custody.policy_name)
    assert text.splitlines()[1:] == [f'path "platform/data/{bench.path}" {{', '  capabilities = ["read"]', "}"]
    assert bench.lane.id in text.splitlines()[0]


def test_what_is_made_is_marked_on_the_path(bench):
    bench.apply()
    custom = bench.vault().kv_metadata("platform", bench.path).custom
    assert custom["catalog-id"] == bench.lane.id
    assert custom["owner-custody"] == "railiance-platform"
    assert custom[bench.role] == str(bench.lane.readers[0].workload)


def test_foreign_metadata_of_the_path_survives(bench):
    bench.server.must("POST", f"platform/metadata/{bench.path}", {"custom_metadata": {"team": "theirs"}})
    bench.apply()
    assert bench.vault().kv_metadata("platform", bench.path).custom["team"] == "theirs"


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"bound_audiences": []}, '+ bound_audiences = ["openbao"]'),
        ({"bound_subject": "system:serviceaccount:tenant:someone"}, "- bound_subject"),
        ({"token_policies": ["default", "extra"]}, '- token_policies = ["default", "extra"]'),
        ({"token_ttl": 86400, "token_max_ttl": 86400}, "- token_ttl = 86400"),
        ({"token_num_uses": 3}, "- token_num_uses = 3"),
        ({"bound_claims": {"x": "y"}}, "- bound_claims"),
        ({"token_no_default_policy": True}, "- token_no_default_policy = true"),
    ],
)
def test_drift_of_a_role_is_shown_and_mended(bench, change, line):
    bench.apply()
    bench.server.must("POST", bench.role, {"role_type": "jwt", "user_claim": "sub", **change})
    plan = bench.plan()
    role = next(each for each in plan.changes if each.kind == "role")
    assert role.action == "change"
    lines = difference_lines(role.differences)
    assert any(each.startswith(line) for each in lines), lines
    bench.apply()
    assert bench.plan().to_change == ()


def test_any_difference_in_a_policy_is_drift(bench):
    bench.apply()
    name = bench.lane.custody.policy_name
    text = bench.vault("admin").policy(name)
    bench.server.must("PUT", bench.policy, {"policy": text + "\n"})
    assert actions(bench.plan())["policy"] == "change"
    bench.apply()
    assert bench.vault("admin").policy(name) == text


def test_a_role_that_was_deleted_is_made_again(bench):
    bench.apply()
    bench.server.must("DELETE", bench.role)
    assert actions(bench.plan())["role"] == "create"
    bench.apply()
    assert bench.plan().to_change == ()


@pytest.mark.parametrize("kind", ["policy", "role", "metadata"])
def test_a_foreign_object_of_the_same_name_is_refused_and_left_alone(bench, kind):
    path, body = {
        "policy": (bench.policy, {"policy": 'path "theirs" { capabilities = ["read"] }'}),
        "role": (bench.role, {"role_type": "jwt", "user_claim": "sub", "bound_audiences": ["theirs"]}),
        "metadata": (f"platform/metadata/{bench.path}", {"custom_metadata": {"catalog-id": "theirs"}}),
    }[kind]
    bench.server.must("POST", path, body)
    before = bench.snapshot()
    with pytest.raises(Foreign) as refusal:
        bench.apply()
    assert [change.kind for change in refusal.value.problem.changes] == [kind]
    assert warden("apply", bench.lane.id, take_over=True) in refusal.value.remedy
    assert bench.snapshot() == before
    assert bench.journal.log() == []
    bench.apply(take_over=True)
    assert bench.plan().to_change == ()


def test_a_hand_made_role_that_is_already_right_needs_no_take_over(bench):
    bench.apply()
    bench.server.must("DELETE", f"platform/metadata/{bench.path}")
    assert actions(bench.plan())["role"] == "keep"


def test_a_reader_that_is_gone_from_the_file_loses_its_role(bench):
    gone = WorkloadReader(workload=Workload("tenant", f"{bench.lane.id}-second"))
    bench.change(readers=(*bench.lane.readers, gone))
    bench.apply()
    bench.change(readers=bench.lane.readers[:1])
    deleted = [change for change in bench.plan().changes if change.action == "delete"]
    assert [change.name for change in deleted] == [f"auth/kubernetes/role/{bench.lane.role_of(gone)}"]
    bench.apply()
    assert bench.vault("admin").role(bench.lane.role_name(gone)) is None
    assert bench.plan().to_change == ()


def test_a_policy_that_was_renamed_leaves_none_behind(bench):
    bench.apply()
    old = bench.lane.custody.policy_name
    bench.change(custody=msgspec.structs.replace(bench.lane.custody, policy=f"workload-{bench.lane.id}"))
    bench.apply()
    assert bench.vault("admin").policy(old) is None
    assert bench.plan().to_change == ()


def test_one_reader_of_two_lanes_has_one_role_with_both_policies(bench):
    reader = bench.lane.readers[0]
    second = msgspec.structs.replace(
        bench.make(f"{bench.lane.id}-b"),
        readers=(WorkloadReader(workload=reader.workload),),
    )
    bench.apply()
    bench.lanes.append(second)
    assert actions(bench.plan())["role"] == "change"
    bench.apply(lane=second)
    policies = bench.vault("admin").role(bench.lane.role_name(reader))["token_policies"]
    assert sorted(policies) == sorted([bench.lane.custody.policy_name, second.custody.policy_name])
    assert bench.plan().to_change == ()


def test_a_closed_lane_is_planned_without_its_policy_in_the_role(bench):
    bench.apply()
    record_closing(bench.lane.id, "x", "", bench.journal)
    closed = bench.plan()
    role = next(change for change in closed.changes if change.kind == "role")
    assert role.wanted["token_policies"] == []


def test_a_role_that_is_left_to_another_lane_does_not_bring_back_what_was_closed(bench):
    shared = WorkloadReader(workload=Workload("tenant", f"{bench.lane.id}-shared"))
    others = [
        msgspec.structs.replace(bench.make(f"{bench.lane.id}-{name}"), readers=(shared,)) for name in ("open", "closed")
    ]
    bench.lanes += others
    bench.change(readers=(*bench.lane.readers, shared))
    bench.apply()
    bench.change(readers=bench.lane.readers[:1])
    record_closing(others[1].id, "x", "", bench.journal)
    (change,) = [each for each in bench.plan().to_change if each.kind == "role"]
    assert change.wanted["token_policies"] == [others[0].custody.policy_name]


def test_people_log_in_by_a_role_that_asks_for_their_group(bench, unique):
    people = PeopleReader(people="publishers", login="netkingdom", role=unique("people"))
    bench.change(readers=(people,))
    bench.ready()
    member = bench.server.person_jwt("alice", ["publishers"])
    stranger = bench.server.person_jwt("bob", ["others"])
    status, answer = bench.server.call(
        "POST", "auth/netkingdom/login", {"role": people.role, "jwt": member}, token=None
    )
    assert status == 200
    assert bench.lane.custody.policy_name in answer["auth"]["policies"]
    status, _ = bench.server.call("POST", "auth/netkingdom/login", {"role": people.role, "jwt": stranger}, token=None)
    assert status in {400, 403}


LOGINS = [
    LoginMount(redirect_uris=("http://localhost:8250/oidc/callback",)),
    LoginMount(redirect_uris=("https://bao.example/v1/auth/x/oidc/callback",), callback="direct"),
    LoginMount(redirect_uris=("http://localhost:8250/oidc/callback",), scopes=("groups", "email"), callback="device"),
]


@pytest.mark.parametrize("login", LOGINS, ids=lambda login: login.callback)
def test_the_role_of_an_oidc_mount_is_in_sync_once_it_was_applied(bench, unique, login):
    mount = unique("oidc")
    known = bench.server.must("GET", "auth/kubernetes/config")["data"]
    bench.server.must("POST", f"sys/auth/{mount}", {"type": "oidc"})
    keys = {"jwt_validation_pubkeys": known["jwt_validation_pubkeys"]}
    bench.server.must("POST", f"auth/{mount}/config", keys)
    bench.logins[mount] = login
    bench.change(readers=(PeopleReader(people="publishers", login=mount),))
    bench.apply(part="admin")
    assert bench.plan(part="admin").to_change == ()
    (role,) = bench.server.must("LIST", f"auth/{mount}/role")["data"]["keys"]
    applied = bench.server.must("GET", f"auth/{mount}/role/{role}")["data"]
    assert (applied["callback_mode"], sorted(applied["oidc_scopes"] or [])) == (login.callback, sorted(login.scopes))
    bench.server.must("DELETE", f"sys/auth/{mount}")


def test_an_oidc_mount_without_a_redirect_address_is_named_before_anything_is_changed(bench, unique):
    mount = unique("oidc")
    bench.server.must("POST", f"sys/auth/{mount}", {"type": "oidc"})
    bench.logins[mount] = LoginMount(callback="device")
    bench.change(readers=(PeopleReader(people="publishers", login=mount),))
    with pytest.raises(Foreign) as refusal:
        bench.apply(part="admin")
    assert [change.obstacle for change in refusal.value.problem.changes] == [NoRedirect(mount)]
    (edit,) = refusal.value.remedy
    assert (edit.file, edit.field) == ("platform.yaml", f"logins.{mount}.redirect_uris")
    bench.server.must("DELETE", f"sys/auth/{mount}")


def test_an_auth_mount_that_is_not_there_is_named_and_nothing_is_changed(bench):
    bench.change(readers=(WorkloadReader(workload=Workload("tenant", "x"), mount="nowhere"),))
    before = bench.snapshot()
    with pytest.raises(Foreign) as refusal:
        bench.apply()
    assert [change.obstacle for change in refusal.value.problem.changes] == [AuthMountMissing("nowhere")]
    assert refusal.value.remedy == (RunBao(action="enable-auth", mount="nowhere", name="kubernetes"),)
    assert bench.snapshot() == before


def test_a_missing_mount_is_made_and_usable_at_once(bench, unique):
    mount = unique("kv")
    bench.change(custody=Custody(path=f"{mount}/workloads/a/b/{bench.lane.id}", fields=("API_KEY",)))
    admin = bench.vault("admin")
    assert actions(bench.plan(part="admin"))["mount"] == "create"
    bench.apply(part="admin")
    assert admin.mount(mount).version == 2
    bench.server.must("DELETE", f"sys/mounts/{mount}")


def test_a_kv_version_1_mount_is_never_touched(bench, unique):
    mount = unique("kv1")
    bench.server.must("POST", f"sys/mounts/{mount}", {"type": "kv", "options": {"version": "1"}})
    bench.change(custody=Custody(path=f"{mount}/workloads/a/b/{bench.lane.id}", fields=("API_KEY",)))
    assert actions(bench.plan(part="admin"))["mount"] == "foreign"
    bench.server.must("DELETE", f"sys/mounts/{mount}")


def test_a_placeholder_in_the_path_is_told_before_anything_is_asked(bench):
    bench.change(custody=Custody(path="platform/workloads/<tenant>/x/y", fields=("API_KEY",)))
    with pytest.raises(UsageError, match="placeholder"):
        bench.plan()


def test_without_a_journal_nothing_is_changed(bench):
    before = bench.snapshot()
    bench.journal.path = "/proc/no-such-place/journal.db"
    with pytest.raises(JournalUnwritable):
        bench.apply()
    assert bench.snapshot() == before


class Hooked:
    """A target on which something happens after each change."""

    def __init__(self, target):
        self.target, self.system = target, target.system
        self.plan, self.acting_as = target.plan, target.acting_as

    def make(self, change):
        self.target.make(change)
        self.after()


def test_what_somebody_else_undoes_meanwhile_is_not_called_applied(bench):
    class Undone(Hooked):
        def after(self):
            bench.server.must("DELETE", bench.policy)

    with pytest.raises(Inconclusive) as fault:
        apply_target(Undone(bench.target()), bench.journal, LaneOptions())
    assert "policy" in [change.kind for change in fault.value.problem.changes]


@pytest.mark.parametrize("made", [0, 1, 2])
def test_an_error_says_that_nothing_was_changed_only_where_nothing_was(bench, made):
    class Refusing(Hooked):
        count = 0

        def make(self, change):
            if self.count == made:
                raise Foreign("somebody else owns it", effect=Effect.NOTHING_CHANGED)
            self.count += 1
            self.target.make(change)

    with pytest.raises(Foreign) as fault:
        apply_target(Refusing(bench.target()), bench.journal, LaneOptions())
    said = message(fault.value)
    assert ("Nothing was changed." in said) == (made == 0)
    assert ("What this command did before stands" in said) == (made > 0)


KILLED = """
import os, sys, signal
from warden.adapters.journal.sqlite import SqliteJournal
from warden.adapters.openbao.endpoint import parse_address
from warden.adapters.openbao.client import OpenBao
from warden.core.secret import Secret
import msgspec
from warden.core.lanes.lane import *
from warden.core.plans.lane_plan import LaneOptions
from warden.core.openbao.resources import Settings
from warden.usecases.apply import apply
from warden.usecases.steps.apply_target import apply_target
from warden.usecases.targets.openbao import OpenBaoTarget
import datetime as dt
address, token_file, journal, path, name, after = sys.argv[1:]
vault = OpenBao(parse_address(address, "BAO_ADDR"), Secret(open(token_file).read()))
owner = Owner(repo="railiance-platform", doc="docs/openbao.md")
owners = Owners(custody=owner, consumer=Owner(repo="llm-connect", doc="README.md"))
lane = Lane(id=name, title=f"the key of {name}", status="active", reviewed=dt.date(2026, 11, 1), owners=owners,
            custody=Custody(path=path, fields=("API_KEY",)),
            readers=(WorkloadReader(workload=Workload("tenant", name)),))
seen = []
class Killed(OpenBaoTarget):
    def make(self, change):
        super().make(change)
        seen.append(change)
        if len(seen) == int(after):
            os.kill(os.getpid(), signal.SIGKILL)
apply_target(Killed(lane, vault, [lane], settings=Settings()), SqliteJournal(journal), LaneOptions())
"""


@pytest.mark.parametrize("after", [1, 2, 3])
def test_killed_at_any_point_it_can_be_run_again(bench, after, tmp_path):
    token = tmp_path / "token"
    token.write_text(bench.server.token("platform"))
    argv = [sys.executable, "-c", KILLED, bench.server.address, str(token), bench.journal.path]
    custody = bench.lane.custody
    killed = subprocess.run(
        [*argv, custody.path, bench.lane.id, str(after)], check=False, capture_output=True, text=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not any(change.action == "foreign" for change in bench.plan().changes)
    bench.apply()
    assert bench.plan().to_change == ()


def test_two_applies_at_once_end_in_step(bench, tmp_path):
    token = tmp_path / "token"
    token.write_text(bench.server.token("platform"))
    argv = [sys.executable, "-c", KILLED, bench.server.address, str(token), bench.journal.path]
    argv += [bench.lane.custody.path, bench.lane.id, "99"]
    running = [subprocess.Popen(argv, stderr=subprocess.PIPE, env=os.environ) for _ in range(2)]
    for process in running:
        _, told = process.communicate(timeout=60)
        assert process.returncode == 0, told.decode()
    assert bench.plan().to_change == ()


def test_a_path_that_somebody_else_marks_meanwhile_is_marked_all_the_same(bench):
    """Between the question whether it is there and the making; who may create may not replace what is there then."""
    vault, path = bench.vault(), f"platform/metadata/{bench.path}"
    send = vault.send

    def overtaken(request):
        answer = send(request)
        if request.path == path and request.method == "PATCH" and answer.status == 404:
            bench.server.must("POST", path, {"custom_metadata": {"team": "theirs"}})
        return answer

    vault.send = overtaken
    vault.mark("platform", bench.path, {"catalog-id": bench.lane.id})
    assert vault.kv_metadata("platform", bench.path).custom == {"team": "theirs", "catalog-id": bench.lane.id}


def test_a_path_that_may_not_be_marked_is_refused(bench):
    may_not = f'path "platform/metadata/{bench.path}" {{ capabilities = ["patch"] }}'
    vault = bench.server.vault(bench.server.token_with(may_not))
    with pytest.raises(Refused):
        vault.mark("platform", bench.path, {"catalog-id": bench.lane.id})


def test_a_sealed_or_dead_server_is_no_answer(bench):
    from warden.adapters.openbao.client import OpenBao
    from warden.adapters.openbao.endpoint import parse_address
    from warden.core.errors import Unreachable
    from warden.core.secret import Secret

    nobody = OpenBao(parse_address("http://127.0.0.1:1", "BAO_ADDR"), Secret("s.x"))
    started = time.monotonic()
    with pytest.raises(Unreachable, match="connection refused"):
        OpenBaoTarget(bench.lane, nobody, bench.lanes, settings=Settings()).plan()
    assert time.monotonic() - started < 20


def moved(bench):
    """The lane with its value at another path, and without the second of the readers it was applied with."""
    gone = WorkloadReader(workload=Workload("tenant", f"{bench.lane.id}-second"))
    bench.change(readers=(*bench.lane.readers, gone))
    bench.ready()
    before = bench.lane.custody.path
    bench.change(
        readers=bench.lane.readers[:1],
        custody=msgspec.structs.replace(bench.lane.custody, path=before.replace("/tenant/", "/moved/")),
    )
    return gone, before


def logged_in(bench, reader):
    jwt = Secret(bench.server.mint(str(reader.workload)))
    return bench.vault().enter(jwt_login("kubernetes", bench.lane.role_of(reader), jwt)).token


def test_a_reader_that_is_gone_loses_its_role_also_where_the_path_moved_with_it(bench):
    gone, before = moved(bench)
    earlier = logged_in(bench, gone)
    bench.apply()
    bench.put()
    reader = logged_in(bench, bench.lane.readers[0])
    assert bench.server.call("GET", f"platform/data/{bench.path}", token=reader.reveal())[0] == 200
    assert bench.vault("admin").role(bench.lane.role_name(gone)) is None
    with pytest.raises(Refused):
        logged_in(bench, gone)
    assert bench.server.call("GET", f"{before.replace('/', '/data/', 1)}", token=earlier.reveal())[0] == 403
    assert bench.plan().to_change == ()


def test_the_path_that_a_lane_left_is_named_while_the_server_still_tells(bench):
    _, before = moved(bench)
    assert list(map(str, bench.plan().former_paths)) == [before]
    assert bench.vault("admin").read(*before.split("/", 1))[1]["API_KEY"].reveal() == bench.value


def test_a_path_and_a_policy_that_changed_their_names_together_leave_neither_behind(bench):
    gone, before = moved(bench)
    policy = bench.lane.custody.policy_name
    bench.change(custody=msgspec.structs.replace(bench.lane.custody, policy=f"{policy}-new"))
    assert list(map(str, bench.plan().former_paths)) == [before]
    bench.apply()
    assert bench.vault("admin").policy(policy) is None
    assert bench.vault("admin").role(bench.lane.role_name(gone)) is None


def test_what_was_applied_counts_although_the_server_is_gone_afterwards(bench):
    """The last look only says which command comes next."""
    context = bench.context()
    applied = []

    class GoneAfterwards(type(context.vault)):
        def kv_metadata(self, mount, key):
            if bench.journal.log(events=("apply.done",)):
                applied.append(key)
                raise Unreachable("gone")
            return super().kv_metadata(mount, key)

    context.vault.__class__ = GoneAfterwards
    done = apply(bench.lane, context, LaneOptions())
    assert (done.exit, done.next, applied) == (0, (warden("prove", bench.lane.id),), [bench.path])
