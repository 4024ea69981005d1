"""rotate with the real sources: a real OpenBao, and the simulator of each provider, which lies when it is told to."""

import datetime as dt
import time
from pathlib import Path

import msgspec
import pytest
from canary import Canary
from source_benches import BENCHES

from warden.adapters.sources.http import ProviderHttp
from warden.adapters.sources.loader import InstalledSources
from warden.core.errors import Effect, Inconclusive, Unidentified, UsageError
from warden.core.lanes.rotation import RefusalWindow, Rotation
from warden.core.remedies import warden
from warden.core.rotation.mark import key_id_in, rotation_in
from warden.core.rotation.result import RotationStopped
from warden.core.secret import Secret
from warden.usecases.put import put
from warden.usecases.rotate import rotate
from warden.usecases.steps.rotation_run import RotateTools

HTTP = ProviderHttp()


class Issued:
    """A lane whose value a provider issued, and the lane that holds its management key."""

    def __init__(self, bench, provider) -> None:
        self.bench, self.provider = bench, provider
        self.manager = bench.make(f"{bench.lane.id}-manager", fields=("MANAGEMENT_KEY",))
        self.declare()
        bench.value = provider.old
        bench.ready()
        admin = bench.vault("admin")
        put(self.manager, {"MANAGEMENT_KEY": Secret(provider.management)}, admin, bench.journal)
        self.others = provider.names()

    def declare(self, times: int = 1, over: int = 1, **settings: str) -> None:
        chosen = self.provider.settings | {"timeout": "0.25"} | settings
        self.rotation = Rotation(
            every=60,
            source=self.provider.name,
            management=self.manager.id,
            refused=RefusalWindow(times=times, over=over),
            settings=chosen,
        )
        self.bench.change(rotation=self.rotation)

    def rotate(self, *, resume: bool = False, lag: float = 5.0, pauses=(0.01, 0.01)):
        tools = RotateTools(
            sources=InstalledSources(),
            http=HTTP,
            clock=lambda: dt.datetime.now(dt.UTC),
            sleep=lambda seconds: time.sleep(min(seconds, 0.5)),
            pauses=pauses,
            lag=lag,
        )
        lanes = {each.id: each for each in (self.bench.lane, self.manager)}
        context = msgspec.structs.replace(self.bench.context("admin"), lanes=lanes)
        return rotate(self.bench.lane, self.rotation, context, tools, resume=resume)

    @property
    def metadata(self):
        return self.bench.vault("admin").kv_metadata("platform", self.bench.path)

    def value(self) -> str:
        return self.bench.vault("admin").read("platform", self.bench.path).fields["API_KEY"].reveal()

    def expect_done(self) -> None:
        """The new key is in use, the old one refused, and the provider has no key that nobody uses."""
        source = self.provider.source()
        assert source.test(Secret(self.value())).answer == "accepted"
        assert source.refused(Secret(self.provider.old)).answer == "refused"
        names = self.provider.names()
        assert len(names) == len(self.others), names
        assert len([name for name in names if "warden-" in name]) == 1
        assert rotation_in(self.metadata.custom) is None
        assert key_id_in(self.metadata.custom, "API_KEY") == source.identify(Secret(self.value()))

    def expect_no_value_anywhere(self, *said: object) -> None:
        canary = Canary(self.provider.old, self.provider.management, self.value())
        canary.look("the journal", Path(self.bench.journal.path).read_bytes())
        canary.look("what was said", repr(said).encode())
        canary.look("the path's metadata", repr(self.metadata.custom).encode())


@pytest.fixture(params=BENCHES)
def issued(request, bench):
    with BENCHES[request.param]() as provider:
        yield Issued(bench, provider)


def test_a_key_is_rotated_at_its_provider(issued):
    done = issued.rotate()
    assert (done.state, done.old) == ("done", "refused")
    assert all((each.old.answer, each.new.answer) == ("refused", "accepted") for each in done.pairs)
    issued.expect_done()
    issued.expect_no_value_anywhere(done)


LIES = {
    "a creation that times out after creating": ("create", "silent", True),
    "a creation that answers 500 after creating": ("create", "500", True),
    "a creation with an error inside its 200": ("create", "error-in-200", True),
    "a burst of 429 at the list": ("list", "429", False),
    "a deletion that answers 500 after deleting": ("delete", "500", True),
    "a deletion that says done and did nothing": ("delete", "error-in-200", False),
    "a connection that breaks while a value is asked after": ("test", "reset", False),
    "one 401 to a good key": ("test", "echo-key", False),
}


@pytest.mark.parametrize("lie", LIES)
def test_one_lie_of_the_provider_changes_nothing_in_the_end(issued, lie):
    on, how, done_all_the_same = LIES[lie]
    issued.provider.lie(on, how, done=done_all_the_same)
    done = issued.rotate()
    assert (done.state, done.old) == ("done", "refused")
    issued.expect_done()
    issued.expect_no_value_anywhere(done)


def test_an_old_key_that_is_accepted_for_a_while_is_asked_after_until_it_is_refused_over_the_window(issued):
    issued.declare(times=3, over=1)
    issued.provider.keep_accepting(2.5)
    done = issued.rotate()
    assert (done.state, done.old) == ("done", "refused")
    assert done.pairs[0].old.answer == "accepted"
    assert [(each.old.answer, each.new.answer) for each in done.pairs[-3:]] == [("refused", "accepted")] * 3
    assert done.pairs[-1].at - done.pairs[-3].at >= 1
    issued.expect_done()


