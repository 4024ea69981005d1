"""Policy texts in every spelling that OpenBao takes; what cannot be read is unreadable, never wrong."""

import datetime as dt
import time
from typing import Any

import pytest

from warden.adapters.openbao.policy_text import parse_policy
from warden.core.access_index.policies import DENY, PathRule

READ = frozenset({"read"})


def rules(text: str) -> tuple[PathRule, ...]:
    policy = parse_policy("p", "", text)
    assert policy.unreadable == "", text
    return policy.rules


@pytest.mark.parametrize(
    "text",
    [
        'path "a" { capabilities = ["read"] }',
        '"path" "a" { "capabilities" = ["read",] }',
        'path a {\r\n capabilities = ["read"], }\r\n',
        '# one\n// two }\n/* three\n{ */ path "a" { # four\n capabilities = ["read"] /* five */ // six\n}',
        'path "a" { comment = <<EOT\nsome "text" }\nEOT\n capabilities = ["read"] }',
        'path "a" { comment = <<-EOT\n  some\n  EOT\n capabilities = ["read"] }',
        'name = "x"\npath "\\u0061" { capabilities = ["read"] }',
        '{"path": {"a": {"capabilities": ["read"]}}}',
        '{"path": [{"a": {"capabilities": ["read"]}}]}',
        'path "a" "b" { capabilities = ["read"] }',
    ],
)
def test_spellings_of_one_stanza(text: str) -> None:
    assert [(each.path, each.capabilities) for each in rules(text)] == [("a", READ)]


def test_old_forms() -> None:
    found = rules('path "a" { policy = "read" }\npath "b" { policy = "deny" }\npath "c/*" { policy = "sudo" }')
    assert [each.capabilities for each in found] == [
        frozenset({"read", "list"}),
        DENY,
        frozenset({"create", "read", "update", "delete", "list", "sudo"}),
    ]


def test_both_of_two_stanzas_and_both_of_two_lists_count() -> None:
    found = rules('path "a" { capabilities = ["read"] capabilities = ["list"] }\npath "a" { capabilities = ["scan"] }')
    assert [each.capabilities for each in found] == [frozenset({"read", "list"}), frozenset({"scan"})]


def test_deny_leaves_nothing_beside_it() -> None:
    (found,) = rules('path "a" { capabilities = ["read", "deny"] required_parameters = ["x"] }')
    assert (found.capabilities, found.required_parameters) == (DENY, ())


def test_everything_that_a_stanza_can_say() -> None:
    text = """path "a" { capabilities = ["read", "list"]
      allowed_parameters = { "*" = [] "Foo" = ["a", 1, true] } denied_parameters { "x" = [] }
      required_parameters = ["z"] min_wrapping_ttl = "1m30s" max_wrapping_ttl = "1d" mfa_methods = ["m"]
      pagination_limit = 5 expiration = "2030-01-01T00:00:00Z" list_scan_response_keys_filter_path = "{{ .path }}"
      control_group = { ttl = "1h" factor "f" { controlled_capabilities = ["read"] identity { approvals = 1 } } } }"""
    assert rules(text) == (
        PathRule(
            path="a",
            capabilities=frozenset({"read", "list"}),
            allowed_parameters={"*": (), "foo": ("a", 1, True)},
            denied_parameters={"x": ()},
            required_parameters=("z",),
            min_wrapping_ttl=90,
            max_wrapping_ttl=86400,
            controlled=READ,
            mfa_methods=("m",),
            pagination_limit=5,
            response_keys_filter="{{ .path }}",
            expires=dt.datetime(2030, 1, 1, tzinfo=dt.UTC),
        ),
    )


def test_a_factor_that_names_nothing_controls_everything() -> None:
    (found,) = rules('path "a" { control_group = { factor "f" { identity { approvals = 1 } } } }')
    assert found.controlled == {"create", "read", "update", "delete", "list", "patch", "scan"}


def test_json_lists_lose_their_booleans_as_on_the_server() -> None:
    (found,) = rules('{"path": {"a": {"capabilities": ["read"], "allowed_parameters": {"x": [true]}}}}')
    assert found.allowed_parameters == {"x": ()}


@pytest.mark.parametrize(
    "text",
    [
        'path "a" {',
        'path "a" = { capabilities = ["read"] }',
        'path "a" { capabilities = "read" }',
        'path "a" { capabilities = ["fly"] }',
        'path "a" { policy = "fly" }',
        'path "a" { other = 1 }',
        'paths "a" { }',
        'path "a/+*" { }',
        'path "a/{{x" { }',
        'path "a/x}}" { }',
        'path "a" { min_wrapping_ttl = "soon" }',
        'path "a" { min_wrapping_ttl = 1 min_wrapping_ttl = 2 }',
        'path "a" { expiration = "soon" }',
        'path "a" { expiration = "2030-01-01T00:00:00" }',
        'path "a" { allowed_parameters = { "x" = [] "X" = ["a"] } }',
        'path "a" { allowed_parameters = { "x" = 1 } }',
        'path "a" { required_parameters = [1] }',
        'path "a" { pagination_limit = "many" }',
        'path "${a "b"}" { }',
        'path "\\q" { }',
        'path "\\xff" { }',
        'path "a" { x = 09 }',
        '{"path": {"\\u0061": {}}}',
        '{"path": {"a": {"capabilities": [null]}}}',
        '{"path": ',
        'path "a" { comment = <<-E\nx\n  E\n}',
        "path " * 3,
        'path "a" { x = ' + "[" * 5000,
    ],
)
def test_what_cannot_be_read_is_unreadable(text: str) -> None:
    policy = parse_policy("p", "team/", text)
    assert (policy.rules, policy.namespace) == ((), "team")
    assert policy.unreadable
    assert "a/" not in policy.unreadable  # the text is not quoted: anything may stand in it


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), (90, 90), ("1.5h", 5400), ("500ms", 0.5), ("", 0)])
def test_durations(text: Any, seconds: float) -> None:
    written = f'"{text}"' if isinstance(text, str) else text
    assert rules(f'path "a" {{ max_wrapping_ttl = {written} }}')[0].max_wrapping_ttl == seconds


def test_a_thousand_policies_are_read_in_a_moment() -> None:
    stanza = 'path "secret/data/team%d/+/x%d*" {\n  capabilities = ["read", "list"]\n}\n'
    texts = ["".join(stanza % (each, number) for each in range(5)) for number in range(1000)]
    started = time.process_time()
    assert sum(len(rules(text)) for text in texts) == 5000
    assert time.process_time() - started < 4  # about 0.5 where nothing else runs
