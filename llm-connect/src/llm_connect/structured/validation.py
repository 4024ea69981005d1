"""Validates one text by one schema, with jsonschema-rs (docs/adr/0017). Nothing is ever fetched."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from llm_connect.common import strict_json

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_PROBLEMS = 10
_MAX_PROBLEM_LENGTH = 300
_MAX_BACKTRACKS = 1_000_000


class InvalidSchema(Exception):
    """The schema cannot be used; `str()` says why."""


def compile_schema(schema: Any, *, linear: bool) -> Any:
    """A validator.

    Args:
        schema: the schema; drafts 4, 6, 7, 2019-09 and 2020-12 by its `$schema`, 2020-12 without one.
        linear: whether patterns use an engine whose time grows only with the text; it supports neither look-around nor
            back references. The other engine backtracks, within a limit.

    Raises:
        InvalidSchema: it is not a schema, or it refers to another document.
    """
    engine = jsonschema_rs.RegexOptions() if linear else jsonschema_rs.FancyRegexOptions(_MAX_BACKTRACKS)
    try:
        return jsonschema_rs.validator_for(schema, offline=True, pattern_options=engine)
    except jsonschema_rs.ReferencingError as error:
        problem = error.message
    except ValueError as error:  # ValidationError is one, too
        problem = getattr(error, "message", None) or str(error)
    if "Retrieval is disabled" in problem:
        raise InvalidSchema("refers to another document; nothing is fetched")
    raise InvalidSchema(f"is not a valid JSON Schema: {problem[:_MAX_PROBLEM_LENGTH]}")


def validate(validator: Any, text: str, finish_reason: str | None) -> dict[str, Any]:
    """The content of `metadata.validation`: `valid`, and if it is false, `reason` and `problems`.

    `reason` is `truncated` if the provider cut the text and it is not JSON, `not_json`, or `schema`.
    """
    try:
        value = strict_json.loads(text.encode("utf-8", "replace"))
    except strict_json.NotJson as error:
        reason = "truncated" if finish_reason == "length" else "not_json"
        return _invalid(reason, [{"path": "", "problem": f"the content is not valid JSON: {error}"}])
    if validator.is_valid(value):
        return {"valid": True}
    return _invalid("schema", [_problem(e) for e in itertools.islice(validator.iter_errors(value), MAX_PROBLEMS)])


def _invalid(reason: str, problems: list[dict[str, str]]) -> dict[str, Any]:
    return {"valid": False, "reason": reason, "problems": problems}


def _problem(error: Any) -> dict[str, str]:
    path = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in error.instance_path)
    return {"path": path, "problem": error.message[:_MAX_PROBLEM_LENGTH]}


def not_judged(why: str) -> Mapping[str, Any]:
    """The result of a validation that was given up."""
    return {"valid": None, "reason": "not_judged", "problems": [{"path": "", "problem": why}]}
