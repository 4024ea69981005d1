"""``warden compromise``: a value has leaked; end it everywhere, and say who may have it."""

import datetime as dt
from typing import Any

import click

from warden.cli import complete, wiring, wiring_files
from warden.cli.audit import audit_history, show_read
from warden.cli.closing import confirm, probe_tools, started
from warden.cli.context import Workspace
from warden.cli.deactivate import closed_in_journal
from warden.cli.options import audit_options, certificate_option, json_option, take_over_option, yes_option
from warden.cli.reason import required_reason
from warden.cli.since import past_moment
from warden.core.errors import Effect, WardenError
from warden.present import terminal


@click.command()
@click.argument("lane", shell_complete=complete.lanes)
@click.option(
    "--since",
    metavar="TIME",
    help="List who has read it since then: 2026-11-30T08:00Z, or 36h (ago). Default: as far as the log goes.",
)
@click.option(
    "--reason", default="compromised", show_default=True, metavar="TEXT", help="Why. Kept in the journal and shown."
)
@click.option(
    "--replace",
    is_flag=True,
    help="Have the lane's source make a new value, and open the lane with it if its proof holds.",
)
@click.option("--plan", "plan_only", is_flag=True, help="Print the steps, and do nothing.")
@click.option("--keep-secrets", is_flag=True, help="Leave Secrets and consumers in the clusters.")
@audit_options
@certificate_option
@take_over_option
@yes_option
@json_option
@click.pass_context
def compromise(
    ctx: click.Context,
    /,
    *,
    lane: str,
    since: str | None,
    reason: str,
    plan_only: bool,
    yes: bool,
    as_json: bool,
    **how: Any,
) -> int:
    """End a value that has leaked: at its provider, in OpenBao, in every cluster; and list who has read it.

    \b
    Examples:
      warden compromise openrouter-llm-connect --since 36h --reason "INC-204"
      warden compromise openrouter-llm-connect --replace --plan

    Every version is destroyed, so nobody can bring the value back. Audit devices and their lines are not touched.

    \b
    Exit codes:
      1  somebody can still read, the provider accepts the key, another lane holds
         the value, or a Secret is not ours
      3  closed, but something could not be done or shown; or no answer
      5  another operation is running
    """
    from warden.present.deactivation import show_steps, steps_json
    from warden.usecases.steps.closing_lane import planned

    why, moment = required_reason(reason), None if since is None else past_moment(since, Effect.NOTHING_DONE)
    try:
        workspace = Workspace.of(ctx)
        found = workspace.lane(lane)
    except WardenError as fault:
        if plan_only:
            raise
        raise closed_in_journal(wiring.platform_dir(ctx), lane, why, fault, leaked=True, yes=yes) from None
    steps = planned(
        "compromise", found, workspace.reading_context, keep_secrets=how["keep_secrets"], replace=how["replace"]
    )
    if plan_only:
        if as_json:
            terminal.document({"lane": lane, "steps": steps_json(steps)})
        else:
            show_steps(steps, data=True)
        return 0
    confirm(lane, found, "end", yes=yes, steps=steps, quiet=as_json)
    return _done(workspace, lane, why, moment, as_json=as_json, started=started(yes=yes), **how)


def _done(workspace: Workspace, lane: str, reason: str, since: dt.datetime | None, *, as_json: bool, **how: Any) -> int:
    from warden.present.compromise import compromise_json, show_compromise
    from warden.usecases.compromise import CompromiseTools, Leak
    from warden.usecases.compromise import compromise as end
    from warden.usecases.steps.closing_lane import ClosingOptions
    from warden.usecases.steps.provider_keys import Providers

    found = workspace.lane(lane)
    files, audit_command = how["files"], how["audit_command"]
    options = ClosingOptions(
        take_over=how["take_over"],
        keep_secrets=how["keep_secrets"],
        denial=probe_tools(workspace, files, audit_command, how["certificates"]),
        started=how["started"],
    )
    tools = CompromiseTools(
        providers=Providers(sources=wiring_files.sources(), http=wiring_files.provider_http()),
        history=audit_history(workspace, files, audit_command),
        namespace=wiring.namespace(),
        replace=how["replace"],
        progress=show_read,
    )
    terminal.progress(f"closing {lane} …")
    done = end(found, Leak(reason=reason, since=since), workspace.reading_context, tools, options)
    terminal.progress_done()
    if as_json:
        terminal.document(compromise_json(found, done))
    else:
        show_compromise(found, done)
    return int(done.exit)
