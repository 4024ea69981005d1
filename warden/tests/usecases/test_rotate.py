"""rotate on a real OpenBao, with a provider that lies."""

import datetime as dt
from collections.abc import Callable
from contextlib import suppress

import msgspec
import pytest
from dying_journal import DyingJournal, Killed
from lying_source import LyingProvider, OneSource
from ssh_keys import write_key

from warden.adapters.openbao.client import OpenBao
from warden.adapters.signing.ssh_key import SshKeySigner
from warden.adapters.sources.loader import InstalledSources
from warden.core.errors import Closed, Exit, Held, Inconclusive, Missing, NotNow, Sealed, UsageError
from warden.core.journal.checkpoints import NotSigned, Signed
from warden.core.lanes.rotation import RefusalWindow, Rotation
from warden.core.remedies import warden
from warden.core.rotation.mark import key_id_in, rotation_in
from warden.core.rotation.result import (
    LaneChanged,
    ManagementMissing,
    NothingToResume,
    NotRotated,
    OldVersionNotKept,
    RotationStopped,
    RotationUnderWay,
    SameValue,
    SettingsWrong,
    TakenOver,
    ValueReplaced,
)
from warden.core.secret import Secret
from warden.ports.notices import NoNotices
from warden.present.errors import message
from warden.usecases.deactivate import record_closing
from warden.usecases.put import put
from warden.usecases.rotate import abandon, due, planned, rotate, rotations_meant, to_resume
from warden.usecases.steps.rotation_keys import PAUSES
from warden.usecases.steps.rotation_run import RotateTools


class Rotations:
    """A bench with a lane whose one key a lying provider issued."""

    def __init__(self, bench) -> None:
        self.bench = bench
        self.provider = LyingProvider()
        self.slept: list[float] = []
        self.typed: Secret | None = None
        self.declare()
        self.old = self.provider.add()
        bench.value = self.old.value

    def declare(self, **fields: object) -> None:
        usual = {"every": 60, "source": "lying", "refused": RefusalWindow(times=3, over=60)}
        self.bench.change(rotation=Rotation(**usual | fields))

    def provided(self, **can: object) -> None:
        """Another provider, with another key."""
        self.provider = LyingProvider(**can)
        self.old = self.provider.add()
        self.bench.value = self.old.value

    def ready(self) -> "Rotations":
        self.bench.ready()
        return self

    def tools(self, **instead: object) -> RotateTools:
        def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        usual = {
            "sources": OneSource(self.provider),
            "http": None,
            "clock": lambda: dt.datetime.now(dt.UTC),
            "ask": lambda _: self.typed,
            "sleep": sleep,
            "monotonic": lambda: sum(self.slept),
        }
        return RotateTools(**usual | instead)

    def context(self, **instead: object):
        return msgspec.structs.replace(self.bench.context("admin"), **instead)

    def rotate(self, *, resume: bool = False, context=None, tools: RotateTools | None = None):
        (rotation,) = rotations_meant(self.bench.lane)
        return rotate(self.bench.lane, rotation, context or self.context(), tools or self.tools(), resume=resume)

    # -- what there is --------------------------------------------------------------------------------------------

    def value(self) -> str:
        return self.bench.vault("admin").read("platform", self.bench.path).fields["API_KEY"].reveal()

    @property
    def metadata(self):
        return self.bench.vault("admin").kv_metadata("platform", self.bench.path)

    @property
    def mark(self):
        return rotation_in(self.metadata.custom)

    def expect_done(self) -> None:
        """The new value is in use, everywhere; the old one is nowhere, and no key is left over."""
        (only,) = self.provider.keys.values()
        assert only.value == self.value()
        assert not only.disabled
        assert only.key != self.old.key
        assert self.metadata.kept == (self.metadata.current,)
        assert self.mark is None
        assert key_id_in(self.metadata.custom, "API_KEY") == only.key
        assert not self.bench.journal.unfinished(self.bench.lane.id)

    def expect_taken_back(self) -> None:
        (only,) = self.provider.keys.values()
        assert (only.key, only.value, only.disabled) == (self.old.key, self.value(), False)
        assert self.mark is None

    @property
    def events(self) -> list[str]:
        return [each.event for each in self.bench.journal.log() if each.event.startswith("rotate")]


@pytest.fixture
def rotations(bench) -> Rotations:
    return Rotations(bench)


def test_a_key_is_replaced_and_the_old_one_shown_to_be_refused(rotations):
    rotations.ready()
    rotations.old.bindings = ("guardrail-7",)
    done = rotations.rotate()
    rotations.expect_done()
    assert (done.state, done.old, done.exit, done.version) == ("done", "refused", Exit.DONE, 2)
    assert [each.step for each in done.steps] == ["mint", "write", "disable", "refuse", "delete", "destroy", "record"]
    assert [(each.old.answer, each.new.answer) for each in done.pairs] == [("refused", "accepted")] * 3
    assert done.pairs[-1].at == 60
    assert done.destroyed == (1,)
    assert (done.old_key, done.new_key) == (rotations.old.key, "key-2")
    (new,) = rotations.provider.keys.values()
    assert new.settings == {"limit": 20}
    assert new.bindings == ("guardrail-7",)
    assert f"warden-{done.rotation}" in new.name
    assert rotations.events == ["rotate.begin", *["rotate.step"] * 14, "rotate.done"]
    assert done.record == rotations.bench.journal.log()[-1].seq


