"""``warden init``: the first files of a platform directory."""

import os
from datetime import UTC, datetime

import click

from warden.cli import wiring
from warden.core.errors import UsageError
from warden.present import terminal


@click.command()
@click.argument("directory", metavar="DIR", default="platform")
@click.option(
    "--cluster",
    "clusters",
    multiple=True,
    metavar="NAME",
    help="Have the example delivered to this cluster, a context of your kubeconfig; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="An object: directory, made[], kept[].")
def init(directory: str, clusters: tuple[str, ...], as_json: bool) -> None:
    """Scaffold a platform directory for a new team; what is there already is never touched.

    \b
    Examples:
      warden init platform
      warden init platform --cluster production
      warden init ~/acme/platform && warden --platform ~/acme/platform catalog check
    """
    if not directory:
        raise UsageError("DIR is empty. Nothing was made.", hint="warden init platform")
    full = os.path.abspath(os.path.expanduser(directory))
    made, kept = wiring.scaffold(full, datetime.now(UTC).date(), clusters)
    if as_json:
        terminal.document({"directory": full, "made": made, "kept": kept})
        return
    for word, paths in (("made", made), ("kept", kept)):
        for path in paths:
            terminal.line(f"{word}  {path}")
    if clusters and not any(path.startswith(os.path.join(full, "catalog")) for path in made):
        terminal.note(
            "catalog/ has entries, which are left as they are: no example was made, and none is delivered yet."
        )
        terminal.note("  What to write into a lane: docs/deliveries.md")
        return
    terminal.note(f"Next: edit the example in {os.path.join(full, 'catalog')}, then")
    terminal.note(f"  warden --platform {wiring.quoted(full)} catalog check")
