"""OpenBao is sealed half-way through a closing: what it did not refuse itself does not count; a later run goes on."""

import msgspec
from platform_server import own_server

from warden.adapters.identities import ByMount
from warden.core.errors import Exit

platform_server = own_server("function")


def test_a_sealed_server_refuses_nobody_and_the_next_run_shows_the_rest(bench):
    bench.ready()
    server = bench.server

    class Sealing(ByMount):
        """Seals the server when the first reader is about to be played."""

        def mint(self, *args):
            server.must("PUT", "sys/seal")
            return super().mint(*args)

    tools = bench.tools(identities=Sealing({}, server.issuer, server.issuer))
    done = bench.close(denial=tools)
    (verdict,) = done.parts.denial.verdicts
    assert (verdict.result, verdict.observed) == ("inconclusive", "no-answer")
    assert (done.parts.denial.is_proven, done.parts.denial.ms, done.exit) == (False, 0, Exit.INCONCLUSIVE)
    assert bench.journal.state(bench.lane.id).closed is not None
    server.embedded.down()
    server.embedded.up(lambda _: None)
    again = bench.close()
    assert (again.exit, again.receipt.changed, again.parts.denial.is_proven) == (Exit.DONE, (), True)
    assert msgspec.structs.asdict(again)["record"] > done.record
