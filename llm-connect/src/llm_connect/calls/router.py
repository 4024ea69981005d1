"""From a checked request to an answer: the declared model, safe retries, declared fallbacks, budgets.

The requested model is the one that is called. Another one is called only where the profile declares it as a fallback,
and only before anything of an answer has come. One deadline covers all of it: whoever calls `complete` and `stream`
sets it in the job, and cancels them when it is over.

A retry is safe where the provider certainly generated nothing (`GatewayError.unbilled`). Before each attempt its upper
bound is reserved. An attempt that did nothing gives it back; one with a known usage pays that usage; any other attempt
(cut, cancelled, killed) keeps the bound, unless it was cancelled before there was a connection.
"""

from __future__ import annotations

import asyncio
import random
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from llm_connect.calls.chat_request import refused_fields
from llm_connect.calls.completion import usage_of
from llm_connect.common.errors import Fault, GatewayError, invalid_request
from llm_connect.common.logs import logger
from llm_connect.providers.answers import has_content, malformed
from llm_connect.providers.port import UNSENT, Call, Patience

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection, Mapping

    from llm_connect.accounts.budgets import Budgets, Reservation
    from llm_connect.calls.chat_request import ChatRequest
    from llm_connect.config.profiles import Profile, Target
    from llm_connect.providers.port import Chunk, Provider

_BACKOFF_SECONDS = 0.25
_RETRYABLE = frozenset({"provider_unreachable", "provider_rate_limit", "provider_unavailable"})
"""Errors that pass by themselves and did nothing: worth the same call again."""
_FALLBACK = _RETRYABLE | frozenset({
    "key_missing", "provider_tls", "provider_down", "provider_error", "provider_timeout", "provider_reset",
    "provider_first_byte", "provider_no_endpoint", "provider_key_refused", "provider_credit",
})  # fmt: skip
"""Errors that another provider or model may not have: worth a declared fallback."""
_FALLBACK_BEFORE_FIRST_CHUNK = _FALLBACK | {"provider_cut", "provider_idle"}
"""The same for a stream without a chunk: one that ends or falls silent after its head is not an answer yet."""
_UNKNOWN_USAGE: Mapping[str, Any] = MappingProxyType(usage_of(None))


class Job(Struct):
    """One request on its way; `served`, `attempts` and `usage` (of all attempts) say afterwards what was done.

    Attributes:
        deadline: when it has to be answered, in the time of the event loop.
        unsettled: what an attempt reserved, and the usage that the provider reported, until `Router.settle`.
    """

    request: ChatRequest
    profile: Profile
    caller: str
    deadline: float = float("inf")
    served: Target | None = None
    attempts: int = 0
    usage: Mapping[str, Any] = _UNKNOWN_USAGE
    unsettled: tuple[Reservation, Any] | None = None

    def call(self, target: Target) -> Call:
        """The request's parameters where given, otherwise the profile's; the model is always the declared one."""
        profile, fields = self.profile, dict(self.request.fields)
        if profile.temperature is not None:
            fields.setdefault("temperature", profile.temperature)
        if profile.max_tokens is not None and "max_completion_tokens" not in fields:
            fields.setdefault("max_tokens", profile.max_tokens)
        if profile.reasoning_effort is not None:
            fields.setdefault("reasoning_effort", profile.reasoning_effort)
        first_byte = profile.first_byte_seconds or (profile.progress_seconds if self.request.stream else None)
        patience = Patience(profile.connect_seconds, first_byte, profile.idle_seconds, profile.progress_seconds)
        return Call(target.model, fields, patience, self.request.stream_options, target.prices)


