"""``warden promote`` and ``warden demote``: declare a lane active by a fresh proof, or a draft again."""

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from warden.cli import complete, wiring, wiring_files, wiring_journal
from warden.cli.clock import now
from warden.cli.context import Workspace
from warden.cli.options import audit_options, certificate_option, json_option, reason_option
from warden.cli.reason import required_reason
from warden.core.errors import Exit, WardenError
from warden.present import terminal

if TYPE_CHECKING:
    from warden.ports.audit_log import AuditLog
    from warden.usecases.promote import Prover

_EXITS = {"ok": Exit.DONE, "wrong": Exit.NO, "inconclusive": Exit.INCONCLUSIVE}


@click.command()
@click.argument("lane", shell_complete=complete.lanes)
@audit_options
@certificate_option
@json_option
@click.pass_context
def promote(
    ctx: click.Context,
    /,
    *,
    lane: str,
    files: tuple[str, ...],
    audit_command: str | None,
    certificates: tuple[str, ...],
    as_json: bool,
) -> int:
    """Prove a lane now, and declare it active in its file if every condition holds.

    The proof is of custody, access and every delivery, and a reader fetches the value into memory so that its form can
    be judged. The file gets `status: active` and today's date as `reviewed`; nothing else in it changes.

    \b
    Examples:
      warden promote openrouter-llm-connect
      warden promote openrouter-llm-connect --json

    \b
    Exit codes:
      0  every condition holds: the lane is active
      1  a condition does not hold, or the lane's file has errors
      3  something was not seen
      4  no accepted token
      5  the lane is closed or protected, or its file was changed meanwhile
    """
    from warden.present import promotion as present
    from warden.usecases.promote import promote as usecase

    lane_files = wiring_files.lane_files(wiring.platform_dir(ctx))
    lane_files.look(lane)
    workspace = Workspace.of(ctx)
    found = workspace.lane(lane)
    audit = workspace.audit(files, audit_command)
    prover = _prover(workspace, audit, certificates)
    terminal.progress(f"proving {lane} at {workspace.address} …")
    pages = wiring.pages(workspace.platform, workspace.catalog)
    today = now().date()
    done = usecase(found, workspace.reading_context, lane_files, prover, pages=pages, today=today)
    terminal.progress_done()
    if as_json:
        terminal.document(present.promotion_json(found, done, audit.where))
    else:
        present.show_promotion(found, done)
    return int(_EXITS[done.outcome])


def _prover(workspace: Workspace, audit: "AuditLog", certificates: tuple[str, ...]) -> "Prover":
    from warden.usecases.promote import Prover
    from warden.usecases.prove import ProveOptions

    own = wiring.own_credentials(certificates)
    return Prover(
        identities=wiring.identities(workspace.address, workspace.clusters.by_mount()),
        audit=audit,
        options=ProveOptions(run=f"wp-{secrets.token_hex(6)}", own=own, inspect=True),
    )


@click.command()
@click.argument("lane", shell_complete=complete.lanes)
@reason_option
@json_option
@click.pass_context
def demote(ctx: click.Context, /, *, lane: str, reason: str, as_json: bool) -> int:
    """Declare a lane a draft again: warden hands it out no more. Nothing in OpenBao or a cluster changes.

    To close a lane for everyone, also outside warden: warden deactivate.

    \b
    Examples:
      warden demote openrouter-llm-connect --reason "moves to another tenant"
      warden demote openrouter-llm-connect --reason "no consumer yet" --json

    \b
    Exit codes:
      1  the lane's file has errors
      5  the file was changed meanwhile
    """
    from warden.present import promotion as present
    from warden.usecases.promote import demote as usecase

    why = required_reason(reason)
    platform = wiring.platform_dir(ctx)
    lane_files = wiring_files.lane_files(platform)
    lane_files.look(lane)
    catalog = wiring.catalog(platform)
    found = catalog.lane(lane)
    journal = wiring_journal.journal(platform)
    notices = wiring_files.notices(platform, catalog.platform, journal)
    done = usecase(found, why, lane_files, journal=journal, notices=notices, who=_who())
    if as_json:
        terminal.document(present.demotion_json(done))
    else:
        present.show_demotion(done)
    return int(Exit.DONE)


def _who() -> Callable[[], str]:
    """Who OpenBao says that the caller is; empty where it does not answer: then the journal has the user."""

    def ask() -> str:
        try:
            return wiring.openbao(patience=3.0).identity().as_json()["display_name"]
        except WardenError:
            return ""

    return ask
