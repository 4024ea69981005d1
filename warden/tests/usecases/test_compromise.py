"""A value that has leaked: ended at its provider, in OpenBao and for its readers, who are listed from the audit log."""

import datetime as dt

import msgspec
import pytest

from warden.adapters.identities import ByMount, NoIssuer
from warden.adapters.openbao.audit_history import AuditFilesHistory, NoHistory
from warden.adapters.openbao.snapshot_reader import SnapshotReader
from warden.core.errors import Exit, Inconclusive, JournalUnwritable, Missing, NotNow, Refused, Unreachable
from warden.core.lanes.rotation import Rotation
from warden.core.openbao.api import jwt_login
from warden.core.openbao.rights import policy_text
from warden.core.rotation.mark import RotationMark
from warden.core.rotation.provider import Capabilities, Carry, KeyId, Minted, ProviderKey, SourceNotInstalled, Verdict
from warden.core.secret import Secret
from warden.usecases.compromise import CompromiseTools, Leak, compromise
from warden.usecases.deactivate import record_closing
from warden.usecases.reactivate import NewValueNeeded
from warden.usecases.steps.closing_lane import ClosedInJournalOnly, ClosingOptions
from warden.usecases.steps.concurrency import at_once
from warden.usecases.steps.provider_keys import Providers, SourceFailed


class Provider:
    """A team's own plug-in: keys by id, and what was asked of it, with what the lane's policy was then."""

    needs_management = False

    def __init__(self, bench, *, can=None, keys=None, answer="refused", fails=None):
        self.bench, self.keys, self.answer, self.fails = bench, keys or {}, answer, fails
        self.can = can or Capabilities(disable=True)
        self.asked, self.names_of, self.mints, self.carry = [], {}, "", None
        self.fail_on = {}

    # -- as Sources, as the plug-in, and as the source it makes

    def names(self):
        return ("acme",)

    def plugin(self, name):
        if name != "acme":
            raise Missing(SourceNotInstalled(name, ("acme",)))
        return self

    def source(self, settings, management, http):
        self.management = management.reveal() if management else ""
        return self

    def capabilities(self):
        return self.can

    def identify(self, value):
        self._fail("identify")
        return self.keys.get(value.reveal())

    def carried(self, key):
        self._fail(f"carry {key}")
        return Carry(settings={"limit": 5}, bindings=(f"guardrail of {key}",))

    def find(self, marker):
        return [ProviderKey(key=key, name=name) for key, name in self.names_of.items() if marker in name]

    def mint(self, intent, carry):
        if self.mints == "fails":
            raise Refused("the provider makes no key")
        key = KeyId(f"new-{len(self.names_of)}")
        self.names_of[key] = intent.marker
        self.carry = carry
        if self.mints == "dies":
            raise KeyboardInterrupt
        return Minted(key=key, value=Secret(f"sk-planted-minted-{key}"))

    def bind(self, key, carry):
        self.asked.append(("bind", key, carry.bindings))

    def test(self, value):
        return Verdict(answer="accepted", status=200)

    def faults(self, settings):
        return ()

    def disable(self, key):
        self._note("disable", key)

    def delete(self, key):
        self._note("delete", key)

    def refused(self, value):
        return Verdict(answer=self.answer, status=401)

    def _fail(self, at):
        if at in self.fail_on:
            raise self.fail_on[at]

    def _note(self, what, key):
        if what == "delete":
            self.names_of.pop(key, None)
        if self.fails is not None:
            raise self.fails
        self._fail(key)
        open_still = self.bench.vault("admin").policy(self.bench.lane.custody.policy_name) is not None
        self.asked.append((what, key, open_still))


def end(bench, *, since=None, sources=None, context=None, history=None, replace=False, **how):
    sources = sources or Provider(bench)
    tools = CompromiseTools(
        providers=Providers(sources=sources, http=None, pauses=(0.01,)),
        history=history or AuditFilesHistory([bench.server.audit_file]),
        replace=replace,
    )
    options = ClosingOptions(**{"denial": bench.tools(), "patience": 0.5} | how)
    if context is None:
        context = msgspec.structs.replace(bench.context(), snapshots=SnapshotReader(bench.vault(), at_once))
    return compromise(bench.lane, Leak(reason="seen in a log", since=since), context, tools, options)


