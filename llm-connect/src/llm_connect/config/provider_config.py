"""The table `providers` of the configuration file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_connect.common.fields import Fields
from llm_connect.common.ranges import KEY_NAME
from llm_connect.common.urls import url_allowed, url_problem
from llm_connect.providers import registry
from llm_connect.providers.port import ProviderConfig

if TYPE_CHECKING:
    from llm_connect.common.errors import Fault
    from llm_connect.providers.port import ProviderKind

_SETTINGS = ("kind", "base_url", "key", "refuses", "ca_file", "client_cert_file")


def read_providers(root: Fields, faults: list[Fault]) -> dict[str, ProviderConfig]:
    """The declared providers and the built-in ones, by name; faults are added to `faults`."""
    known = (*_SETTINGS, *registry.option_names())
    tables = root.tables("providers")
    read = {name: _provider(Fields(table, f"providers.{name}", known, faults), name) for name, table in tables.items()}
    return registry.BUILT_IN | read


def _provider(table: Fields, name: str) -> ProviderConfig:
    kind = _kind(table, name)
    key = table.text("key")
    if key is None:
        key = kind.default_key if kind else ""
    if key and not KEY_NAME.fullmatch(key):
        table.refuse("key", "is not a valid variable name", "letters, digits and _, such as LOCAL_LLM_KEY")
    return ProviderConfig(
        name,
        kind.name if kind else "",
        _url(table, kind, keyless=not key),
        key,
        table.texts("refuses"),
        table.text("ca_file"),
        table.text("client_cert_file"),
        _options(table, kind) if kind else {},
    )


def _kind(table: Fields, name: str) -> ProviderKind | None:
    built_in = registry.BUILT_IN.get(name)
    found = table.one_of("kind", registry.KINDS) or (built_in.kind if built_in else None)
    if found is None and table.raw("kind") is None:
        table.refuse("kind", "missing", ", ".join(registry.KINDS))
    return registry.KINDS[found] if found else None


def _url(table: Fields, kind: ProviderKind | None, *, keyless: bool) -> str | None:
    url = table.text("base_url")
    if url is None:
        if kind is not None and kind.remote and kind.default_url is None:
            table.refuse("base_url", "missing", "the URL in front of /chat/completions, such as https://host/v1")
        return None
    problem = url_problem(url, keyless=keyless) if kind is None or kind.remote else None
    if problem:
        table.refuse("base_url", problem, url_allowed(keyless=keyless))
    return url


def _options(table: Fields, kind: ProviderKind) -> dict[str, Any]:
    """The settings that only this kind has; those of another kind are refused."""
    for name in registry.option_names():
        if table.raw(name) is not None and name not in kind.option_names:
            table.refuse(
                name, f"is not supported by a provider of kind {kind.name}", f"kind {registry.kinds_with([name])}"
            )
    return kind.read_options(table)
