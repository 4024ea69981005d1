"""Which proxy leads to an https server: Go's rule (golang.org/x/net/http/httpproxy), which `bao` and `kubectl` follow.

HTTPS_PROXY names it, NO_PROXY the exceptions, each in capitals or not. This machine itself is never reached through a
proxy. HTTP_PROXY is for plain http, which warden speaks to this machine only; Go reads no ALL_PROXY.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from warden.adapters.machine.loopback import is_loopback

if TYPE_CHECKING:
    import ipaddress


def proxy_for(environ: Mapping[str, str], host: str, port: int) -> str:
    """The proxy's URL; empty where the server is reached directly. ``host`` is without brackets."""
    named = (environ.get("HTTPS_PROXY") or environ.get("https_proxy") or "").strip()
    if (
        not named
        or is_loopback(host)
        or is_exempt(environ.get("NO_PROXY") or environ.get("no_proxy") or "", host, port)
    ):
        return ""
    return named if "://" in named else f"http://{named}"


def is_exempt(no_proxy: str, host: str, port: int) -> bool:
    """Whether NO_PROXY names the server: ``*``, a domain and what is below it, an address or a network.

    ``example.com`` holds for the host and all below it, ``.example.com`` and ``*.example.com`` only for what is below.
    A domain or an address may have a port: then only that one is meant.
    """
    wanted = host.lower().rstrip(".")
    return any(_matches(each.strip().lower(), wanted, port) for each in no_proxy.split(",") if each.strip())


def _matches(pattern: str, host: str, port: int) -> bool:
    if pattern == "*":
        return True
    address = _address(host)
    if (network := _network(pattern)) is not None:
        return address is not None and address in network
    named, only = _split(pattern)
    if only and only != str(port):
        return False
    if (literal := _address(named)) is not None:
        return address == literal
    below = named.removeprefix("*")
    if below.startswith("."):
        return host.endswith(below)
    return bool(below) and (host == below or host.endswith(f".{below}"))


def _network(pattern: str) -> "ipaddress.IPv4Network | ipaddress.IPv6Network | None":
    import ipaddress  # where a proxy is named; it costs each start too much otherwise

    try:
        return ipaddress.ip_network(pattern, strict=False) if "/" in pattern else None
    except ValueError:
        return None


def _address(text: str) -> "ipaddress.IPv4Address | ipaddress.IPv6Address | None":
    import ipaddress  # as in `_network`

    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _split(pattern: str) -> tuple[str, str]:
    """``host``, ``host:port`` or ``[address]:port``; an IPv6 address without brackets has no port."""
    if pattern.startswith("["):
        named, _, rest = pattern[1:].partition("]")
        return named, rest.removeprefix(":")
    if pattern.count(":") == 1:
        named, _, only = pattern.partition(":")
        return named, only
    return pattern, ""
