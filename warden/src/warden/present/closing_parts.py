"""What became of each part of a closing, in words and in JSON."""

from collections.abc import Iterator
from typing import Any

from warden.core.access_index.lane_tokens import role_of
from warden.core.access_index.snapshot import LiveToken
from warden.core.clusters.adoption import OtherKeys
from warden.core.clusters.removal import Removal
from warden.core.lanes.lane import Lane
from warden.core.lifecycle.closed_parts import (
    ClosedParts,
    ClusterPart,
    ConsumerPart,
    ConsumerState,
    DenialPart,
    TokensPart,
    remaining,
)
from warden.core.proofs.verdict import Verdict
from warden.core.quoting import name
from warden.core.remedies import RunBao
from warden.present import terminal
from warden.present.commands import command, commands, to_paste
from warden.present.details import describe_detail
from warden.present.errors import as_json
from warden.present.obstacles import describe_obstacle
from warden.present.other_ways import unknown_words
from warden.present.problems import described
from warden.present.terminal import counted

_WORDS = {"ok": ("ok", "ok"), "wrong": ("FAIL", "bad"), "inconclusive": ("??", "warn")}


def show_parts(lane: Lane, parts: ClosedParts) -> None:
    """Tokens, former readers, and each cluster."""
    show_tokens(parts.tokens)
    show_denial(lane, parts.denial)
    for part in parts.clusters:
        show_cluster(part)


def mark(result: str) -> str:
    """The word at the beginning of a line."""
    word, style = _WORDS[result]
    return terminal.styled(f"{word:<4}", style)


def show_line(result: str, text: str, *below: str) -> None:
    """One line of an answer, and what belongs to it below."""
    first, *rest = terminal.wrapped(text, indent=0) if terminal.width() else [text]
    terminal.line(f"  {mark(result)} {first}")
    for each in (*rest, *below):
        terminal.line(f"       {each}")


# -- tokens -----------------------------------------------------------------------------------------------------------


def show_tokens(part: TokensPart) -> None:
    """How many were revoked, and what could not be."""
    for result, text, below in _token_lines(part):
        show_line(result, text, *below)


def _token_lines(part: TokensPart) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    if part.revoked or not (part.left or part.fault or part.unknown):
        shown = ", ".join(sorted({name(each.display_name) for each in part.revoked}))
        revoked = f"revoked {counted(len(part.revoked), 'live token')} of its readers: {shown}"
        yield "ok", revoked if part.revoked else "no live token of its readers", ()
    if part.fault is not None and not part.left:
        yield "inconclusive", f"live tokens are not known: {described(part.fault.problem)}", ()
    for each in part.unknown:
        yield "inconclusive", f"live tokens are not all known: {unknown_words(each)}", ()
    for token in part.left:
        why = f": {described(part.fault.problem)}" if part.fault else ""
        revoke = command(RunBao(action="revoke-accessor", name=token.accessor))
        yield "inconclusive", f"a token of {name(token.display_name)} is still alive{why}", (f"revoke it: {revoke}",)
    if part.own is not None:
        yield "inconclusive", "your own token holds the lane's policy and was not revoked", ()


def tokens_json(part: TokensPart) -> dict[str, Any]:
    """``revoked[], left[] {accessor, display_name, role}, own, unknown[]``."""
    return {
        "revoked": [_token_json(each) for each in part.revoked],
        "left": [_token_json(each) for each in part.left],
        "own": part.own is not None,
        "unknown": [*map(unknown_words, part.unknown), *([described(part.fault.problem)] if part.fault else [])],
    }


def _token_json(token: LiveToken) -> dict[str, str]:
    return {"accessor": token.accessor, "display_name": name(token.display_name), "role": name(role_of(token))}


# -- former readers ---------------------------------------------------------------------------------------------------


def show_denial(lane: Lane, part: DenialPart) -> None:
    """Each former reader, and whether its read was refused."""
    if part.fault is not None:
        show_line("inconclusive", f"that its readers are refused was not shown: {described(part.fault.problem)}")
    for verdict in part.verdicts:
        evidence = f" · audit {verdict.audit[:8]}" if verdict.audit else ""
        show_line(
            verdict.result, f"{verdict.reader} reads {', '.join(lane.custody.fields)}: {_answer(verdict)}{evidence}"
        )


def _answer(verdict: Verdict) -> str:
    status = f" ({verdict.status})" if verdict.status else ""
    detail = f": {describe_detail(verdict.detail)}" if verdict.detail is not None else ""
    if verdict.result == "ok":
        return f"denied{status}"
    return f"{'ALLOWED' if verdict.result == 'wrong' else 'not shown'}{status}{detail}"


