"""Options that several commands share."""

import re
from collections.abc import Callable
from typing import Any

import click

from warden.cli import complete

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON document.")
all_option = click.option("--all", "every", is_flag=True, help="Every active lane, and every SSH actor and host.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
reason_option = click.option(
    "--reason", required=True, metavar="TEXT", help="Why. Kept in the journal and shown to callers."
)
why_option = click.option("--reason", default="", metavar="TEXT", help="Why you need it; recorded in the journal.")
take_over_option = click.option(
    "--take-over", is_flag=True, help="Take over objects that have a derived name and no mark of warden."
)
cluster_option = click.option(
    "--cluster",
    "clusters",
    multiple=True,
    metavar="NAME",
    shell_complete=complete.clusters,
    callback=lambda _ctx, _option, named: tuple(dict.fromkeys(named)),  # named twice, it is still one delivery
    help="Only the delivery to this cluster. Repeatable.",
)
certificate_option = click.option(
    "--certificate",
    "certificates",
    multiple=True,
    metavar="FILE",
    help="A PEM file with a certificate and its key, to be a reader with; may be repeated.",
)
custody_option = click.option("--custody-only", is_flag=True, help="OpenBao alone; no cluster is asked.")
namespace_option = click.option(
    "--create-namespace", is_flag=True, help="Include the tenant's namespace; it is created where it is missing."
)


out_option = click.option(
    "--out", metavar="DIR", help="Write DIR/ACTOR (0600) and DIR/ACTOR-cert.pub instead of using ssh-agent."
)


class Duration(click.ParamType["float"]):
    """Seconds as files spell them: ``90s``, ``15m``, ``1h``; a number alone is seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The seconds."""
        found = re.fullmatch(r"([1-9][0-9]{0,6})([smh]?)", str(value), re.ASCII)
        if found is None:
            self.fail(f"{value!r} is not a duration; write 90s, 15m or 1h", param, ctx)
        return float(int(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]])


def audit_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say where OpenBao's audit log is read."""
    by_command = click.option(
        "--audit-command", metavar="COMMAND", help="A command that prints the audit log of another node."
    )
    by_file = click.option(
        "--audit",
        "files",
        multiple=True,
        metavar="FILE|DIR",
        help="The audit log. Default: WARDEN_AUDIT, else as OpenBao says.",
    )
    return by_file(by_command(function))


ttl_option = click.option(
    "--ttl",
    type=Duration(),
    metavar="TIME",
    help="Valid for that long (90s, 15m, 1h); default and limit: the ttl in inventory.yaml.",
)


def identity_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what to log in with."""
    for option in (
        click.option("--secret-id-file", metavar="FILE", help="Log in as an AppRole, with the SecretID in FILE."),
        click.option("--role-id", metavar="ID", help="Log in as an AppRole: its RoleID; default WARDEN_ROLE_ID."),
        click.option(
            "--token-file", metavar="FILE", help="Log in with the token of a service account or CI job in FILE."
        ),
    ):
        function = option(function)
    return function
