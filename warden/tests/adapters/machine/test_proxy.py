"""Go's rule for proxies, case by case as golang.org/x/net/http/httpproxy documents and tests it."""

import pytest

from warden.adapters.machine.proxy import is_exempt, proxy_for

PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("no_proxy", "host", "exempt"),
    [
        ("", "example.com", False),
        ("*", "example.com", True),
        ("other.org, *", "example.com", True),
        ("example.com", "example.com", True),
        ("example.com", "EXAMPLE.com", True),
        ("Example.COM", "a.b.example.com", True),
        ("example.com", "badexample.com", False),
        ("example.com", "example.com.org", False),
        (".example.com", "example.com", False),
        (".example.com", "a.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "a.example.com", True),
        ("example.com:8443", "example.com", True),
        ("example.com:443", "example.com", False),
        (".example.com:8443", "a.example.com", True),
        (":8443", "example.com", False),
        (" other.org , example.com ", "example.com", True),
        ("other.org,,", "example.com", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3:8443", "10.1.2.3", True),
        ("10.1.2.3:443", "10.1.2.3", False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.1.0.0/16", "10.2.2.3", False),
        ("10.1.2.3/8", "10.9.9.9", True),
        ("10.0.0.0/8", "a10.example.com", False),
        ("10.0.0.0/40", "10.1.2.3", False),
        ("2001:db8::/32", "2001:db8::7", True),
        ("2001:db8::7", "2001:db8:0::7", True),
        ("[2001:db8::7]:8443", "2001:db8::7", True),
        ("[2001:db8::7]:443", "2001:db8::7", False),
        ("2001:db8::/32", "10.1.2.3", False),
    ],
)
def test_what_no_proxy_names_is_reached_directly(no_proxy, host, exempt):
    assert is_exempt(no_proxy, host, 8443) is exempt
    for name in ("NO_PROXY", "no_proxy"):
        assert proxy_for({"HTTPS_PROXY": PROXY, name: no_proxy}, host, 8443) == ("" if exempt else PROXY)


@pytest.mark.parametrize(
    ("environ", "proxy"),
    [
        ({}, ""),
        ({"HTTPS_PROXY": PROXY}, PROXY),
        ({"https_proxy": PROXY}, PROXY),
        ({"HTTPS_PROXY": PROXY, "https_proxy": "http://b"}, PROXY),
        ({"HTTPS_PROXY": "", "https_proxy": PROXY}, PROXY),
        ({"HTTPS_PROXY": "proxy.example:3128"}, PROXY),
        ({"HTTP_PROXY": PROXY, "ALL_PROXY": PROXY, "all_proxy": PROXY}, ""),
    ],
)
def test_which_variable_names_the_proxy(environ, proxy):
    assert proxy_for(environ, "example.com", 443) == proxy


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "localhost."]
)
def test_this_machine_is_never_reached_through_a_proxy(host):
    assert proxy_for({"HTTPS_PROXY": PROXY}, host, 8443) == ""
