"""Service accounts, verified by the Kubernetes API server. Source: Kubernetes API reference, TokenReview v1.

A token has to be made for this gateway's audience: one that was stolen from another service is refused. The answer is
cached for at most a minute, and never beyond the token's own expiry. Where the API server does not answer, nobody is
let in.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llm_connect.callers.claims import account_name, claims_of, seconds_left
from llm_connect.common import files
from llm_connect.common.errors import GatewayError, NotAllowed, Unauthenticated, Unavailable
from llm_connect.common.fair_slots import FairSlots, QueueFull
from llm_connect.common.json_encoding import encode
from llm_connect.common.logs import logger
from llm_connect.common.tls import CertificateError, provider_context
from llm_connect.providers.http_client import HttpClient

if TYPE_CHECKING:
    from llm_connect.config.caller_config import KubernetesCallers

MAX_TOKEN_BYTES = 16 * 1024
_CACHE_SIZE = 4096
_REFUSAL_SECONDS = 5.0
_REVIEW_SECONDS = 5.0
_CONCURRENT_REVIEWS, _TURNS_OF_ONE = 16, 4
"""Each unknown token costs the API server a request: a crowd of them waits here, and not there."""
_QUEUE, _QUEUE_OF_ONE = 1024, 128
_SERVICE_ACCOUNT = "system:serviceaccount:"
_OK = (200, 201)
_PATH = "/apis/authentication.k8s.io/v1/tokenreviews"


@dataclass(frozen=True)
class _Review:
    """The API server's answer: the account, or None for a token that is not accepted; and until when it counts."""

    account: str | None
    until: float


