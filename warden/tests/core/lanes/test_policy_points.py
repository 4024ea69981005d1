"""`policy_points` in platform.yaml: what is an error there."""

import pytest

from warden.core.lanes.policy_points import AuthzenPoint, FlexAuthPoint, of_policy_points, token_variable
from warden.core.lanes.readers import Seconds

GOOD = AuthzenPoint(authzen="https://pdp.example.com", name="company")


def complaints(*points, policies="required"):
    return list(of_policy_points(points, policies))


@pytest.mark.parametrize(
    "url",
    [
        "https://pdp.example.com",
        "https://pdp.example.com:8443/stores/01A/",
        "http://127.0.0.1:3592",
        "http://127.9.9.9",
        "http://localhost:1/x",
        "http://[::1]:3592/x",
    ],
)
def test_urls_that_are_asked(url):
    flex = FlexAuthPoint(flex_auth=url, name="flex", tenant="t")
    assert not complaints(AuthzenPoint(authzen=url, name="company", evaluation=url), flex)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://pdp.example.com", "not an https URL"),
        ("http://localhost.example.com", "not an https URL"),
        ("http://127.0.0.1.example.com", "not an https URL"),
        ("pdp.example.com", "not a valid http or https URL"),
        ("https://me:secret@pdp.example.com", "has a user or a password in it; the token is in the environment"),
        ("https://pdp.example.com/?tenant=1", "has a query"),
        ("https://pdp.example.com#x", "not a valid http or https URL"),
    ],
)
def test_urls_that_are_not(url, words):
    found = complaints(
        AuthzenPoint(authzen=url, name="aa"),
        AuthzenPoint(authzen=GOOD.authzen, name="bb", evaluation=url),
        FlexAuthPoint(flex_auth=url, name="cc", tenant="t"),
    )
    fields = ["policy_points[0].authzen", "policy_points[1].evaluation", "policy_points[2].flex_auth"]
    assert [field for field, _ in found] == fields
    assert all(words in clause for _, clause in found)


@pytest.mark.parametrize(
    ("name", "words"),
    [("cedar", "access policies themselves"), ("Company", "not a name"), ("a", "not a name"), ("a_b", "not a name")],
)
def test_names(name, words):
    ((field, clause),) = complaints(AuthzenPoint(authzen=GOOD.authzen, name=name))
    assert field == "policy_points[0].name"
    assert words in clause


def test_a_name_is_of_one_point():
    ((field, clause),) = complaints(GOOD, FlexAuthPoint(flex_auth="https://f.example", name="company", tenant="t"))
    assert (field, "another policy point" in clause) == ("policy_points[1].name", True)


def test_the_token_of_one_is_not_the_file_of_another():
    names = ("ab-file", "other", "ab")
    found = complaints(*(FlexAuthPoint(flex_auth="https://f.example", name=each, tenant="t") for each in names))
    shared = "shares the variable WARDEN_POLICY_TOKEN_AB_FILE with"
    assert found == [
        ("policy_points[2].name", f"{shared} ab-file; rename one of them"),
        ("policy_points[0].name", f"{shared} ab; rename one of them"),
    ]


def test_nobody_waits_longer_than_a_minute():
    point = AuthzenPoint(authzen=GOOD.authzen, name="company", timeout=Seconds(61))
    assert [field for field, _ in complaints(point)] == ["policy_points[0].timeout"]
    assert not complaints(AuthzenPoint(authzen=GOOD.authzen, name="company", timeout=Seconds(60)))


def test_access_policies_are_not_replaced_by_nothing():
    assert [field for field, _ in complaints(policies="replaced")] == ["access_policies"]
    assert not complaints(GOOD, policies="replaced")


def test_the_variable_of_a_token():
    assert token_variable("flex-auth-2") == "WARDEN_POLICY_TOKEN_FLEX_AUTH_2"
