"""A connection to the journal's PostgreSQL: to a server that takes writes, and to one that is who it says.

Everything that libpq reads from the environment counts (PGPASSFILE, PGSERVICE, …), but for two things. Only a server
that takes writes is asked, since a standby may not know yet that a lane was closed. And a server that is not on this
machine has to prove its name (``sslmode=verify-full``), unless the URL itself says otherwise.

Parameters: https://www.postgresql.org/docs/current/libpq-connect.html
"""

import ipaddress
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import IsolationLevel
from psycopg.conninfo import conninfo_to_dict

from warden.adapters.journal.errors import WAIT

CONNECT = 5
"""Seconds to wait for a server to take the connection; each address of several is tried as long."""
ANSWER = 30
"""Seconds that a statement may take."""
IDLE = 4
"""Seconds after which the server ends a transaction that its client does not go on with: it holds the lock, for which
others wait a little longer than that."""

_WEAK = ("off", "local", "remote_write")
_SETTINGS = f"""SELECT
  set_config('search_path', 'warden, pg_temp', false),
  set_config('lock_timeout', '{WAIT:.0f}s', false),
  set_config('statement_timeout', '{ANSWER}s', false),
  set_config('idle_in_transaction_session_timeout', '{IDLE}s', false),
  CASE WHEN current_setting('synchronous_commit') IN {_WEAK} THEN set_config('synchronous_commit', 'on', false) END"""
"""A commit is on disk before it is answered, whatever the server's default is; pg_temp comes last, as nobody's table
is to stand for the journal."""

_DEAD_PEER = {"keepalives_idle": "5", "keepalives_interval": "2", "keepalives_count": "3", "tcp_user_timeout": "10000"}
"""When a server is given up that does not answer at all: libpq would wait for hours."""


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """One that is forgotten ends, where psycopg's own would warn: a journal is used to the end of its process."""

    def __del__(self, *_: object) -> None:
        with suppress(psycopg.Error):
            self.close()


def connect(url: str, environ: Mapping[str, str] = os.environ) -> Connection:
    """A connection, to be prepared. Raises `psycopg.Error`."""
    given: dict[str, Any] = dict(parameters(url, environ))
    return Connection.connect(url, autocommit=True, prepare_threshold=None, **given)


def prepare(db: Connection) -> None:
    """Give a connection warden's settings. Raises `psycopg.Error`."""
    db.execute(_SETTINGS)
    db.isolation_level = IsolationLevel.READ_COMMITTED  # what is read after the lock has to be the newest


def parameters(url: str, environ: Mapping[str, str]) -> dict[str, str]:
    """What is added to the URL. Raises `psycopg.ProgrammingError` for one that libpq cannot read."""
    said = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    added = {"application_name": "warden", "connect_timeout": str(CONNECT), **_DEAD_PEER}
    added["target_session_attrs"] = "read-write"
    if said.get("target_session_attrs") == "primary":
        added["target_session_attrs"] = "primary"
    if not is_local(said, environ):
        added["sslmode"] = "verify-full"
        added |= _system_authorities(said, environ)
    return {name: value for name, value in added.items() if name not in said or name == "target_session_attrs"}


def is_local(said: Mapping[str, str], environ: Mapping[str, str]) -> bool:
    """Whether every host that the URL or the environment names is this machine; a service may name any."""
    if "service" in said or environ.get("PGSERVICE"):
        return False
    hosts = said.get("host", environ.get("PGHOST", ""))
    addresses = said.get("hostaddr", environ.get("PGHOSTADDR", ""))
    return all(map(_is_this_machine, (*hosts.split(","), *addresses.split(","))))


def _is_this_machine(host: str) -> bool:
    """A path names a socket (``@``: an abstract one), and libpq uses one without a name. ``localhost`` is local."""
    if host in {"", "localhost"} or host.startswith(("/", "@")):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_verified(url: str, environ: Mapping[str, str]) -> bool:
    """Whether the server has to prove its name, or is on this machine."""
    said = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    return is_local(said, environ) or said.get("sslmode", "verify-full") == "verify-full"


def _system_authorities(said: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """The machine's authorities where no others are named: libpq's default is a file that hardly anybody has."""
    own = os.path.join(os.path.expanduser("~"), ".postgresql", "root.crt")
    named = "sslrootcert" in said or environ.get("PGSSLROOTCERT") or os.path.exists(own)
    return {} if named or said.get("sslmode", "verify-full") != "verify-full" else {"sslrootcert": "system"}
