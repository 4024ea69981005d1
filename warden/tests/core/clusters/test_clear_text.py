"""Which values are found in clear in a Secret's annotations and labels, and which merely look like it."""

from base64 import b64encode

import pytest

from warden.core.clusters.clear_text import LAST_APPLIED, exposed_in
from warden.core.clusters.manifests import LANE

KEY = "sk-or-v1-0123456789abcdef"


def found(text, value):
    return exposed_in({"annotations": {"note": text}}, [value]) == ("note",)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("orders", "orders-api"),
        ("orders", "owned by the orders team"),
        ("orders", '{"app": "orders"}'),
        ("true", "true"),
        ("True", "true"),
        ("no", "no"),
        ("", "anything"),
        ("1", "1"),
        ("5432", "db:5432/orders"),
        ("db.orders.svc.cluster.local", "see db.orders.svc.cluster.local:5432"),
        ("Production", "Production cluster"),
        ("2026-11-29", "since 2026-11-29"),
        ("x7K!", "hash-x7K!"),
        ("https://orders.example/v1", "docs at https://orders.example/v1 and below"),
    ],
)
def test_an_ordinary_value_is_not_found_where_a_text_merely_contains_it(value, text):
    assert not found(text, value)


@pytest.mark.parametrize("value", ["orders", "5432", "Production", "x7K!", "db.orders.svc", KEY, "pässwörter"])
def test_a_text_that_is_the_value_holds_it(value):
    assert found(value, value)
    assert found(f" {value}\n", value)
    assert found(b64encode(value.encode()).decode(), value)


@pytest.mark.parametrize("value", [KEY, "correct horse 7 Battery", "Tr0ub4dor&3", "0123456789abcdef", "a\nb\nc\nd e!"])
def test_a_value_that_nobody_writes_by_chance_is_found_inside_of_a_text(value):
    assert found(f'{{"password": "{value}"}}', value)
    assert found(f"was {b64encode(value.encode()).decode()}", value)


def test_labels_and_copies_of_manifests_count_and_bytes_are_no_trouble():
    manifest = '{"kind":"Secret","data":{"A":"eA=="}}'
    metadata = {"labels": {"note": "orders"}, "annotations": {LAST_APPLIED: manifest, "other": "x"}}
    assert exposed_in(metadata, ["orders", "\udcff\udcfe"]) == (LAST_APPLIED, "note")
    assert exposed_in({"annotations": None}, ["orders"]) == ()


@pytest.mark.parametrize("key", ["app", "app.kubernetes.io/name", "helm.sh/chart", "k8s-app", LANE])
def test_a_label_that_names_the_application_holds_no_ordinary_value_and_every_other(key):
    assert exposed_in({"labels": {key: "orders"}}, ["orders"]) == ()
    assert exposed_in({"labels": {key: KEY}}, [KEY]) == (key,)


@pytest.mark.parametrize("key", ["app-note", "team/app", "application", "note.helm.sh/x"])
def test_another_key_does(key):
    assert exposed_in({"labels": {key: "orders"}}, ["orders"]) == (key,)
