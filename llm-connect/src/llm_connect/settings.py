"""Everything `serve` takes from the environment, checked once, with all faults reported together."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import SplitResult, urlsplit

from llm_connect.faults import Fault, FaultyConfiguration
from llm_connect.keys import KEY, key_source
from llm_connect.profiles import Profile, load_profiles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from llm_connect.secret import Secret

BASE_URL = "LLM_CONNECT_OPENROUTER_BASE_URL"
PUBLIC_API = "https://openrouter.ai/api/v1"
MAX_BODY_BYTES = 4 * 1024 * 1024

_URL_ALLOWED = "https://HOST[:PORT][/PATH], or http:// to a loopback address; no user, query or fragment"

T = TypeVar("T")


@dataclass(frozen=True)
class Settings:
    """What the gateway runs with.

    `key` is None when no key is there yet: the process then lives and is not ready, and `key_field` names
    what is missing.
    """

    profiles: Mapping[str, Profile]
    key: Secret | None = None
    key_field: str = KEY
    base_url: str = PUBLIC_API
    max_body_bytes: int = field(default=MAX_BODY_BYTES)


def load_settings(environment: Mapping[str, str], *, max_body_bytes: int = MAX_BODY_BYTES) -> Settings:
    """Settings from the environment.

    Raises:
        FaultyConfiguration: with every fault of every variable.
    """
    faults: list[Fault] = []
    profiles = _collect(faults, lambda: load_profiles(environment))
    base_url = _collect(faults, lambda: openrouter_url(environment.get(BASE_URL) or PUBLIC_API))
    source = _collect(faults, lambda: key_source(environment))
    key = _collect(faults, source.read) if source else None
    if faults or profiles is None or base_url is None or source is None:
        raise FaultyConfiguration(faults)
    return Settings(profiles, key, source.field, base_url, max_body_bytes)


def _collect(faults: list[Fault], load: Callable[[], T]) -> T | None:
    try:
        return load()
    except FaultyConfiguration as found:
        faults.extend(found.faults)
        return None


def openrouter_url(text: str) -> str:
    """The base URL without a slash at its end.

    Raises:
        FaultyConfiguration: it would send the key in the clear, or is no plain URL.
    """
    problem = _url_problem(text)
    if problem:
        raise FaultyConfiguration([Fault(BASE_URL, problem, _URL_ALLOWED)])
    return text.rstrip("/")


def _url_problem(text: str) -> str | None:
    try:
        url = urlsplit(text)
        _ = url.port  # raises ValueError when it is no port
    except ValueError:
        return "is no URL"
    if url.scheme not in {"http", "https"} or not url.hostname or not text.isascii() or not text.isprintable():
        return "is no http or https URL"
    if "@" in url.netloc or "?" in text or "#" in text or " " in text:
        return "has a user, a query, a fragment or a space"
    return _cleartext_problem(url)


def _cleartext_problem(url: SplitResult) -> str | None:
    if url.scheme == "http" and not is_loopback(url.hostname or ""):
        return "would send the key unencrypted to another machine"
    return None


def is_loopback(host: str) -> bool:
    """Whether `host` can only be this machine; another name is never resolved to find out."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
