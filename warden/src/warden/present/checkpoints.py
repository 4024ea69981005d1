"""Signed checkpoints in words, and what kept one from being signed."""

from typing import Any

from warden.core.journal.checkpoints import NotSigned, Signed
from warden.present import errors, terminal


def show_unsigned(outcome: Signed | NotSigned | None) -> None:
    """That what was done stands without a signature, and why; nothing where there is one, or none was to be made."""
    if isinstance(outcome, NotSigned):
        why = errors.problem(outcome.fault).removesuffix(".")
        terminal.note(f"Not signed: {why}. What was done stands, and the next checkpoint covers it.")
        if hint := errors.hint_to_paste(outcome.fault):
            terminal.note(f"        {hint}")


def show_signed(made: Signed, file: str) -> None:
    """What was signed, and where the checkpoint is."""
    statement = made.checkpoint.statement
    kept = f"kept in {file}" if file else "keep it elsewhere with -o FILE: it shows what is cut off later"
    terminal.line(f"{terminal.styled('ok', 'ok')}   signed {statement.head}")
    terminal.line(f"     key {statement.key} · journal {made.record}")
    terminal.note(f"     {kept}")


def checkpoint_json(outcome: Signed | NotSigned | None) -> dict[str, Any] | None:
    """``signed, journal, head, key, message``; ``None`` where platform.yaml names no key."""
    if outcome is None:
        return None
    if isinstance(outcome, NotSigned):
        return {"signed": False, "journal": 0, "head": "", "key": "", "message": errors.problem(outcome.fault)}
    statement = outcome.checkpoint.statement
    return {"signed": True, "journal": outcome.record, "head": str(statement.head), "key": statement.key, "message": ""}
