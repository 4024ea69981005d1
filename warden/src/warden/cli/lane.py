"""``warden plan``, ``apply`` and ``put``: what a lane implies, made so, and its value brought in."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
import msgspec

from warden.cli import deliveries
from warden.cli import orphans as left_behind
from warden.cli.context import Bench
from warden.core.errors import Exit, Foreign, UsageError, WardenError
from warden.core.lanes.lane import Lane
from warden.core.openbao.comparison import Change, Plan
from warden.core.secret import Secret
from warden.present import terminal

if TYPE_CHECKING:
    from warden.core.clusters.comparison import ClusterPlan
    from warden.core.lanes.delivery_target import DeliveryTarget
    from warden.usecases.apply import Receipt

json_flag = click.option("--json", "as_json", is_flag=True, help="The answer as one JSON document.")
all_flag = click.option("--all", "every", is_flag=True, help="Every lane that is active.")
take_over_flag = click.option(
    "--take-over", is_flag=True, help="Treat objects of the derived names that are not marked as ours as ours."
)


@click.command()
@click.argument("lane", required=False)
@all_flag
@take_over_flag
@deliveries.cluster_flag
@deliveries.custody_flag
@deliveries.namespace_flag
@json_flag
@click.pass_context
def plan(ctx: click.Context, /, lane: str | None, every: bool, as_json: bool, **how: Any) -> int:
    """Show how OpenBao and the clusters differ from what a lane declares; nothing is changed, no value is read.

    \b
    Examples:
      warden plan openrouter-llm-connect
      warden plan openrouter-llm-connect --cluster coulombcore
      warden plan --all --json
    \b
    Signs: + will be made, ~ changed, - removed, = as declared, ! in the way (apply refuses).
    Exit codes: 0 in step, 1 differs, 3 OpenBao or a cluster gave no answer, 4 refused.
    """
    bench = Bench.of(ctx)
    shown = [_whole_plan(each, bench, how) for each in bench.chosen(lane, every=every)]
    if as_json:
        documents = [_plan_json(each, bench) for each in shown]
        terminal.document(documents if every else documents[0])
    else:
        for each in shown:
            _show_whole(each, bench, titled=len(shown) > 1)
    return int(deliveries.worst([each.code for each in shown]))


class _Whole(msgspec.Struct, frozen=True, kw_only=True):
    """A lane's plan: OpenBao's part, and each delivery's, or why there is none; ``flags``: what it was asked with.

    ``earlier`` is what the lane had in clusters before.
    """

    lane: Lane
    plan: Plan
    parts: list[tuple[Any, Any]]
    flags: str = ""
    earlier: list[Any] = []

    @property
    def plans(self) -> list[Any]:
        """Every part that could be said."""
        return [self.plan, *(part for _, part in self.parts if part is not None and not isinstance(part, WardenError))]

    @property
    def code(self) -> Exit:
        """What the whole comes to."""
        faults = [deliveries.code_of(part) for _, part in self.parts if isinstance(part, WardenError)]
        return deliveries.worst([*faults, *(Exit.NO for part in self.plans if part.to_change)])


def _whole_plan(lane: Lane, bench: Bench, how: Mapping[str, Any]) -> _Whole:
    targets = deliveries.chosen(bench, lane, how["clusters"], custody_only=how["custody_only"])
    closed = lane.id in bench.closed

    def look(target: Any) -> Any:
        """Of a closed lane the clusters are left as they are."""
        if closed:
            return None
        return deliveries.plan_of(bench, target, namespace=how["create_namespace"], take_over=how["take_over"])

    own = bench.plan(lane, take_over=how["take_over"])
    parts = list(deliveries.each(targets, look))
    earlier = [] if how["custody_only"] else left_behind.still_there(bench, lane)
    return _Whole(lane=lane, plan=own, parts=parts, flags=_flags(how), earlier=earlier)


def _flags(how: Mapping[str, Any]) -> str:
    """What `apply` has to be told as well, to do what was planned."""
    named = [f" --cluster {name}" for name in how["clusters"]]
    return "".join([*named, *(f" --{each.replace('_', '-')}" for each in CARRIED if how[each])])


CARRIED = ("custody_only", "create_namespace", "take_over")


def _plan_json(whole: _Whole, bench: Bench) -> dict[str, Any]:
    changes = [{"action": c.action, "kind": c.kind, "name": c.name, "lines": c.lines} for c in whole.plan.changes]
    return {
        "lane": whole.lane.id,
        "system": bench.address,
        "changes": changes,
        "to_change": sum(len(part.to_change) for part in whole.plans),
        "blocked": sum(len(part.blocked) for part in whole.plans),
        "clusters": [deliveries.as_json(target, part) for target, part in whole.parts if part is not None],
        "not_looked_at": deliveries.left_out(bench, whole.lane),
        "left_behind": left_behind.as_json(whole.plan.left_behind, whole.earlier),
    }


def _show_whole(whole: _Whole, bench: Bench, *, titled: bool) -> None:
    if titled:
        terminal.line(terminal.styled(whole.lane.id, "head"))
    terminal.line(bench.system)
    for change in whole.plan.changes:
        show_change(change)
    for _, part in whole.parts:
        if isinstance(part, WardenError):
            terminal.error(part, as_json=False)
        elif part is not None:
            deliveries.show_plan(part)
    deliveries.show_left_out(bench, whole.lane)
    left_behind.show(whole.plan.left_behind, whole.earlier)
    _show_sum(whole)


def _show_sum(whole: _Whole) -> None:
    parts = whole.plans
    differs = sum(len(part.to_change) for part in parts)
    same = sum(len(part.changes) for part in parts) - differs
    blocked = sum(len(part.blocked) for part in parts)
    if blocked:
        terminal.sentence(f"{differs - blocked} to change, {same} as declared; {blocked} marked ! not ours to change.")
    elif differs:
        terminal.sentence(f"{differs} to change, {same} as declared. Next: warden apply {whole.lane.id}{whole.flags}")
    elif unasked := [target.cluster for target, part in whole.parts if isinstance(part, WardenError)]:
        terminal.sentence(f"{same} as declared, as far as could be asked; not asked: {', '.join(unasked)}.")
    else:
        terminal.line(f"In step: {same} as declared.")


def show_change(change: Change) -> None:
    """One object of a plan: a sign, its kind and name, and the difference below it."""
    remarks = {"foreign": "  (not marked as made by warden)", "absent": "  (its auth mount does not exist)"}
    style = deliveries.STYLES[deliveries.SIGNS[change.action]]
    head = f"{deliveries.SIGNS[change.action]} {change.kind:<9} {change.name}{remarks.get(change.action, '')}"
    terminal.line(f"  {terminal.styled(head, style)}")
    for line in change.lines:
        terminal.line(f"      {terminal.styled(line, 'ok' if line.startswith('+') else 'bad')}")


@click.command()
@click.argument("lane", required=False)
@all_flag
@take_over_flag
@click.option("--yes", is_flag=True, help="Do not ask before something is removed or taken over.")
@deliveries.cluster_flag
@deliveries.custody_flag
@deliveries.namespace_flag
@json_flag
@click.pass_context
def apply(ctx: click.Context, /, lane: str | None, every: bool, as_json: bool, **how: Any) -> int:
    """Make OpenBao and the clusters what a lane declares; run it as often as you like.

    In OpenBao: mount, marks, policy, roles. In each cluster: the reader's account, the store, the ExternalSecret.

    \b
    Examples:
      warden apply openrouter-llm-connect
      warden apply --all
    \b
    It touches only what it derived and marked. Killed at any point, it can be run again.
    Exit codes: 1 something there is not ours, 3 no answer, 4 refused, 5 another apply is at work.
    """
    bench = Bench.of(ctx)
    lanes = bench.chosen(lane, every=every)
    receipts: list[dict[str, Any]] = []
    codes = [Exit.DONE]
    with bench.alone("warden apply"):
        for each in lanes:
            try:
                receipts.append(_apply_one(each, bench, codes, as_json=as_json, how=how))
            except Foreign as fault:
                # One lane's foreign object says nothing about the next lane; any other fault ends the whole.
                terminal.error(fault, as_json=as_json)
                codes.append(fault.exit)
            except WardenError:
                if as_json and receipts:  # what was done before it is done
                    terminal.document(receipts)
                raise
    if as_json:
        terminal.document(receipts if every or not receipts else receipts[0])
    return int(deliveries.worst(codes))


def _apply_one(lane: Lane, bench: Bench, codes: list[Exit], *, as_json: bool, how: Mapping[str, Any]) -> dict[str, Any]:
    from warden.usecases.apply import apply as carry_out

    targets = deliveries.chosen(bench, lane, how["clusters"], custody_only=how["custody_only"])
    _expect_declared_truly(bench, [target for target in targets if target.by_hand])
    first = bench.plan(lane, take_over=how["take_over"])
    _expect_consent(lane, first, bench, taken_over=how["take_over"], yes=how["yes"])
    said = (lambda _: None) if as_json else show_change
    if not as_json:
        terminal.line(f"{lane.id} · {bench.system}")
    receipt = carry_out(lambda: bench.plan(lane, take_over=how["take_over"]), bench.vault, bench.journal, done=said)
    parts = [] if lane.id in bench.closed else _apply_clusters(targets, bench, codes, as_json=as_json, how=how)
    made = [receipt, *(part for _, part in parts)]
    earlier = [] if how["custody_only"] else left_behind.still_there(bench, lane)
    if not as_json:
        deliveries.show_left_out(bench, lane)
        left_behind.show(receipt.left_behind, earlier)
        if len(parts) == sum(not target.by_hand for target in targets) or lane.id in bench.closed:
            _show_receipt(lane, bench, sum(len(part.changed) for part in made), max(part.record for part in made))
        else:
            terminal.sentence(f"Not all of it was done, as said above. Then again: warden apply {lane.id}")
    return {
        "lane": lane.id,
        "system": bench.address,
        "changed": _changed(receipt),
        "journal": receipt.record,
        "clusters": [{"cluster": target.cluster, "changed": _changed(r), "journal": r.record} for target, r in parts],
        "left_behind": left_behind.as_json(receipt.left_behind, earlier),
    }


def _expect_declared_truly(bench: Bench, by_hand: "Sequence[DeliveryTarget]") -> None:
    """A Secret that is delivered, and declared as made by hand, would lose its role: nothing is done before."""
    from warden.usecases.apply_cluster import expect_ours

    for target in by_hand:
        if not isinstance(bench.clusters[target.cluster], WardenError):
            expect_ours(deliveries.plan_of(bench, target, namespace=False, take_over=False))


def _changed(receipt: "Receipt") -> list[dict[str, str]]:
    return [{"action": c.action, "kind": c.kind, "name": c.name} for c in receipt.changed]


def _apply_clusters(
    targets: "Sequence[DeliveryTarget]", bench: Bench, codes: list[Exit], *, as_json: bool, how: Mapping[str, Any]
) -> "list[tuple[DeliveryTarget, Receipt]]":
    """Every delivery of External Secrets Operator's; a cluster that cannot be asked is told, and the next one tried."""
    from warden.usecases.apply_cluster import apply_cluster

    def make(target: "DeliveryTarget") -> "Receipt":
        def plan() -> "ClusterPlan":
            return deliveries.plan_of(bench, target, namespace=how["create_namespace"], take_over=how["take_over"])

        if not as_json:
            terminal.line(plan().system)
        cluster = bench.clusters[target.cluster]
        assert not isinstance(cluster, WardenError)  # noqa: S101 - `plan` has raised it
        said = (lambda _: None) if as_json else deliveries.show_change
        return apply_cluster(plan, cluster, bench.journal, take_over=how["take_over"], done=said)

    done = []
    for target, part in deliveries.each([target for target in targets if not target.by_hand], make):
        if isinstance(part, WardenError):
            terminal.error(part, as_json=as_json)
            codes.append(deliveries.code_of(part))
        else:
            done.append((target, part))
    if not as_json:
        _show_by_hand(bench, [target for target in targets if target.by_hand])
    return done


