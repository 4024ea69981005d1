"""`LLM_CONNECT_LEDGER`: the URL of a PostgreSQL database, as libpq reads it, and without a password."""

from __future__ import annotations

import ipaddress
import os
from typing import TYPE_CHECKING

from llm_connect.common.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

LEDGER = "LLM_CONNECT_LEDGER"
_ALLOWED = "postgresql://USER@HOST/DATABASE; the password comes from PGPASSFILE, PGPASSWORD or a service file"
_SCHEMES = ("postgresql://", "postgres://")
_SECRET = frozenset({"password", "sslpassword", "oauth_client_secret"})
_CONNECT_SECONDS = "5"
_DEAD_PEER = {"keepalives_idle": "5", "keepalives_interval": "2", "keepalives_count": "3", "tcp_user_timeout": "10000"}
"""When a server is given up that does not answer at all: libpq would wait for hours."""


def ledger_faults(url: str) -> list[Fault]:
    """What is wrong with the URL, without quoting it."""
    if not url.startswith(_SCHEMES):
        return [Fault(LEDGER, "is not a URL of PostgreSQL", _ALLOWED)]
    said = _said(url)
    if said is None:
        return [Fault(LEDGER, "cannot be read as a URL of PostgreSQL", _ALLOWED)]
    if not _SECRET.isdisjoint(said):
        return [Fault(LEDGER, "has a password in it, which would be shown", _ALLOWED)]
    return []


def _said(url: str) -> dict[str, str] | None:
    """The parameters of the URL; None where libpq cannot read it."""
    import psycopg  # only where PostgreSQL is chosen
    from psycopg.conninfo import conninfo_to_dict

    try:
        return {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    except psycopg.Error:
        return None


def parameters(url: str, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What is added to a URL that `ledger_faults` accepts.

    Only a server that takes writes is used, and a server that is not on this machine has to prove its name, unless the
    URL itself says otherwise.
    """
    said = _said(url) or {}
    added = {"application_name": "llm-connect", "connect_timeout": _CONNECT_SECONDS, **_DEAD_PEER}
    added["target_session_attrs"] = "read-write"
    if not _is_local(said, environ):
        added["sslmode"] = "verify-full"
        own = os.path.join(os.path.expanduser("~"), ".postgresql", "root.crt")
        if said.get("sslmode", "verify-full") == "verify-full" and not (
            environ.get("PGSSLROOTCERT") or os.path.exists(own)
        ):
            added["sslrootcert"] = "system"
    return {name: value for name, value in added.items() if name not in said}


def _is_local(said: Mapping[str, str], environ: Mapping[str, str]) -> bool:
    """Whether every host that the URL or the environment names is this machine; a service may name any."""
    if "service" in said or environ.get("PGSERVICE"):
        return False
    hosts = said.get("host", environ.get("PGHOST", ""))
    addresses = said.get("hostaddr", environ.get("PGHOSTADDR", ""))
    return all(map(_is_this_machine, (*hosts.split(","), *addresses.split(","))))


def _is_this_machine(host: str) -> bool:
    """A path names a socket (`@`: an abstract one); libpq uses one without a name."""
    if host in {"", "localhost"} or host.startswith(("/", "@")):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
