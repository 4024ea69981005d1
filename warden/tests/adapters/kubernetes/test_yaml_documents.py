"""What is rendered is read back the same: by YAML 1.1 (PyYAML, kubectl) and by the core schema of YAML 1.2."""

import json
import re
import shutil
import subprocess

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from warden.adapters.kubernetes.yaml_documents import document, dump

HARD = [
    *("25921e05", "1e3", "1E5", "0o17", "017", "08", "0x1F", "0b11", "1_000", "12:30", "190:20:30", "+1", "-1"),
    *(".5", "5.", "1.5e-7", "-.inf", ".NaN", "NaN", "inf", "~", "null", "Null", "y", "Y", "n", "yes", "No", "on"),
    *("OFF", "true", "FALSE", "2026-11-29", "2026-11-29T10:00:00Z", "10:00:00", "=", "<<", "", " ", " leading"),
    *("trailing ", "\ttab", "a\tb", "- a", "-", "? a", "a: b", "a:", ":a", "a #b", "#a", "&a", "*a", "!a", "%a"),
    *("@a", "`a`", "{a}", "[a]", "|", ">", "'", '"', "a'b", 'a"b', "a\\b", "one\ntwo\n", "one\r\ntwo", "\n", "é"),
    *("ü ß", "\u0085", "\u2028", "\u00a0", "\ufeffa", "🔑", "---", "...", "--- a", "e5", "x-1", "a.b", "sk-or-v1-12"),
    *("https://bao:8200/x", "word " * 40, "a" * 300, "\x7f", "\x1b[0m"),
]


class Core(yaml.SafeLoader):
    """YAML 1.2.2, 10.3.2: the tags of the core schema."""


Core.yaml_implicit_resolvers = {}
for tag, pattern in {
    "null": r"null|Null|NULL|~|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?(\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN",
}.items():
    Core.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"(?:{pattern})$"), None)


def as_read(text, loader):
    return list(yaml.load_all(text, loader))


@pytest.mark.parametrize("text", HARD)
def test_a_text_stays_the_text_that_it_was(text):
    manifest = {"metadata": {"namespace": text, "annotations": {f"k{text}": [text, {"a": text}]}}, text: 1}
    for loader in (yaml.SafeLoader, Core):
        assert as_read(dump([manifest, manifest]), loader) == [manifest, manifest]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_text_does(text):
    for loader in (yaml.SafeLoader, Core):
        assert as_read(document({text: [text]}), loader) == [{text: [text]}]


def test_numbers_and_words_that_are_none_are_written_without_quotes():
    shown = document(
        {"apiVersion": "external-secrets.io/v1", "ttl": 3600, "immutable": True, "name": "team-a", "x": None}
    )
    assert shown == "apiVersion: external-secrets.io/v1\nttl: 3600\nimmutable: true\nname: team-a\nx: null\n"


def test_kubectl_reads_the_same(tmp_path):
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("needs kubectl")
    names = [text for text in HARD if text.strip() and "\x1b" not in text]
    users = [{"name": text, "user": {"username": text}} for text in names]
    (tmp_path / "config").write_text(document({"apiVersion": "v1", "kind": "Config", "users": users}))
    done = subprocess.run(
        [kubectl, "config", "view", "--raw", "-o", "json"],
        env={"KUBECONFIG": str(tmp_path / "config")},
        capture_output=True,
        check=True,
    )
    found = {each["name"]: each["user"]["username"] for each in json.loads(done.stdout)["users"]}
    assert found == {text: text for text in names}


@pytest.mark.parametrize("word", ["y", "N", "yes", "Off", "True", "null", "~", "25921e05", "12:30", "0o17", "="])
def test_what_any_reader_takes_for_something_else_has_quotes(word):
    assert document({word: word}) == f'"{word}": "{word}"\n'
