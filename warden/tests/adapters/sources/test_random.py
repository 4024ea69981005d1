import pytest

from warden.adapters.sources.http import ProviderHttp
from warden.adapters.sources.person import MANUAL, PROMPT
from warden.adapters.sources.random import ALPHABETS, PLUGIN
from warden.core.errors import UsageError
from warden.core.rotation.provider import Carry, Intent
from warden.core.secret import Secret

INTENT = Intent(rotation="r1", lane="a-lane", field="KEY")


def drawn(**settings: str) -> str:
    assert not PLUGIN.faults(settings)
    return PLUGIN.source(settings, None, ProviderHttp()).mint(INTENT, Carry()).value.reveal()


def test_random_draws_a_new_value_of_the_length_and_from_the_alphabet_each_time():
    assert len(drawn()) == 40
    assert drawn() != drawn()
    assert set(drawn(length="500", alphabet="hex")) == set(ALPHABETS["hex"])
    assert set(drawn(length="900", alphabet="xyzXYZ")) == set("xyzXYZ")
    assert set(drawn(length="4096", alphabet="printable")) == set(ALPHABETS["printable"])


@pytest.mark.parametrize(
    ("settings", "key", "says"),
    [
        ({"length": "x"}, "length", "from 1 to 4096"),
        ({"length": "0"}, "length", "from 1 to 4096"),
        ({"length": "4097"}, "length", "from 1 to 4096"),
        ({"length": "²"}, "length", "from 1 to 4096"),
        ({"length": "23", "alphabet": "hex"}, "length", "23 of 16 characters are 92 bits"),
        ({"length": "500", "alphabet": "a"}, "length", "are 0 bits"),
        ({"length": "500", "alphabet": "aab"}, "alphabet", "twice"),
        ({"lenght": "40"}, "lenght", "length, alphabet"),
    ],
)
def test_settings_of_random_that_cannot_be_used(settings, key, says):
    (fault,) = PLUGIN.faults(settings)
    assert fault.key == key
    assert says in fault.message


def test_24_hex_digits_are_just_enough():
    assert len(drawn(length="24", alphabet="hex")) == 24


def test_random_has_nobody_to_ask():
    source = PLUGIN.source({}, None, ProviderHttp())
    assert not source.capabilities().provider
    assert source.test(Secret("x")).answer == "unclear"
    assert source.refused(Secret("x")).answer == "unclear"
    assert source.identify(Secret("x")) is None
    assert source.find("warden-r1") == ()


def test_a_person_brings_the_value_and_manual_has_one_end_the_old_key():
    for plugin, tasks in ((PROMPT, ("create",)), (MANUAL, ("create", "delete"))):
        source = plugin.source({}, None, ProviderHttp())
        assert source.capabilities().human_needed == tasks
        with pytest.raises(UsageError, match="a person brings it"):
            source.mint(INTENT, Carry())
        given = Intent(rotation="r1", lane="a-lane", field="KEY", given=Secret("mine"))
        assert source.mint(given, Carry()).value.reveal() == "mine"
    assert [each.key for each in PROMPT.faults({"delete": "there"})] == ["delete"]
    assert not MANUAL.faults({"create": "here", "delete": "there"})
