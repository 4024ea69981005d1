"""The schemas that editors use: what the decoder takes they take, and what it calls unknown they mark."""

import datetime as dt
import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from warden.tests.adapters.catalog.catalog_files import LANE
from warden.tests.adapters.catalog.test_files_readers import SOUND

from warden.adapters.catalog.json_schema import FILES, differing, path, schema, text, write
from warden.adapters.catalog.scaffold import scaffold

ROOT = Path(__file__).parents[4]


def as_editors_read(content: str) -> object:
    """YAML 1.2's core schema has no dates: an editor sees a text."""
    found = yaml.safe_load(content)
    return json.loads(json.dumps(found, default=lambda each: each.isoformat()))


def wrong(file: str, content: str) -> list[str]:
    validator = jsonschema.Draft202012Validator(schema(file))
    return [error.message for error in validator.iter_errors(as_editors_read(content))]


def lane(old: str = "", new: str = "", more: str = "") -> str:
    content = LANE.format(id="one")
    assert old in content
    return content.replace(old, new, 1) + more


@pytest.mark.parametrize("file", FILES)
def test_each_is_a_valid_schema(file):
    jsonschema.Draft202012Validator.check_schema(schema(file))
    assert json.loads(text(file)) == schema(file)


@pytest.mark.parametrize("found", sorted((ROOT / "platform" / "catalog").glob("*.yaml")), ids=lambda each: each.stem)
def test_every_entry_of_the_repository_is_valid(found):
    assert wrong("entry", found.read_text()) == []


@pytest.mark.parametrize("file", ["platform", "clusters", "inventory"])
def test_the_platforms_own_files_are_valid(file):
    assert wrong(file, (ROOT / "platform" / f"{file}.yaml").read_text()) == []


def test_the_committed_schemas_are_this_versions():
    assert differing(str(ROOT / "platform")) == []


@pytest.mark.parametrize(
    "content",
    [
        lane(),
        lane("- workload: team/one", SOUND.lstrip()),
        lane("title: A key", "title: 12"),  # every value is read as the type says
        lane("- workload: team/one", "- github: a/b\n    branch: main\n    repository_id: 123"),
        lane("- workload: team/one", "- gitlab: a/b\n    branch: main\n    protected: 'false'\n    project_id: 7"),
        lane(more="rotation: {every: 90d, source: there}\n"),
        lane(more="rotation: [{every: 90d, source: there, field: APP_KEY, refused: {times: 5, over: 2m}}]\n"),
        lane(more="rotation: {every: 90d, source: random, settings: {length: 64, alphabet: hex}}\n"),
    ],
)
def test_what_the_decoder_takes_is_valid(content):
    assert wrong("entry", content) == []


@pytest.mark.parametrize(
    "content",
    [
        lane("status: active", "status: actve"),
        lane("title: A key\n", ""),
        lane("title: A key", "titel: A key"),
        lane("reviewed: 2026-07-02", "reviewed: yesterday"),
        lane("fields: [APP_KEY]", "fields: APP_KEY"),
        lane("workload: team/one", "workload: one"),
        lane("workload: team/one", "workload: team/one\n    people: x"),
        lane("workload: team/one", "github: a/b\n    bransh: main"),
        lane("workload: team/one", "approle: x\n    secret_id_ttl: 30"),
        lane("workload: team/one", "certificate: x"),
        lane(more="rotation: {every: 0d, source: there}\n"),
        lane(more="rotation: [{every: 9d, source: there, sauce: x}]\n"),
        lane("lane: one", "lne: one"),
    ],
)
def test_what_the_decoder_refuses_is_marked(content):
    assert wrong("entry", content)


@pytest.mark.parametrize(
    ("file", "content"),
    [("platform", "kv_mont: x\n"), ("platform", "clusters: {a: {context: a}}\n"), ("clusters", "a: {contxt: a}\n")],
)
def test_other_files_are_marked_too(file, content):
    assert wrong(file, content)


def test_init_writes_them_and_names_them_in_the_files_it_makes(tmp_path):
    scaffold(str(tmp_path), dt.date(2026, 11, 29), ["one"])
    assert differing(str(tmp_path)) == []
    for name, file in (
        ("catalog/example-api-key.yaml", "entry"),
        ("platform.yaml", "platform"),
        ("clusters.yaml", "clusters"),
    ):
        made = tmp_path / name
        first = made.read_text().splitlines()[0]
        assert first.startswith("# yaml-language-server: $schema=")
        assert (made.parent / first.partition("=")[2]).resolve() == (tmp_path / path(file)).resolve()
        assert wrong(file, made.read_text()) == []


def test_they_are_brought_in_step(tmp_path):
    (tmp_path / "catalog").mkdir()
    assert differing(str(tmp_path)) == list(FILES)
    assert len(write(str(tmp_path))) == len(FILES)
    assert write(str(tmp_path)) == []
    (tmp_path / path("entry")).write_text("{}")
    assert differing(str(tmp_path)) == ["entry"]