def test_it_ends_with_a_signature_or_says_that_there_is_none(rotations, tmp_path):
    rotations.ready()
    signer = SshKeySigner(str(write_key(tmp_path / "key")))
    done = rotations.rotate(context=rotations.context(signer=signer))
    assert isinstance(done.checkpoint, Signed)
    last = rotations.bench.journal.log()[-1]
    assert (last.event, last.body["why"], last.body["seq"]) == ("checkpoint", "rotation", done.record)
    rotations.declare()
    again = rotations.rotate(context=rotations.context(signer=SshKeySigner(str(tmp_path / "none"))))
    assert again.state == "done"
    assert isinstance(again.checkpoint, NotSigned)
    assert rotations.bench.journal.log()[-1].event == "checkpoint.failed"


def test_no_value_is_in_the_journal_the_mark_or_the_result(rotations):
    rotations.ready()
    seen = []
    rotations.provider.before = lambda _: seen.append(str(rotations.metadata.custom))
    done = rotations.rotate()
    new = rotations.value()
    with open(rotations.bench.journal.path, "rb") as file:
        journal = file.read()
    for value in (rotations.old.value, new):
        assert value.encode() not in journal
        assert value not in repr(done)
        assert value not in "".join(seen)


def test_siblings_and_foreign_metadata_survive(rotations):
    bench = rotations.bench
    bench.change(custody=bench.make(bench.lane.id, fields=("API_KEY", "OTHER")).custody)
    rotations.declare(field="API_KEY")
    bench.apply()
    bench.put()
    bench.put("the-other-one", field="OTHER")
    bench.server.must("POST", f"platform/metadata/{bench.path}", {"custom_metadata": {"team": "theirs"}})
    rotations.rotate()
    rotations.expect_done()
    assert bench.vault("admin").read("platform", bench.path).fields["OTHER"].reveal() == "the-other-one"
    assert rotations.metadata.custom["team"] == "theirs"


def test_a_sibling_that_is_put_meanwhile_is_kept_and_the_rotation_goes_on(rotations):
    bench = rotations.bench
    bench.change(custody=bench.make(bench.lane.id, fields=("API_KEY", "OTHER")).custody)
    rotations.declare(field="API_KEY")
    rotations.ready()

    def meanwhile(request: str) -> None:
        if request == "minted":
            put(bench.lane, {"OTHER": Secret("put-meanwhile")}, bench.vault(), bench.journal)

    rotations.provider.before = meanwhile
    assert rotations.rotate().state == "done"
    rotations.expect_done()
    assert bench.vault("admin").read("platform", bench.path).fields["OTHER"].reveal() == "put-meanwhile"


def test_two_fields_of_one_lane_are_rotated_one_after_the_other_and_resumed_by_name(rotations):
    bench = rotations.bench
    bench.change(custody=bench.make(bench.lane.id, fields=("API_KEY", "OTHER")).custody)
    window = RefusalWindow(times=1)
    bench.change(
        rotation=(
            Rotation(field="API_KEY", every=60, source="lying", refused=window),
            Rotation(field="OTHER", every=60, source="lying", refused=window),
        )
    )
    bench.apply()
    other = rotations.provider.add("other")
    bench.put()
    bench.put(other.value, field="OTHER")
    first, second = rotations_meant(bench.lane)
    context, tools = rotations.context(), rotations.tools()
    rotations.provider.lag = 10_000
    assert rotate(bench.lane, first, context, tools).state == "unproven"
    with pytest.raises(NotNow) as refusal:
        rotate(bench.lane, second, context, tools)
    assert refusal.value.problem.field == "API_KEY"
    rotations.provider.lag = 0
    (under_way,) = to_resume(bench.lane, "", context)
    assert under_way is first
    assert rotate(bench.lane, under_way, context, tools, resume=True).state == "done"
    assert rotate(bench.lane, second, context, tools).state == "done"
    values = bench.vault("admin").read("platform", bench.path).fields
    assert {values[each].reveal() for each in ("API_KEY", "OTHER")} == {
        each.value for each in rotations.provider.keys.values()
    }
    assert len(rotations.provider.keys) == 2


def test_the_first_value_of_a_lane_has_nothing_to_replace(rotations):
    rotations.bench.apply()
    rotations.provider.keys.clear()
    done = rotations.rotate()
    assert (done.state, done.old, done.version) == ("done", "none", 1)
    assert [each.step for each in done.steps] == ["mint", "write", "record"]
    rotations.expect_done()


@pytest.mark.parametrize(
    ("can", "steps"),
    [
        ({"disable": False}, ["delete", "refuse"]),
        ({"overlap": False}, ["refuse", "delete"]),
        ({"disable": False, "max_keys": 2}, ["delete", "refuse"]),
    ],
)
def test_what_the_provider_cannot_do_changes_the_order(rotations, can, steps):
    rotations.provided(**can)
    rotations.ready()
    done = rotations.rotate()
    assert [each.step for each in done.steps][2:-2] == steps
    assert (done.state, done.old) == ("done", "refused")
    rotations.expect_done()


