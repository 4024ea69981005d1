import importlib.util
from pathlib import Path

import pytest

from warden.adapters.catalog.files import load_catalog, load_entry
from warden.core.lanes.rotation import RefusalWindow
from warden.core.lanes.rotation_rules import rotated_field

SPEC = importlib.util.spec_from_file_location("catalog_files", Path(__file__).parent / "catalog_files.py")
catalog_files = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(catalog_files)

TWO = {"old": "[APP_KEY]", "new": "[APP_KEY, OTHER]"}
LIST = """\
rotation:
  - field: APP_KEY
    every: 90d
    source: random
    settings: {length: 64, alphabet: hex}
  - {field: OTHER, every: 30d, source: manual}
"""


@pytest.fixture
def directory(tmp_path):
    return catalog_files.Directory(tmp_path)


def faults(directory) -> list[tuple[str, str]]:
    return [(fault.field, fault.message) for fault in load_catalog(str(directory)).faults]


def test_one_rotation_and_a_list_of_them_are_read_the_same(directory):
    directory.lane("one", more="rotation: {every: 90d, source: random}\n")
    directory.lane("two", **TWO, more=LIST)
    catalog = load_catalog(str(directory))
    assert catalog.faults == ()
    one, two = catalog.lane("one"), catalog.lane("two")
    assert [(each.source, rotated_field(one, each), each.refused) for each in one.rotations] == [
        ("random", "APP_KEY", RefusalWindow(times=3, over=60))
    ]
    assert [(each.field, each.every // 86400) for each in two.rotations] == [("APP_KEY", 90), ("OTHER", 30)]
    assert two.rotations[0].settings == {"length": "64", "alphabet": "hex"}
    assert catalog.lane("one").rotations != ()
    assert load_entry(str(directory), "two") == two


def test_a_lane_without_one_has_none(directory):
    directory.lane("one")
    assert load_catalog(str(directory)).lane("one").rotations == ()


WRONG = {
    "no field": ({**TWO, "more": "rotation: {every: 9d, source: x}\n"}, "rotation", "one of APP_KEY, OTHER"),
    "field": ({"more": "rotation: {every: 9d, source: x, field: NO}\n"}, "rotation.field", "which has APP_KEY"),
    "twice": ({"more": LIST.replace("OTHER", "APP_KEY")}, "rotation[1].field", "already rotated"),
    "source": ({"more": "rotation: {every: 9d, source: example service}\n"}, "rotation.source", "random, prompt"),
    "times": ({"more": "rotation: {every: 9d, source: x, refused: {times: 0}}\n"}, "rotation.refused.times", "1 to"),
    "over": ({"more": "rotation: {every: 9d, source: x, refused: {over: 60}}\n"}, "rotation.refused.over", "90s"),
    "itself": ({"more": "rotation: {every: 9d, source: x, management: one}\n"}, "rotation.management", "itself"),
    "manager": ({"more": "rotation: {every: 9d, source: x, management: no}\n"}, "rotation.management", "not a lane"),
    "in list": (
        {"more": "rotation: [{every: 9d, source: x, management: no}]\n"},
        "rotation[0].management",
        "no is not",
    ),
    "key": ({"more": "rotation: {every: 9d, source: x, sauce: y}\n"}, "rotation.sauce", "did you mean source"),
    "shape": ({"more": "rotation: daily\n"}, "rotation", "write keys"),
    "item": ({"more": "rotation: [daily]\n"}, "rotation[0]", "write keys"),
    "missing": ({"more": "rotation: [{source: x}]\n"}, "rotation[0].every", "is missing"),
    "setting": ({"more": "rotation: {every: 9d, source: x, settings: {a: [b]}}\n"}, "rotation.settings.a", "one value"),
    "consumer": (
        {"more": "consumers: [{deployment: team/app, on_new_value: reboot}]\n"},
        "consumers[0].on_new_value",
        "reload, restart, none",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_with_a_rotation_names_the_field(directory, name):
    changed, field, words = WRONG[name]
    directory.lane(**changed)
    assert any(found == field and words in message for found, message in faults(directory)), faults(directory)


def test_the_management_key_of_a_lane_with_several_fields_is_named_with_its_field(directory):
    directory.lane("keys", **TWO)
    for written, words in (("keys", "write keys.FIELD"), ("keys.NO", "no field NO"), ("keys.OTHER", "")):
        directory.lane("one", more=f"rotation: {{every: 9d, source: x, management: {written}}}\n")
        assert all(words in message for _, message in faults(directory))
        assert len(faults(directory)) == (1 if words else 0)
