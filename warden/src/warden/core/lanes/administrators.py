"""Who may reach everything on an OpenBao by declaration (``may_administer`` of platform.yaml).

auth/userpass/users/admin           of the namespace that warden works in
group:platform-admins in root       of the root namespace
entity:break-glass in teams/a       of that one
root                                every root token
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

_KINDS = {"entity:": "identity/entity/name/", "group:": "identity/group/name/"}
_DECLARED = re.compile(r"auth/[^\s/][^\s]*/[^\s/]+|(?:entity|group):\S.*|root")
_IN = " in "

ROOT = "root"
"""Every root token, as a name; as a namespace the one that has all others in it."""

FORMS = (
    "auth/MOUNT/role/NAME, auth/MOUNT/users/NAME, entity:NAME, group:NAME (each perhaps with `in NAMESPACE`) or root"
)
"""How somebody is named there."""


class Administrator(NamedTuple):
    """An identity by the name that OpenBao gives it (`ways.Identity`), and its namespace; ``None``: warden's own."""

    name: str
    namespace: str | None = None


def is_administrator(declared: str) -> bool:
    """Whether somebody is named in one of the `FORMS`; names are exact, so there is no `*` in one."""
    name, within, namespace = declared.partition(_IN)
    return "*" not in declared and bool(_DECLARED.fullmatch(name)) and bool(namespace) == bool(within)


def administrators(declared: Iterable[str]) -> frozenset[Administrator]:
    """The identities that are declared."""
    return frozenset(map(_administrator, declared))


def _administrator(declared: str) -> Administrator:
    name, within, namespace = declared.partition(_IN)
    for kind, path in _KINDS.items():
        if name.startswith(kind):
            name = path + name.removeprefix(kind)
    return Administrator(name, _path(namespace) if within else None)


def _path(namespace: str) -> str:
    return "" if namespace == ROOT else namespace.strip("/")
