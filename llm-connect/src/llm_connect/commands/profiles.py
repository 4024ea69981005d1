"""The command `llm-connect profiles`."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, is_dataclass
from typing import Any

import click

from llm_connect.commands.errors import configuration_error
from llm_connect.common.errors import ConfigurationError
from llm_connect.common.prices import Prices
from llm_connect.config.profiles import CUSTODIAN_TRIAGE, DEFAULT_PROFILE, Profile
from llm_connect.config.settings import load_settings

EXAMPLES = """\b
Examples:
  llm-connect profiles
  LLM_CONNECT_CUSTODIAN_TRIAGE_MAX_TOKENS=4000 llm-connect profiles --json"""


@click.command("profiles", short_help="Show the profiles in force.", epilog=EXAMPLES)
@click.option("--config", metavar="PATH", help="A TOML file, or a directory with llm-connect.toml.")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
def command(*, config: str | None, as_json: bool) -> None:
    """Show the profiles in force, and where each parameter comes from."""
    try:
        profiles = load_settings(os.environ, config=config).profiles
    except ConfigurationError as error:
        raise configuration_error(error, "no profiles were loaded") from None
    if as_json:
        click.echo(json.dumps([_profile_json(profile) for profile in profiles.values()], indent=2))
        return
    click.echo("\n".join(line for profile in profiles.values() for line in _table(profile)))


def _profile_json(profile: Profile) -> dict[str, Any]:
    named = {"name": profile.name, "default": profile.name == DEFAULT_PROFILE}
    parameters: dict[str, Any] = _as_json(profile.parameters())
    return named | parameters | {"overridden": dict(profile.overridden)}


def _as_json(value: Any) -> Any:
    """A value as JSON: dataclasses become objects."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, dict):
        return {name: _as_json(each) for name, each in value.items()}
    return [_as_json(each) for each in value] if isinstance(value, tuple) else value


def _table(profile: Profile) -> list[str]:
    head = f"{profile.name}{' · default' if profile.name == DEFAULT_PROFILE else ''}"
    rows = profile.parameters().items()
    return [head, *(f"  {name:<20}{_cell(value):<32}{_origin(profile, name)}" for name, value in rows)]


def _cell(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(f"{target.provider} {target.model}" for target in value) or "-"
    if isinstance(value, Prices):
        return f"{value.prompt:g} / {value.completion:g} / {value.request:g} USD"
    return "-" if value is None else str(value)


def _origin(profile: Profile, name: str) -> str:
    """Where a parameter comes from: a variable, the file, or built in."""
    base = CUSTODIAN_TRIAGE if profile.name == DEFAULT_PROFILE else Profile(profile.name, "", "")
    unchanged = getattr(profile, name) == getattr(base, name)
    return dict(profile.overridden).get(name, "built in" if unchanged else "file")
