"""Makes a document that matches a JSON Schema, always the same one for the same schema.

Supported: type (also a list of types), const, enum, properties, required, items, prefixItems, minItems, maxItems,
uniqueItems, minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, minLength, maxLength, the formats of
FORMATS, anyOf (its first branch), $ref into the same schema, additionalProperties. Annotations are skipped.
Every other keyword (pattern, oneOf, allOf, not, if, patternProperties, …) is `Unsupported`, never ignored.
"""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

MAX_DEPTH = 24
# Values and characters of one document: a schema may ask for thousands of millions.
LARGEST = 100_000
# Below this depth only what is required is written, so that a recursive schema ends.
_OPTIONAL_DEPTH = 6
_USUAL_ITEMS = 2

FORMATS = {
    "date-time": "2026-01-02T03:04:05Z",
    "date": "2026-01-02",
    "time": "03:04:05Z",
    "email": "someone@example.org",
    "uri": "https://example.org/",
    "uuid": "6f1c1b5e-0d7e-4c4e-9a57-3f5b0c1d2e3f",
    "hostname": "example.org",
    "ipv4": "192.0.2.1",
}
_ANNOTATIONS = {"title", "description", "default", "examples", "deprecated", "$schema", "$id", "$comment", "$defs"}
_ANNOTATIONS |= {"definitions", "readOnly", "writeOnly"}
_KEYWORDS = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "prefixItems", "minItems", "maxItems", "uniqueItems"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    "string": {"minLength", "maxLength", "format"},
    "boolean": set(),
    "null": set(),
}
_KEYWORDS["integer"] = _KEYWORDS["number"]
_TYPED = set().union(*_KEYWORDS.values())
_ALL = _ANNOTATIONS | _TYPED | {"type", "const", "enum", "anyOf", "$ref"}


class Unsupported(Exception):
    """The schema needs something that this generator cannot do; `str()` says what and where."""


def document(schema: Any) -> Any:
    """A value that matches `schema`.

    Raises:
        Unsupported: the schema has a keyword, or a combination, that is not supported.
    """
    return _Writer(schema).value(schema, "answer", 0)