# -- kill -9 ---------------------------------------------------------------------------------------------------------

RECORDS = 16  # those of a whole rotation: begin, two for each of seven steps, done


@pytest.mark.parametrize("number", range(RECORDS))
def test_killed_at_any_record_it_is_resumed_and_nothing_is_left_over(rotations, number):
    rotations.ready()
    dying = DyingJournal(rotations.bench.journal, number, after=number % 2 == 1)
    with suppress(Killed):
        rotations.rotate(context=rotations.context(journal=dying))
    assert dying.dead
    begun = "rotate.begin" in rotations.events
    if "rotate.done" not in rotations.events:
        done = rotations.rotate(resume=begun)
        assert done.state == "done"
    rotations.expect_done()
    assert rotations.events.count("rotate.done") == 1


REQUESTS = ["identify", "find", "carried", "mint", "minted", "bind", "test", "disable", "refused", "delete"]


@pytest.mark.parametrize("request_name", REQUESTS)
def test_killed_at_any_request_to_the_provider_it_converges_also_without_the_journal(rotations, request_name):
    """Power off: the journal's end is lost. Another machine has none of it, and goes on by the mark alone."""
    rotations.ready()

    def kill(name: str) -> None:
        if name == request_name:
            raise Killed

    rotations.provider.before = kill
    with pytest.raises(Killed):
        rotations.rotate()
    rotations.provider.before = lambda _: None
    elsewhere = rotations.bench.journal_at("here", file="elsewhere.db")
    done = rotations.rotate(resume=rotations.mark is not None, context=rotations.context(journal=elsewhere))
    assert done.state == "done"
    (only,) = rotations.provider.keys.values()
    assert only.value == rotations.value()
    assert rotations.mark is None
    assert rotations.metadata.kept == (rotations.metadata.current,)


class DyingVault(OpenBao):
    """OpenBao for a process that is killed after its n-th change there."""

    number, dead = 0, False

    def send(self, request):
        if request.method in {"GET", "LIST"} or "audit-hash" in request.path:
            return super().send(request)
        if self.dead:
            raise Killed
        DyingVault.number -= 1
        found = super().send(request)
        if DyingVault.number < 0:
            DyingVault.dead = True
            raise Killed
        return found


@pytest.mark.parametrize("number", range(12))
def test_killed_after_any_change_in_openbao_it_converges(rotations, number):
    rotations.ready()
    vault = rotations.bench.vault("admin")
    DyingVault.number, DyingVault.dead = number, False
    dying = DyingVault(vault.endpoint, Secret(rotations.bench.server.token("admin")))
    with pytest.raises(Killed):
        rotations.rotate(context=rotations.context(vault=dying))
    if rotations.mark is None and rotations.metadata.custom.get("rotated-API_KEY") is None:
        assert rotations.value() == rotations.old.value
    assert rotations.rotate(resume=True).state == "done"
    rotations.expect_done()


def test_a_rotation_that_was_finished_is_not_made_again_by_resume(rotations):
    rotations.ready()
    dying = DyingJournal(rotations.bench.journal, RECORDS - 1, after=False)
    with suppress(Killed):
        rotations.rotate(context=rotations.context(journal=dying))
    value = rotations.value()
    done = rotations.rotate(resume=True)
    assert (done.state, done.steps, done.version) == ("done", (), 2)
    assert rotations.value() == value
    with pytest.raises(NotNow) as refusal:
        rotations.rotate(resume=True)
    assert refusal.value.problem == NothingToResume(rotations.bench.lane.id)


def test_a_run_that_was_killed_before_it_began_anything_is_not_resumed_after_the_next_rotation(rotations):
    rotations.ready()
    dying = DyingJournal(rotations.bench.journal, 0, after=True)
    with suppress(Killed):
        rotations.rotate(context=rotations.context(journal=dying))
    assert rotations.events == ["rotate.begin"]
    assert rotations.rotate().state == "done"
    rotations.expect_done()
    with pytest.raises(NotNow) as refusal:
        rotations.rotate(resume=True)
    assert refusal.value.problem == NothingToResume(rotations.bench.lane.id)


# -- lies ------------------------------------------------------------------------------------------------------------


def test_a_creation_without_an_answer_leaves_no_orphan(rotations):
    rotations.ready()
    rotations.provider.lost_answers = 2
    assert rotations.rotate().state == "done"
    rotations.expect_done()
    assert rotations.provider.asked.count("mint") == 3


def test_creations_that_never_answer_stop_it_and_leave_none_either(rotations):
    rotations.ready()
    rotations.provider.lost_answers = 99
    with pytest.raises(Inconclusive) as stop:
        rotations.rotate()
    assert stop.value.effect == RotationStopped(lane=rotations.bench.lane.id, field="API_KEY", step="mint")
    assert [*rotations.provider.keys] == [rotations.old.key]
    assert rotations.value() == rotations.old.value
    rotations.provider.lost_answers = 0
    assert rotations.rotate(resume=True).state == "done"
    rotations.expect_done()


