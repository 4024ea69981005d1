"""`llm-connect profiles`."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, is_dataclass
from typing import Any

import click

from llm_connect.commands.stop import bad_configuration
from llm_connect.faults import FaultyConfiguration
from llm_connect.profiles import DEFAULT_PROFILE, Profile
from llm_connect.settings import load_settings

EXAMPLES = """\b
Examples:
  llm-connect profiles
  LLM_CONNECT_CUSTODIAN_TRIAGE_MAX_TOKENS=4000 llm-connect profiles --json"""


@click.command("profiles", short_help="Show the profiles in force.", epilog=EXAMPLES)
@click.option("--config", metavar="PATH", help="Configuration: a TOML file, or the directory of llm-connect.toml.")
@click.option("--json", "as_json", is_flag=True, help="A list of objects instead of a table.")
def command(*, config: str | None, as_json: bool) -> None:
    """Show the profiles in force, and which environment variable each overridden parameter comes from."""
    try:
        profiles = load_settings(os.environ, config=config).profiles
    except FaultyConfiguration as error:
        raise bad_configuration(error, "no profile is in force") from None
    if as_json:
        click.echo(json.dumps([_object(profile) for profile in profiles.values()], indent=2))
        return
    click.echo("\n".join(line for profile in profiles.values() for line in _table(profile)))


def _object(profile: Profile) -> dict[str, Any]:
    named = {"name": profile.name, "default": profile.name == DEFAULT_PROFILE}
    parameters: dict[str, Any] = _plain(profile.parameters())
    return named | parameters | {"overridden": dict(profile.overridden)}


def _plain(value: Any) -> Any:
    """As JSON has it: dataclasses as objects."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _table(profile: Profile) -> list[str]:
    origin = dict(profile.overridden)
    head = f"{profile.name}{' · default' if profile.name == DEFAULT_PROFILE else ''}"
    rows = [f"  {name:<18}{value!s:<26}{origin.get(name, 'built in')}" for name, value in profile.parameters().items()]
    return [head, *rows]
