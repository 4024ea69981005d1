"""JSON that a policy point answers with, read strictly: what can be read in two ways decides nothing."""

import json
from typing import Any

from warden.adapters.policy.point_http import PointHttp, Reply
from warden.core.quoting import quoted

_OK = 200


def document(http: PointHttp, reply: Reply) -> dict[str, Any]:
    """The JSON object in an answer. Raises `Inconclusive` where the status or the body is another."""
    if reply.status in {401, 403}:
        http.wants_token(f"answered {reply.status}: it does not let warden ask")
    if reply.status != _OK:
        moved = " (a redirect, which is not followed)" if 300 <= reply.status < 400 else ""  # noqa: PLR2004 - RFC 9110
        http.unusable(f"answered {reply.status}{moved}")
    if reply.headers.get("content-encoding", "identity") != "identity":
        http.unusable("answered in a coding that was not asked for")
    try:
        found = json.loads(reply.content, object_pairs_hook=_unambiguous)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        http.unusable("answered with something that is not one JSON object")
    return found


def text(value: object) -> str:
    """A text that was found in an answer, to be shown and journaled; empty for whatever is not one.

    JSON can write half a character (``\\ud800``), which no journal can hold: it stays written that way.
    """
    return quoted(value.encode("utf-8", "backslashreplace").decode()) if isinstance(value, str) else ""


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found
