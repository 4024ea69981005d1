"""Who calls: a static bearer token, of which only the digest is known here, or a Kubernetes service account."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from llm_connect.callers.token_review import MAX_TOKEN_BYTES, TokenReviews, unauthenticated
from llm_connect.config.caller_config import ANYBODY

if TYPE_CHECKING:
    from llm_connect.config.caller_config import Callers

_BEARER = b"bearer "
_JWT_DOTS = 2


class Authenticator:
    """Finds out who sent a request."""

    def __init__(self, callers: Callers) -> None:
        self._static = callers.static
        self._declared = callers.declared
        self._reviews = TokenReviews(callers.kubernetes) if callers.kubernetes else None

    async def authenticate(self, authorization: bytes | None, address: str = "") -> str:
        """The caller's name.

        Args:
            authorization: the header as it was received.
            address: where the request comes from.

        Raises:
            Unauthenticated: there is no token, or it is unknown.
            NotAllowed: a service account that is not declared.
            Unavailable: the API server did not answer.
        """
        if not self._declared:
            return ANYBODY
        token = _token(authorization)
        digest = hashlib.sha256(token).hexdigest()
        if digest in self._static:
            return self._static[digest]
        if self._reviews is not None and token.count(b".") == _JWT_DOTS:
            return await self._reviews.account(token, digest, address)
        raise unauthenticated("the bearer token is unknown")

    async def close(self) -> None:
        """Close the connections to the API server."""
        if self._reviews is not None:
            await self._reviews.close()


def _token(authorization: bytes | None) -> bytes:
    given = authorization or b""
    if given[: len(_BEARER)].lower() != _BEARER or len(given) > MAX_TOKEN_BYTES:
        raise unauthenticated("the request has no bearer token")
    if not (token := given[len(_BEARER) :].strip()):
        raise unauthenticated("the bearer token is empty")
    return token
