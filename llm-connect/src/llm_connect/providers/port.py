"""The port to a provider, and what a kind of provider has to define.

A provider is called with a `Call`, in OpenAI's chat fields, and answers with a chat completion or with its chunks. Both
are checked: a completion has a choice and names the model that was served. Only a `GatewayError` escapes. The caller
decides how long all of it may take and cancels it; the waits within a call are in its `Patience`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Mapping

    from llm_connect.common.fields import Fields
    from llm_connect.common.prices import Prices
    from llm_connect.common.secret import Redactor
    from llm_connect.keys.keyring import Keyring


UNSENT = "nothing was sent"
"""A provider's note on the CancelledError that ends its call before there was a connection."""


class Patience(Struct, frozen=True):
    """The longest waits within one call, in seconds; see `Profile` for each of them."""

    connect: float = 10
    first_byte: float | None = None
    idle: float = 60
    progress: float = 120


class Call(Struct, frozen=True):
    """One call to one model.

    Attributes:
        model: the id that is sent; no other model is called.
        fields: chat fields, without model, stream and stream_options.
        price_ceiling: the prices that the budget was reserved with; sent to providers that can enforce them.
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
        """Chat fields that it does not support."""
        ...

    async def complete(self, call: Call) -> dict[str, Any]:
        """A whole completion.

        Raises:
            GatewayError: for every failure of the provider or of the way to it.
        """
        ...

    def stream(self, call: Call) -> AsyncGenerator[Chunk | None, None]:
        """The chunks of a completion, usage included; None is a keep-alive. It ends only when the answer is complete.

        Raises:
            GatewayError: as `complete`, also within the stream.
        """
        ...

    async def close(self) -> None:
        """Close what is open."""
        ...


@dataclass(frozen=True)
class ProviderConfig:
    """One provider as it is declared.

    Attributes:
        key: the name of the variable, or of the file in the key directory, that holds its key; empty for no key.
        refuses: chat fields that it does not support, so that they are refused here by name.
        ca_file: certificate authorities beside the system's, in PEM.
        client_cert_file: the gateway's own certificate and its private key, in PEM.
        options: what only this kind of provider has, as its kind read it.
    """

    name: str
    kind: str
    base_url: str | None = None
    key: str = ""
    refuses: tuple[str, ...] = ()
    ca_file: str | None = None
    client_cert_file: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Connection:
    """What a provider is built with, beside its configuration: its key, its TLS context, and what redacts keys."""

    redactor: Redactor
    keyring: Keyring | None = None
    tls: ssl.SSLContext | None = None


class ProviderKind(ABC):
    """What the configuration calls `kind`. A new kind is one module with a subclass, and one line in registry.py.

    Attributes:
        name: the value of `kind`.
        default_url: the base URL where none is declared; None for a kind that has to be given one.
        default_key: the name of its key where none is declared; empty for no key.
        remote: whether it is called over the network, so that it has a URL.
        option_names: the settings that only this kind has.
    """

    name: ClassVar[str]
    default_url: ClassVar[str | None] = None
    default_key: ClassVar[str] = ""
    remote: ClassVar[bool] = True
    option_names: ClassVar[tuple[str, ...]] = ()

    def read_options(self, table: Fields) -> dict[str, Any]:  # noqa: ARG002 - none here
        """The kind's own settings in its table; problems are added to the table."""
        return {}

    @abstractmethod
    def build(self, config: ProviderConfig, connection: Connection) -> Provider:
        """The provider, on the running event loop."""
