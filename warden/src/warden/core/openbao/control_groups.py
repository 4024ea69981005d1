"""A read that OpenBao withholds until somebody approves it: the request, and how it stands.

The answer to such a read is a wrapping token and no data; the read itself is deferred, and done when the token is
unwrapped after approval, as whoever asked (measured, 2.7.2). What is worth knowing of it:

- A member of another group that authorizes is answered 200, and nothing is counted: whether it was, only the state
  says afterwards.
- After approval the wrapping token can be unwrapped as often as one likes, until it ends: whoever has used it ends it.
- Any other request with the wrapping token uses it up.
- The request ends with the token that asked; what has been approved then is answered 403.
"""

from typing import Literal, NamedTuple

import msgspec

from warden.core.secret import Secret


class Withheld(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a read that waits for approval.

    ``token`` gets the value once it is approved, so it is a secret; ``accessor`` only names it. ``ttl`` is in seconds
    from ``since`` (ISO 8601 UTC, the server's clock).
    """

    token: Secret
    accessor: str
    since: str
    ttl: int


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A request that an earlier run made: its token, kept by OpenBao for the very token that asked."""

    token: Secret
    accessor: str
    since: str
    until: str


class Authorization(NamedTuple):
    """Somebody who approved, as OpenBao names the entity and the login."""

    entity: str
    name: str


class RequestState(msgspec.Struct, frozen=True, kw_only=True):
    """How a request stands: whether it is approved, who asked for what, and who has approved so far.

    ``path`` is below ``/v1/``; ``who`` is how the login service names whoever asked (empty where it does not say).
    """

    approved: bool
    operation: str
    path: str
    entity: str
    who: str
    authorizations: tuple[Authorization, ...] = ()


Outcome = Literal["accepted", "own-request", "already", "not-counted", "gone"]
"""What OpenBao answered to an authorization. ``accepted`` alone says nothing: see the state afterwards.

``not-counted``: by a token that belongs to no entity, which can be in no group.
"""


class Answered(NamedTuple):
    """The outcome of an authorization, the server's own words where it refused, and whether the request is approved."""

    outcome: Outcome
    said: str = ""
    approved: bool = False