class Router:
    """Calls the providers, by name, within the budgets."""

    def __init__(self, providers: Mapping[str, Provider], budgets: Budgets) -> None:
        self._providers = providers
        self._budgets = budgets

    def check(self, job: Job) -> None:
        """Refuse fields that the declared provider does not support.

        Raises:
            BadRequest: with a fault for each of them.
        """
        if faults := self._refused(job, job.profile.targets[0]):
            raise invalid_request(faults)

    def _refused(self, job: Job, target: Target) -> list[Fault]:
        provider = self._providers[target.provider]
        return refused_fields(job.request.fields, provider.refuses, provider.name)

    def _targets(self, job: Job) -> list[Target]:
        """The declared model, and the fallbacks that support every field of the request."""
        first, *fallbacks = job.profile.targets
        return [first, *(target for target in fallbacks if not self._refused(job, target))]

    async def complete(self, job: Job) -> dict[str, Any]:
        """A whole completion. `settle` has to follow, which may wait until the answer was sent.

        Raises:
            GatewayError: the error of the last attempt.
        """
        attempts = _Attempts(job, self._targets(job))
        while True:
            provider, call, reservation = await self._begin(job, attempts)
            try:
                completion = await provider.complete(call)
            except GatewayError as error:
                self._fail(job, reservation, error)
                await attempts.next(error)
                continue
            except asyncio.CancelledError as cancelled:
                self._release_unsent(reservation, cancelled)
                raise
            job.unsettled = (reservation, completion.get("usage"))
            return completion

    async def stream(self, job: Job) -> AsyncGenerator[Chunk | None, None]:
        """The chunks, the one with the usage among them; None is a keep-alive.

        The usage counts when the stream is complete: some providers report with each chunk what it was so far.

        Raises:
            GatewayError: before the first chunk the error of the last attempt, later the stream's own.
        """
        attempts = _Attempts(job, self._targets(job))
        while True:
            provider, call, reservation = await self._begin(job, attempts)
            chunks = provider.stream(call)
            try:
                first = await _first(chunks)
            except GatewayError as error:
                self._fail(job, reservation, error)
                await attempts.next(error, _FALLBACK_BEFORE_FIRST_CHUNK)
                continue
            except asyncio.CancelledError as cancelled:
                self._release_unsent(reservation, cancelled)
                raise
            break
        usage, answered = None, False
        try:
            async for chunk in _chain(first, chunks):
                if chunk is not None:
                    usage = chunk.get("usage") or usage
                    answered = answered or has_content(chunk)
                yield chunk
        finally:
            await chunks.aclose()
        job.unsettled = (reservation, usage)
        if not answered:
            raise malformed("provider_empty", "its stream has no text")

    async def _begin(self, job: Job, attempts: _Attempts) -> tuple[Provider, Call, Reservation]:
        """Reserve the bound of an attempt. Where the budget has no room for a retry, the last error is the answer."""
        target = attempts.target
        call = job.call(target)
        try:
            reservation = await self._budgets.reserve(job.caller, job.profile.name, call, target.prices)
        except GatewayError as error:
            if attempts.failed is None:
                raise
            fields = {"profile": job.profile.name, "model": target.model, "type": error.type, "problem": error.message}
            logger.warning("no further attempt", extra={"fields": fields})
            raise attempts.failed from None
        attempts.begin()
        return self._providers[target.provider], call, reservation

    def _fail(self, job: Job, reservation: Reservation, error: GatewayError) -> None:
        """Give back what is certainly not billed; unusable answers are billed too."""
        if error.unbilled:
            self._budgets.release(reservation)
        elif error.usage is not None:
            job.unsettled = (reservation, error.usage)
            self.settle(job)

    def _release_unsent(self, reservation: Reservation, cancelled: asyncio.CancelledError) -> None:
        if UNSENT in getattr(cancelled, "__notes__", ()):
            self._budgets.release(reservation)

    def settle(self, job: Job) -> None:
        """Replace what was reserved by what was used; where the usage is unknown, the reservation stays."""
        if job.unsettled is None or job.served is None:
            return
        reservation, reported = job.unsettled
        usage = usage_of(reported)
        job.unsettled, job.usage = None, _sum(job.usage, usage)
        self._budgets.settle(reservation, usage, job.served.prices)


def _sum(before: Mapping[str, Any], usage: Mapping[str, Any]) -> dict[str, Any]:
    """What all attempts used; None where no attempt reported it."""
    return {name: value if before[name] is None else before[name] + (value or 0) for name, value in usage.items()}


class _Attempts:
    """Which target is next, and how long to wait before it."""

    def __init__(self, job: Job, targets: list[Target]) -> None:
        self._job = job
        self._targets = targets
        self._at_target = 0
        self.failed: GatewayError | None = None

    @property
    def target(self) -> Target:
        """The target of the next attempt."""
        return self._targets[0]

    def begin(self) -> None:
        """The target is called now."""
        self._job.attempts += 1
        self._at_target += 1
        self._job.served = self.target

    async def next(self, error: GatewayError, fallback: Collection[str] = _FALLBACK) -> None:
        """Wait for the next attempt, or raise `error` where there is none.

        Args:
            error: of the last attempt.
            fallback: the types of error that are worth a fallback.
        """
        self.failed, profile = error, self._job.profile
        if error.type in _RETRYABLE and error.unbilled and self._at_target <= profile.retries:
            seconds = _wait_seconds(error.retry_after, self._at_target)
            left = self._job.deadline - asyncio.get_running_loop().time()
            if seconds <= min(profile.retry_wait_seconds, left):
                await asyncio.sleep(seconds)
                return
        if error.type not in fallback or len(self._targets) == 1:
            raise error
        self._targets = self._targets[1:]
        self._at_target = 0


def _wait_seconds(retry_after: str | None, attempt: int) -> float:
    """Full jitter over a doubling wait; at least what the provider asks for. A date is not waited for."""
    backoff = random.uniform(0, _BACKOFF_SECONDS * 2**attempt)  # noqa: S311 - not a secret
    if retry_after is None:
        return backoff
    return max(backoff, float(retry_after)) if retry_after.isdigit() else float("inf")


async def _first(chunks: AsyncGenerator[Chunk | None, None]) -> Chunk:
    """The first chunk that is not a keep-alive: until then another model may still be called."""
    try:
        async for chunk in chunks:
            if chunk is not None:
                return chunk
    except BaseException:
        await chunks.aclose()
        raise
    raise malformed("provider_empty", "its stream has no chunk")


async def _chain(first: Chunk, rest: AsyncGenerator[Chunk | None, None]) -> AsyncGenerator[Chunk | None, None]:
    yield first
    async for chunk in rest:
        yield chunk
