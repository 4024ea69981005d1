"""``warden can-reach``: which lanes one identity can read, write or gain access to."""

import click

from warden.cli.context import Workspace
from warden.cli.options import json_option
from warden.cli.who_can import progress
from warden.core.errors import Effect, UsageError
from warden.present import terminal


@click.command("can-reach")
@click.argument("identity")
@json_option
@click.pass_context
def can_reach_command(ctx: click.Context, /, identity: str, *, as_json: bool) -> int:
    """Find which lanes an identity can read, change, or gain access to, and which rules it holds.

    IDENTITY is auth/MOUNT/role/NAME, auth/MOUNT/users/NAME, entity:NAME, group:NAME, accessor:ACCESSOR, or
    NAMESPACE/ACCOUNT of a workload. OpenBao is read once; no value is read, and nothing is changed.

    \b
    Examples:
      warden can-reach auth/kubernetes/role/workload-billing-api
      warden can-reach entity:ada --json

    \b
    Exit codes:
      0  shown
      1  no such identity
      2  none of these forms
      3  something not looked at
      4  no accepted token
    """
    from warden.present.can_reach import can_reach_json, show_can_reach
    from warden.usecases.can_reach import can_reach, is_form

    if not is_form(identity):
        raise UsageError(
            "name an identity as one of: auth/MOUNT/role/NAME, auth/MOUNT/users/NAME, entity:NAME, group:NAME, "
            "accessor:ACCESSOR, or NAMESPACE/ACCOUNT of a workload",
            effect=Effect.NOTHING_ASKED,
        )
    workspace = Workspace.of(ctx)
    reach = can_reach(workspace.reading_context, identity, progress)
    terminal.progress_done()
    if as_json:
        terminal.document(can_reach_json(reach))
    else:
        show_can_reach(reach, workspace.system)
    return int(reach.exit)
