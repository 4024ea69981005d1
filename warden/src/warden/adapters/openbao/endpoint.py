"""Where OpenBao is and how it is verified, read from an address and the environment as ``bao`` and ``vault`` do."""

from collections.abc import Mapping

import msgspec

from warden.adapters.machine.loopback import is_loopback
from warden.core.errors import Effect, UsageError
from warden.core.remedies import SetVariable


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where a server is and how it is verified.

    ``source`` is the variable or flag the address came from, ``timeout`` is in seconds and holds for a
    whole request, ``ca_file``/``ca_path`` replace the system's authorities.
    """

    scheme: str
    host: str
    port: int
    prefix: str
    source: str
    timeout: float = 30.0
    ca_file: str = ""
    ca_path: str = ""
    client_cert: str = ""
    client_key: str = ""
    server_name: str = ""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.prefix}"


def parse_address(text: str, source: str) -> Endpoint:
    """Read ``http(s)://host[:port][/prefix]``.

    Raises `UsageError` for anything else, and for plain http to an address that is not loopback: a token would travel
    in clear.
    """
    scheme, mark, rest = text.partition("://")
    if not mark or scheme not in {"http", "https"} or not rest or any(c in rest for c in "@?#\\ \t\r\n"):
        raise UsageError(
            f"{source} is not a valid URL: {_quotable(text)}",
            effect=Effect.NOTHING_ASKED,
            hint="write it as https://host:8200, for example",
            remedy=(SetVariable(source, "https://bao.example:8200"),),
        )
    authority, _, prefix = rest.partition("/")
    host, port = _host_and_port(authority, source, default=443 if scheme == "https" else 80)
    if scheme == "http" and not is_loopback(host):
        raise UsageError(
            f"{source} is plain http to {host}, which is another machine: tokens would be readable",
            effect=Effect.NOTHING_ASKED,
            hint=f"use https://{authority}; plain http is for loopback only",
        )
    return Endpoint(
        scheme=scheme, host=host, port=port, prefix=f"/{prefix.strip('/')}" if prefix.strip("/") else "", source=source
    )


def _quotable(text: str) -> str:
    """The text, unless it carries a user name: then a password may be in it."""
    return "it holds a user name or password" if "@" in text else repr(text)


def _host_and_port(authority: str, source: str, default: int) -> tuple[str, int]:
    if authority.startswith("["):
        host, _, rest = authority[1:].partition("]")
        port = rest.removeprefix(":")
    else:
        host, _, port = authority.partition(":")
    if not host or (port and not (port.isdigit() and 0 < int(port) < 65536)):  # noqa: PLR2004 - the range of a port
        raise UsageError(
            f"{source} names no host and port: {authority!r}", effect=Effect.NOTHING_ASKED, hint="write host:8200"
        )
    return host, int(port) if port else default


def endpoint(environ: Mapping[str, str]) -> Endpoint:
    """Where OpenBao is, as ``bao`` and ``vault`` find it (BAO_* before VAULT_*).

    Verification of TLS cannot be switched off here: BAO_SKIP_VERIFY is not read.

    Raises:
        UsageError: no address is named, or one of the values is unusable.
    """
    source = next((name for name in ("BAO_ADDR", "VAULT_ADDR") if environ.get(name)), "")
    if not source:
        raise UsageError(
            "no OpenBao is named: BAO_ADDR is not set",
            effect=Effect.NOTHING_ASKED,
            hint="evaluate what `warden dev env` prints, or name yours",
            remedy=(SetVariable("BAO_ADDR", "https://bao.example:8200"),),
        )
    found = parse_address(environ[source], source)

    def variable(name: str) -> str:
        return environ.get(f"BAO_{name}") or environ.get(f"VAULT_{name}") or ""

    return Endpoint(
        scheme=found.scheme,
        host=found.host,
        port=found.port,
        prefix=found.prefix,
        source=source,
        timeout=_seconds(variable("CLIENT_TIMEOUT")),
        ca_file=variable("CACERT"),
        ca_path=variable("CAPATH"),
        client_cert=variable("CLIENT_CERT"),
        client_key=variable("CLIENT_KEY"),
        server_name=variable("TLS_SERVER_NAME"),
    )


def namespace(environ: Mapping[str, str]) -> str:
    """The namespace named by BAO_NAMESPACE or VAULT_NAMESPACE; empty for the root."""
    return (environ.get("BAO_NAMESPACE") or environ.get("VAULT_NAMESPACE") or "").strip("/")


def _seconds(text: str) -> float:
    """BAO_CLIENT_TIMEOUT: seconds, ``45`` or ``45s``; 20 where it is not set (`bao` waits 60)."""
    if not text:
        return 20.0
    number = text.removesuffix("s")
    if not number.isdigit() or not int(number):
        raise UsageError(
            f"BAO_CLIENT_TIMEOUT is not a number of seconds: {text!r}",
            effect=Effect.NOTHING_ASKED,
            hint="write seconds: 45 or 45s",
        )
    return float(number)


def quoted(path: str) -> str:
    """A path as it goes on the wire: all but plain path and query characters are percent-encoded (RFC 3986)."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "/-._~?=&") else _percent(c) for c in path)


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())
