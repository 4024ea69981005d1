"""``warden can-reach``: which lanes one identity can read, write or gain access to."""

import click

from warden.cli.context import Workspace
from warden.cli.options import json_option
from warden.cli.who_can import progress
from warden.core.errors import Effect, UsageError
from warden.present import terminal

_KINDS = ("entity:", "group:", "accessor:")


@click.command("can-reach")
@click.argument("identity")
@json_option
@click.pass_context
def can_reach_command(ctx: click.Context, /, identity: str, *, as_json: bool) -> int:
    """Find which lanes an identity can read, change, or give itself access to, and which rules it holds.

    IDENTITY is auth/MOUNT/role/NAME, auth/MOUNT/users/NAME, entity:NAME, group:NAME, accessor:ACCESSOR, or
    NAMESPACE/ACCOUNT of a workload. OpenBao is read once; no value is read, and nothing is changed.

    \b
    Examples:
      warden can-reach auth/kubernetes/role/workload-billing-api
      warden can-reach entity:ada --json
    \b
    Exit codes: 0 shown, 1 nobody is called so, 3 something could not be looked at, 4 no accepted token.
    """
    from warden.present.can_reach import can_reach_json, show_can_reach
    from warden.usecases.can_reach import can_reach

    if not identity.partition(":")[2 if identity.startswith(_KINDS) else 0].strip():
        raise UsageError(
            "name somebody: auth/MOUNT/role/NAME, auth/MOUNT/users/NAME, entity:NAME, group:NAME, accessor:ACCESSOR, "
            "or NAMESPACE/ACCOUNT of a workload",
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
