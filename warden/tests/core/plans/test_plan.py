"""Which changes take access from somebody."""

import pytest

from warden.core.plans.plan import Change, Difference

TAKES = [
    ("token_policies", ["a", "b"], ["a"]),
    ("token_policies", ["a"], None),
    ("policies", ["a"], None),
    ("bound_service_account_names", ["*"], ["app"]),
    ("bound_service_account_namespaces", ["a", "b"], ["b"]),
    ("bound_subject", "system:serviceaccount:a:b", "system:serviceaccount:a:c"),
    ("bound_audiences", None, ["openbao"]),
    ("audience", None, "openbao"),
    ("bound_claims", {"groups": ["a", "b"]}, {"groups": ["a"]}),
    ("", 'path "a" {\n  capabilities = ["read"]\n}', 'path "b" {\n  capabilities = ["read"]\n}'),
    ("", 'path "a" { capabilities = ["read", "list"] }', 'path "a" { capabilities = ["read"] }'),
    ("spec.data[1].secretKey", "OLD", None),
    ("spec.conditions[0].namespaces[0]", "theirs", "ours"),
    ("subjects[0].name", "somebody", "else"),
    ("rules[0].verbs[1]", "create", None),
]
LEAVES = [
    ("token_policies", ["a"], ["a", "b"]),
    ("token_policies", None, ["a"]),
    ("bound_service_account_names", ["app"], ["app", "batch"]),
    ("bound_cidrs", ["10.0.0.0/8"], None),
    ("token_ttl", 900, 600),
    ("", "# ops-warden lane old: derived\npath", "# ops-warden lane new: derived\npath"),
    ("catalog-id", "old", "new"),
    ("spec.refreshInterval", "1h0m0s", "5m0s"),
]


def change(action, *difference):
    return Change(action=action, kind="x", name="x", differences=(Difference(*difference),))


@pytest.mark.parametrize(("field", "before", "after"), TAKES)
def test_what_grants_less_than_before_takes_access(field, before, after):
    assert change("change", field, before, after).takes_access


@pytest.mark.parametrize(("field", "before", "after"), LEAVES)
def test_what_grants_as_much_or_more_takes_none(field, before, after):
    assert not change("change", field, before, after).takes_access


@pytest.mark.parametrize(
    ("action", "takes"), [("delete", True), ("create", False), ("keep", False), ("foreign", False)]
)
def test_an_object_that_goes_takes_access(action, takes):
    assert change(action, "token_policies", ["a"], None).takes_access is takes