def reader(bench):
    jwt = Secret(bench.server.mint(str(bench.lane.readers[0].workload)))
    return bench.vault().enter(jwt_login("kubernetes", bench.lane.role_of(bench.lane.readers[0]), jwt))


def read(bench, session):
    status, found = bench.server.call("GET", f"platform/data/{bench.path}", token=session.token.reveal())
    assert status == 200
    return found


def sourced(bench, source="acme", **settings):
    bench.change(rotation=Rotation(every=86400, source=source, **settings))
    return bench


def test_everything_is_ended_and_who_had_read_it_is_listed(bench):
    began = dt.datetime.now(dt.UTC)
    sourced(bench).ready()
    bench.put("sk-a-second-planted-value")
    session = reader(bench)
    read(bench, session)
    read(bench, session)
    provider = Provider(bench, keys={"sk-a-second-planted-value": KeyId("k-1")})
    context = bench.context("admin")
    context = msgspec.structs.replace(context, snapshots=SnapshotReader(bench.vault("admin"), at_once))
    done = end(bench, since=began, sources=provider, context=context)

    assert provider.asked == [("disable", "k-1", True)]  # before OpenBao's policy goes
    (key,) = done.leak.keys
    assert (key.state, key.keys, key.verdict.answer, key.exit) == ("disabled", ("k-1",), "refused", Exit.DONE)
    assert (done.leak.versions.destroyed, done.leak.versions.left) == ((1, 2), ())
    metadata = bench.vault().kv_metadata("platform", bench.path)
    assert (metadata.kept, metadata.live) == ((), False)
    assert [each.accessor for each in done.parts.tokens.revoked] == [session.accessor]
    assert done.parts.denial.is_proven
    assert done.ms > 0

    by_role = {each.role: each for each in done.leak.surveyed.readings if not each.probes}
    found = by_role[bench.lane.role_of(bench.lane.readers[0])]
    assert (found.count, found.versions, found.addresses) == (2, (2,), ("127.0.0.1",))
    assert found.accessor == bench.vault("admin").audit_hash("file", Secret(session.accessor))
    assert began.isoformat() < found.first <= found.last
    assert {each.display_name for each in by_role.values()} >= {"userpass-admin"}  # whoever asked the provider for it
    assert done.exit == Exit.DONE

    (record,) = [each for each in bench.journal.log() if each.event == "lane.compromised"]
    assert (record.body["ms"], record.body["denied"], record.body["destroyed"]) == (done.ms, True, [1, 2])
    assert len(record.body["readers"]) == len(done.leak.surveyed.readings)
    assert bench.journal.state(bench.lane.id).closed.body["leaked"] is True
    everything = str([each.body for each in bench.journal.log()])
    assert "planted" not in everything
    assert session.token.reveal() not in everything


def test_it_is_opened_again_with_a_new_value_only(bench):
    bench.ready()
    end(bench)
    with pytest.raises(NotNow) as refusal:
        bench.reopen()
    assert isinstance(refusal.value.problem, NewValueNeeded)
    bench.put("sk-a-new-planted-value")
    assert bench.reopen().opened


def test_other_lanes_with_the_same_value_are_named_and_no_others(bench):
    bench.ready()
    same, other = bench.make(f"{bench.lane.id}-same", fields=("TOKEN",)), bench.make(f"{bench.lane.id}-other")
    for lane, field, value in ((same, "TOKEN", bench.value), (other, "API_KEY", "sk-something-else-altogether")):
        bench.lanes.append(lane)
        bench.apply(lane=lane)
        bench.vault().put_fields("platform", lane.custody.key, {field: Secret(value)})
    unseen = bench.make(f"{bench.lane.id}-unseen")
    bench.lanes.append(unseen)
    done = end(bench)
    assert [(each.lane, each.field, each.own_field) for each in done.leak.same] == [(same.id, "TOKEN", "API_KEY")]
    assert done.leak.not_compared == (unseen.id,)
    assert done.exit == Exit.NO
    record_closing(same.id, "the same key", "", bench.journal, leaked=True)
    assert end(bench).leak.same == ()


