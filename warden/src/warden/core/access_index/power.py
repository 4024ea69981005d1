"""One thing that OpenBao lets somebody do by which access can be given."""

from typing import Literal

import msgspec

from warden.core.access_index.holders import Held
from warden.core.access_index.snapshot import LoginRole
from warden.core.access_index.ways import Condition, StepKind

Gain = Literal["everything", "any-policy", "policy", "one-of", "bundle"]
"""``everything`` in the namespace and below; ``any-policy``: a token with whichever policies it likes; ``policy``: what
one policy says; ``one-of``: a token with any of these policies; ``bundle``: one with exactly these."""


class Power(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that can be done at one path.

    Attributes:
        does: what it is.
        path: the whole path, namespaces included.
        any_of: capabilities of which one is enough; ``and_sudo``: besides.
        also: other paths that have to be writable for it to be of use.
        gain: what is gained, in ``namespace``; ``policies`` are those of a bundle or the one policy.
        gains: what it is called.
        condition: what has to be so besides.
    """

    does: StepKind
    path: str
    namespace: str
    gain: Gain
    any_of: frozenset[str] = frozenset({"update"})
    and_sudo: bool = False
    also: tuple[str, ...] = ()
    policies: Held = frozenset()
    gains: str = ""
    condition: Condition | None = None


def held_by(role: LoginRole) -> Held:
    """The policies that a login by it gives."""
    default = () if role.no_default else ("default",)
    return frozenset((role.namespace, each) for each in (*role.policies, *default))
