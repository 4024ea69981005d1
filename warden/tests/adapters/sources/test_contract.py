"""What the port Source promises, held by every source on the simulator of its provider, whatever that answers."""

import logging
import time

import pytest
from canary import Canary
from source_benches import BENCHES

from warden.adapters.sources.http import ProviderHttp
from warden.adapters.sources.loader import InstalledSources
from warden.core.errors import Inconclusive, Refused, WardenError
from warden.core.rotation.provider import Carry, Intent, KeyId
from warden.core.secret import Secret

INTENT = Intent(rotation="01jd0000000000000000000000", lane="a-lane", field="KEY")
CARRY = Carry(settings={"limit": 5, "scopes": ("write:issue",)})
UNCLEAR = (
    "silent",
    "500",
    "503",
    "429",
    "error-in-200",
    "not-json",
    "html-502",
    "not-object",
    "empty-body",
    "redirect",
    "reset",
)
"""What says nothing about a key."""


@pytest.fixture(params=BENCHES)
def bench(request, caplog):
    """A source's provider; whatever the source says and logs in a test must not hold a planted key."""
    caplog.set_level(logging.DEBUG)
    with BENCHES[request.param]() as bench:
        yield bench
        Canary(*bench.planted).look("the log", caplog.text.encode())


def key(bench):
    return KeyId(bench.old_id)


def raises(bench, kind, act, *arguments):
    """The error, which names the provider and no key."""
    with pytest.raises(kind) as raised:
        act(*arguments)
    fault = raised.value
    assert isinstance(fault, WardenError)
    assert "http://127.0.0.1:" in fault.system
    said = f"{fault} {fault.problem} {fault.hint} {fault.subject} {fault.system}"
    Canary(*bench.planted).look("the error", said.encode())
    return fault


def test_a_value_is_accepted_or_refused(bench):
    source = bench.source()
    assert source.test(Secret(bench.old)).answer == "accepted"
    found = source.test(Secret(bench.unknown))
    assert (found.answer, found.status) == ("refused", 401)
    assert source.refused(Secret(bench.old)).answer == "accepted"
    assert source.refused(Secret(bench.unknown)).answer == "refused"


@pytest.mark.parametrize("how", UNCLEAR)
def test_what_says_nothing_about_a_key_is_unclear(bench, how):
    source = bench.source()
    for question in (source.test, source.refused):
        bench.lie("test", how)
        found = question(Secret(bench.old))
        assert found.answer == "unclear"
        assert found.reason
    assert source.test(Secret(bench.old)).answer == "accepted"


def test_one_transient_401_is_one_refusal_and_repeats_no_key(bench):
    bench.lie("test", "echo-key")
    found = bench.source().test(Secret(bench.old))
    assert (found.answer, found.status) == ("refused", 401)
    Canary(*bench.planted).look("the verdict", repr(found).encode())


def test_a_page_of_a_proxy_refuses_nothing(bench):
    if bench.name == "openrouter":
        pytest.skip("the simulator has no such page")
    bench.lie("test", "html-401")
    assert bench.source().test(Secret(bench.old)).answer == "unclear"


def test_nobody_at_the_address_is_unclear_and_inconclusive(bench):
    source = bench.source(url="http://127.0.0.1:9")
    assert source.test(Secret(bench.old)).answer == "unclear"
    raises_unreachable = pytest.raises(Inconclusive)
    with raises_unreachable:
        source.find("x")


def test_the_key_with_a_value_is_identified_on_whichever_page_it_is(bench):
    for number in range(4):
        bench.add(f"other {number}")
    source = bench.source()
    assert source.identify(Secret(bench.old)) == bench.old_id
    assert source.identify(Secret(bench.unknown)) is None


def test_of_two_keys_that_may_be_it_none_is(bench):
    if bench.name == "openrouter":
        pytest.skip("see test_openrouter")
    bench.add("twin", f"{bench.old[:12]}{'x' * 20}{bench.old[-8:]}")
    assert bench.source().identify(Secret(bench.old)) is None


def test_a_new_key_bears_the_marker_works_and_carries_what_the_old_one_had(bench):
    source = bench.source()
    carry = source.carried(key(bench))
    made = source.mint(INTENT, carry)
    source.bind(made.key, carry)
    assert [name for name in bench.names() if INTENT.marker in name]
    assert source.test(made.value).answer == source.test(Secret(bench.old)).answer == "accepted"
    assert source.carried(made.key) == carry
    assert source.identify(made.value) == made.key
    assert [each.key for each in source.find(INTENT.marker)] == [made.key]
    Canary(made.value.reveal()).look("what it gives", f"{made!r} {source.find('')!r}".encode())


@pytest.mark.parametrize(
    "how", ["silent", "500", "503", "429", "error-in-200", "not-json", "html-502", "empty-body", "reset"]
)
def test_after_an_ambiguous_creation_the_orphan_is_found_and_ended(bench, how):
    source = bench.source()
    before = bench.names()
    carry = source.carried(key(bench))
    bench.lie("create", how, done=True)
    raises(bench, Inconclusive, source.mint, INTENT, carry)
    orphans = source.find(INTENT.marker)
    assert len(orphans) == 1, "a creation is never repeated by a source"
    source.delete(KeyId(orphans[0].key))
    assert source.find(INTENT.marker) == []
    assert bench.names() == before
    assert source.mint(INTENT, carry).key