class _Reviews:
    """Answers by the digest of their token, at most _CACHE_SIZE of them."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Review] = OrderedDict()

    def valid(self, digest: str) -> _Review | None:
        """The answer, as long as it counts."""
        review = self._kept.get(digest)
        return review if review is not None and review.until > time.monotonic() else None

    def __contains__(self, digest: object) -> bool:
        return digest in self._kept

    def keep(self, digest: str, review: _Review) -> None:
        self._kept[digest] = review
        self._kept.move_to_end(digest)
        if len(self._kept) > _CACHE_SIZE:
            self._kept.popitem(last=False)


class TokenReviews:
    """Asks the API server: once for each token at a time, and only a few tokens at once.

    Nobody knows yet whose token it is, and everybody can make one up. So the turns are shared by where a token comes
    from and what it says about itself: tokens that an allowed account had before do not wait for others, those that
    name an allowed account do not wait for those that name none, and those from one address not for another's.
    """

    def __init__(self, config: KubernetesCallers) -> None:
        self._config = config
        self._names = {account.partition("/")[2] for account in config.allow}
        self._allowed, self._others = _Reviews(), _Reviews()  # apart, so that made-up tokens push out none that is good
        self._pending: dict[str, asyncio.Task[_Review]] = {}
        self._turns = FairSlots(_CONCURRENT_REVIEWS, _TURNS_OF_ONE, _QUEUE, _QUEUE_OF_ONE)
        self._client: HttpClient | None = None

    async def account(self, token: bytes, digest: str, address: str) -> str:
        """The account `namespace/name` that the token belongs to.

        Args:
            token: as it was received.
            digest: of the token.
            address: where it comes from.

        Raises:
            Unauthenticated, NotAllowed, Unavailable: see `Authenticator.authenticate`.
        """
        review = self._allowed.valid(digest) or self._others.valid(digest) or await self._review(token, digest, address)
        if review.account is None:
            raise unauthenticated(f"the API server does not accept the token for the audience {self._config.audience}")
        if review.account not in self._config.allow:
            message = f"{review.account} is not a declared caller; nothing was called"
            raise NotAllowed("caller_not_allowed", message, review.account)
        return review.account

    async def _review(self, token: bytes, digest: str, address: str) -> _Review:
        """One request to the API server for all callers that come with the same token meanwhile."""
        task = self._pending.get(digest)
        if task is None:
            line = self._line(token, digest, address)
            task = self._pending[digest] = asyncio.create_task(self._ask(token, line))
            task.add_done_callback(lambda done: self._keep(digest, done))
        return await asyncio.shield(task)

    def _line(self, token: bytes, digest: str, address: str) -> tuple[str, str]:
        """In which line it waits: see the class."""
        if digest in self._allowed:
            return "known", digest
        name = account_name(claims_of(token))
        return address, name if name in self._names else ""

    def _keep(self, digest: str, task: asyncio.Task[_Review]) -> None:
        del self._pending[digest]
        if task.cancelled() or task.exception() is not None:
            return
        review = task.result()
        kept = self._allowed if review.account in self._config.allow else self._others
        kept.keep(digest, review)

    async def _ask(self, token: bytes, line: tuple[str, str]) -> _Review:
        spec = {"token": token.decode("latin-1"), "audiences": [self._config.audience]}
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
        try:
            status, octets = await self._post(encode(review), line)
            answer = json.loads(octets)["status"] if status in _OK else None
        except QueueFull:
            message = "too many tokens wait to be verified; nothing was called"
            raise Unavailable("callers_unverifiable", message, retry_after="1") from None
        except (GatewayError, OSError, ValueError, KeyError, TypeError, TimeoutError):
            answer = None
        if not isinstance(answer, dict):
            message = "the API server did not verify the token, so nobody is let in; nothing was called"
            raise Unavailable("callers_unverifiable", message, retry_after="1")
        return self._read(answer, token)

    def _read(self, answer: dict[str, Any], token: bytes) -> _Review:
        now = time.monotonic()
        user = answer.get("user")
        name = user.get("username") if isinstance(user, dict) else None
        # An API server without support for audiences leaves them out, and would accept a token for any service.
        for_us = self._config.audience in (answer.get("audiences") or ())
        if answer.get("authenticated") is not True or not for_us or not str(name).startswith(_SERVICE_ACCOUNT):
            return _Review(None, now + _REFUSAL_SECONDS)
        account = str(name).removeprefix(_SERVICE_ACCOUNT).replace(":", "/")
        return _Review(account, now + min(self._config.cache_seconds, seconds_left(claims_of(token))))

    async def _post(self, body: bytes, line: tuple[str, str]) -> tuple[int, bytes]:
        if self._client is None:
            self._client = _client(self._config)
        # Read each time, since the kubelet replaces it every hour; a small file in memory.
        own = _own_token(self._config.token_file)
        headers = {"content-type": "application/json", "authorization": f"Bearer {own}"}
        request = self._client.post(body, headers, _REVIEW_SECONDS, None)
        async with asyncio.timeout(_REVIEW_SECONDS), self._turns.slot(line), request as response:
            return response.status, await response.read_all(_REVIEW_SECONDS)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()


def unauthenticated(problem: str) -> Unauthenticated:
    """The error for a caller who is not known."""
    error = Unauthenticated("caller_unknown", f"{problem}; nothing was called")
    error.headers["www-authenticate"] = "Bearer"
    return error


def _client(config: KubernetesCallers) -> HttpClient:
    url = f"{config.api_server or _in_cluster()}{_PATH}"
    try:
        tls = provider_context(config.ca_file, None, 0) if url.startswith("https:") else None
    except CertificateError as error:
        raise _unverifiable("ca_file", config.ca_file, str(error)) from None
    # The API server is in the same cluster: it is called directly, whatever proxy the environment names.
    return HttpClient(url, tls, use_proxy=False)


def _own_token(path: str) -> str:
    try:
        return files.whole(path, MAX_TOKEN_BYTES, 0).decode("ascii").strip()  # no request waits for a pipe
    except files.Unreadable as error:
        raise _unverifiable("token_file", path, f"cannot be read ({error})") from None


def _unverifiable(setting: str, path: str, problem: str) -> Unavailable:
    """The log names the file, the answer does not."""
    fields = {"setting": f"callers.kubernetes.{setting}", "file": path, "problem": problem}
    logger.error("callers cannot be verified", extra={"fields": fields})
    return Unavailable("callers_unverifiable", f"{setting} cannot be used")


def _in_cluster() -> str:
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
