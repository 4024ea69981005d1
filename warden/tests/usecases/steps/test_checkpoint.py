"""A checkpoint comes after what it is about, and a signer that fails takes nothing back."""

import msgspec
import pytest
from ssh_keys import write_key

from warden.adapters.identities import ByMount
from warden.adapters.openbao.audit_log import AuditFiles
from warden.adapters.signing.public_keys import PublicKeys
from warden.adapters.signing.ssh_key import SshKeySigner
from warden.core.errors import JournalUnwritable, Unreachable, WardenError
from warden.core.journal.checkpoints import NotSigned, Signed, checkpoint_in
from warden.usecases.deactivate import deactivate
from warden.usecases.prove import ProveOptions, prove
from warden.usecases.steps.checkpoint import checkpoint
from warden.usecases.steps.closing_lane import ClosedInJournalOnly


class Silent:
    """A key whose holder does not answer."""

    where = "transit key transit/gone of OpenBao https://gone"

    @property
    def key_id(self):
        raise Unreachable("OpenBao https://gone does not answer", system="OpenBao https://gone")


@pytest.fixture
def signer(tmp_path):
    return SshKeySigner(str(write_key(tmp_path / "key")))


def signing(bench, signer):
    return msgspec.structs.replace(bench.context(), signer=signer)


def expect_signed(bench, signer, made, why):
    record = bench.journal.log(last=1)[0]
    assert isinstance(made, Signed)
    assert (record.event, record.seq, record.body["why"]) == ("checkpoint", made.record, why)
    found = checkpoint_in(record.body)
    before = bench.journal.log(last=2)[0]
    assert found.statement.head == (type(found.statement.head))(before.hash, before.seq)
    assert found.statement.journal == bench.journal.log()[0].hash
    assert PublicKeys(signer.public_keys()).holds(signer.key_id, found.signature, found.statement.signed_bytes)
    assert bench.journal.verify().breaks == ()


def test_without_a_key_nothing_happens(bench):
    assert checkpoint(bench.context(), "asked") is None
    assert bench.journal.log() == []


def test_a_proof_a_closing_and_an_opening_are_signed(bench, signer):
    bench.ready()
    context = signing(bench, signer)
    identities = ByMount({}, bench.server.issuer, bench.server.issuer)
    options = ProveOptions(run=f"wp-{bench.lane.id}")
    proof = prove([bench.lane], context, identities, AuditFiles([bench.server.audit_file]), options)[0]
    expect_signed(bench, signer, proof.checkpoint, "proof")
    expect_signed(bench, signer, bench.close(context=context).checkpoint, "closing")
    expect_signed(bench, signer, bench.reopen(context=context).checkpoint, "opening")


def test_a_closing_stands_and_says_that_nobody_signed_it(bench):
    bench.ready()
    done = deactivate(bench.lane, "INC-1", signing(bench, Silent()))
    assert isinstance(done.checkpoint, NotSigned)
    assert bench.journal.state(bench.lane.id).closed is not None
    record = bench.journal.log(last=1)[0]
    assert (record.event, record.lane) == ("checkpoint.failed", bench.lane.id)
    assert (record.body["why"], record.body["kind"], record.body["signer"]) == ("closing", "unreachable", Silent.where)


def test_a_closing_in_the_journal_alone_is_signed_too(bench, signer):
    bench.ready()
    nobody = msgspec.structs.replace(signing(bench, signer), vault=bench.server.vault("nobody"))
    with pytest.raises(WardenError) as fault:
        deactivate(bench.lane, "INC-1", nobody)
    assert isinstance(fault.value.effect, ClosedInJournalOnly)
    assert [each.event for each in bench.journal.log(last=2)] == ["deactivate.failed", "checkpoint"]


def test_a_journal_that_does_not_take_the_checkpoint_takes_nothing_back(bench, signer):
    class Full:
        """A journal whose disk fills up after the operation's own records."""

        def __getattr__(self, name):
            return getattr(bench.journal, name)

        def record(self, *_):
            raise JournalUnwritable("journal.db cannot grow: the disk under it is full", system="journal")

    bench.journal.record("proof", bench.lane.id, {})
    context = msgspec.structs.replace(bench.context(), signer=signer, journal=Full())
    made = checkpoint(context, "proof", bench.lane.id)
    assert isinstance(made, NotSigned)
    assert made.fault.kind == "journal"
