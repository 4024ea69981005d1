"""Where OpenBao is and how it is reached and verified, read from an address and the environment as ``bao`` does."""

from collections.abc import Mapping

import msgspec

from warden.adapters.machine.loopback import is_loopback
from warden.adapters.openbao.proxy import Proxy, find
from warden.adapters.openbao.variables import (
    headers,
    named,
    refuse_what_cannot_be_honoured,
    seconds,
    variable,
)
from warden.core.errors import Effect, UsageError
from warden.core.openbao.api import MadeCertificate
from warden.core.remedies import SetVariable
from warden.core.secret import Secret


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where a server is and how it is reached and verified.

    ``source`` is the variable or flag the address came from, ``timeout`` is in seconds and holds for a
    whole request. The first of ``ca_file``, ``ca_bytes`` (PEM) and ``ca_path`` replaces the system's authorities.
    ``headers`` go with every request.
    """

    scheme: str
    host: str
    port: int
    prefix: str
    source: str
    timeout: float = 30.0
    ca_file: str = ""
    ca_bytes: str = ""
    ca_path: str = ""
    client_cert: str = ""
    client_key: str = ""
    client_cert_bytes: str = ""
    client_key_bytes: Secret | None = None
    server_name: str = ""
    proxy: Proxy | None = None
    headers: dict[str, Secret] = {}

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.prefix}"


def parse_address(text: str, source: str) -> Endpoint:
    """Read ``http(s)://host[:port][/prefix]``.

    Raises `UsageError` for anything else, and for plain http to an address that is not loopback: a token would travel
    in clear.
    """
    scheme, mark, rest = text.strip().partition("://")
    scheme = scheme.lower()
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
    """Where OpenBao is, as ``bao`` finds it.

    Raises:
        UsageError: no address is named, one of the values is unusable, or a variable cannot be honoured.
    """
    source = named(environ, "ADDR")
    if not environ.get(source):
        raise UsageError(
            "no OpenBao is named: BAO_ADDR is not set",
            effect=Effect.NOTHING_ASKED,
            hint="evaluate what `warden dev env` prints, or name yours",
            remedy=(SetVariable("BAO_ADDR", "https://bao.example:8200"),),
        )
    found = parse_address(environ[source], source)
    refuse_what_cannot_be_honoured(environ, tls=found.scheme == "https")
    key = variable(environ, "CLIENT_KEY_BYTES")
    return msgspec.structs.replace(
        found,
        timeout=seconds(environ),
        ca_file=variable(environ, "CACERT"),
        ca_bytes=variable(environ, "CACERT_BYTES"),
        ca_path=variable(environ, "CAPATH"),
        client_cert=variable(environ, "CLIENT_CERT"),
        client_key=variable(environ, "CLIENT_KEY"),
        client_cert_bytes=variable(environ, "CLIENT_CERT_BYTES"),
        client_key_bytes=Secret(key) if key else None,
        server_name=variable(environ, "TLS_SERVER_NAME"),
        proxy=find(environ, found.host, found.port) if found.scheme == "https" else None,
        headers=headers(environ),
    )


def namespace(environ: Mapping[str, str]) -> str:
    """The namespace named by BAO_NAMESPACE or VAULT_NAMESPACE; empty for the root."""
    return variable(environ, "NAMESPACE").strip("/")


Shown = str | MadeCertificate
"""A PEM file with a certificate and its key, or both as they were made."""


def showing(where: Endpoint, certificate: Shown) -> Endpoint:
    """The same server, where the certificate is shown: a PEM file with its key, or one that was made; empty: none.

    Raises `UsageError` for plain http, where nobody can show one.
    """
    if where.scheme != "https":
        raise UsageError(
            f"OpenBao {where} is spoken to over plain http, where nobody can show a certificate",
            effect=Effect.NOTHING_ASKED,
            system=f"OpenBao {where}",
            hint="name it by an https address",
        )
    if isinstance(certificate, MadeCertificate):
        made = {"client_cert_bytes": certificate.certificate, "client_key_bytes": certificate.key}
        return msgspec.structs.replace(where, client_cert="", client_key="", **made)
    return msgspec.structs.replace(
        where, client_cert=certificate, client_key=certificate, client_cert_bytes="", client_key_bytes=None
    )


def percent_encoded(path: str) -> str:
    """A path as it goes on the wire: all but plain path and query characters are percent-encoded (RFC 3986)."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "/-._~?=&") else _percent(c) for c in path)


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())
