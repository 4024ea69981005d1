"""What the contract does not say of the source openrouter: limits, guardrails, workspaces, and how a key is known."""

import datetime as dt

import pytest
import source_benches

from warden.adapters.sources.masked import shows
from warden.adapters.sources.openrouter import PLUGIN
from warden.core.errors import Inconclusive, Missing, Refused, UsageError
from warden.core.rotation.provider import Carry, Intent, KeyId
from warden.core.secret import Secret

INTENT = Intent(rotation="01jd0000000000000000000000", lane="a-lane", field="KEY")


@pytest.fixture
def bench():
    with source_benches.openrouter() as bench:
        yield bench


@pytest.fixture
def account(bench):
    return bench.server.simulator.account


def made_with(account, made):
    return account.find(made.key)


def test_limit_reset_flag_workspace_life_and_guardrail_are_carried_over(bench, account):
    old = account.create("old", limit=25.5, limit_reset="weekly", include_byok_in_limit=True, workspace="team-a")
    account.change(old, expires_at=old.created_at + 90 * 86400)
    account.assignments[old.hash] = account.guardrail("production")
    for number in range(3):  # so that it is on another page of the assignments
        account.assignments[account.create(f"other {number}").hash] = account.guardrail(f"other {number}")
    source = bench.source()
    carry = source.carried(KeyId(old.hash))
    new = source.mint(INTENT, carry)
    source.bind(new.key, carry)
    source.bind(new.key, carry)
    found = made_with(account, new)
    assert (found.limit, found.limit_reset, found.include_byok_in_limit) == (25.5, "weekly", True)
    assert found.workspace == "team-a"
    assert account.assignments[found.hash] == account.assignments[old.hash]
    life = dt.timedelta(seconds=found.expires_at - found.created_at)
    assert abs(life - dt.timedelta(days=90)) < dt.timedelta(seconds=5)
    assert found.name == f"a-lane KEY {INTENT.marker}"


def test_a_key_that_is_gone_has_nothing_to_carry_over(bench):
    with pytest.raises(Missing):
        bench.source().carried(KeyId("0" * 64))


def test_without_an_old_key_and_a_limit_no_key_is_made(bench):
    before = bench.names()
    with pytest.raises(UsageError, match="the lane file names none") as raised:
        bench.source().mint(INTENT, Carry())
    assert raised.value.remedy
    assert bench.names() == before


def test_the_lane_file_says_what_a_first_key_gets(bench, account):
    guardrail = account.guardrail("production")
    source = bench.source(
        limit="30", limit_reset="monthly", include_byok_in_limit="true", expires_in="30d", guardrail=guardrail
    )
    made = source.mint(INTENT, Carry())
    source.bind(made.key, Carry())
    found = made_with(account, made)
    assert (found.limit, found.limit_reset, found.include_byok_in_limit) == (30, "monthly", True)
    assert account.assignments == {found.hash: guardrail}
    assert found.expires_at > found.created_at
    assert made_with(account, bench.source(limit="none").mint(INTENT, Carry())).limit is None


def test_a_key_that_got_another_limit_is_an_orphan_and_not_a_success(bench, account, monkeypatch):
    create = account.create
    monkeypatch.setattr(account, "create", lambda name, **settings: create(name, **settings | {"limit": None}))
    source = bench.source()
    with pytest.raises(Inconclusive, match="other settings"):
        source.mint(INTENT, Carry(settings={"limit": 5}))
    assert len(source.find(INTENT.marker)) == 1


def test_a_guardrail_that_is_said_to_be_assigned_and_is_not(bench, account):
    guardrail = account.guardrail("production")
    bench.lie("bind", "error-in-200")
    with pytest.raises(Inconclusive):
        bench.source().bind(KeyId(bench.old_id), Carry(settings={"limit": 1}, bindings=(guardrail,)))
    with pytest.raises(Refused):
        bench.source().bind(KeyId(bench.old_id), Carry(settings={"limit": 1}, bindings=("unknown",)))


def test_a_guardrail_that_the_answer_says_is_assigned_is_looked_for(bench, account):
    class Forgetful(dict):
        def update(self, *_):
            pass

    guardrail = account.guardrail("production")
    account.assignments = Forgetful()
    with pytest.raises(Inconclusive, match="not assigned"):
        bench.source().bind(KeyId(bench.old_id), Carry(settings={"limit": 1}, bindings=(guardrail,)))


def test_a_first_key_is_made_in_the_workspace_that_is_looked_at(bench, account):
    made = bench.source(workspace="team-a", limit="1").mint(INTENT, Carry())
    assert made_with(account, made).workspace == "team-a"


def test_disabled_keys_and_those_of_a_workspace_are_found(bench, account):
    here = account.create(f"x {INTENT.marker}", workspace="team-a")
    account.change(here, disabled=True)
    account.create(f"elsewhere {INTENT.marker}")
    found = bench.source(workspace="team-a").find(INTENT.marker)
    assert [(each.key, each.disabled) for each in found] == [(here.hash, True)]


def test_disabling_is_believed_only_where_the_answer_says_so(bench):
    bench.lie("change", "error-in-200")
    source = bench.source()
    with pytest.raises(Inconclusive):
        source.disable(KeyId(bench.old_id))
    source.disable(KeyId("0" * 64))
    assert source.test(Secret(bench.old)).answer == "accepted"


def test_a_short_key_is_known_by_what_it_says_of_itself(bench, account, monkeypatch):
    """The simulator shows nothing of it; the label alone has to be the same."""
    monkeypatch.setattr(type(account.keys[0]), "label", property(lambda key: f"label of {key.name}"))
    assert bench.source().identify(Secret(bench.old)) == bench.old_id


@pytest.mark.parametrize(
    ("masked", "value", "is_it"),
    [
        ("sk-or-v1-0e6...1c96", "sk-or-v1-0e6xxxxxxxxxxxxx1c96", True),
        ("sk-or-v1-0e6...1c96", "sk-or-v1-0e6xxxxxxxxxxxxx1c97", False),
        ("sk-or-v1-0e6...1c96", "sk-or-v1-0e61c96", False),
        ("sk-svc****************abcd", "sk-svcXXXXabcd", True),
        ("sk-svc…abcd", "sk-svcXXXXabcd", True),
        ("sk...ab", "skXXXXab", False),
        ("My Key", "My Key", False),
        ("", "x", False),
        ("...", "x", False),
    ],
)
def test_a_masked_value_shows_enough_or_nothing(masked, value, is_it):
    assert shows(masked, Secret(value)) is is_it


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"limit": "much"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "inf"}, "limit"),
        ({"limit_reset": "yearly"}, "limit_reset"),
        ({"include_byok_in_limit": "perhaps"}, "include_byok_in_limit"),
        ({"expires_in": "1 year"}, "expires_in"),
        ({"guardrail": "a/b"}, "guardrail"),
        ({"workspace": "?"}, "workspace"),
    ],
)
def test_settings_that_cannot_be_used(settings, key):
    assert [each.key for each in PLUGIN.faults(settings)] == [key]
