"""``warden plan``, ``apply`` and ``put``: what a lane implies on OpenBao, made so, and its value brought in."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from warden.cli import render, wiring
from warden.domain.errors import Exit, Foreign, Usage
from warden.domain.lane import Lane
from warden.domain.plan import Change, Plan
from warden.domain.secret import Secret

if TYPE_CHECKING:
    from warden.cli.wiring import Bench

SIGNS = {"create": "+", "change": "~", "delete": "-", "keep": "=", "foreign": "!", "absent": "!"}

json_flag = click.option("--json", "as_json", is_flag=True, help="The answer as one JSON document.")
all_flag = click.option("--all", "every", is_flag=True, help="Every lane that is active.")
take_over_flag = click.option(
    "--take-over", is_flag=True, help="Treat objects of the derived names that are not marked as ours as ours."
)


@click.command()
@click.argument("lane", required=False)
@all_flag
@take_over_flag
@json_flag
@click.pass_context
def plan(ctx: click.Context, /, lane: str | None, every: bool, take_over: bool, as_json: bool) -> int:
    """Show how OpenBao differs from what a lane declares; nothing is changed and no value is read.

    \b
    Examples:
      warden plan openrouter-llm-connect
      warden plan --all --json
    \b
    Signs: + will be made, ~ changed, - removed, = as declared, ! in the way (apply refuses).
    Exit codes: 0 in step, 1 differs, 3 OpenBao gave no answer, 4 refused.
    """
    bench = wiring.bench(ctx)
    plans = [bench.plan(each, take_over=take_over) for each in bench.chosen(lane, every=every)]
    if as_json:
        shown = [_plan_json(each, bench) for each in plans]
        render.document(shown if every else shown[0])
    else:
        render.line(bench.system)
        for each in plans:
            _show_plan(each, titled=len(plans) > 1)
    return int(Exit.NO if any(each.to_change for each in plans) else Exit.DONE)


def _plan_json(plan: Plan, bench: "Bench") -> dict[str, Any]:
    changes = [{"action": c.action, "kind": c.kind, "name": c.name, "lines": c.lines} for c in plan.changes]
    return {
        "lane": plan.lane,
        "system": bench.address,
        "changes": changes,
        "to_change": len(plan.to_change),
        "blocked": len(plan.blocked),
    }


def _show_plan(plan: Plan, *, titled: bool) -> None:
    if titled:
        render.line(render.styled(plan.lane, "head"))
    for change in plan.changes:
        show_change(change)
    same = len(plan.changes) - len(plan.to_change)
    if not plan.to_change:
        render.line(f"In step: {same} as declared.")
    elif plan.blocked:
        render.line(f"{len(plan.to_change)} to change, {same} as declared; what is marked ! is not ours to change.")
    else:
        render.line(f"{len(plan.to_change)} to change, {same} as declared. Next: warden apply {plan.lane}")


def show_change(change: Change) -> None:
    """One object of a plan: a sign, its kind and name, and the difference below it."""
    remarks = {"foreign": "  (not marked as made by warden)", "absent": "  (its auth mount does not exist)"}
    style = {"+": "ok", "~": "warn", "-": "bad", "!": "bad", "=": "dim"}[SIGNS[change.action]]
    head = f"{SIGNS[change.action]} {change.kind:<9} {change.name}{remarks.get(change.action, '')}"
    render.line(f"  {render.styled(head, style)}")
    for line in change.lines:
        render.line(f"      {render.styled(line, 'ok' if line.startswith('+') else 'bad')}")


@click.command()
@click.argument("lane", required=False)
@all_flag
@take_over_flag
@click.option("--yes", is_flag=True, help="Do not ask before something is removed or taken over.")
@json_flag
@click.pass_context
def apply(ctx: click.Context, /, lane: str | None, every: bool, as_json: bool, **how: bool) -> int:
    """Make OpenBao what a lane declares: mount, marks, policy and roles; run it as often as you like.

    \b
    Examples:
      warden apply openrouter-llm-connect
      warden apply --all
    \b
    It touches only what it derived and marked. Killed at any point, it can be run again.
    Exit codes: 1 something there is not ours, 3 no answer, 4 refused, 5 another apply is at work.
    """
    bench = wiring.bench(ctx)
    lanes = bench.chosen(lane, every=every)
    receipts: list[dict[str, Any]] = []
    worst = Exit.DONE
    with bench.alone("warden apply"):
        for each in lanes:
            try:
                receipts.append(_apply_one(each, bench, as_json=as_json, how=how))
            except Foreign as fault:
                # One lane's foreign object says nothing about the next lane; any other fault ends the whole.
                render.error(fault, as_json=as_json)
                worst = fault.exit
    if as_json:
        render.document(receipts if every or not receipts else receipts[0])
    return int(worst)


def _apply_one(lane: Lane, bench: "Bench", *, as_json: bool, how: Mapping[str, bool]) -> dict[str, Any]:
    from warden.verbs.apply import apply as carry_out

    first = bench.plan(lane, take_over=how["take_over"])
    _expect_consent(lane, first, bench, taken_over=how["take_over"], yes=how["yes"])
    said = (lambda _: None) if as_json else show_change
    if not as_json:
        render.line(f"{lane.id} · {bench.system}")
    receipt = carry_out(lambda: bench.plan(lane, take_over=how["take_over"]), bench.vault, bench.journal, done=said)
    if not as_json:
        _show_receipt(lane, bench, len(receipt.changed), receipt.record)
    changed = [{"action": c.action, "kind": c.kind, "name": c.name} for c in receipt.changed]
    return {"lane": lane.id, "system": bench.address, "changed": changed, "journal": receipt.record}


def _expect_consent(lane: Lane, plan: Plan, bench: "Bench", *, taken_over: bool, yes: bool) -> None:
    """Removing access, and taking over what others made, is asked about once; everything else is not."""
    risky = [change for change in plan.to_change if change.action == "delete"]
    if taken_over and not yes:
        mine = {change.name for change in bench.plan(lane).blocked}
        risky += [change for change in plan.to_change if change.name in mine]
    if not risky or yes or plan.blocked:
        return
    names = ", ".join(f"{change.kind} {change.name}" for change in risky)
    if not sys.stdin.isatty():
        raise Usage(
            f"this would remove or take over {names}. Nothing was changed.",
            subject=lane.id,
            hint=f"look at it with warden plan {lane.id}; then: warden apply {lane.id} --yes",
        )
    for change in risky:
        show_change(change)
    if click.prompt(f"Type {lane.id} to remove or take over these", err=True) != lane.id:
        raise Usage("that is not the lane's id. Nothing was changed.", subject=lane.id)


def _show_receipt(lane: Lane, bench: "Bench", changed: int, record: int) -> None:
    metadata = bench.vault.kv_metadata(lane.custody.mount, lane.custody.key)
    if metadata and metadata.live:
        following = f"warden prove {lane.id}"
    else:
        following = f"warden put {lane.id} {lane.custody.fields[0]}"
    if changed:
        render.line(f"{changed} changed and seen on the server · journal {record}. Next: {following}")
    else:
        render.line(f"In step: nothing to change. Next: {following}")


@click.command()
@click.argument("lane")
@click.argument("field")
@click.option("--as-is", is_flag=True, help="Write exactly what is given, also if it looks cut, masked or has lines.")
@json_flag
@click.pass_context
def put(ctx: click.Context, /, lane: str, field: str, as_is: bool, as_json: bool) -> int:
    """Put a value into one field of a lane: typed without echo, or from standard input; never from the command line.

    \b
    Examples:
      warden put openrouter-llm-connect OPENROUTER_API_KEY
      pass show openrouter | warden put openrouter-llm-connect OPENROUTER_API_KEY
    \b
    It is merged with check-and-set: the lane's other fields survive. One line break at the end is
    taken off.
    Exit codes: 1 no such field, 2 the value looks wrong, 3 no answer, 4 refused, 5 held.
    """
    from warden.verbs.put import put as write

    bench = wiring.bench(ctx)
    found = bench.catalog.lane(lane)
    typed = sys.stdin.isatty()
    value = _typed(f"{field} for {lane} (not shown)") if typed else _piped()
    written = write(found, field, value, bench.vault, bench.journal, as_is=as_is, typed=typed)
    if as_json:
        render.document(written)
    else:
        render.line(f"{field} is in version {written.version} of {written.path} · journal {written.record}")
        render.line(f"Next: warden prove {lane}")
    return int(Exit.DONE)


def _typed(prompt: str) -> Secret:
    import getpass

    return Secret(getpass.getpass(f"{prompt}: ", sys.stderr))


def _piped() -> Secret:
    raw = sys.stdin.buffer.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise Usage(f"the value is larger than {LARGEST} bytes. Nothing was written.", hint="is it the right file?")
    try:
        return Secret(raw.decode())
    except UnicodeDecodeError:
        raise Usage(
            "the value is no UTF-8 text. Nothing was written.", hint="encode it, for example: base64 -w0 FILE"
        ) from None


LARGEST = 512 * 1024
"""Bytes; OpenBao's KV stores at most 1 MiB an entry on raft storage."""
