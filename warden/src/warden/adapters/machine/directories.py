"""The caller's own directories, by the XDG Base Directory Specification 0.8."""

import os
from collections.abc import Mapping


def directory(variable: str, otherwise: str, environ: Mapping[str, str] = os.environ) -> str:
    """Warden's directory in ``$VARIABLE``, else in ``~/OTHERWISE``: the specification has relative paths ignored."""
    base = environ.get(variable, "")
    return os.path.join(base if os.path.isabs(base) else os.path.join(os.path.expanduser("~"), otherwise), "warden")
