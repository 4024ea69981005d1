"""One schema, one text: valid or why not. Pure, apart from the time that it takes."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from llm_connect.common import strict_json

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_PROBLEMS = 10
_LONGEST_PROBLEM = 300
_BACKTRACKS = 1_000_000


class InvalidSchema(Exception):
    """The schema cannot be used; `str()` says why."""


def compile_schema(schema: Any, *, linear: bool) -> Any:
    """A validator.

    Args:
        schema: the schema; drafts 4, 6, 7, 2019-09 and 2020-12 by its `$schema`, 2020-12 without one.
        linear: patterns by an engine whose time grows with the text only; it knows no look-around and no references
            back. Otherwise by one that backtracks, within a limit.

    Raises:
        InvalidSchema: it is no schema, or it refers to another document.
    """
    engine = jsonschema_rs.RegexOptions() if linear else jsonschema_rs.FancyRegexOptions(_BACKTRACKS)
    try:
        return jsonschema_rs.validator_for(schema, offline=True, pattern_options=engine)
    except jsonschema_rs.ReferencingError as found:
        problem = found.message
    except ValueError as found:  # ValidationError among them
        problem = getattr(found, "message", None) or str(found)
    if "Retrieval is disabled" in problem:
        raise InvalidSchema("refers to another document, and nothing is fetched")
    raise InvalidSchema(f"is no JSON Schema: {problem[:_LONGEST_PROBLEM]}")


def validate(validator: Any, text: str, finish_reason: str | None) -> dict[str, Any]:
    """What `metadata.validation` says: `valid`, and where it is false `reason` and `problems`.

    `reason` is `truncated` where the provider cut the text and it is no whole JSON, `not_json`, or `schema`.
    """
    try:
        value = strict_json.loads(text.encode("utf-8", "replace"))
    except strict_json.NotJson as found:
        reason = "truncated" if finish_reason == "length" else "not_json"
        return invalid(reason, [{"path": "", "problem": f"the content is no JSON: {found}"}])
    if validator.is_valid(value):
        return {"valid": True}
    return invalid("schema", [_problem(e) for e in itertools.islice(validator.iter_errors(value), MOST_PROBLEMS)])


def invalid(reason: str, problems: list[dict[str, str]]) -> dict[str, Any]:
    """The judgement that it is not valid."""
    return {"valid": False, "reason": reason, "problems": problems}


def _problem(error: Any) -> dict[str, str]:
    path = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in error.instance_path)
    return {"path": path, "problem": error.message[:_LONGEST_PROBLEM]}


def not_judged(why: str) -> Mapping[str, Any]:
    """The judgement that there is none."""
    return {"valid": None, "reason": "not_judged", "problems": [{"path": "", "problem": why}]}