def test_an_old_key_that_is_accepted_for_a_while_is_waited_for(rotations):
    rotations.ready()
    rotations.provider.lag = 4
    done = rotations.rotate()
    assert (done.state, done.old) == ("done", "refused")
    assert [each.old.answer for each in done.pairs] == ["accepted"] * 4 + ["refused"] * 3
    rotations.expect_done()


def test_an_old_key_that_stays_accepted_ends_unproven_and_is_not_said_to_be_done(rotations):
    rotations.ready()
    rotations.provider.lag = 10_000
    done = rotations.rotate()
    assert (done.state, done.old, done.exit) == ("unproven", "accepted", Exit.NO)
    assert done.left == ("refuse", "delete", "destroy", "record")
    assert rotations.old.key in rotations.provider.keys
    assert 1 in rotations.metadata.kept
    assert rotations.events[-1] == "rotate.unproven"
    rotations.provider.lag = 0
    assert rotations.rotate(resume=True).state == "done"
    rotations.expect_done()


def test_answers_that_say_nothing_are_no_refusals(rotations):
    rotations.ready()
    rotations.provider.before = lambda name: setattr(rotations.provider, "unclear", 9) if name == "refused" else None
    done = rotations.rotate()
    assert (done.state, done.old, done.exit) == ("unproven", "unclear", Exit.INCONCLUSIVE)
    assert rotations.old.key in rotations.provider.keys


def test_a_new_key_that_is_refused_is_taken_back(rotations):
    rotations.ready()
    rotations.provider.refuses_new = True
    done = rotations.rotate()
    assert (done.state, done.exit) == ("rolled-back", Exit.NO)
    assert [(each.step, each.back) for each in done.steps] == [("mint", False), ("withdraw", True), ("record", True)]
    rotations.expect_taken_back()
    assert rotations.metadata.current == 1
    assert rotations.events[-1] == "rotate.rolled-back"


def test_a_new_key_that_is_refused_once_the_old_one_is_off_is_taken_back_and_the_old_one_switched_on(rotations):
    rotations.ready()
    provider = rotations.provider
    provider.before = lambda name: setattr(provider, "refuses_new", provider.refuses_new or name == "refused")
    done = rotations.rotate()
    assert done.state == "rolled-back"
    back = [each.step for each in done.steps if each.back]
    assert back == ["enable", "restore", "withdraw", "erase", "record"]
    rotations.expect_taken_back()
    assert done.version == 3
    assert rotations.metadata.kept == (1, 3)


def test_an_old_key_that_is_switched_on_while_the_lane_is_closed_for_a_leak_is_switched_off_again(rotations):
    rotations.ready()
    provider, bench = rotations.provider, rotations.bench

    def leak(name: str) -> None:
        provider.refuses_new = provider.refuses_new or name == "refused"
        if name == "enable" and bench.journal.state(bench.lane.id).closed is None:  # it waits for an answer
            record_closing(bench.lane.id, "leaked", "", bench.journal, leaked=True)

    provider.before = leak
    with pytest.raises(Closed):
        rotations.rotate()
    assert provider.keys[rotations.old.key].disabled
    assert provider.asked[-2:] == ["enable", "disable"]


@pytest.mark.parametrize("request_name", ["enable", "delete"])
def test_killed_on_the_way_back_it_goes_on_with_that(rotations, request_name):
    rotations.ready()

    def lie(name: str) -> None:
        rotations.provider.refuses_new = rotations.provider.refuses_new or name == "refused"
        if name == request_name:
            rotations.provider.before = lambda _: None
            raise Killed

    rotations.provider.before = lie
    with pytest.raises(Killed):
        rotations.rotate()
    assert rotations.rotate(resume=True).state == "rolled-back"
    rotations.expect_taken_back()


@pytest.mark.parametrize("number", [5, 6, 7])
def test_killed_at_the_end_of_the_way_back_it_was_taken_back_and_is_not_rotated_by_resume(rotations, number):
    """begin, mint, withdraw, record and the end of it: eight records."""
    rotations.ready()
    rotations.provider.refuses_new = True
    dying = DyingJournal(rotations.bench.journal, number, after=False)
    with pytest.raises(Killed):
        rotations.rotate(context=rotations.context(journal=dying))
    rotations.provider.refuses_new = False
    assert rotations.rotate(resume=True).state == "rolled-back"
    rotations.expect_taken_back()
    assert rotations.events[-1] == "rotate.rolled-back"
    assert not rotations.bench.journal.unfinished(rotations.bench.lane.id)


def test_people_are_told_how_it_ended(rotations):
    rotations.ready()
    told = []

    class Listening(NoNotices):
        def tell(self, notice) -> None:
            told.append((notice.kind, notice.facts["ended"], notice.record))

    rotations.provider.lag = 10_000
    first = rotations.rotate(context=rotations.context(notices=Listening()))
    rotations.provider.lag = 0
    second = rotations.rotate(resume=True, context=rotations.context(notices=Listening()))
    assert told == [("rotation.unproven", "unproven", first.record), ("lane.rotated", "done", second.record)]


