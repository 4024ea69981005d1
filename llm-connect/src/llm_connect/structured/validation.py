"""Validates one text by one schema, with jsonschema-rs (docs/adr/0017). Nothing is ever fetched."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from llm_connect.common import strict_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_PROBLEMS = 10
_MAX_PROBLEM_LENGTH = 300
_MAX_VALUES = 500_000
"""Of a text. The memory of a worker may be over before."""
_MAX_BACKTRACKS = 1_000_000_000
"""More than there is time for: a limit that is reached would count as no match, and a time that is over does not."""


class InvalidSchema(Exception):
    """The schema cannot be used; `str()` says why."""


def compile_schema(schema: Any) -> Any:
    """A validator.

    Patterns use an engine whose time grows only with the text, where it supports them. It supports neither look-around
    nor back references; the other engine does, and backtracks.

    Args:
        schema: the schema; drafts 4, 6, 7, 2019-09 and 2020-12 by its `$schema`, 2020-12 without one.

    Raises:
        InvalidSchema: it is not a schema, or it refers to another document.
    """
    try:
        return _compile(schema, jsonschema_rs.RegexOptions())
    except InvalidSchema:
        return _compile(schema, jsonschema_rs.FancyRegexOptions(_MAX_BACKTRACKS))


def _compile(schema: Any, engine: jsonschema_rs.RegexOptions | jsonschema_rs.FancyRegexOptions) -> Any:
    try:
        return jsonschema_rs.validator_for(schema, offline=True, pattern_options=engine)
    except jsonschema_rs.ReferencingError as error:
        problem = error.message
    except ValueError as error:  # ValidationError is one, too
        problem = getattr(error, "message", None) or str(error)
    if "Retrieval is disabled" in problem:
        raise InvalidSchema("refers to another document; nothing is fetched")
    raise InvalidSchema(f"is not a valid JSON Schema: {problem[:_MAX_PROBLEM_LENGTH]}")


def verdicts(validator: Any, text: bytes, finish_reason: str | None) -> Iterator[dict[str, Any]]:
    """The content of `metadata.validation`: `valid`, and if it is false, `reason` and `problems`.

    `reason` is `truncated` if the provider cut the text and it is not JSON, `not_json`, or `schema`. In the last case
    there are two results: one with the first problem, which is `unfinished`, and one with MAX_PROBLEMS of them, which
    may take any time and memory: each problem has a copy of its path.
    """
    try:
        value = strict_json.loads(text, _MAX_VALUES)
    except strict_json.TooManyValues:
        yield dict(not_judged(f"the content has more than {_MAX_VALUES} values"))
        return
    except strict_json.NotJson as error:
        reason = "truncated" if finish_reason == "length" else "not_json"
        yield _invalid(reason, [{"path": "", "problem": f"the content is not valid JSON: {error}"}])
        return
    try:
        validator.validate(value)
    except jsonschema_rs.ValidationError as error:
        yield _invalid("schema", [_problem(error)]) | {"unfinished": True}
        yield _invalid("schema", [_problem(e) for e in itertools.islice(validator.iter_errors(value), MAX_PROBLEMS)])
    else:
        yield {"valid": True}


def validate(validator: Any, text: str, finish_reason: str | None) -> dict[str, Any]:
    """The last of the `verdicts`."""
    *_, last = verdicts(validator, text.encode("utf-8", "replace"), finish_reason)
    return last


def _invalid(reason: str, problems: list[dict[str, str]]) -> dict[str, Any]:
    return {"valid": False, "reason": reason, "problems": problems}


def _problem(error: Any) -> dict[str, str]:
    path = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in error.instance_path)
    return {"path": path[:_MAX_PROBLEM_LENGTH], "problem": error.message[:_MAX_PROBLEM_LENGTH]}


def not_judged(why: str) -> Mapping[str, Any]:
    """The result of a validation that was given up."""
    return {"valid": None, "reason": "not_judged", "problems": [{"path": "", "problem": why}]}
