"""What was looked for beside a delivery: other ways to its value, and copies of it."""

import msgspec

from warden.core.clusters.copies import Copy
from warden.core.clusters.operator_index import Link
from warden.core.unobserved import Unobserved


class CopiesObservation(msgspec.Struct, frozen=True, kw_only=True):
    """What was found beside one delivery, and what was looked through.

    Attributes:
        links: objects of External Secrets Operator that take the value, write it or hand the Secret on.
        listed: how many objects of the operator's there are.
        unlisted: kinds of the operator's that could not be listed, and why.
        copies: places that hold the same value.
        searched: how many objects were looked through for it.
        skipped: kinds that the caller may not list, so that no copy was looked for in them.
        guessable: fields whose value could be anybody's word, so that it was not looked for.
    """

    links: tuple[Link, ...] = ()
    listed: int = 0
    unlisted: tuple[tuple[str, Unobserved], ...] = ()
    copies: tuple[Copy, ...] = ()
    searched: int = 0
    skipped: tuple[str, ...] = ()
    guessable: tuple[str, ...] = ()