class _Writer:
    """Holds the root (for $ref) and a counter that makes items differ from each other."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._counter = itertools.count(1)
        self._left: float = LARGEST

    def _take(self, size: float, name: str) -> None:
        self._left -= size
        if self._left < 0:
            raise Unsupported(f"{name}: a document of more than {LARGEST} values and characters")

    def value(self, schema: Any, name: str, depth: int) -> Any:
        self._take(1, name)
        if depth > MAX_DEPTH:
            raise Unsupported(f"{name}: the schema does not end within {MAX_DEPTH} levels")
        if schema is True:
            schema = {"type": "string"}
        if not isinstance(schema, dict):
            raise Unsupported(f"{name}: a schema that nothing matches, or not a schema")
        unknown = sorted(set(schema) - _ALL)
        if unknown:
            raise Unsupported(f"{name}: the keyword {unknown[0]}")
        return self._referred(schema, name, depth)

    def _referred(self, schema: dict[str, Any], name: str, depth: int) -> Any:
        if "$ref" in schema:
            _alone(schema, "$ref", name)
            return self.value(self._resolve(schema["$ref"], name), name, depth + 1)
        if "anyOf" in schema:
            _alone(schema, "anyOf", name)
            branches = schema["anyOf"] or [False]
            return self.value(branches[0], name, depth + 1)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._choice(schema["enum"], name)
        return self._typed(schema, name, depth)

    def _resolve(self, reference: Any, name: str) -> Any:
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise Unsupported(f"{name}: a $ref outside this schema")
        found = self._root
        for part in reference.removeprefix("#").split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, dict) or key not in found:
                raise Unsupported(f"{name}: a $ref that leads nowhere")
            found = found[key]
        return found

    def _choice(self, values: Any, name: str) -> Any:
        if not isinstance(values, list) or not values:
            raise Unsupported(f"{name}: an enum without a value")
        return values[(next(self._counter) - 1) % len(values)]

    def _typed(self, schema: dict[str, Any], name: str, depth: int) -> Any:
        kind = _kind(schema, name)
        foreign = sorted((set(schema) & _TYPED) - _KEYWORDS[kind])
        if foreign and not isinstance(schema.get("type"), list):
            raise Unsupported(f"{name}: {foreign[0]} on a {kind}")
        if kind == "object":
            return self._object(schema, name, depth)
        if kind == "array":
            return self._array(schema, name, depth)
        if kind == "string":
            return self._text(schema, name)
        if kind in {"integer", "number"}:
            return _number(schema, name, whole=kind == "integer")
        return next(self._counter) % 2 == 0 if kind == "boolean" else None

    def _object(self, schema: dict[str, Any], name: str, depth: int) -> dict[str, Any]:
        properties, required = schema.get("properties", {}), schema.get("required", [])
        names = [key for key in properties if key in required or depth < _OPTIONAL_DEPTH]
        free = schema.get("additionalProperties", True)
        for key in required:
            if key not in properties and free is False:
                raise Unsupported(f"{name}.{key}: required, and not allowed by additionalProperties")
        names += [key for key in required if key not in properties]
        return {key: self.value(properties.get(key, free), f"{name}.{key}", depth + 1) for key in names}

    def _array(self, schema: dict[str, Any], name: str, depth: int) -> list[Any]:
        first, rest = schema.get("prefixItems", []), schema.get("items", True)
        low, high = schema.get("minItems", 0), schema.get("maxItems", math.inf)
        usual = _USUAL_ITEMS if depth < _OPTIONAL_DEPTH and rest is not False else 0
        length = int(min(max(low, usual, len(first)), high))
        self._take(length, name)
        schemas = [*first[:length], *[rest] * (length - len(first))]
        items = [self.value(item, f"{name}[{index}]", depth + 1) for index, item in enumerate(schemas)]
        if length < low or (schema.get("uniqueItems") and len({json.dumps(item) for item in items}) < length):
            raise Unsupported(f"{name}: found no list for minItems, maxItems and uniqueItems")
        return items

    def _text(self, schema: dict[str, Any], name: str) -> str:
        low, high = schema.get("minLength", 0), schema.get("maxLength", math.inf)
        if "format" in schema and schema["format"] not in FORMATS:
            raise Unsupported(f"{name}: the format {schema['format']}")
        text = FORMATS.get(schema.get("format", ""), f"simulated {name.rpartition('.')[2]} {next(self._counter)}")
        if "format" in schema and not low <= len(text) <= high:
            raise Unsupported(f"{name}: a format together with this length")
        if low > high:
            raise Unsupported(f"{name}: minLength above maxLength")
        self._take(max(low, len(text)), name)
        return text.ljust(low, ".") if len(text) < low else text[: int(min(high, len(text)))]


def _alone(schema: dict[str, Any], keyword: str, name: str) -> None:
    beside = sorted(set(schema) - _ANNOTATIONS - {keyword} - ({"type"} if keyword == "anyOf" else set()))
    if beside:
        raise Unsupported(f"{name}: {keyword} together with {beside[0]}")


def _kind(schema: dict[str, Any], name: str) -> str:
    """The type to write; of several, the first that is not null."""
    given = schema.get("type")
    kinds = given if isinstance(given, list) else [given] if given else []
    kind = next((kind for kind in kinds if kind != "null"), "null" if kinds else None)
    if kind is None:
        kind = next((k for k, words in _KEYWORDS.items() if words & set(schema)), "string")
    if kind not in _KEYWORDS:
        raise Unsupported(f"{name}: the type {kind}")
    return kind


def _number(schema: dict[str, Any], name: str, *, whole: bool) -> float:
    """The smallest suitable number from 1 on, or the nearest one within the bounds."""
    step = schema.get("multipleOf", 1 if whole else 0.5)
    low = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf))
    high = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf))
    start = low if low > 1 or high < 1 else 1
    start = high if math.isinf(start) else start
    nearest = math.ceil(start / step)
    for factor in (nearest, nearest + 1, nearest - 1, nearest - 2):
        value = factor * step
        if _fits(value, schema) and (not whole or value == int(value)):
            return int(value) if whole else value
    if not whole and "multipleOf" not in schema and _fits((low + high) / 2, schema):
        return float((low + high) / 2)
    raise Unsupported(f"{name}: found no number within the bounds")


def _fits(value: float, schema: dict[str, Any]) -> bool:
    return (
        schema.get("minimum", -math.inf) <= value <= schema.get("maximum", math.inf)
        and schema.get("exclusiveMinimum", -math.inf) < value < schema.get("exclusiveMaximum", math.inf)
        and not math.isinf(value)
    )
