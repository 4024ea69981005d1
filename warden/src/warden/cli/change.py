"""``warden change``: ask for a change of a lane, and decide about it with a signature."""

import datetime as dt
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, get_args

import click

from warden.cli import complete, wiring, wiring_files, wiring_journal
from warden.cli.context import Workspace
from warden.cli.options import cluster_option, custody_option, json_option, namespace_option, take_over_option
from warden.cli.reason import without_secret
from warden.cli.unused import expect_one_part
from warden.core.changes.request import LONGEST, RequestType, Status, Verb
from warden.core.errors import Effect, Exit, UsageError
from warden.core.plans.lane_plan import LaneOptions
from warden.present import terminal

if TYPE_CHECKING:
    from warden.usecases.change import Shelf, Shown

_SPAN = re.compile(r"([1-9][0-9]{0,3})([hd])", re.ASCII)


def _span(_ctx: click.Context, _option: click.Parameter, text: str) -> dt.timedelta:
    """``14d`` or ``12h`` as a time."""
    found = _SPAN.fullmatch(text)
    span = dt.timedelta(**{"hours" if found[2] == "h" else "days": int(found[1])}) if found else dt.timedelta()
    if not dt.timedelta() < span <= LONGEST:
        raise click.BadParameter(f"{text!r} is not a number of hours or days up to 90d; write 12h or 14d")
    return span


_comment_option = click.option(
    "--comment", required=True, metavar="TEXT", help="Why. It is signed, and stays in the file."
)
_id_argument = click.argument("request_id", metavar="ID", shell_complete=complete.requests)


