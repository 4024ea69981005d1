"""`llm-connect profiles`."""

from __future__ import annotations

import json
import os
from typing import Any

import click

from llm_connect.commands.stop import bad_configuration
from llm_connect.faults import FaultyConfiguration
from llm_connect.profiles import DEFAULT_PROFILE, Profile, load_profiles

EXAMPLES = """\b
Examples:
  llm-connect profiles
  LLM_CONNECT_CUSTODIAN_TRIAGE_MAX_TOKENS=4000 llm-connect profiles --json"""


@click.command("profiles", short_help="Show the profiles in force.", epilog=EXAMPLES)
@click.option("--json", "as_json", is_flag=True, help="A list of objects instead of a table.")
def command(*, as_json: bool) -> None:
    """Show the profiles in force, and which environment variable each overridden parameter comes from."""
    try:
        profiles = load_profiles(os.environ)
    except FaultyConfiguration as error:
        raise bad_configuration(error, "no profile is in force") from None
    if as_json:
        click.echo(json.dumps([_object(profile) for profile in profiles.values()], indent=2))
        return
    click.echo("\n".join(line for profile in profiles.values() for line in _table(profile)))


def _object(profile: Profile) -> dict[str, Any]:
    named = {"name": profile.name, "default": profile.name == DEFAULT_PROFILE}
    return named | profile.parameters() | {"overridden": dict(profile.overridden)}


def _table(profile: Profile) -> list[str]:
    origin = dict(profile.overridden)
    head = f"{profile.name}{' · default' if profile.name == DEFAULT_PROFILE else ''}"
    rows = [f"  {name:<18}{value!s:<26}{origin.get(name, 'built in')}" for name, value in profile.parameters().items()]
    return [head, *rows]
