"""`activity-core schema`."""

from __future__ import annotations

import click

from activity_core.core import schemas
from activity_core.present import console

EXAMPLES = """\b
Examples:
  activity-core schema digest > digest.schema.json
  activity-core schema report | jq .properties.items"""


@click.command("schema", short_help="Print the JSON Schema of the digest, the answer or the report.", epilog=EXAMPLES)
@click.argument("name", type=click.Choice(schemas.NAMES))
def command(*, name: str) -> None:
    """Print a JSON Schema: of the digest that triage reads, the answer it asks for, or the report it makes."""
    console.document(schemas.text_of(name))
