"""What `catalog check` says of the sources that a lane names; nobody is asked for it."""

import datetime as dt
import shutil

import msgspec
import pytest

from warden.adapters.catalog.files import load_catalog
from warden.adapters.sources.loader import InstalledSources
from warden.usecases.catalog_check import check
from warden.usecases.steps.rotation_settings import rotation_complaints

GITEA = {"url": "https://gitea.example.com", "user": "x"}
GOOD = {"every": 86400, "source": "gitea", "management": "other", "settings": GITEA}


def complaints(shipped_lane, *rotations):
    listed = tuple(msgspec.convert(each, type(shipped_lane.rotations[0])) for each in rotations)
    lane = msgspec.structs.replace(shipped_lane, rotation=listed if len(listed) > 1 else listed[0])
    return [(each.field, each.message) for each in rotation_complaints(lane, InstalledSources())]


@pytest.fixture(scope="module")
def catalog(pytestconfig):
    return load_catalog(str(pytestconfig.rootpath / "platform"))


@pytest.fixture
def lane(catalog):
    return catalog.lane("openrouter-llm-connect")


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"source": "opnrouter"}, "rotation.source", "installed: gitea, manual, openai, openrouter"),
        ({"management": None}, "rotation", "needs management"),
        ({"settings": {"url": "https://x.example"}}, "rotation.settings", "needs user"),
        ({"settings": GITEA | {"url": "http://x.example"}}, "rotation.settings.url", "write https://"),
        ({"settings": GITEA | {"sauce": "x"}}, "rotation.settings.sauce", "allowed: url, user, login, scopes, timeout"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(lane, changes, field, says):
    assert complaints(lane, GOOD) == []
    found = complaints(lane, GOOD | changes)
    assert [each[0] for each in found] == [field]
    assert says in found[0][1]


def test_of_a_list_the_entry_is_named(lane):
    found = complaints(lane, {"every": 1, "source": "random"}, GOOD | {"settings": {}})
    assert {field for field, _ in found} == {"rotation[1].settings"}


class NoPages:
    def has(self, _repo, _path):
        return None

    def has_playbook(self, _path):
        return True


def test_the_check_has_the_line(pytestconfig, tmp_path):
    folder = tmp_path / "platform"
    shutil.copytree(pytestconfig.rootpath / "platform", folder)
    file = folder / "catalog" / "issue-core-ingestion-api-key.yaml"
    text = file.read_text().replace("      user: issue-core", "      usr: issue-core")
    file.write_text(text)
    found = check(load_catalog(str(folder)), NoPages(), dt.date(2026, 11, 30), sources=InstalledSources())
    line = 1 + text[: text.index("      usr:")].count("\n")
    assert [(each.field, each.line) for each in found.wrong] == [
        ("rotation[1].settings", line - 2),
        ("rotation[1].settings.usr", line),
    ]
