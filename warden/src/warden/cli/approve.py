"""``warden approve``: see which reads wait for approval, and approve one."""

import click

from warden.cli import complete
from warden.cli.context import Workspace
from warden.cli.options import json_option
from warden.cli.reason import without_secret
from warden.cli.unused import expect_used
from warden.present import terminal


@click.command()
@click.argument("request", required=False, metavar="[ACCESSOR|LANE]", shell_complete=complete.lanes)
@click.option("--comment", default="", metavar="TEXT", help="Why you approve; recorded in the journal.")
@json_option
@click.pass_context
def approve(ctx: click.Context, /, *, request: str | None, comment: str, as_json: bool) -> int:
    """Approve a person's read of a lane, or list those that wait.

    You approve as yourself: log in as a member of the lane's group of approvers. OpenBao decides whether it counts.
    Without an argument, the requests that this journal knows are listed. A request of another machine is approved by
    its ACCESSOR, which `warden access` and the notice print there.

    \b
    Examples:
      warden approve
      warden approve npm-publish --comment "release 4.2, ticket 1188"

    \b
    Exit codes:
      0  approved, or listed
      2  several requests of LANE wait, or the request is not a read of a lane
      4  OpenBao refused it: your own request, not in the group, no right to
         approve
      5  the request has ended, or none waits
    """
    from warden.core.access.approving import the_one
    from warden.present import approvals as present
    from warden.usecases.approve import approve as usecase
    from warden.usecases.approve import waiting

    if request is None:
        expect_used(ctx, "ACCESSOR or LANE", "comment")
    workspace = Workspace.of(ctx)
    context = workspace.context
    if request is None:
        found = waiting(context)
        if as_json:
            terminal.document(present.waiting_json(found))
        else:
            present.show_waiting(found)
        return 0
    accessor = the_one(request, waiting(context, request)).accessor if request in context.lanes else request
    done = usecase(accessor, without_secret(comment, "--comment"), context)
    if as_json:
        terminal.document(present.approved_json(done))
    else:
        present.show_approved(done)
    return 0
