"""The JSON Schemas of the digest, the model's answer and the report; and errors that never quote a value."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = ("digest", "answer", "report")


def text_of(name: str) -> str:
    """The schema as it is shipped; `name` is one of `NAMES`."""
    return files(__name__).joinpath(f"{name}.schema.json").read_text(encoding="utf-8")


@cache
def schema(name: str) -> dict[str, Any]:
    """The schema as JSON. Do not change it."""
    loaded: dict[str, Any] = json.loads(text_of(name))
    return loaded


def errors(part: dict[str, Any], value: Any) -> list[str]:
    """Every error of `value` under a schema: the field and what is allowed there, never what is there."""
    return sorted({f"{_field(error)}{_message(error)}" for error in _validator()(part).iter_errors(value)})


@cache
def _validator() -> Any:
    r"""Draft 2020-12, with patterns as in ECMA-262: Python's ``$`` also matches before a final line break."""
    from jsonschema import Draft202012Validator, ValidationError, validators

    def pattern(_validator: Any, rule: str, instance: Any, _part: Any) -> Iterator[ValidationError]:
        ends = rf"{rule[:-1]}\Z" if rule.endswith("$") else rule
        if isinstance(instance, str) and not re.search(ends, instance, re.ASCII):
            yield ValidationError("does not match the pattern")

    extended: Any = validators.extend  # it has no types
    return extended(Draft202012Validator, {"pattern": pattern})


def _field(error: Any) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
    return f"{path.removeprefix('.')}: " if path else ""


def _message(error: Any) -> str:
    rule, limit = str(error.validator), error.validator_value
    if rule == "required":
        return f"{', '.join(name for name in limit if name not in error.instance)} missing"
    messages = {
        "type": f"expected type {limit}",
        "enum": f"expected one of {', '.join(map(str, limit))}" if rule == "enum" else "",
        "pattern": "does not match the pattern in the schema",
        "minLength": "is empty",
        "maxLength": f"is longer than {limit} characters",
        "minimum": f"is less than {limit}",
        "maximum": f"is more than {limit}",
        "maxItems": f"has more than {limit} entries",
        "minItems": f"has fewer than {limit} entries",
        "additionalProperties": "has a field that is not in the schema",
    }
    return messages.get(rule, f"violates the rule {rule}")
