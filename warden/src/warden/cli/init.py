"""``warden init``: the first files of a platform directory."""

import os

import click

from warden.cli import wiring_files
from warden.cli.clock import now
from warden.core.errors import Effect, UsageError
from warden.core.remedies import warden
from warden.present import terminal


@click.command()
@click.argument("directory", metavar="DIR", default="platform")
@click.option(
    "--cluster",
    "clusters",
    multiple=True,
    metavar="NAME",
    help="Deliver the example to this cluster, a context of your kubeconfig; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print an object: directory, made[], kept[].")
def init(directory: str, clusters: tuple[str, ...], as_json: bool) -> None:
    """Create the first files of a platform directory; existing files are kept.

    \b
    Examples:
      warden init platform
      warden init platform --cluster production
    """
    from warden.present import init as present

    if not directory:
        raise UsageError("DIR is empty", effect=Effect.NOTHING_CREATED, remedy=(warden("init", "platform"),))
    full = os.path.abspath(os.path.expanduser(directory))
    made, kept = wiring_files.scaffold(full, now().date(), clusters)
    if as_json:
        terminal.document({"directory": full, "made": made, "kept": kept})
    else:
        present.show(full, made, kept, clusters=bool(clusters))