def _show_by_hand(bench: Bench, targets: "Sequence[DeliveryTarget]") -> None:
    """What is not derived, as it was seen; where it could not be, nothing is said of it."""
    for _, part in deliveries.each(
        targets, lambda target: deliveries.plan_of(bench, target, namespace=False, take_over=False)
    ):
        if not isinstance(part, WardenError):
            deliveries.show_plan(part)


def _expect_consent(lane: Lane, plan: Plan, bench: Bench, *, taken_over: bool, yes: bool) -> None:
    """Removing access, and taking over what others made, is asked about once; everything else is not."""
    risky = [change for change in plan.to_change if change.action == "delete"]
    if taken_over and not yes:
        mine = {change.name for change in bench.plan(lane).blocked}
        risky += [change for change in plan.to_change if change.name in mine]
    if not risky or yes or plan.blocked:
        return
    names = ", ".join(f"{change.kind} {change.name}" for change in risky)
    again = f"warden apply {lane.id}{' --take-over' if taken_over else ''}"
    if not sys.stdin.isatty():
        raise UsageError(
            f"this would remove or take over {names}. Nothing was changed.",
            subject=lane.id,
            hint=f"look at it with warden plan {lane.id}; then: {again} --yes",
        )
    for change in risky:
        show_change(change)
    if click.prompt(terminal.question(f"Type {lane.id} to remove or take over these"), err=True) != lane.id:
        raise UsageError("that is not the lane's id. Nothing was changed.", subject=lane.id)


