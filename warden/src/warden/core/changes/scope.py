"""The scope of a change request as text: what a decision is about, a line for each field, the same in every run.

    request_type: "widen"
    openbao.fields: "API_KEY"
    plan: openbao change role auth/kubernetes/role/x
    plan: openbao change role auth/kubernetes/role/x token_policies: ["a"] -> ["a", "b"]

What says how far the request is (status, decisions, evidence, that it was applied) is not a part of it. A field that
is not set has no line, so that a field of a later version changes no digest.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from warden.core.changes.request import ChangeRequest

_OUTSIDE = frozenset({"id", "status", "decisions", "scopes", "applied", "verification.evidence"})
"""The id is signed beside the scope, lest it be one for two requests."""

_PLAN = "plan.changes"


class ScopeDifference(msgspec.Struct, frozen=True, kw_only=True):
    """The lines that only the earlier scope has, and those that only the later one has."""

    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.removed or self.added)


def scope_of(request: ChangeRequest) -> tuple[str, ...]:
    """The request's scope."""
    return tuple(_lines(msgspec.to_builtins(request), ""))


def digest_of(lines: Sequence[str]) -> str:
    """``sha256:`` and the SHA-256 of the lines, each with its line end."""
    text = "".join(f"{line}\n" for line in lines)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def difference(before: Sequence[str], after: Sequence[str]) -> ScopeDifference:
    """What differs between two scopes, in their order."""
    old, new = set(before), set(after)
    return ScopeDifference(
        removed=tuple(line for line in before if line not in new),
        added=tuple(line for line in after if line not in old),
    )


def _lines(value: Any, field: str) -> Iterator[str]:
    if field in _OUTSIDE or value is None:
        return
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _lines(item, f"{field}.{key}" if field else key)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            several = f"{field}[{index}]" if isinstance(item, dict) else field
            yield from [f"plan: {item}"] if field == _PLAN else _lines(item, several)
    else:
        yield f"{field}: {json.dumps(value)}"
