"""What providers' sources have in common in the lane file: ``url``, ``timeout``, and how faults are named."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from warden.adapters.machine.loopback import is_loopback
from warden.core.rotation.provider import SettingFault

TIMEOUT = 15.0
LONGEST_TIMEOUT = 120.0
_DURATION = re.compile(r"0*([1-9][0-9]{0,8})([smhd])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)


def setting_faults(
    source: str, settings: Mapping[str, str], allowed: Sequence[str], needed: Sequence[str] = ()
) -> Iterator[SettingFault]:
    """Unknown and missing keys, and what is wrong with ``url`` and ``timeout``."""
    for key in settings:
        if key not in allowed:
            yield SettingFault(key, f"unknown setting of {source}; allowed: {', '.join(allowed)}")
    for key in needed:
        if not settings.get(key):
            yield SettingFault(key if key in settings else "", f"{source} needs {key}")
    if settings.get("url") and (wrong := _url_fault(settings["url"])):
        yield SettingFault("url", wrong)
    if "timeout" in settings and not 0 < (number(settings["timeout"]) or 0) <= LONGEST_TIMEOUT:
        yield SettingFault("timeout", f"is not a number of seconds up to {LONGEST_TIMEOUT:g}")


def segment_faults(settings: Mapping[str, str], *keys: str) -> Iterator[SettingFault]:
    """Settings that become a part of a path and cannot be."""
    for key in keys:
        if settings.get(key) and not _SEGMENT.fullmatch(settings[key]):
            yield SettingFault(key, "is not a name of letters, digits, dots, dashes and underscores")


def timeout_in(settings: Mapping[str, str]) -> float:
    """Seconds for a whole request."""
    return float(settings.get("timeout", TIMEOUT))


def url_in(settings: Mapping[str, str], default: str = "") -> str:
    """The provider's address, without a slash at the end."""
    return settings.get("url", default).rstrip("/")


def duration(text: str) -> int | None:
    """Seconds, of ``90s``, ``15m``, ``1h`` or ``90d``; None for anything else."""
    found = _DURATION.fullmatch(text)
    return int(found[1]) * _SECONDS[found[2]] if found else None


def number(text: str) -> float | None:
    """A number from 0 on; None for anything else."""
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) and found >= 0 else None


def _url_fault(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return "is not a valid URL"
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        return "is not a valid URL; write https://host/path"
    if "@" in parts.netloc:
        return "has a user name or password in it; the management key is the value of a lane"
    if parts.scheme == "http" and not is_loopback(host):
        return "is plain http to another machine: keys would be readable; write https://"
    return ""
