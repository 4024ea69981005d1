"""Makes a document that matches a JSON Schema, always the same one for the same schema.

Supported: type (also a list of types), const, enum, properties, required, minProperties, maxProperties, items,
prefixItems, minItems, maxItems, uniqueItems, minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf,
minLength, maxLength, format and pattern (`strings`), anyOf (its first branch), oneOf (its first branch, if no other can
match, too), allOf (if its schemas can be joined), $ref into the same schema, additionalProperties. Annotations are
skipped.
Every other keyword (not, if, patternProperties, …) is `Unsupported`, never ignored.
"""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

from llm_connect.simulator.strings import NoText, text_for

MAX_DEPTH = 24
# Values and characters of one document: a schema may ask for thousands of millions.
LARGEST = 100_000
_PATTERN_COSTS = 500
"""To look for a text takes as long as to write so many values."""
# Below this depth only what is required is written, so that a recursive schema ends.
_OPTIONAL_DEPTH = 6
_USUAL_ITEMS = 2

_ANNOTATIONS = {"title", "description", "default", "examples", "deprecated", "$schema", "$id", "$comment", "$defs"}
_ANNOTATIONS |= {"definitions", "readOnly", "writeOnly", "$anchor", "contentEncoding", "contentMediaType"}
_ANNOTATIONS |= {"discriminator", "example", "nullable"}  # OpenAPI's
_KEYWORDS = {
    "object": {"properties", "required", "additionalProperties", "minProperties", "maxProperties"},
    "array": {"items", "prefixItems", "minItems", "maxItems", "uniqueItems"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "format"},
    "string": {"minLength", "maxLength", "format", "pattern"},
    "boolean": set(),
    "null": set(),
}
_KEYWORDS["integer"] = _KEYWORDS["number"]
_TYPED = set().union(*_KEYWORDS.values())
_COMBINED = ("$ref", "anyOf", "oneOf", "allOf")
_ALL = _ANNOTATIONS | _TYPED | {"type", "const", "enum", *_COMBINED}


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
        if "allOf" in schema:
            return self.value(self._joined(schema, name, depth), name, depth + 1)
        for keyword, pick in (("$ref", self._resolve), ("anyOf", _first), ("oneOf", self._only)):
            if keyword in schema:
                _alone(schema, keyword, name)
                return self.value(pick(schema[keyword], name), name, depth + 1)
        if "const" in schema:
            return self._given(schema["const"], name)
        if "enum" in schema:
            return self._given(self._choice(schema["enum"], name), name)
        return self._typed(schema, name, depth)

    def _given(self, value: Any, name: str) -> Any:
        """A value of the schema's own: where it is written often, it counts each time."""
        self._take(len(json.dumps(value)), name)
        return value

    def _target(self, schema: Any, name: str) -> dict[str, Any]:
        """The schema itself, or what it refers to."""
        for _ in range(MAX_DEPTH):
            if not isinstance(schema, dict) or "$ref" not in schema:
                break
            schema = self._resolve(schema["$ref"], name)
        return schema if isinstance(schema, dict) else {}

    def _only(self, branches: Any, name: str) -> Any:
        """The first of several schemas of which one document cannot match two."""
        targets = [self._target(branch, name) for branch in self._branches("oneOf", branches, name)]
        if len(targets) > 1 and not (_distinct(_tags(targets)) or _distinct([_types(each) for each in targets])):
            raise Unsupported(f"{name}: oneOf of schemas that no type or constant tells apart")
        return branches[0]

    def _joined(self, schema: dict[str, Any], name: str, depth: int) -> dict[str, Any]:
        """One schema in place of an allOf and what stands beside it."""
        if depth > MAX_DEPTH:
            raise Unsupported(f"{name}: the schema does not end within {MAX_DEPTH} levels")
        joined = {key: value for key, value in schema.items() if key != "allOf"}
        for part in self._branches("allOf", schema["allOf"], name):
            target = self._target(part, name)
            target = self._joined(target, name, depth + 1) if "allOf" in target else target
            for key, value in target.items():
                joined[key] = _join(key, joined[key], value, name) if key in joined else value
        return joined

    def _branches(self, keyword: str, branches: Any, name: str) -> list[Any]:
        listed = _list(keyword, branches, name)
        self._take(len(listed), name)
        return listed

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
        free = schema.get("additionalProperties", True)
        for key in required:
            if key not in properties and free is False:
                raise Unsupported(f"{name}.{key}: required, and not allowed by additionalProperties")
        names = self._names(schema, name, depth)
        self._take(sum(map(len, names)), name)
        return {key: self.value(properties.get(key, free), f"{name}.{key}", depth + 1) for key in names}

    def _names(self, schema: dict[str, Any], name: str, depth: int) -> list[str]:
        """Required ones, the other properties where there is room, and made up ones where too few are declared."""
        properties, required = schema.get("properties", {}), schema.get("required", [])
        low, high = schema.get("minProperties", 0), schema.get("maxProperties", math.inf)
        left = high - len(set(required))
        named = [key for key in properties if key in required]
        optional = [key for key in properties if key not in required]
        chosen = optional if depth < _OPTIONAL_DEPTH else optional[: max(0, low - len(set(required)))]
        kept = {*named, *chosen[: int(max(0, min(left, len(chosen))))]}
        names = [key for key in properties if key in kept] + [key for key in required if key not in properties]
        if schema.get("additionalProperties", True) is not False:
            self._take(max(0, low - len(names)), name)
            names += [f"key_{number}" for number in range(len(names) + 1, low + 1)]
        if not low <= len(names) <= high:
            raise Unsupported(f"{name}: found no object for minProperties and maxProperties")
        return names

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
        low = schema.get("minLength", 0)
        self._take(low + (_PATTERN_COSTS if "pattern" in schema else 0), name)
        try:
            text = text_for(schema, f"simulated {name.rpartition('.')[2]} {next(self._counter)}")
        except NoText as found:
            raise Unsupported(f"{name}: {found}") from None
        self._take(max(0, len(text) - low), name)
        return text


