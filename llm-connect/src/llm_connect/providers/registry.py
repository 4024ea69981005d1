"""The kinds of providers. A new kind is one module of this package and one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm_connect.providers.openai import OpenAI
from llm_connect.providers.openrouter import OpenRouter
from llm_connect.providers.port import ProviderConfig
from llm_connect.providers.simulate import Simulate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llm_connect.providers.port import ProviderKind

KINDS: dict[str, ProviderKind] = {kind.name: kind for kind in (OpenRouter(), OpenAI(), Simulate())}

BUILT_IN = {name: ProviderConfig(name, name, key=KINDS[name].default_key) for name in ("openrouter", "simulate")}
"""Providers that can be used without a configuration file."""


def option_names() -> tuple[str, ...]:
    """The settings that only some kinds have."""
    return tuple(dict.fromkeys(name for kind in KINDS.values() for name in kind.option_names))


def kinds_with(options: Iterable[str]) -> str:
    """The kinds that have all of these settings, for a message."""
    wanted = set(options)
    return ", ".join(kind.name for kind in KINDS.values() if wanted <= set(kind.option_names))