@pytest.mark.parametrize(
    ("source", "state"), [("random", "no-provider"), ("manual", "by-hand"), ("prompt", "by-hand"), ("", "no-source")]
)
def test_where_no_provider_can_be_asked_it_says_what_a_person_does(bench, source, state):
    class Random(Provider):
        def plugin(self, name):
            return self

    if source:
        sourced(bench, source)
    bench.ready()
    done = end(bench, sources=Random(bench, can=Capabilities(provider=False)))
    assert [each.state for each in done.leak.keys] == [state]
    assert done.parts.denial.is_proven
    assert done.exit == Exit.INCONCLUSIVE


@pytest.mark.parametrize(
    "fails", [Unreachable("provider https://x gave no answer"), ZeroDivisionError("sk-planted in an exception")]
)
def test_a_provider_that_fails_keeps_nothing_else_from_being_done(bench, fails):
    sourced(bench).ready()
    bench.vault().mark("platform", bench.path, {"key-id-API_KEY": "k-7"})
    provider = Provider(bench, fails=fails)
    done = end(bench, sources=provider)
    (key,) = done.leak.keys
    assert key.state == "not-done"
    assert "sk-planted" not in str(key)
    if isinstance(fails, ZeroDivisionError):
        assert key.fault.problem == SourceFailed("acme", "ZeroDivisionError")
    assert done.parts.denial.is_proven
    assert done.exit == Exit.INCONCLUSIVE
    provider.fails = None
    again = end(bench, sources=provider)
    assert (again.leak.keys[0].state, again.leak.keys[0].keys) == ("disabled", ("k-7",))
    assert again.leak.versions.destroyed == ()
    assert bench.journal.unfinished() == []


def test_one_key_that_cannot_be_ended_keeps_no_other_one_from_it(bench):
    sourced(bench).ready()
    under_way = RotationMark(
        rotation="3f9a1c2b", field="API_KEY", before=1, run="r", by="ada", since="x", old=KeyId("k-2"), new=KeyId("k-3")
    )
    bench.vault().mark("platform", bench.path, {"key-id-API_KEY": "k-1", "rotation": under_way.text})
    provider = Provider(bench)
    provider.fail_on = {"k-1": Unreachable("provider https://x gave no answer"), "identify": Refused("no list")}
    context = msgspec.structs.replace(bench.context("admin"), snapshots=SnapshotReader(bench.vault("admin"), at_once))
    done = end(bench, sources=provider, context=context)
    assert [each[:2] for each in provider.asked] == [("disable", "k-2"), ("disable", "k-3")]
    assert (done.leak.keys[0].state, done.exit) == ("not-done", Exit.INCONCLUSIVE)
    provider.fail_on = {}
    again = end(bench, sources=provider)
    assert (again.leak.keys[0].state, again.leak.keys[0].keys) == ("disabled", ("k-1", "k-2", "k-3"))


def test_a_key_that_a_killed_rotation_made_and_did_not_note_is_ended_too(bench):
    sourced(bench).ready()
    killed = RotationMark(
        rotation="3f9a1c2b", field="API_KEY", before=1, run="r", by="ada", since="x", old=KeyId("k-2")
    )
    bench.vault().mark("platform", bench.path, {"rotation": killed.text})
    provider = Provider(bench)
    provider.names_of = {KeyId("orphan"): "a-lane API_KEY warden-3f9a1c2b", KeyId("another"): "warden-00000000"}
    done = end(bench, sources=provider)
    assert done.leak.keys[0].keys == ("k-2", "orphan")
    assert [each[:2] for each in provider.asked] == [("disable", "k-2"), ("disable", "orphan")]


def test_an_id_of_a_key_that_is_gone_keeps_the_leaked_one_from_nothing(bench):
    provider = replaceable(bench)
    provider.keys = {bench.value: KeyId("k-9")}
    provider.fail_on = {"carry k-1": Missing("no such key"), "carry k-9": Missing("no such key")}
    context = msgspec.structs.replace(bench.context("admin"), snapshots=SnapshotReader(bench.vault("admin"), at_once))
    done = end(bench, sources=provider, context=context, replace=True)
    assert [each[:2] for each in provider.asked[:2]] == [("disable", "k-1"), ("disable", "k-9")]
    assert done.opening.opened


def test_no_key_is_made_without_what_the_old_one_had(bench):
    provider = replaceable(bench)
    provider.fail_on = {"carry k-1": Unreachable("provider https://x gave no answer")}
    done = end(bench, sources=provider, replace=True)
    assert (done.leak.keys[0].state, done.leak.replacement.fault.kind) == ("disabled", "unreachable")
    assert (provider.names_of, done.opening) == ({}, None)
    provider.fail_on = {}
    again = end(bench, sources=provider, replace=True)
    assert again.opening.opened
    assert provider.carry.settings == {"limit": 5}


