"""Who may reach everything on an OpenBao by declaration (``may_administer`` of platform.yaml)."""

import re
from collections.abc import Iterable

_KINDS = {"entity:": "identity/entity/name/", "group:": "identity/group/name/"}
_DECLARED = re.compile(r"auth/[^\s/][^\s]*/[^\s/]+|(?:entity|group):\S.*|root")

FORMS = "auth/MOUNT/role/NAME, auth/MOUNT/users/NAME, entity:NAME, group:NAME or root"
"""How somebody is named there."""


def is_administrator(declared: str) -> bool:
    """Whether somebody is named in one of the `FORMS`."""
    return bool(_DECLARED.fullmatch(declared))


def administrators(declared: Iterable[str]) -> frozenset[str]:
    """The names of these identities as OpenBao writes them (`ways.Identity`); ``root`` stays, for every root token."""
    return frozenset(map(_name, declared))


def _name(declared: str) -> str:
    for kind, path in _KINDS.items():
        if declared.startswith(kind):
            return path + declared.removeprefix(kind)
    return declared
