"""compromise with the real sources: the leaked key is refused by its provider's simulator, and the new one is not."""

import msgspec
import pytest
from canary import Canary
from source_benches import BENCHES

from warden.adapters.openbao.audit_history import AuditFilesHistory
from warden.adapters.openbao.snapshot_reader import SnapshotReader
from warden.adapters.sources.http import ProviderHttp
from warden.adapters.sources.loader import InstalledSources
from warden.core.errors import Exit
from warden.core.lanes.rotation import Rotation
from warden.core.secret import Secret
from warden.usecases.compromise import CompromiseTools, Leak, compromise
from warden.usecases.put import put
from warden.usecases.steps.closing_lane import ClosingOptions
from warden.usecases.steps.concurrency import at_once
from warden.usecases.steps.provider_keys import Providers

HTTP = ProviderHttp()


class Issued:
    """A lane whose value a provider issued, and the lane that holds its management key."""

    def __init__(self, bench, provider):
        self.bench, self.provider = bench, provider
        manager = bench.make(f"{bench.lane.id}-manager", fields=("MANAGEMENT_KEY",))
        bench.lanes.append(manager)
        settings = provider.settings | {"timeout": "0.25"}
        bench.change(rotation=Rotation(every=86400, source=provider.name, management=manager.id, settings=settings))
        bench.value = provider.old
        bench.ready()
        put(manager, {"MANAGEMENT_KEY": Secret(provider.management)}, bench.vault("admin"), bench.journal)

    def end(self, *, replace=False):
        bench, admin = self.bench, self.bench.vault("admin")
        context = msgspec.structs.replace(bench.context("admin"), snapshots=SnapshotReader(admin, at_once))
        tools = CompromiseTools(
            providers=Providers(sources=InstalledSources(), http=HTTP, pauses=(0.5, 1.5)),
            history=AuditFilesHistory([bench.server.audit_file]),
            replace=replace,
        )
        options = ClosingOptions(denial=bench.tools(), patience=0.5)
        return compromise(bench.lane, Leak(reason="leaked"), context, tools, options)

    def answer(self, value):
        return self.provider.source().refused(Secret(value)).answer


@pytest.fixture(params=BENCHES)
def issued(request, bench):
    with BENCHES[request.param]() as provider:
        yield Issued(bench, provider)


@pytest.fixture
def slow(bench):
    """One provider is enough for what does not depend on it: how long an ended key is accepted."""
    with BENCHES["openrouter"]() as provider:
        yield Issued(bench, provider)


def test_the_leaked_key_is_refused_and_a_new_one_is_in_use(issued):
    assert issued.answer(issued.provider.old) == "accepted"
    done = issued.end(replace=True)
    (key,) = done.leak.keys
    assert (key.verdict.answer, key.exit) == ("refused", Exit.DONE)
    assert issued.answer(issued.provider.old) == "refused"
    assert done.opening.opened, done.opening.gate.against
    assert done.exit == Exit.DONE
    value = issued.bench.vault("admin").read("platform", issued.bench.path).fields["API_KEY"].reveal()
    assert issued.answer(value) == "accepted"
    assert len([each for each in issued.provider.names() if "warden-" in each]) == 1
    canary = Canary(issued.provider.old, issued.provider.management, value)
    canary.look("what was said", repr(done).encode())
    canary.look("the journal", str([each.body for each in issued.bench.journal.log()]).encode())


def test_a_provider_that_still_accepts_it_for_a_while_is_no_done(slow):
    slow.provider.keep_accepting(60)
    done = slow.end()
    assert (done.leak.keys[0].verdict.answer, done.exit) == ("accepted", Exit.NO)
    assert done.parts.denial.is_proven
    again = slow.end()
    assert (again.leak.keys[0].verdict, again.leak.keys[0].exit) == (None, Exit.INCONCLUSIVE)  # nobody can ask any more


def test_a_provider_that_takes_a_moment_is_asked_again(slow):
    slow.provider.keep_accepting(1.5)
    done = slow.end()
    assert (done.leak.keys[0].verdict.answer, done.leak.keys[0].exit) == ("refused", Exit.DONE)