def _show_receipt(lane: Lane, bench: Bench, changed: int, record: int) -> None:
    metadata = bench.vault.kv_metadata(lane.custody.mount, lane.custody.key)
    following = _following(lane, bench, () if metadata and metadata.live else lane.custody.fields)
    if changed:
        terminal.sentence(f"{changed} changed and seen on the server · journal {record}. {following}")
    else:
        terminal.sentence(f"In step: nothing to change. {following}")


def _following(lane: Lane, bench: Bench, missing: Sequence[str]) -> str:
    """What comes after `apply` and `put`; `missing` are fields that have no value yet."""
    if lane.id in bench.closed:
        return f"The lane is closed; to open it: warden reactivate {lane.id}"
    return f"Next: warden put {lane.id} {missing[0]}" if missing else f"Next: warden prove {lane.id}"


@click.command(context_settings={"allow_extra_args": True})  # click would quote a value that was given as one
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
    from warden.usecases.put import put as write

    if ctx.args or "=" in field:
        raise UsageError(
            "a value is never taken from the command line, where every process list and the shell's history have it. "
            "Nothing was written.",
            subject=lane,
            hint="if it was a real one, make a new one; then, without it: warden put LANE FIELD",
        )
    bench = Bench.of(ctx)
    found = bench.lane(lane)
    typed = sys.stdin.isatty()
    value = _typed(f"{field} for {lane} (not shown)") if typed else _piped()
    written = write(found, field, value, bench.vault, bench.journal, as_is=as_is, typed=typed)
    if as_json:
        terminal.document(written)
    else:
        terminal.sentence(f"{field} is in version {written.version} of {written.path} · journal {written.record}")
        if written.missing:
            terminal.line(f"No value yet: {', '.join(written.missing)}.")
        terminal.sentence(_following(found, bench, written.missing))
    return int(Exit.DONE)


def _typed(prompt: str) -> Secret:
    import getpass

    return Secret(getpass.getpass(f"{prompt}: ", sys.stderr))


def _piped() -> Secret:
    raw = sys.stdin.buffer.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise UsageError(
            f"the value is larger than {LARGEST} bytes. Nothing was written.", hint="is it the right file?"
        )
    try:
        return Secret(raw.decode())
    except UnicodeDecodeError:
        raise UsageError(
            "the value is no UTF-8 text. Nothing was written.", hint="encode it, for example: base64 -w0 FILE"
        ) from None


LARGEST = 512 * 1024
"""Bytes; OpenBao's KV stores at most 1 MiB an entry on raft storage."""