def test_a_creation_that_was_not_answered_and_not_done_leaves_nothing(bench):
    source = bench.source()
    carry = source.carried(key(bench))
    bench.lie("create", "503")
    raises(bench, Inconclusive, source.mint, INTENT, carry)
    assert source.find(INTENT.marker) == []


def test_all_orphans_are_found_on_whichever_page_they_are(bench):
    made = {bench.add(f"{INTENT.marker} {number}") for number in range(5)}
    bench.add("another")
    assert {each.key for each in bench.source().find(INTENT.marker)} == made


def test_a_deleted_key_is_refused_and_deleting_it_again_is_no_error(bench):
    source = bench.source()
    for _ in range(2):
        source.delete(key(bench))
    assert source.refused(Secret(bench.old)).answer == "refused"
    assert source.last_used(key(bench)) is None
    assert source.identify(Secret(bench.old)) is None


@pytest.mark.parametrize("how", ["500", "silent", "reset", "html-502"])
def test_a_deletion_that_is_not_answered_is_inconclusive_and_can_be_repeated(bench, how):
    source = bench.source()
    bench.lie("delete", how, done=True)
    raises(bench, Inconclusive, source.delete, key(bench))
    source.delete(key(bench))
    assert source.refused(Secret(bench.old)).answer == "refused"


def test_a_deletion_that_was_not_done_is_not_taken_for_one(bench):
    source = bench.source()
    bench.lie("delete", "error-in-200")
    raises(bench, Inconclusive, source.delete, key(bench))
    assert source.refused(Secret(bench.old)).answer == "accepted"


def test_a_deleted_key_that_is_still_accepted_is_said_to_be(bench):
    source = bench.source()
    bench.keep_accepting(1.5)
    source.delete(key(bench))
    assert source.refused(Secret(bench.old)).answer == "accepted"
    time.sleep(1.6)
    assert source.refused(Secret(bench.old)).answer == "refused"


@pytest.mark.parametrize("how", ["error-in-200", "not-json", "not-object", "empty-body", "429", "500", "redirect"])
def test_a_list_that_is_none_is_not_an_empty_one(bench, how):
    if (bench.name, how) == ("gitea", "not-object"):
        pytest.skip("a list is what Gitea gives; its entries are not, which is checked")
    bench.lie("list", how)
    raises(bench, Inconclusive, bench.source().find, "x")


def test_a_management_key_that_is_not_accepted_is_refused_and_not_repeated(bench):
    wrong = "planted-and-wrong-0123456789abcdef"
    source = bench.source(management=wrong)
    for act, arguments in ((source.find, ("x",)), (source.mint, (INTENT, CARRY)), (source.delete, (key(bench),))):
        fault = raises(bench, Refused, act, *arguments)
        Canary(wrong).look("the error", f"{fault} {fault.hint}".encode())
    bench.lie("list", "echo-key")
    raises(bench, Refused, bench.source().find, "x")


def test_the_key_itself_manages_nothing(bench):
    raises(bench, Refused, bench.source(management=bench.old).find, "x")


def test_capabilities_are_what_they_say(bench):
    source = bench.source()
    can = source.capabilities()
    assert can.provider
    assert can.overlap
    assert not can.human_needed
    source.test(Secret(bench.old))
    assert (source.last_used(key(bench)) is not None) is can.last_used
    if can.disable:
        source.disable(key(bench))
        assert source.refused(Secret(bench.old)).answer == "refused"
        source.enable(key(bench))
    assert source.test(Secret(bench.old)).answer == "accepted"


def test_settings_that_cannot_be_used_are_named(bench):
    plugin = InstalledSources().plugin(bench.name)
    good = bench.settings
    assert plugin.needs_management
    assert not plugin.faults(good)
    for key_, value in (
        ("unknown", "x"),
        ("url", "ftp://x"),
        ("url", "https://"),
        ("url", "http://example.com"),
        ("url", "https://user:pass@example.com"),
        ("url", "https://example.com/?x"),
        ("timeout", "0"),
        ("timeout", "soon"),
        ("timeout", "nan"),
        ("timeout", "1000"),
    ):
        assert [each.key for each in plugin.faults(good | {key_: value})] == [key_], (key_, value)


@pytest.mark.parametrize("name", ["random", "prompt", "manual"])
def test_sources_without_a_provider_keep_the_same_contract(name):
    source = InstalledSources().plugin(name).source({}, None, ProviderHttp())
    value, nobody = Secret("given-0123456789"), KeyId("")
    intent = Intent(rotation=INTENT.rotation, lane="a-lane", field="KEY", given=value)
    assert not source.capabilities().provider
    assert source.identify(value) is None
    assert source.find(INTENT.marker) == ()
    carry = source.carried(nobody)
    made = source.mint(intent, carry)
    source.bind(made.key, carry)
    assert made.key == ""
    assert made.value.reveal()
    assert source.test(made.value).answer == source.refused(value).answer == "unclear"
    source.disable(nobody)
    source.enable(nobody)
    source.delete(nobody)
    assert source.last_used(nobody) is None
