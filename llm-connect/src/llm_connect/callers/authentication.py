"""Who calls: a static bearer token, of which only the digest is known here, or a Kubernetes service account.

A service account's token is judged by the API server (TokenReview) and has to be made for this gateway's audience: a
token for another service, stolen there, is refused. Its answer is kept for at most a minute, and never beyond the
token's own end; where the API server gives none, nobody is let in. Source: Kubernetes API reference, TokenReview v1.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llm_connect.common import files
from llm_connect.common.errors import GatewayError, NotAllowed, Unauthenticated, Unavailable
from llm_connect.common.json_encoding import encode
from llm_connect.common.logs import logger
from llm_connect.config.caller_config import ANYBODY
from llm_connect.providers.http_client import Wire

if TYPE_CHECKING:
    from llm_connect.config.caller_config import Callers, KubernetesCallers

_BEARER = b"bearer "
_LARGEST_TOKEN = 16 * 1024
_KEPT = 4096
_REFUSAL_SECONDS = 5.0
_REVIEW_SECONDS = 5.0
_REVIEWS_AT_ONCE = 16
"""Each token that nobody knows costs the API server a question: a crowd of them waits here, and not there."""
_ACCOUNT = "system:serviceaccount:"
_CREATED = (200, 201)
_JWT_PARTS = 3
_REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"


@dataclass(frozen=True)
class _Known:
    """What the API server said of a token: the account, or None; and until when that counts."""

    account: str | None
    until: float


class Doorkeeper:
    """Lets callers in, or not."""

    def __init__(self, callers: Callers) -> None:
        self._static = callers.static
        self._declared = callers.declared
        self._reviews = TokenReviews(callers.kubernetes) if callers.kubernetes else None

    async def admit(self, authorization: bytes | None) -> str:
        """The caller's name.

        Args:
            authorization: the header as it came.

        Raises:
            Unauthenticated: no token, or one that nobody knows.
            NotAllowed: a service account that is not among those declared.
            Unavailable: the API server gave no answer.
        """
        if not self._declared:
            return ANYBODY
        token = _token(authorization)
        digest = hashlib.sha256(token).hexdigest()
        if digest in self._static:
            return self._static[digest]
        if self._reviews is not None and token.count(b".") == _JWT_PARTS - 1:
            return await self._reviews.account(token, digest)
        raise _unknown("the bearer token is none that is known here")

    async def close(self) -> None:
        """Close the connections to the API server."""
        if self._reviews is not None:
            await self._reviews.close()


def _token(authorization: bytes | None) -> bytes:
    given = authorization or b""
    if given[: len(_BEARER)].lower() != _BEARER or len(given) > _LARGEST_TOKEN:
        raise _unknown("there is no bearer token")
    if not (token := given[len(_BEARER) :].strip()):
        raise _unknown("the bearer token is empty")
    return token


def _unknown(what: str) -> Unauthenticated:
    error = Unauthenticated("caller_unknown", f"{what}; nothing was called")
    error.headers["www-authenticate"] = "Bearer"
    return error


class TokenReviews:
    """Asks the API server, once for each token at a time, and only so many at once."""

    def __init__(self, declared: KubernetesCallers) -> None:
        self._declared = declared
        self._kept: OrderedDict[str, _Known] = OrderedDict()
        self._asked: dict[str, asyncio.Task[_Known]] = {}
        self._turns = asyncio.Semaphore(_REVIEWS_AT_ONCE)
        self._wire: Wire | None = None

    async def account(self, token: bytes, digest: str) -> str:
        """The account `namespace/name` that the token is of.

        Raises:
            Unauthenticated, NotAllowed, Unavailable: see `Doorkeeper.admit`.
        """
        known = self._kept.get(digest)
        if known is None or known.until <= time.monotonic():
            known = await self._review(token, digest)
        if known.account is None:
            raise _unknown(f"the API server does not accept the token for the audience {self._declared.audience}")
        if known.account not in self._declared.allow:
            message = f"{known.account} is not among the callers that are declared; nothing was called"
            raise NotAllowed("caller_not_allowed", message, known.account)
        return known.account

    async def _review(self, token: bytes, digest: str) -> _Known:
        """One question for all requests that come with the same token meanwhile."""
        task = self._asked.get(digest)
        if task is None:
            task = self._asked[digest] = asyncio.create_task(self._ask(token))
            task.add_done_callback(lambda done: self._keep(digest, done))
        return await asyncio.shield(task)

    def _keep(self, digest: str, task: asyncio.Task[_Known]) -> None:
        del self._asked[digest]
        if task.cancelled() or task.exception() is not None:
            return
        self._kept[digest] = task.result()
        self._kept.move_to_end(digest)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)

    async def _ask(self, token: bytes) -> _Known:
        spec = {"token": token.decode("latin-1"), "audiences": [self._declared.audience]}
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
        try:
            status, octets = await self._post(encode(review))
            told = json.loads(octets)["status"] if status in _CREATED else None
        except (GatewayError, OSError, ValueError, KeyError, TypeError, TimeoutError):
            told = None
        if not isinstance(told, dict):
            message = "the API server does not say whose token this is, so that nobody is let in; nothing was called"
            raise Unavailable("callers_unverifiable", message, retry_after="1")
        return self._known(told, token)

    def _known(self, told: dict[str, Any], token: bytes) -> _Known:
        now = time.monotonic()
        user = told.get("user")
        name = user.get("username") if isinstance(user, dict) else None
        # An API server that knows nothing of audiences leaves them out, and would accept a token for any service.
        meant = self._declared.audience in (told.get("audiences") or ())
        if told.get("authenticated") is not True or not meant or not str(name).startswith(_ACCOUNT):
            return _Known(None, now + _REFUSAL_SECONDS)
        account = str(name).removeprefix(_ACCOUNT).replace(":", "/")
        return _Known(account, now + min(self._declared.cache_seconds, _seconds_left(token)))

    async def _post(self, body: bytes) -> tuple[int, bytes]:
        declared = self._declared
        if self._wire is None:
            self._wire = _wire(f"{declared.api_server or _in_cluster()}{_REVIEWS}", declared.ca_file)
        # Read each time, since the kubelet replaces it every hour; a small file in memory.
        own = _read(declared.token_file, "token_file", _LARGEST_TOKEN).decode("ascii").strip()
        headers = {"content-type": "application/json", "authorization": f"Bearer {own}"}
        posted = self._wire.post(body, headers, _REVIEW_SECONDS, None)
        async with asyncio.timeout(_REVIEW_SECONDS), self._turns, posted as answer:
            return answer.status, await answer.whole(_REVIEW_SECONDS)

    async def close(self) -> None:
        """Close the connections."""
        if self._wire is not None:
            self._wire.close()


def _wire(url: str, ca_file: str) -> Wire:
    authorities = _read(ca_file, "ca_file", files.LARGEST_AUTHORITIES)
    try:
        return Wire(url, authorities)
    except ValueError as error:
        raise _unverifiable("ca_file", ca_file, str(error)) from None


def _read(path: str, setting: str, most: int) -> bytes:
    """A file that is there at once: nobody's request waits for a pipe.

    Raises:
        Unavailable: it cannot be read.
    """
    try:
        return files.whole(path, most, 0)
    except files.Unreadable as error:
        raise _unverifiable(setting, path, str(error)) from None


def _unverifiable(setting: str, path: str, problem: str) -> Unavailable:
    """Callers are not told which file it is, the log is."""
    fields = {"setting": f"callers.kubernetes.{setting}", "file": path, "problem": problem}
    logger.error("callers cannot be verified", extra={"fields": fields})
    return Unavailable("callers_unverifiable", f"{setting} cannot be used")


def _in_cluster() -> str:
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def _seconds_left(token: bytes) -> float:
    """Until the token's own end. Read without proof: it can only shorten what the API server vouched for."""
    with suppress(ValueError, KeyError, TypeError):
        payload = token.split(b".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
        return max(0.0, float(claims["exp"]) - time.time())
    return 0.0