def _signing(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say with which key, and as whom, a decision is signed."""
    key = click.option(
        "--key",
        metavar="FILE",
        type=click.Path(),
        help="The SSH key to sign with. Default: the one of the agent, or in ~/.ssh, that is in allowed_signers.",
    )
    name = click.option(
        "--as", "name", metavar="NAME", help="Your name in allowed_signers, where your key has several."
    )
    return key(name(function))


@click.group()
def change() -> None:
    """Ask for a change of a lane, and decide about it: each decision is signed with an SSH key.

    A lane that says `protected: {approvers: [...]}` is changed by `warden apply` only if a request for exactly that
    change was approved.

    \b
    Examples:
      warden change new openrouter-llm-connect --type widen --risk "none seen"
      warden change approve CCR-2026-0004 --comment "agreed with the consumer"
    """


@change.command(short_help="Draft a request for what `warden plan` shows.")
@click.argument("lane", shell_complete=complete.lanes)
@click.option(
    "--type", "request_type", required=True, type=click.Choice(get_args(RequestType)), help="What is asked for."
)
@click.option("--title", default="", metavar="TEXT", help="One line. Default: the type and the lane.")
@click.option("--purpose", default="", metavar="TEXT", help="What it is for. Default: the lane's title.")
@click.option("--risk", default="", metavar="TEXT", help="What could go wrong.")
@cluster_option
@custody_option
@namespace_option
@take_over_option
@json_option
@click.pass_context
def new(
    ctx: click.Context,
    /,
    *,
    lane: str,
    request_type: RequestType,
    title: str,
    purpose: str,
    risk: str,
    clusters: tuple[str, ...],
    custody_only: bool,
    create_namespace: bool,
    take_over: bool,
    as_json: bool,
) -> int:
    """Draft a request for what `warden plan LANE` shows, with the next free number.

    Nothing is changed in OpenBao or in a cluster. Edit the file as you like, then propose it.

    \b
    Examples:
      warden change new openrouter-llm-connect --type widen --risk "none seen"
      warden change new openrouter-llm-connect --type create --custody-only --json

    Types create, widen, narrow, change and reactivate carry a plan. rotate, deactivate and compromise are for the
    record: those commands wait for no approval.

    Exit codes: 1 an object is not ours; 2 nothing differs; 3 a system did not answer; 4 denied; 5 the lane is
    closed.
    """
    from warden.core.changes.drafts import Words
    from warden.usecases.change import draft

    expect_one_part(clusters, custody_only=custody_only)
    workspace = Workspace.of(ctx)
    words = Words(
        title=without_secret(title, "--title"),
        purpose=without_secret(purpose, "--purpose"),
        risk=without_secret(risk, "--risk"),
        environment=workspace.catalog.environment,
    )
    options = LaneOptions(
        clusters=clusters, custody_only=custody_only, create_namespace=create_namespace, take_over=take_over
    )
    terminal.progress(f"planning {lane} …")
    made = draft(workspace.lane(lane), request_type, words, workspace.context, options)
    terminal.progress_done()
    return _present(made, as_json=as_json)


@change.command()
@_id_argument
@click.option("--comment", default="", metavar="TEXT", help="What the approvers should know. Default: the title.")
@_signing
@json_option
@click.pass_context
def propose(
    ctx: click.Context, /, *, request_id: str, comment: str, key: str | None, name: str | None, as_json: bool
) -> int:
    """Sign a draft as its requester, and ask the approvers.

    Who proposes is who requested it, and can never approve it. After an edit it is proposed again.

    \b
    Examples:
      warden change propose CCR-2026-0004
      warden change propose CCR-2026-0004 --key ~/.ssh/id_ed25519

    \b
    Exit codes:
      4  it would not count
      5  it waits for nothing any more
    """
    return _decide(ctx, request_id, "propose", comment, key=key, name=name, as_json=as_json)


@change.command(short_help="Approve exactly what a request says now.")
@_id_argument
@_comment_option
@click.option(
    "--expires",
    default="14d",
    show_default=True,
    metavar="TIME",
    callback=_span,
    help="How long the approval is good for: 12h, 14d, at most 90d.",
)
@click.option("--yes", is_flag=True, help="Do not show the plan and ask first.")
@_signing
@json_option
@click.pass_context
def approve(
    ctx: click.Context,
    /,
    *,
    request_id: str,
    comment: str,
    expires: dt.timedelta,
    yes: bool,
    key: str | None,
    name: str | None,
    as_json: bool,
) -> int:
    """Approve exactly what the request says now, with your signature.

    It is good for one `warden apply` of that very plan, until it expires. Whoever edits the request afterwards makes
    it void. On a terminal the plan is shown first.

    \b
    Examples:
      warden change approve CCR-2026-0004 --comment "agreed with the consumer"
      warden change approve CCR-2026-0004 --comment "agreed" --expires 24h

    \b
    Exit codes:
      2  no key of yours is in allowed_signers
      4  you requested it, or are not one of its approvers
      5  it does not wait for a decision
    """
    if not yes and not as_json and sys.stdin.isatty():
        _confirm(_shelf(ctx, key, name), request_id)
    return _decide(ctx, request_id, "approve", comment, good_for=expires, key=key, name=name, as_json=as_json)


@change.command()
@_id_argument
@_comment_option
@_signing
@json_option
@click.pass_context
def deny(
    ctx: click.Context, /, *, request_id: str, comment: str, key: str | None, name: str | None, as_json: bool
) -> int:
    """Deny a request, with your signature.

    A denial is final: for another attempt a new request is made.

    \b
    Examples:
      warden change deny CCR-2026-0004 --comment "the audience is missing"
      warden change deny CCR-2026-0004 --comment "INC-204" --key ~/.ssh/id_ed25519

    \b
    Exit codes:
      4  you are not one of its approvers
      5  the request is over
    """
    return _decide(ctx, request_id, "deny", comment, key=key, name=name, as_json=as_json)


@change.command(name="needs-changes")
@_id_argument
@_comment_option
@_signing
@json_option
@click.pass_context
def needs_changes(
    ctx: click.Context, /, *, request_id: str, comment: str, key: str | None, name: str | None, as_json: bool
) -> int:
    """Ask the requester for changes, with your signature.

    Nothing can be applied under it until it was proposed again.

    \b
    Examples:
      warden change needs-changes CCR-2026-0004 --comment "name the consumer"
      warden change needs-changes CCR-2026-0004 --comment "add a risk" --json

    \b
    Exit codes:
      4  you are not one of its approvers
      5  the request is over
    """
    return _decide(ctx, request_id, "needs-changes", comment, key=key, name=name, as_json=as_json)


@change.command()
@_id_argument
@_comment_option
@_signing
@json_option
@click.pass_context
def withdraw(
    ctx: click.Context, /, *, request_id: str, comment: str, key: str | None, name: str | None, as_json: bool
) -> int:
    """Withdraw your own request, with your signature.

    It is final. A draft, which has no requester yet, is withdrawn by anybody in allowed_signers.

    \b
    Examples:
      warden change withdraw CCR-2026-0004 --comment "not needed any more"
      warden change withdraw CCR-2026-0004 --comment "INC-204" --json

    \b
    Exit codes:
      4  you did not request it
      5  the request is over
    """
    return _decide(ctx, request_id, "withdraw", comment, key=key, name=name, as_json=as_json)


@change.command(short_help="Show a request, its decisions, and what is missing.")
@_id_argument
@json_option
@click.pass_context
def show(ctx: click.Context, /, *, request_id: str, as_json: bool) -> int:
    """Show a request: what is asked for, who decided, whether each signature counts, and what is missing.

    \b
    Examples:
      warden change show CCR-2026-0004
      warden change show CCR-2026-0004 --json | jq -r '.plan[]'
    """
    from warden.usecases import change as usecase

    shelf = _shelf(ctx)
    usecase.end_killed(shelf)
    return _present(usecase.show(request_id, shelf.requests, shelf.signatures), as_json=as_json)


@change.command(name="list")
@click.option("--lane", metavar="ID", shell_complete=complete.lanes, help="Only requests about this lane.")
@click.option(
    "--status",
    type=click.Choice(get_args(Status)),
    metavar="STATUS",
    help=f"Only requests with this status: {', '.join(get_args(Status))}.",
)
@click.option("--all", "every", is_flag=True, help="Also those that are over: applied, denied, cancelled, …")
@json_option
@click.pass_context
def list_command(ctx: click.Context, /, *, lane: str | None, status: Status | None, every: bool, as_json: bool) -> int:
    """List the requests that wait for something, the newest first.

    \b
    Examples:
      warden change list
      warden change list --all --lane openrouter-llm-connect --json
    """
    from warden.present import changes as present
    from warden.usecases import change as usecase

    shelf = _shelf(ctx)
    usecase.end_killed(shelf)
    found = [
        each
        for each in usecase.every(shelf.requests, shelf.signatures)
        if (lane is None or each.request.lane == lane) and (each.status == status if status else every or each.is_open)
    ]
    if as_json:
        terminal.document([present.request_json(each) for each in found])
    else:
        faulty = sorted({each.file for each in shelf.requests.faults() if not each.warning})
        present.show_list(found, faulty, over=every or status is not None)
    return int(Exit.DONE)


def _shelf(ctx: click.Context, key: str | None = None, name: str | None = None) -> "Shelf":
    from warden.usecases.change import Shelf

    platform = wiring.platform_dir(ctx)
    catalog = wiring.catalog(platform)
    journal = wiring_journal.journal(platform, asks=False)
    return Shelf(
        requests=wiring_files.change_requests(platform, {*catalog.declared, *catalog.elsewhere}),
        signatures=wiring_files.signatures(platform, catalog.platform, key, name),
        journal=journal,
        notices=wiring_files.notices(platform, catalog.platform, journal),
    )


def _confirm(shelf: "Shelf", request_id: str) -> None:
    """Show what is to be approved; raises `UsageError` for any answer but the request's id."""
    from warden.present import changes as present
    from warden.usecases.change import show as look

    present.show_request(look(request_id, shelf.requests, shelf.signatures))
    if click.prompt(terminal.question(f"Type {request_id} to approve this"), err=True) != request_id:
        raise UsageError("the answer was not the request's id", effect=Effect.NOTHING_WRITTEN, subject=request_id)


def _decide(
    ctx: click.Context,
    request_id: str,
    verb: Verb,
    comment: str,
    *,
    key: str | None,
    name: str | None,
    as_json: bool,
    good_for: dt.timedelta = dt.timedelta(days=14),
) -> int:
    from warden.usecases.change import Said, decide

    text = without_secret(comment, "--comment")
    if not text and verb != "propose":
        raise UsageError("--comment is empty", effect=Effect.NOTHING_DONE, hint='--comment "why"')
    made = decide(request_id, Said(verb=verb, comment=text, good_for=good_for), _shelf(ctx, key, name))
    return _present(made, as_json=as_json)


def _present(shown: "Shown", *, as_json: bool) -> int:
    from warden.present import changes as present

    if as_json:
        terminal.document(present.request_json(shown))
    else:
        present.show_request(shown)
    return int(Exit.DONE)