def test_a_source_that_is_not_installed_is_named(bench):
    sourced(bench, "elsewhere").ready()
    (key,) = end(bench).leak.keys
    assert key.state == "not-done"
    assert key.fault.problem == SourceNotInstalled("elsewhere", ("acme",))


def test_where_a_key_cannot_be_disabled_it_is_deleted_and_both_of_a_rotation_are(bench):
    sourced(bench).ready()
    under_way = RotationMark(
        rotation="3f9a1c2b", field="API_KEY", before=1, run="r", by="ada", since="x", old=KeyId("k-2"), new=KeyId("k-3")
    )
    marks = {"key-id-API_KEY": "k-2", "rotation": under_way.text}
    bench.vault().mark("platform", bench.path, marks)
    provider = Provider(bench, can=Capabilities())
    done = end(bench, sources=provider)
    assert [each[:2] for each in provider.asked] == [("delete", "k-2"), ("delete", "k-3")]
    assert (done.leak.keys[0].state, done.leak.keys[0].verdict) == ("deleted", None)  # platform reads no value
    assert "rotation" not in bench.vault().kv_metadata("platform", bench.path).custom


def test_a_provider_that_still_accepts_the_value_is_no_done(bench):
    sourced(bench).ready()
    provider = Provider(bench, keys={bench.value: KeyId("k-1")}, answer="accepted")
    context = msgspec.structs.replace(bench.context("admin"), snapshots=SnapshotReader(bench.vault("admin"), at_once))
    done = end(bench, sources=provider, context=context)
    assert (done.leak.keys[0].exit, done.exit) == (Exit.NO, Exit.NO)


def test_the_management_key_is_a_lane_of_its_own(bench):
    management = bench.make(f"{bench.lane.id}-management", fields=("MANAGEMENT_KEY",))
    bench.lanes.append(management)
    bench.apply(lane=management)
    bench.vault().put_fields("platform", management.custody.key, {"MANAGEMENT_KEY": Secret("sk-planted-management")})
    sourced(bench, management=management.id).ready()
    bench.vault().mark("platform", bench.path, {"key-id-API_KEY": "k-1"})
    provider = Provider(bench)
    refused = end(bench, sources=provider)
    assert refused.leak.keys[0].state == "not-done"  # the platform engineer reads no value
    context = msgspec.structs.replace(bench.context("admin"), snapshots=SnapshotReader(bench.vault("admin"), at_once))
    done = end(bench, sources=provider, context=context)
    assert (done.leak.keys[0].state, provider.management) == ("disabled", "sk-planted-management")
    assert "sk-planted" not in str([each.body for each in bench.journal.log()])


def test_without_the_right_to_destroy_the_lane_is_closed_and_it_says_so(bench):
    bench.ready()
    token = bench.server.token_with(policy_text("deactivate"))
    vault = bench.server.vault(token)
    context = msgspec.structs.replace(bench.context(), vault=vault, snapshots=SnapshotReader(vault, at_once))
    done = end(bench, context=context)
    assert done.leak.versions.fault.kind == "refused"
    assert done.leak.versions.left == (1,)
    assert done.parts.denial.is_proven
    assert done.exit == Exit.REFUSED


def test_without_the_audit_log_nobody_is_said_not_to_have_read_it(bench):
    bench.ready()
    done = end(bench, history=NoHistory("where it is written is not known here"))
    assert (done.leak.surveyed.readings, done.leak.surveyed.why != "") == ((), True)
    assert done.leak.not_compared == ()
    assert done.exit == Exit.INCONCLUSIVE


def test_openbao_away_closes_it_in_the_journal(bench):
    sourced(bench).ready()
    provider = Provider(bench)

    class Away(type(bench.vault())):
        def send(self, request):
            raise Unreachable("no answer")

    context = bench.context()
    context.vault.__class__ = Away
    with pytest.raises(Inconclusive) as fault:
        end(bench, sources=provider, context=context)
    assert fault.value.effect == ClosedInJournalOnly(bench.lane.id)
    assert bench.journal.state(bench.lane.id).closed.body["leaked"] is True


