"""The port to a provider.

A provider is asked with a `Call`, in OpenAI's chat fields, and answers with chat completions or with chunks of one,
both checked: what comes out of it has a choice and says which model was served. Only a `GatewayError` escapes. How long
all of it may take is the caller's to say, who cancels it; the waits within are in the call's `Patience`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from llm_connect.config.profiles import Prices


UNSENT = "nothing was sent"
"""A provider's note on the CancelledError that ends its call: there was no connection yet."""


class Patience(Struct, frozen=True):
    """The longest waits within one call, in seconds; see `Profile` for each of them."""

    connect: float = 10
    first_byte: float | None = None
    idle: float = 60
    progress: float = 120


class Call(Struct, frozen=True):
    """One call to one model.

    Attributes:
        model: the id that is sent, and no other.
        fields: chat fields, without model, stream and stream_options.
        price_ceiling: what the caller's budget was reserved with; a provider that can hold to it is told so.
    """

    model: str
    fields: Mapping[str, Any]
    patience: Patience = Patience()
    stream_options: Mapping[str, Any] | None = None
    price_ceiling: Prices | None = None


Chunk = dict[str, Any]


class Provider(Protocol):
    """One provider; `name` is the one it is declared under."""

    name: str

    @property
    def refuses(self) -> frozenset[str]:
        """Chat fields that it cannot honour."""
        ...

    async def complete(self, call: Call) -> dict[str, Any]:
        """A whole completion.

        Raises:
            GatewayError: for every failure of the provider or of the way to it.
        """
        ...

    def stream(self, call: Call) -> AsyncGenerator[Chunk | None, None]:
        """The chunks, usage among them; None is a sign of life without content. It ends only when the answer is whole.

        Raises:
            GatewayError: as `complete`, also within the stream.
        """
        ...

    async def close(self) -> None:
        """Close what is open."""
        ...
