"""Checks the URLs of providers, and which hosts can only be this machine."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

_ALLOWED = "https://HOST[:PORT][/PATH], or http:// to a loopback address; no user, query or fragment"
_KEYLESS_ALLOWED = "http:// or https://HOST[:PORT][/PATH]; no user, query or fragment"


def url_allowed(*, keyless: bool) -> str:
    """What the URL of a provider may be, in words."""
    return _KEYLESS_ALLOWED if keyless else _ALLOWED


def url_problem(text: str, *, keyless: bool) -> str | None:
    """Why it cannot be the URL of a provider, or None. It must not send the key unencrypted to another machine."""
    try:
        url = urlsplit(text)
        port = url.port  # raises ValueError for an invalid port
    except ValueError:
        return "is not a valid URL"
    if port == 0:
        return "has port 0, which cannot be called"
    if url.scheme not in {"http", "https"} or not url.hostname or not text.isascii() or not text.isprintable():
        return "is not an http or https URL"
    if "@" in url.netloc or "?" in text or "#" in text or " " in text:
        return "has a user, a query, a fragment or a space"
    return None if keyless else _cleartext_problem(url)


def _cleartext_problem(url: SplitResult) -> str | None:
    if url.scheme == "http" and not is_loopback(url.hostname or ""):
        return "would send the key unencrypted to another machine"
    return None


def is_loopback(host: str) -> bool:
    """Whether `host` can only be this machine; other names are not resolved to find out."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