def test_without_a_journal_nothing_is_done(bench):
    bench.ready()
    before = bench.snapshot()
    bench.journal = type(bench.journal)("/proc/no-such-place/journal.db")
    with pytest.raises(JournalUnwritable):
        end(bench)
    assert bench.snapshot() == before


# -- a new value ------------------------------------------------------------------------------------------------------


def replaceable(bench):
    """A lane whose key the provider has an id of."""
    sourced(bench).ready()
    bench.vault().mark("platform", bench.path, {"key-id-API_KEY": "k-1"})
    return Provider(bench)


def test_a_new_value_is_made_with_what_the_old_key_had_and_the_lane_is_opened_by_a_proof(bench):
    provider = replaceable(bench)
    done = end(bench, sources=provider, replace=True)
    assert provider.asked == [("disable", "k-1", True), ("bind", "new-0", ("guardrail of k-1",))]
    assert provider.carry.settings == {"limit": 5}
    assert done.opening.opened, done.opening.gate
    assert (done.leak.replacement.version, done.leak.versions.destroyed) == (2, (1,))
    assert done.exit == Exit.INCONCLUSIVE  # the platform engineer reads no value: whether it is refused was not asked
    metadata = bench.vault().kv_metadata("platform", bench.path)
    assert (metadata.custom["key-id-API_KEY"], metadata.kept) == ("new-0", (2,))
    assert bench.vault("admin").read("platform", bench.path)[1]["API_KEY"].reveal() == "sk-planted-minted-new-0"
    assert bench.journal.state(bench.lane.id).closed is None
    assert bench.journal.state(bench.lane.id).proof.seq == done.opening.proof.record
    assert "planted" not in str([each.body for each in bench.journal.log()])


def test_where_a_person_has_to_bring_a_value_nothing_is_made_and_it_stays_closed(bench):
    provider = replaceable(bench)
    bench.change(custody=msgspec.structs.replace(bench.lane.custody, fields=("API_KEY", "SECOND")))
    bench.change(rotation=(Rotation(every=86400, source="acme", field="API_KEY"),))
    done = end(bench, sources=provider, replace=True)
    assert (done.leak.replacement.by_hand, done.leak.replacement.version) == (("SECOND",), 0)
    assert (provider.names_of, done.opening, done.exit) == ({}, None, Exit.INCONCLUSIVE)


def test_a_provider_that_makes_no_key_leaves_it_closed(bench):
    provider = replaceable(bench)
    provider.mints = "fails"
    done = end(bench, sources=provider, replace=True)
    assert (done.leak.replacement.fault.kind, done.opening) == ("refused", None)
    assert done.parts.denial.is_proven
    assert bench.journal.state(bench.lane.id).closed is not None


def test_a_key_that_cannot_be_written_is_deleted_again(bench):
    provider = replaceable(bench)
    token = bench.server.token_with(policy_text("compromise"))  # may destroy, and not put
    vault = bench.server.vault(token)
    context = msgspec.structs.replace(bench.context(), vault=vault, snapshots=SnapshotReader(vault, at_once))
    done = end(bench, sources=provider, context=context, replace=True)
    assert done.leak.replacement.fault.kind == "refused"
    assert (provider.names_of, provider.asked[-1][:2]) == ({}, ("delete", "new-0"))


def test_a_key_that_a_killed_run_made_does_not_stay_at_the_provider(bench):
    provider = replaceable(bench)
    provider.mints = "dies"
    with pytest.raises(KeyboardInterrupt):
        end(bench, sources=provider, replace=True)
    assert list(provider.names_of) == ["new-0"]
    provider.mints = ""
    done = end(bench, sources=provider, replace=True)
    assert done.opening.opened
    assert ("delete", "new-0") in [each[:2] for each in provider.asked]
    assert list(provider.names_of) == [bench.vault().kv_metadata("platform", bench.path).custom["key-id-API_KEY"]]


def test_a_new_value_whose_proof_does_not_hold_stays_closed(bench):
    provider = replaceable(bench)
    tools = bench.tools(identities=ByMount({}, NoIssuer(bench.server.address)))
    done = end(bench, sources=provider, replace=True, denial=tools)
    assert (done.opening.opened, done.opening.reclosed) == (False, True)
    assert done.leak.replacement.version == 2
    assert bench.journal.state(bench.lane.id).closed is not None
    assert done.exit == Exit.INCONCLUSIVE