def test_the_last_good_key_is_never_deleted_after_an_ambiguous_answer(rotations):
    """The provider says nothing any more when the old key is about to be switched off."""
    rotations.ready()

    def unwell(name: str) -> None:
        if name == "bind":
            rotations.provider.unclear = 10_000

    rotations.provider.before = unwell
    with pytest.raises(Inconclusive):
        rotations.rotate()
    assert not rotations.old.disabled
    assert rotations.old.key in rotations.provider.keys
    rotations.provider.before = lambda _: None
    rotations.provider.unclear = 0
    assert rotations.rotate(resume=True).state == "done"
    rotations.expect_done()


@pytest.mark.parametrize("step", ["identify", "mint", "disable", "delete"])
def test_a_provider_that_is_down_for_an_hour_stops_it_and_resume_goes_on(rotations, step):
    rotations.ready()
    rotations.provider.before = lambda name: setattr(rotations.provider, "down", 99) if name == step else None
    waits: list[tuple[str, str, float]] = []
    with pytest.raises(Inconclusive):
        rotations.rotate(tools=rotations.tools(unanswered=lambda *wait: waits.append(wait)))
    assert sum(rotations.slept) < 120
    assert waits[-4:] == [(rotations.bench.lane.id, "lying", seconds) for seconds in PAUSES]
    with suppress(Inconclusive):
        rotations.rotate(resume=rotations.mark is not None)
    rotations.provider.before = lambda _: None
    rotations.provider.down = 0
    done = rotations.rotate(resume=rotations.mark is not None)
    assert (done.state, done.old, bool(done.pairs)) == ("done", "refused", step != "delete")  # asked by the first run
    rotations.expect_done()


def test_a_key_that_was_put_by_hand_since_is_the_one_that_ends_not_the_recorded_one(rotations):
    rotations.ready()
    rotations.rotate()
    by_hand = rotations.provider.add("by hand again")
    rotations.bench.put(by_hand.value)
    done = rotations.rotate()
    assert done.old_key == by_hand.key
    assert by_hand.key not in rotations.provider.keys


# -- two at once, closed, changed ------------------------------------------------------------------------------------


def test_a_second_rotation_is_refused_while_one_is_under_way(rotations):
    rotations.ready()
    rotations.provider.lag = 10_000
    rotations.rotate()
    with pytest.raises(NotNow) as refusal:
        rotations.rotate()
    problem = refusal.value.problem
    assert isinstance(problem, RotationUnderWay)
    assert (problem.step, problem.field) == ("refuse", "API_KEY")
    assert problem.by.startswith("userpass-admin on ")


@pytest.mark.parametrize("at", ["mint", "minted"])
def test_of_two_operators_on_two_machines_one_stops_and_leaves_no_key(rotations, at):
    """The other one takes the rotation over while this one is at the provider."""
    rotations.ready()
    elsewhere = rotations.bench.journal_at("here", file="elsewhere.db")
    finished = []

    def other(name: str) -> None:
        if name == at:
            rotations.provider.before = lambda _: None
            finished.append(rotations.rotate(resume=True, context=rotations.context(journal=elsewhere)).state)

    rotations.provider.before = other
    with pytest.raises(Held) as stop:
        rotations.rotate()
    assert isinstance(stop.value.problem, TakenOver)
    assert finished == ["done"]
    (only,) = rotations.provider.keys.values()
    assert only.value == rotations.value()


def test_of_two_who_begin_at_the_same_moment_one_is_refused(rotations):
    rotations.ready()
    states = []

    class Faster(OpenBao):
        def mark_if(self, *args):
            if not states:
                states.append("began")
                states.append(rotations.rotate().state)
            return super().mark_if(*args)

    ours = Faster(rotations.bench.vault().endpoint, Secret(rotations.bench.server.token("admin")))
    with pytest.raises(Held):
        rotations.rotate(context=rotations.context(vault=ours))
    assert states == ["began", "done"]
    (only,) = rotations.provider.keys.values()
    assert only.value == rotations.value()


def test_who_read_the_path_before_another_rotation_begins_after_it(rotations):
    rotations.ready()
    finished = []

    def other(name: str) -> None:
        if name == "identify":
            rotations.provider.before = lambda _: None
            finished.append(rotations.rotate().state)

    rotations.provider.before = other
    with pytest.raises(Held):
        rotations.rotate()
    assert finished == ["done"]
    assert rotations.provider.asked.count("mint") == 1
    rotations.expect_done()


def test_this_machine_rotates_a_lane_once_at_a_time(rotations, tmp_path):
    from warden.adapters.machine.lock import held

    rotations.ready()
    lock = str(tmp_path / "a.lock")
    with held(lock, "warden rotate", "rotating"), pytest.raises(Held):
        rotations.rotate(tools=rotations.tools(alone=lambda _: held(lock, "warden rotate", "rotating")))
    assert rotations.mark is None


