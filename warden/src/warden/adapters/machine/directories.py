"""The caller's own directories, by the XDG Base Directory Specification 0.8.

Not by platformdirs: it takes longer to import than the rest of what finds the journal on the way of `access`
(docs/adr/0029).
"""

import os
from collections.abc import Mapping


def config() -> str:
    """Where the user's configuration of warden is."""
    return _directory("XDG_CONFIG_HOME", ".config", os.environ)


def cache() -> str:
    """Where warden may keep what it can make again."""
    return _directory("XDG_CACHE_HOME", ".cache", os.environ)


def state(environ: Mapping[str, str] | None = None) -> str:
    """Where journal, locks and embedded platform are: WARDEN_STATE, else ``$XDG_STATE_HOME/warden``."""
    environ = os.environ if environ is None else environ
    if named := environ.get("WARDEN_STATE"):
        return os.path.abspath(named)
    return _directory("XDG_STATE_HOME", ".local/state", environ)


def _directory(variable: str, otherwise: str, environ: Mapping[str, str]) -> str:
    """Warden's directory in ``$VARIABLE``, else in ``~/OTHERWISE``: the specification has relative paths ignored."""
    base = environ.get(variable, "")
    return os.path.join(base if os.path.isabs(base) else os.path.join(os.path.expanduser("~"), otherwise), "warden")
