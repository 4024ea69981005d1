"""From a checked request to an answer: the declared model, retries where they are safe, declared fallbacks, budgets.

The model asked for is the model called. Another one is called only where the profile declares it as a fallback, and
only as long as nothing of an answer has come. One deadline covers all of it: whoever calls says it in the job, and
cancels `complete` and `stream` when it is over.

A retry is safe where it is certain that the provider generated nothing (`GatewayError.unbilled`). An upper bound of
each attempt is reserved before it; an attempt that did nothing gives it back, one whose usage is known pays that, and
any other one - cut, given up, cancelled, killed - keeps it, unless it was given up before there was a connection.
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
from llm_connect.providers.answers import malformed, says_something
from llm_connect.providers.port import UNSENT, Call, Patience

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection, Mapping

    from llm_connect.accounts.budgets import Budgets, Reservation
    from llm_connect.calls.chat_request import ChatRequest
    from llm_connect.config.profiles import Profile, Target
    from llm_connect.providers.port import Chunk, Provider

_BACKOFF_SECONDS = 0.25
_AGAIN = frozenset({"provider_unreachable", "provider_rate_limit", "provider_unavailable"})
"""What passes by itself, and did nothing: worth the same call once more."""
_ELSEWHERE = _AGAIN | frozenset({
    "key_missing", "provider_tls", "provider_down", "provider_error", "provider_timeout", "provider_reset",
    "provider_first_byte", "provider_no_endpoint", "provider_key_refused", "provider_credit",
})  # fmt: skip
"""What another provider or model may not have: worth a declared fallback."""
_UNBEGUN = _ELSEWHERE | {"provider_cut", "provider_idle"}
"""The same, of a stream of which no event came: an answer that ends or falls silent after its head is none yet."""


_UNKNOWN_USAGE: Mapping[str, Any] = MappingProxyType(usage_of(None))


class Job(Struct):
    """One request on its way; `served`, `attempts` and `usage` (of all of them) tell afterwards what was done.

    Attributes:
        deadline: when it has to be answered, in the time of the event loop.
        owed: what an attempt reserved and what the provider says that it used, until `Router.settle` has seen to it.
    """

    request: ChatRequest
    profile: Profile
    caller: str
    deadline: float = float("inf")
    served: Target | None = None
    attempts: int = 0
    usage: Mapping[str, Any] = _UNKNOWN_USAGE
    owed: tuple[Reservation, Any] | None = None

    def call(self, target: Target) -> Call:
        """The request's parameters where given, the profile's otherwise; the model is always the declared one."""
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
    """The providers by name, and the budgets."""

    def __init__(self, providers: Mapping[str, Provider], budgets: Budgets) -> None:
        self._providers = providers
        self._budgets = budgets

    def check(self, job: Job) -> None:
        """Refuse fields that the declared provider cannot honour.

        Raises:
            BadRequest: with a fault for each of them.
        """
        if faults := self._refused(job, job.profile.targets[0]):
            raise invalid_request(faults)

    def _refused(self, job: Job, target: Target) -> list[Fault]:
        provider = self._providers[target.provider]
        if provider.refuses.isdisjoint(job.request.fields):  # nearly always; what profiles add is never refused
            return []
        return refused_fields(job.request.fields, provider.refuses, provider.name)

    def _targets(self, job: Job) -> list[Target]:
        """The declared model, and the fallbacks that honour every field of the request."""
        first, *others = job.profile.targets
        if not others:
            return [first]
        return [first, *(target for target in others if not self._refused(job, target))]

    async def complete(self, job: Job) -> dict[str, Any]:
        """A whole completion. It is settled by `settle`, which can wait until the answer went out.

        Raises:
            GatewayError: the last attempt's.
        """
        attempts = _Attempts(job, self._targets(job))
        while True:
            provider, call, reservation = await self._begin(job, attempts)
            try:
                completion = await provider.complete(call)
            except GatewayError as error:
                self._failed(job, reservation, error)
                await attempts.after(error)
                continue
            except asyncio.CancelledError as given_up:
                self._give_back_unsent(reservation, given_up)
                raise
            job.owed = (reservation, completion.get("usage"))
            return completion

    async def stream(self, job: Job) -> AsyncGenerator[Chunk | None, None]:
        """The chunks, the one with the usage among them; None is a sign of life.

        What was used counts when the stream is whole: some providers tell with each chunk what it was so far.

        Raises:
            GatewayError: before the first chunk the last attempt's, later the stream's.
        """
        attempts = _Attempts(job, self._targets(job))
        while True:
            provider, call, reservation = await self._begin(job, attempts)
            chunks = provider.stream(call)
            try:
                first = await _first(chunks)
            except GatewayError as error:
                self._failed(job, reservation, error)
                await attempts.after(error, _UNBEGUN)
                continue
            except asyncio.CancelledError as given_up:
                self._give_back_unsent(reservation, given_up)
                raise
            break
        usage, said = None, False
        try:
            async for chunk in _with(first, chunks):
                if chunk is not None:
                    usage = chunk.get("usage") or usage
                    said = said or says_something(chunk)
                yield chunk
        finally:
            await chunks.aclose()
        job.owed = (reservation, usage)
        if not said:
            raise malformed("provider_empty", "its stream holds no text")

    async def _begin(self, job: Job, attempts: _Attempts) -> tuple[Provider, Call, Reservation]:
        """Reserve the bound of an attempt. Where a further one has no room, what the last one came to is the answer."""
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

    def _failed(self, job: Job, reservation: Reservation, error: GatewayError) -> None:
        """Give back what is certainly not owed; an answer that is none was paid for."""
        if error.unbilled:
            self._budgets.release(reservation)
        elif error.usage is not None:
            job.owed = (reservation, error.usage)
            self.settle(job)

    def _give_back_unsent(self, reservation: Reservation, given_up: asyncio.CancelledError) -> None:
        if UNSENT in getattr(given_up, "__notes__", ()):
            self._budgets.release(reservation)

    def settle(self, job: Job) -> None:
        """Put what was used in the place of what was reserved; what nobody knows stays reserved."""
        if job.owed is None or job.served is None:
            return
        reservation, told = job.owed
        usage = usage_of(told)
        job.owed, job.usage = None, _together(job.usage, usage)
        self._budgets.settle(reservation, usage, job.served.prices)


def _together(before: Mapping[str, Any], usage: Mapping[str, Any]) -> dict[str, Any]:
    """What all attempts used; None is what nobody knows of any."""
    return {name: value if before[name] is None else before[name] + (value or 0) for name, value in usage.items()}


class _Attempts:
    """Which target is next, and how long to wait before it."""

    def __init__(self, job: Job, targets: list[Target]) -> None:
        self._job = job
        self._targets = targets
        self._at_this = 0
        self.failed: GatewayError | None = None

    @property
    def target(self) -> Target:
        """Whose turn it is."""
        return self._targets[0]

    def begin(self) -> None:
        """It is called now."""
        self._job.attempts += 1
        self._at_this += 1
        self._job.served = self.target

    async def after(self, error: GatewayError, elsewhere: Collection[str] = _ELSEWHERE) -> None:
        """Wait for the next attempt, or raise `error` where there is none; `elsewhere` are types for a fallback."""
        self.failed, profile = error, self._job.profile
        if error.type in _AGAIN and error.unbilled and self._at_this <= profile.retries:
            seconds = _wait_seconds(error.retry_after, self._at_this)
            left = self._job.deadline - asyncio.get_running_loop().time()
            if seconds <= min(profile.retry_wait_seconds, left):
                await asyncio.sleep(seconds)
                return
        if error.type not in elsewhere or len(self._targets) == 1:
            raise error
        self._targets = self._targets[1:]
        self._at_this = 0


def _wait_seconds(retry_after: str | None, attempt: int) -> float:
    """Full jitter over a doubling wait; at least what the provider asks for. A date is not waited for."""
    backoff = random.uniform(0, _BACKOFF_SECONDS * 2**attempt)  # noqa: S311 - no secret
    if retry_after is None:
        return backoff
    return max(backoff, float(retry_after)) if retry_after.isdigit() else float("inf")


async def _first(chunks: AsyncGenerator[Chunk | None, None]) -> Chunk:
    """The first chunk that is one: until then another model may still be called."""
    try:
        async for chunk in chunks:
            if chunk is not None:
                return chunk
    except BaseException:
        await chunks.aclose()
        raise
    raise malformed("provider_empty", "its stream holds no chunk")


async def _with(first: Chunk, rest: AsyncGenerator[Chunk | None, None]) -> AsyncGenerator[Chunk | None, None]:
    yield first
    async for chunk in rest:
        yield chunk