@pytest.mark.parametrize("at", ["minted", "disable", "refused", "delete"])
def test_a_lane_that_is_closed_meanwhile_stays_closed_and_nothing_more_is_done(rotations, at):
    rotations.ready()
    journal, lane = rotations.bench.journal, rotations.bench.lane

    def close(name: str) -> None:
        if name == at:
            record_closing(lane.id, "tenant left", "", journal, leaked=False)

    rotations.provider.before = close
    reopen = warden("reactivate", lane.id, reason="TEXT")
    with pytest.raises(Closed) as stop:
        rotations.rotate()
    assert stop.value.effect.closed
    assert "can go on" not in message(stop.value)
    assert stop.value.remedy[-1] == reopen
    assert rotations.mark is not None
    asked = len(rotations.provider.asked)
    with pytest.raises(Closed) as refusal:
        rotations.rotate(resume=True)
    assert refusal.value.remedy[-1] == reopen
    assert len(rotations.provider.asked) == asked
    journal.record("lane.opened", lane.id, {"reason": "back"})
    rotations.provider.before = lambda _: None
    assert rotations.rotate(resume=True).state == "done"
    rotations.expect_done()


def test_a_lane_closed_by_another_machine_is_closed_here(rotations):
    rotations.ready()
    bench = rotations.bench
    rotations.provider.before = lambda name: (
        bench.vault("admin").mark("platform", bench.path, {"closed": "2026-11-30T09:00:00Z bob"})
        if name == "minted"
        else None
    )
    with pytest.raises(Closed):
        rotations.rotate()
    assert rotations.value() == rotations.old.value


def test_a_value_that_somebody_else_puts_before_the_new_one_is_written_stays_and_no_key_is_left(rotations):
    rotations.ready()
    bench = rotations.bench
    theirs = rotations.provider.add("theirs")
    rotations.provider.before = lambda name: bench.put(theirs.value) if name == "minted" else None
    with pytest.raises(NotNow) as refusal:
        rotations.rotate()
    assert refusal.value.problem == ValueReplaced(lane=bench.lane.id, field="API_KEY", version=2, given_up=True)
    assert rotations.value() == theirs.value
    assert {*rotations.provider.keys} == {rotations.old.key, theirs.key}
    assert rotations.mark is None
    rotations.provider.before = lambda _: None
    assert rotations.rotate().state == "done"
    assert rotations.provider.keys.keys() == {rotations.old.key, "key-4"}


def test_who_writes_at_the_same_moment_is_not_overwritten(rotations):
    rotations.ready()

    class Overtaken(OpenBao):
        def put_fields(self, *args, **how):
            rotations.bench.put("the-value-of-somebody-else")
            return super().put_fields(*args, **how)

    ours = Overtaken(rotations.bench.vault().endpoint, Secret(rotations.bench.server.token("admin")))
    with pytest.raises(NotNow):
        rotations.rotate(context=rotations.context(vault=ours))
    assert rotations.value() == "the-value-of-somebody-else"
    assert [*rotations.provider.keys] == [rotations.old.key]


def test_a_value_that_somebody_else_puts_after_the_new_one_is_not_touched_nor_is_any_key(rotations):
    rotations.ready()
    bench = rotations.bench
    rotations.provider.before = lambda name: bench.put("the-value-of-somebody-else") if name == "disable" else None
    with pytest.raises(NotNow) as refusal:
        rotations.rotate()
    assert refusal.value.problem == ValueReplaced(lane=bench.lane.id, field="API_KEY", version=3)
    assert rotations.value() == "the-value-of-somebody-else"
    assert len(rotations.provider.keys) == 2
    rotations.provider.before = lambda _: None
    (rotation,) = rotations_meant(bench.lane)
    given_up = abandon(bench.lane, rotation, rotations.context(), rotations.tools())
    assert given_up.new == "key-2"
    assert rotations.mark is None
    assert rotations.events[-1] == "rotate.abandoned"
    assert len(rotations.provider.keys) == 2
    with pytest.raises(NotNow):
        abandon(bench.lane, rotation, rotations.context(), rotations.tools())


def nth(rotations, name: str, number: int, act: Callable[[], None]) -> None:
    """Have `act` done before the n-th request of that name, and before each later one."""
    asked: list[str] = []

    def before(request: str) -> None:
        asked.append(request)
        if request == name and asked.count(name) >= number:
            act()

    rotations.provider.before = before


@pytest.mark.parametrize("lie", ["unclear", "refuses_new"])
def test_the_old_key_is_not_switched_off_unless_the_new_one_is_accepted_at_that_moment(rotations, lie):
    rotations.ready()
    nth(rotations, "test", 2, lambda: setattr(rotations.provider, lie, 999))
    if lie == "unclear":
        with pytest.raises(Inconclusive):
            rotations.rotate()
    else:
        assert rotations.rotate().state == "rolled-back"
    assert "disable" not in rotations.provider.asked
    assert rotations.old.key in rotations.provider.keys


def test_the_old_key_is_not_deleted_unless_the_new_one_is_accepted_at_that_moment(rotations):
    rotations.ready()
    nth(rotations, "test", 6, lambda: setattr(rotations.provider, "refuses_new", True))
    assert rotations.rotate().state == "unproven"
    assert "delete" not in rotations.provider.asked
    assert len(rotations.provider.keys) == 2