def test_an_old_key_that_stays_accepted_ends_unproven(issued):
    issued.provider.keep_accepting(60)
    done = issued.rotate(lag=0.1)
    assert (done.state, done.old, int(done.exit)) == ("unproven", "accepted", 1)
    assert issued.provider.source().test(Secret(issued.value())).answer == "accepted"
    assert rotation_in(issued.metadata.custom) is not None
    issued.expect_no_value_anywhere(done)


@pytest.mark.parametrize("on", ["create", "test", "delete"])
def test_a_provider_that_is_down_in_the_middle_is_waited_for_by_resume_and_leaves_no_orphan(issued, on):
    issued.provider.lie(on, "503", done=on == "create", times=100)
    with pytest.raises(Inconclusive) as raised:
        issued.rotate()
    assert [step.command for step in raised.value.remedy if hasattr(step, "command")][-1] == "rotate"
    issued.provider.lie("test", "503", times=0)
    done = issued.rotate(resume=True)
    assert done.state == "done"
    issued.expect_done()


def test_a_management_key_that_is_not_accepted_changes_nothing(issued):
    admin, bench = issued.bench.vault("admin"), issued.bench
    put(issued.manager, {"MANAGEMENT_KEY": Secret("wrong-0123456789abcdef")}, admin, bench.journal)
    with pytest.raises(Unidentified) as raised:
        issued.rotate()
    assert raised.value.effect is Effect.NOTHING_CHANGED
    assert raised.value.remedy == (warden("put", issued.manager.id),)
    assert issued.value() == issued.provider.old
    assert issued.provider.names() == issued.others
    assert rotation_in(issued.metadata.custom) is None


def test_a_provider_that_is_down_before_the_rotation_begins_changes_nothing(issued):
    issued.provider.lie("list", "503", times=100)
    with pytest.raises(Inconclusive) as raised:
        issued.rotate()
    assert raised.value.effect is Effect.NOTHING_CHANGED
    assert rotation_in(issued.metadata.custom) is None


@pytest.fixture
def at_openrouter(bench):
    with BENCHES["openrouter"]() as provider:
        yield Issued(bench, provider)


def test_a_new_key_that_is_not_accepted_is_taken_back_and_the_old_one_stays(at_openrouter):
    issued = at_openrouter
    issued.provider.server.simulator.account.not_yet_accepted_seconds = 60
    done = issued.rotate()
    assert (done.state, int(done.exit)) == ("rolled-back", 1)
    assert issued.value() == issued.provider.old
    assert issued.provider.names() == issued.others
    assert issued.provider.source().test(Secret(issued.provider.old)).answer == "accepted"
    assert rotation_in(issued.metadata.custom) is None


def test_a_new_key_that_is_accepted_a_moment_later_is_waited_for(at_openrouter):
    at_openrouter.provider.server.simulator.account.not_yet_accepted_seconds = 0.3
    done = at_openrouter.rotate(pauses=(0.2, 0.2, 0.2))
    assert done.state == "done"
    at_openrouter.expect_done()


def test_limit_and_guardrail_are_those_of_the_old_key(at_openrouter):
    account = at_openrouter.provider.server.simulator.account
    old = account.keys[0]
    account.change(old, limit=12.5, limit_reset="daily", include_byok_in_limit=True)
    account.assignments[old.hash] = account.guardrail("production")
    guardrail = account.assignments[old.hash]
    assert at_openrouter.rotate().state == "done"
    (new,) = account.keys
    assert (new.limit, new.limit_reset, new.include_byok_in_limit) == (12.5, "daily", True)
    assert account.assignments == {new.hash: guardrail}


def test_the_key_of_the_last_rotation_is_not_taken_for_one_that_was_put_since(at_openrouter):
    issued, account = at_openrouter, at_openrouter.provider.server.simulator.account
    issued.rotate()
    remembered = key_id_in(issued.metadata.custom, "API_KEY")
    put(issued.bench.lane, {"API_KEY": Secret(f"sk-or-v1-{'0f' * 32}")}, issued.bench.vault(), issued.bench.journal)
    with pytest.raises(UsageError, match="the lane file names none") as raised:
        issued.rotate()
    assert isinstance(raised.value.effect, RotationStopped)
    assert warden("rotate", issued.bench.lane.id, field="API_KEY", resume=True) in raised.value.remedy
    issued.declare(limit="20")
    done = issued.rotate(resume=True)
    assert (done.state, done.old, done.old_key) == ("done", "refused", "")
    assert remembered in {each.hash for each in account.keys}
    assert len(account.keys) == 2


def test_a_key_that_somebody_deleted_at_the_provider_is_replaced_all_the_same(at_openrouter):
    issued, account = at_openrouter, at_openrouter.provider.server.simulator.account
    issued.rotate()
    account.delete(account.keys[0])
    issued.declare(limit="20")
    done = issued.rotate()
    assert (done.state, done.old) == ("done", "refused")
    assert [each.limit for each in account.keys] == [20]
