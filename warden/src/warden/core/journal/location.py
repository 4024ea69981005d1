"""Where a journal is: a file of SQLite, or a database of PostgreSQL that several machines share.

A location is printed and stands in files under version control, so a password has no place in it: libpq takes one from
PGPASSWORD, PGPASSFILE or a service file.
"""

import re

SCHEMES = ("postgresql://", "postgres://")
PARAMETERS = frozenset({
    *("host", "hostaddr", "port", "dbname", "user", "service", "passfile", "application_name", "connect_timeout"),
    *("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslcrldir", "sslsni", "sslnegotiation"),
    *("ssl_min_protocol_version", "gssencmode", "krbsrvname", "channel_binding", "require_auth"),
    *("target_session_attrs", "load_balance_hosts"),
})  # fmt: skip
"""What may stand behind the ``?`` (https://www.postgresql.org/docs/current/libpq-connect.html); nothing secret does."""

# Compiled where they are used: `access` only asks which kind of journal it is.
_HOST = r"(\[[0-9A-Fa-f:.%]+\]|[^:\[\]]*)(:[0-9]*)?"
_NAME = r"[a-z_]+"
_OTHER = r"(?i:[a-z][a-z0-9+.-]*)://"
_KEYWORDS = r"(?i:(?:ssl)?password)\s*="


def is_postgresql(location: str) -> bool:
    """Whether it names a database of PostgreSQL."""
    return location.startswith(SCHEMES)


def location_fault(location: str) -> str:
    """What is wrong with it, as a clause that quotes nothing of it; empty where it can be used."""
    if is_postgresql(location):
        return _url_fault(location)
    if re.match(_OTHER, location):
        return "names neither a file nor postgresql://…"
    if re.search(_KEYWORDS, location):
        return "holds a password; write postgresql://USER@HOST/DATABASE, and keep the password in PGPASSFILE"
    return ""


def _url_fault(url: str) -> str:
    if any(each.isspace() or not each.isprintable() for each in url):
        return "has a space or a character that cannot be printed"
    before, _, query = url.partition("://")[2].partition("?")
    authority, _, database = before.partition("/")
    user, at, hosts = authority.rpartition("@")
    if (at and ":" in user) or "@" in database:
        return "holds a password; leave it out, and keep it in PGPASSFILE or PGPASSWORD"
    if not all(re.fullmatch(_HOST, each) for each in hosts.split(",")):
        return "has a host that is not HOST or HOST:PORT"
    for each in filter(None, query.split("&")):
        name = each.partition("=")[0]
        if "password" in name.lower():
            return "holds a password; leave it out, and keep it in PGPASSFILE or PGPASSWORD"
        if not re.fullmatch(_NAME, name) or name not in PARAMETERS:
            return f"has a parameter that is not one of {', '.join(sorted(PARAMETERS))}"
    return ""