@pytest.mark.parametrize("number", [1, 2])
def test_the_new_key_is_not_deleted_on_the_way_back_unless_the_old_one_is_accepted(rotations, number):
    """The provider refuses both: nobody knows which one is the last good key."""
    rotations.ready()

    def lie() -> None:
        rotations.provider.refuses_new = True
        rotations.old.disabled = True

    nth(rotations, "test", number, lie)
    assert rotations.rotate().state == "unproven"
    assert "delete" not in rotations.provider.asked
    assert len(rotations.provider.keys) == 2


def test_an_old_key_that_the_provider_cannot_name_is_left_to_a_person(rotations):
    rotations.ready()
    rotations.provider.identify = lambda _: None
    done = rotations.rotate()
    assert (done.state, done.old, done.old_key) == ("unproven", "accepted", "")
    assert done.pairs[-1].at <= 90
    assert rotations.old.key in rotations.provider.keys
    del rotations.provider.keys[rotations.old.key]
    assert rotations.rotate(resume=True).state == "done"
    rotations.expect_done()


def test_a_lane_whose_newest_version_was_deleted_gets_a_new_one(rotations):
    rotations.ready()
    rotations.bench.server.must("DELETE", f"platform/data/{rotations.bench.path}")
    done = rotations.rotate()
    assert (done.state, done.old, done.version) == ("done", "none", 2)


def test_a_path_that_would_lose_the_old_value_at_once_is_not_rotated(rotations):
    rotations.ready()
    bench = rotations.bench
    bench.server.must("POST", f"platform/metadata/{bench.path}", {"max_versions": 1})
    with pytest.raises(Missing) as refusal:
        rotations.rotate()
    assert refusal.value.problem == OldVersionNotKept(bench.lane.custody.path, 1)
    assert rotations.provider.asked == []


def test_a_provider_with_room_for_two_keys_has_its_orphans_deleted_before_the_next_attempt(rotations):
    rotations.provided(max_keys=2)
    rotations.ready()
    rotations.provider.lost_answers = 1
    assert rotations.rotate().state == "done"
    rotations.expect_done()


def test_a_settings_change_after_a_rotation_that_ended_without_a_trace_is_no_obstacle(rotations):
    rotations.declare(source="prompt")
    rotations.ready()
    rotations.typed = Secret("")
    with pytest.raises(UsageError):
        rotations.rotate(tools=installed(rotations))
    rotations.declare(source="random")
    assert rotations.rotate(tools=installed(rotations)).state == "done"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda r: r.declare(source="random"), "rotation.source"),
        (lambda r: r.bench.change(custody=r.bench.make("elsewhere").custody), "custody.path"),
    ],
)
def test_a_lane_file_that_was_changed_meanwhile_is_not_followed_blindly(rotations, change, field):
    rotations.ready()
    rotations.provider.lag = 10_000
    rotations.rotate()
    change(rotations)
    with pytest.raises(NotNow) as refusal:
        rotations.rotate(resume=True)
    assert isinstance(refusal.value.problem, LaneChanged)
    assert refusal.value.problem.field == field


def test_openbao_that_is_sealed_half_way_stops_it(rotations):
    rotations.ready()

    class Sealing(OpenBao):
        sealed = False

        def put_fields(self, *args, **how):
            if Sealing.sealed:
                raise Sealed("it is sealed", system=self.system)
            return super().put_fields(*args, **how)

    ours = Sealing(rotations.bench.vault().endpoint, Secret(rotations.bench.server.token("admin")))
    Sealing.sealed = True
    with pytest.raises(Sealed) as stop:
        rotations.rotate(context=rotations.context(vault=ours))
    assert stop.value.effect == RotationStopped(lane=rotations.bench.lane.id, field="API_KEY", step="write")
    Sealing.sealed = False
    assert rotations.rotate(resume=True).state == "done"
    rotations.expect_done()


# -- random, prompt, manual ------------------------------------------------------------------------------------------


def installed(rotations) -> RotateTools:
    return rotations.tools(sources=InstalledSources())


def test_random_has_nobody_to_refuse_the_old_value_and_says_so(rotations):
    rotations.declare(source="random", settings={"length": "64", "alphabet": "hex"})
    rotations.ready()
    done = rotations.rotate(tools=installed(rotations))
    assert (done.state, done.old, done.pairs) == ("done", "nobody-to-ask", ())
    assert len(rotations.value()) == 64
    assert rotations.metadata.kept == (2,)
    assert rotations.mark is None


@pytest.mark.parametrize("number", range(10))
def test_random_killed_at_any_record_is_resumed(rotations, number):
    rotations.declare(source="random")
    rotations.ready()
    dying = DyingJournal(rotations.bench.journal, number, after=True)
    with suppress(Killed):
        rotations.rotate(context=rotations.context(journal=dying), tools=installed(rotations))
    if "rotate.done" not in rotations.events:
        assert rotations.rotate(resume=True, tools=installed(rotations)).state == "done"
    assert rotations.metadata.kept == (rotations.metadata.current,)
    assert rotations.value() != rotations.old.value


