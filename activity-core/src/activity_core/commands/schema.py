"""`activity-core schema`."""

from __future__ import annotations

import click

from activity_core import render, schemas

EXAMPLES = """\b
Examples:
  activity-core schema digest > digest.schema.json
  activity-core schema report | jq .properties.items"""


@click.command("schema", short_help="The JSON Schema of the digest, the answer or the report.", epilog=EXAMPLES)
@click.argument("name", type=click.Choice(schemas.NAMES))
def command(*, name: str) -> None:
    """Print a JSON Schema: of the digest that triage reads, of the answer it asks for, of the report it makes."""
    render.document(schemas.text_of(name))
