"""Errors as values: faults of input, and the errors that a caller of the gateway may get.

Every error that leaves the HTTP side is a `GatewayError`. Its class decides the status and the `error` word, its `type`
distinguishes the causes. The table in README.md lists all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence


MAX_FAULTS = 50
"""How many faults of a request its answer names: a body may have as many as it has values."""


@dataclass(frozen=True)
class Fault:
    """One problem with one field, and what is allowed instead.

    Attributes:
        place: FILE:LINE where it is known; empty for a request, a variable or a flag.
    """

    field: str
    problem: str
    allowed: str
    place: str = ""

    def __str__(self) -> str:
        return f"{f'{self.place}: ' if self.place else ''}{self.field}: {self.problem}; allowed: {self.allowed}"

    def as_json(self) -> dict[str, str]:
        """The fault as a JSON object."""
        fields = {"field": self.field, "problem": self.problem, "allowed": self.allowed}
        return {"place": self.place, **fields} if self.place else fields


class ConfigurationError(Exception):
    """The environment or the configuration file cannot be used; has every fault that was found."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


class GatewayError(Exception):
    """An error as the caller sees it; see the subclasses for status and word.

    Args:
        type_: the stable word that distinguishes the causes of one status.
        message: one or two sentences for a person; no prompt text, no key.
        provider_status: the status that the provider answered with, if it did.
        retry_after: the provider's Retry-After, passed on as it was received.
        faults: the faults of the request, for 400.
        unbilled: the provider certainly generated nothing for this call.

    Attributes:
        headers: what HTTP requires beside the status, such as `allow`.
        usage: the usage that the provider reports for an unusable answer, as received; None where it reports none.
    """

    status: ClassVar[int] = 500
    error: ClassVar[str] = "internal"

    def __init__(
        self,
        type_: str,
        message: str,
        *,
        provider_status: int | None = None,
        retry_after: str | None = None,
        faults: Sequence[Fault] = (),
        unbilled: bool = False,
    ) -> None:
        super().__init__(message)
        self.type = type_
        self.message = message
        self.provider_status = provider_status
        self.retry_after = retry_after
        self.faults = tuple(faults)
        self.unbilled = unbilled
        self.headers: dict[str, str] = {}
        self.usage: Any = None

    @property
    def retryable(self) -> bool:
        """Whether the caller may send the same request again soon: nothing was called, and the cause will pass."""
        return self.type in _PASSING and (self.unbilled or self.type != "stopping")

    @property
    def log_fields(self) -> dict[str, Any]:
        """What log and audit record say about it."""
        status = {} if self.provider_status is None else {"provider_status": self.provider_status}
        return {"type": self.type, **status}

    def body(self) -> dict[str, Any]:
        """The JSON body: error, message, type, provider_status, and `faults` where there are any."""
        body: dict[str, Any] = {
            "error": self.error,
            "message": self.message,
            "type": self.type,
            "provider_status": self.provider_status,
        }
        if self.faults:
            body["faults"] = [fault.as_json() for fault in self.faults]
        return body


_PASSING = frozenset({"gateway_busy", "stopping", "callers_unverifiable"})
"""The gateway's own temporary troubles; `stopping` only where the provider was not called yet. The provider's are
already retried here: a client that did so too would multiply them."""


class BadRequest(GatewayError):
    """The request cannot be used."""

    status, error = 400, "bad_request"


class Unauthenticated(GatewayError):
    """The caller is not known."""

    status, error = 401, "unauthenticated"


class OverBudget(GatewayError):
    """The upper bound of the call is more than what is left of a budget; nothing was called."""

    status, error = 402, "budget"


class NotAllowed(GatewayError):
    """The caller is known, but not allowed; `caller` is the name."""

    status, error = 403, "forbidden"

    def __init__(self, type_: str, message: str, caller: str) -> None:
        super().__init__(type_, message)
        self.caller = caller


class NotFound(GatewayError):
    """There is no such path, profile or endpoint."""

    status, error = 404, "not_found"


class MethodNotAllowed(GatewayError):
    """The path exists, with another method."""

    status, error = 405, "method_not_allowed"


class TooSlow(GatewayError):
    """The body did not come in time."""

    status, error = 408, "too_slow"


class TooLarge(GatewayError):
    """The body is larger than the gateway accepts."""

    status, error = 413, "too_large"


class UnsupportedMedia(GatewayError):
    """The body has a media type or a content coding that is not read here; `headers` says which ones are."""

    status, error = 415, "unsupported_media_type"


class Misdirected(GatewayError):
    """The request is for a host that this gateway is not."""

    status, error = 421, "misdirected"


class RateLimited(GatewayError):
    """The provider limits the account's rate."""

    status, error = 429, "rate_limited"


class NotConfigured(GatewayError):
    """The gateway lacks something that its operator has to provide."""

    status, error = 500, "configuration"


class UnsupportedTransfer(GatewayError):
    """The body has a transfer coding that is not read here (RFC 9112, 6.1)."""

    status, error = 501, "not_implemented"


class ProviderFailed(GatewayError):
    """The provider, or the way to it, gave no usable answer."""

    status, error = 502, "provider"


class Unavailable(GatewayError):
    """The gateway itself is not ready, or is stopping."""

    status, error = 503, "unavailable"


class TimedOut(GatewayError):
    """There was no answer within the time of the profile or the request."""

    status, error = 504, "timeout"


def openai_error(error: GatewayError) -> dict[str, Any]:
    """The same error in the shape that OpenAI's clients read: message, type, code and param, inside of `error`."""
    param = error.faults[0].field if error.faults else None
    body = error.body()
    inner = {"message": body.pop("message"), "type": body["type"], "code": body.pop("type"), "param": param}
    return {"error": inner | {name: value for name, value in body.items() if name != "error"}}


def invalid_request(faults: Sequence[Fault]) -> BadRequest:
    """The first MAX_FAULTS of one request as one error, whose message can be read without parsing `faults`."""
    count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
    shown = faults[:MAX_FAULTS]
    more = f" · and {len(faults) - len(shown)} more" if len(faults) > len(shown) else ""
    message = f"{count} in the request: {' · '.join(map(str, shown))}{more}"
    return BadRequest("invalid_request", message, faults=shown)