def test_prompt_takes_what_a_person_brings(rotations):
    rotations.declare(source="prompt", settings={"create": "https://console.example.com/keys"})
    rotations.ready()
    waiting = rotations.rotate(tools=installed(rotations))
    assert (waiting.state, waiting.task, waiting.exit) == ("waiting", "create", Exit.NOT_NOW)
    assert waiting.where == "https://console.example.com/keys"
    assert rotations.events[-1] == "rotate.waiting"
    rotations.typed = Secret("the-new-one-of-a-person\n")
    assert rotations.rotate(resume=True, tools=installed(rotations)).state == "done"
    assert rotations.value() == "the-new-one-of-a-person"


def test_manual_waits_until_a_person_has_ended_the_old_key(rotations):
    rotations.declare(source="manual", settings={"delete": "the console"})
    rotations.ready()
    rotations.typed = Secret("the-new-one-of-a-person")
    waiting = rotations.rotate(tools=installed(rotations))
    assert (waiting.state, waiting.task, waiting.where) == ("waiting", "delete", "the console")
    assert rotations.value() == "the-new-one-of-a-person"
    assert rotations.metadata.kept == (1, 2)
    rotations.typed = None
    done = rotations.rotate(resume=True, tools=installed(rotations))
    assert (done.state, done.old, done.destroyed) == ("done", "nobody-to-ask", (1,))


@pytest.mark.parametrize("typed", ["", "sk-or-v1-short", "<your key>"])
def test_a_value_that_is_probably_not_meant_is_refused_and_nothing_is_under_way(rotations, typed):
    rotations.declare(source="prompt")
    rotations.ready()
    rotations.typed = Secret(typed)
    with pytest.raises(UsageError):
        rotations.rotate(tools=installed(rotations))
    assert rotations.mark is None
    rotations.typed = Secret(rotations.old.value)
    with pytest.raises(UsageError) as refusal:
        rotations.rotate(tools=installed(rotations))
    assert refusal.value.problem == SameValue("API_KEY")


# -- before anything is done -----------------------------------------------------------------------------------------


def test_what_the_lane_file_gets_wrong_is_told_before_anything_is_asked(rotations):
    rotations.ready()
    bench = rotations.bench
    rotations.declare(settings={"wrong": "x"})
    with pytest.raises(UsageError) as refusal:
        rotations.rotate()
    assert refusal.value.problem == SettingsWrong(lane=bench.lane.id, source="lying", faults=(("wrong", "unknown"),))
    rotations.declare(source="nobodys")
    with pytest.raises(Missing):
        rotations.rotate()
    rotations.declare(management="nowhere")
    with pytest.raises(Missing) as refusal:
        rotations.rotate()
    assert refusal.value.problem == ManagementMissing(source="lying", lane="nowhere")
    bench.change(rotation=None)
    with pytest.raises(Missing) as refusal:
        rotations.rotate()
    assert refusal.value.problem == NotRotated(bench.lane.id, "", ())
    assert rotations.provider.asked == []
    assert rotations.events == []


def test_the_management_key_comes_from_its_own_lane(rotations):
    bench = rotations.bench
    holder = bench.make(f"{bench.lane.id}-management", fields=("ADMIN_KEY",))
    bench.lanes.append(holder)
    rotations.declare(management=holder.id)
    rotations.ready()
    with pytest.raises(Missing):
        rotations.rotate()
    put(holder, {"ADMIN_KEY": Secret("the-management-key")}, bench.vault(), bench.journal)
    tools = rotations.tools()
    assert rotations.rotate(tools=tools).state == "done"
    assert tools.sources.management.reveal() == "the-management-key"


def test_the_plan_asks_nobody_and_shows_what_is_left(rotations):
    rotations.ready()
    (rotation,) = rotations.bench.lane.rotations
    plan = planned(rotations.bench.lane, rotation, rotations.context(), rotations.tools())
    assert plan.steps == ("mint", "write", "disable", "refuse", "delete", "destroy", "record")
    assert (plan.times, plan.over, plan.rotation) == (3, 60, "")
    assert rotations.provider.asked == []
    assert rotations.events == []
    rotations.provider.lag = 10_000
    rotations.rotate()
    plan = planned(rotations.bench.lane, rotation, rotations.context(), rotations.tools())
    assert plan.steps == ("refuse", "delete", "destroy", "record")
    assert plan.rotation


def test_due_is_what_is_older_than_the_lane_allows_by_the_servers_clock(rotations, monkeypatch):
    rotations.declare(every=3600)
    assert due(rotations.bench.lane, rotations.context()) == ()
    rotations.ready()
    assert due(rotations.bench.lane, rotations.context()) == ()
    older = msgspec.structs.replace(rotations.metadata, written=rotations.metadata.written - dt.timedelta(hours=2))
    (rotation,) = rotations.bench.lane.rotations
    monkeypatch.setattr(OpenBao, "kv_metadata", lambda *_: older)
    assert due(rotations.bench.lane, rotations.context()) == (rotation,)
    monkeypatch.setattr(OpenBao, "kv_metadata", lambda *_: msgspec.structs.replace(older, live=False))
    assert due(rotations.bench.lane, rotations.context()) == ()