def _list(keyword: str, branches: Any, name: str) -> list[Any]:
    if not isinstance(branches, list) or not branches:
        raise Unsupported(f"{name}: {keyword} without a list of schemas")
    return branches


def _first(branches: Any, name: str) -> Any:
    return _list("anyOf", branches, name)[0]


def _types(schema: dict[str, Any]) -> set[str]:
    given = schema.get("type", [])
    return {"number" if kind == "integer" else kind for kind in (given if isinstance(given, list) else [given])}


def _tags(targets: list[dict[str, Any]]) -> list[set[str]]:
    """The constants of the first property that is one, and required, in each of several objects."""
    for key in targets[0].get("properties") or {}:
        found = [_constants(target, key) for target in targets]
        if all(found):
            return found
    return []


def _constants(target: dict[str, Any], key: str) -> set[str]:
    inner = (target.get("properties") or {}).get(key)
    if not isinstance(inner, dict) or key not in target.get("required", ()):
        return set()
    values = [inner["const"]] if "const" in inner else inner.get("enum") or ()
    return {json.dumps(value) for value in values}


def _distinct(sets: list[set[str]]) -> bool:
    """Whether there are sets, none is empty, and no two have a member in common."""
    return bool(sets) and all(sets) and len(set().union(*sets)) == sum(map(len, sets))


def _join(key: str, one: Any, other: Any, name: str) -> Any:
    """One value of a keyword for two schemas that both have to match."""
    if key in _ANNOTATIONS or one == other:
        return one
    if key == "required":
        return list(dict.fromkeys([*one, *other]))
    if key == "properties" and all(one[inner] == other[inner] for inner in set(one) & set(other)):
        return {**one, **other}
    if key in ("minimum", "minLength", "minItems", "minProperties"):
        return max(one, other)
    if key in ("maximum", "maxLength", "maxItems", "maxProperties"):
        return min(one, other)
    raise Unsupported(f"{name}: allOf with several {key}")


def _alone(schema: dict[str, Any], keyword: str, name: str) -> None:
    beside = sorted(set(schema) - _ANNOTATIONS - {keyword} - ({"type"} if keyword in ("anyOf", "oneOf") else set()))
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