def denial_json(part: DenialPart) -> dict[str, Any]:
    """``proven, ms, why, readers[] {reader, word, status, detail, audit, at, ms}``."""
    return {
        "proven": part.is_proven,
        "ms": part.ms,
        "why": described(part.fault.problem) if part.fault else "",
        "readers": [
            {
                "reader": each.reader,
                "word": _WORDS[each.result][0],
                "status": each.status,
                "detail": describe_detail(each.detail) if each.detail is not None else "",
                "audit": each.audit,
                "at": each.at,
                "ms": each.ms,
            }
            for each in part.verdicts
        ],
    }


# -- clusters ---------------------------------------------------------------------------------------------------------


def show_cluster(part: ClusterPart) -> None:
    """Its consumers, then its objects; what is left with the command that removes it."""
    for consumer in part.consumers:
        result, text = _consumer_words(consumer)
        show_line(result, f"{part.cluster}: {text}", *([command(consumer.remedy[0])] if consumer.remedy else []))
    if part.fault is not None:
        show_line("inconclusive", f"{part.cluster}: {described(part.fault.problem)}")
    for each in part.objects:
        result, text = _object_words(each)
        show_line(result, f"{part.cluster}: {text}", *([command(each.remove)] if each.remove else []))


_CONSUMERS: dict[ConsumerState, tuple[str, str]] = {
    "stopped": ("ok", "is stopped"),
    "at-zero": ("ok", "had no pods wanted; it is left so"),
    "stopping": ("inconclusive", "is scaled to 0, and {pods} still there"),
    "absent": ("ok", "does not exist"),
    "restored": ("ok", "is scaled to {replicas} again"),
    "kept-stopped": ("ok", "stays stopped: another closed lane needs it so"),
    "informed": ("ok", "runs on with what its {pods} read (on_closing: inform). To stop it:"),
    "not-known": ("inconclusive", "could not be looked at"),
}


def _consumer_words(part: ConsumerPart) -> tuple[str, str]:
    result, words = _CONSUMERS[part.state]
    number = counted(part.pods, "pod")
    verb = ("is" if part.pods == 1 else "are") if part.state == "stopping" else "has" if part.pods == 1 else "have"
    return result, f"Deployment {part.deployment} {words.format(pods=f'{number} {verb}', replicas=part.replicas)}"


def _object_words(each: Removal) -> tuple[str, str]:
    match each.state:
        case "removed":
            return "ok", f"{each.ref} is removed"
        case "absent":
            return "ok", f"{each.ref} is not there"
        case "left":
            return "wrong", f"{each.ref} is left: {_why(each)}. To remove it:"
        case "ending":
            return "inconclusive", f"{each.ref} is being deleted, and still there: {_why(each)}"
        case _:
            why = describe_detail(each.unobserved) if each.unobserved else "it may still be there"
            return "inconclusive", f"{each.ref} is not known to be removed: {why}. To remove it:"


def _why(each: Removal) -> str:
    if isinstance(each.obstacle, OtherKeys):
        return f"it has keys that are not the lane's ({', '.join(map(name, each.obstacle.names))})"
    return describe_obstacle(each.obstacle) if each.obstacle is not None else "its ExternalSecret is left"


def clusters_json(parts: tuple[ClusterPart, ...]) -> list[dict[str, Any]]:
    """``cluster, objects[] {kind, name, state, why, remove}, consumers[] {deployment, state, …}, fault``."""
    return [
        {
            "cluster": part.cluster,
            "objects": [_object_json(each) for each in part.objects],
            "consumers": [
                {
                    "deployment": each.deployment,
                    "state": each.state,
                    "replicas": each.replicas,
                    "pods": each.pods,
                    "command": commands(each.remedy),
                }
                for each in part.consumers
            ],
            "fault": as_json(part.fault) if part.fault else None,
        }
        for part in parts
    ]


def _object_json(each: Removal) -> dict[str, str]:
    return {
        "kind": each.ref.kind,
        "name": f"{each.ref.namespace}/{each.ref.name}",
        "state": each.state,
        "why": _why(each) if each.obstacle is not None else "",
        "remove": command(each.remove) if each.remove else "",
    }


def kept_json(parts: tuple[ClusterPart, ...]) -> list[dict[str, str]]:
    """``cluster, secret, remove`` of each Secret or ExternalSecret that is still there, or may be."""
    return [
        {
            "cluster": cluster,
            "secret": f"{each.ref.namespace}/{each.ref.name}",
            "remove": command(each.remove) if each.remove else "",
        }
        for cluster, each in remaining(parts)
    ]


def reopen_words(steps: tuple[Any, ...]) -> str:
    """How the lane is opened again."""
    *first, reopen = steps
    put = f"Put a new value first: {to_paste(*first)}. " if first else ""
    return f"{put}To open it: {to_paste(reopen)}"
