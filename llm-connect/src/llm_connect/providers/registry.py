"""The declared providers as the things that are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm_connect.providers.dialects import OpenAI, OpenRouter
from llm_connect.providers.http_client import Wire
from llm_connect.providers.http_provider import HttpProvider
from llm_connect.providers.simulate import Simulated

if TYPE_CHECKING:
    from llm_connect.config.config_file import ProviderTable
    from llm_connect.config.settings import Settings
    from llm_connect.providers.dialects import Dialect
    from llm_connect.providers.port import Provider


def built(settings: Settings) -> dict[str, Provider]:
    """One for each declared provider, by its name."""
    return {name: _built(table, settings) for name, table in settings.providers.items()}


def _built(table: ProviderTable, settings: Settings) -> Provider:
    if table.kind == "simulate":
        return Simulated(table.name)
    dialect: Dialect = OpenAI(frozenset(table.refuses), table.limit_field)
    if table.kind == "openrouter":
        router = OpenRouter(table.policy)
        dialect = OpenRouter(table.policy, frozenset({*router.refuses, *table.refuses}))
    ring = settings.keys.get(table.name)
    wire = Wire(f"{table.base_url}/chat/completions", settings.authorities.get(table.name))
    return HttpProvider(table.name, dialect, wire, ring=ring, redactor=settings.redactor)
