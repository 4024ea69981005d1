"""``warden deactivate`` and ``warden reactivate``: close a lane for everyone, and open it again."""

import sys
from typing import TYPE_CHECKING

import click
import msgspec

from warden.cli import wiring
from warden.cli.context import Bench
from warden.cli.lane import show_change, take_over_flag
from warden.cli.orphans import delivered_before, show
from warden.cli.reason import journaled_reason
from warden.core.errors import Exit, Invalid, NotFound, UsageError, WardenError
from warden.present import terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warden.core.lanes.delivery_target import DeliveryTarget
    from warden.core.lanes.lane import Lane
    from warden.core.openbao.comparison import Change

reason_option = click.option("--reason", required=True, metavar="TEXT", help="Why; journaled, and shown to callers.")


@click.command()
@click.argument("lane")
@reason_option
@click.option("--take-over", is_flag=True, help="Also where policy or role are not marked as ours.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="The answer as one JSON document.")
@click.pass_context
def deactivate(ctx: click.Context, /, lane: str, reason: str, take_over: bool, **how: bool) -> int:
    """Close a lane: at once for warden, and in OpenBao for everyone, tokens that were given out before included.

    \b
    Examples:
      warden deactivate openrouter-llm-connect --reason "key seen in a log, INC-204"
      warden deactivate openrouter-llm-connect --reason "tenant left" --yes --json
    \b
    The value stays where it is; nobody reads it through the lane. A consumer keeps what it has.
    Exit codes: 1 not ours; closed in the journal alone: 1 its file has faults or is gone, 2 BAO_ADDR is no address,
    3 no answer. Run it again.
    """
    from warden.usecases.deactivate import deactivate as close

    why = _said(reason)
    try:
        bench = Bench.of(ctx)
        found = bench.lane(lane)
    except WardenError as fault:
        _close_in_the_journal(wiring.platform_dir(ctx), lane, why, fault, yes=how["yes"])
        raise
    _ask(lane, found, "close", yes=how["yes"])
    try:
        receipt = close(
            found,
            why,
            lambda: bench.plan(found, take_over=take_over),
            bench.vault,
            bench.journal,
            done=_silent if how["as_json"] else show_change,
            alone=bench.alone("warden deactivate"),
        )
    except WardenError as fault:
        if found.id in bench.closed:
            _half_closed(found.id, fault, "" if take_over else " (not ours: --take-over)")
        raise
    kept = [_kept(target) for target in bench.clusters.targets(found)]
    kept += [msgspec.to_builtins(each) for each in delivered_before(bench, found)]
    if how["as_json"]:
        shown = {"lane": found.id, "closed": True, "changed": len(receipt.changed), "system": bench.address}
        terminal.document(shown | {"kept": kept, "left_behind": receipt.left_behind})
    else:
        terminal.sentence(
            f"{found.id} is closed, in the journal and in {bench.system}. Open it: warden reactivate {found.id}"
        )
        _show_kept(kept)
        show(receipt.left_behind)
    return int(Exit.DONE)


def _close_in_the_journal(platform: str, lane_id: str, reason: str, fault: WardenError, *, yes: bool) -> None:
    """Close it for warden at least, where its file cannot be used, or it is not known which OpenBao has it.

    `fault` is what is told of it. Raises `UsageError` if it is not a lane, `NotFound` for an unknown id.
    """
    from warden.usecases.deactivate import record_closing

    journal, found = wiring.journal(), None
    try:
        found = wiring.catalog(platform).lane(lane_id)
    except (Invalid, NotFound):
        if not wiring.has_file(platform, lane_id) and not journal.log(lane=lane_id, last=1):
            raise
    _ask(lane_id, found, "close", yes=yes)
    record_closing(lane_id, reason, "", journal)
    if isinstance(fault, Invalid):
        fault.message = "what it has there is not known as long as a file has faults."
    elif isinstance(fault, NotFound):
        fault.message = "what it has there is not known without its file."
    _half_closed(lane_id, fault)


def _half_closed(lane_id: str, fault: WardenError, unless: str = "") -> None:
    fault.message = f"{lane_id} is closed in the journal, but not in OpenBao: {fault.message}"
    fault.hint = f"run it again when mended{unless}; {fault.hint}"


def _kept(target: "DeliveryTarget") -> dict[str, str]:
    """A Secret outlives its lane. Its owner is deleted, and it with it; without one it is deleted itself."""
    kind = "secret" if target.by_hand else "externalsecret"
    remove = f"{target.kubectl} -n {target.namespace} delete {kind} {target.secret}"
    return {"cluster": target.cluster, "secret": target.delivery.secret, "remove": remove}


def _show_kept(kept: "Sequence[dict[str, str]]") -> None:
    for each in kept:
        what = f"the Secret {each['secret']}, if it is there, keeps the last value until it is removed"
        terminal.sentence(f"{each['cluster']}: {what}:")
        terminal.line(f"  {each['remove']}")
    if kept:
        terminal.line("Pods keep what they have already read: restart or stop them, too.")


@click.command()
@click.argument("lane")
@reason_option
@take_over_flag
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="The answer as one JSON document.")
@click.pass_context
def reactivate(ctx: click.Context, /, lane: str, reason: str, take_over: bool, **how: bool) -> int:
    """Open a closed lane again: policy and roles as declared, then the journal.

    \b
    Examples:
      warden reactivate openrouter-llm-connect --reason "new key, INC-204 closed"
      warden reactivate openrouter-llm-connect --reason "tenant is back" --yes --json
    \b
    Exit codes: 1 not ours, 5 the lane is not closed.
    """
    from warden.usecases.deactivate import reactivate as reopen

    bench = Bench.of(ctx)
    found = bench.lane(lane)
    why = _said(reason)
    _ask(lane, found, "open", yes=how["yes"])
    with bench.alone("warden reactivate"):
        record = reopen(
            found,
            why,
            lambda: bench.plan(found, opened=True, take_over=take_over),
            bench.vault,
            bench.journal,
            done=_silent if how["as_json"] else show_change,
        )
    if how["as_json"]:
        terminal.document({"lane": found.id, "closed": False, "journal": record, "system": bench.address})
    else:
        terminal.line(f"{found.id} is open again · journal {record}. Next: warden prove {found.id}")
    return int(Exit.DONE)


def _ask(lane_id: str, lane: "Lane | None", what: str, *, yes: bool) -> None:
    """A terminal is asked to type the id, once; anything else has to say ``--yes``."""
    if yes:
        return
    readers = ", ".join(reader.label for reader in lane.readers) if lane else "whoever reads it"
    if not sys.stdin.isatty():
        raise UsageError(
            f"this would {what} {lane_id} for {readers}. Nothing was done.", subject=lane_id, hint="if so: --yes"
        )
    if click.prompt(terminal.question(f"Type {lane_id} to {what} it for {readers}"), err=True) != lane_id:
        raise UsageError("that is not the lane's id. Nothing was done.", subject=lane_id)


def _said(reason: str) -> str:
    said = journaled_reason(reason)
    if not said:
        raise UsageError("--reason is empty. Nothing was done.", hint='--reason "why"')
    return said


def _silent(_: "Change") -> None:
    """With --json nothing is shown on the way."""
