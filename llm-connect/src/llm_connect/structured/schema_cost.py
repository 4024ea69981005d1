"""Whether validating by a schema can take long: an upper bound for the subschemas that one value is checked against.

Without a cycle of references, a schema is a tree once its references are expanded. A value is checked against at most
as many subschemas as that tree has nodes; an expensive node counts more than once. A cycle has no such bound (`anyOf`
with two references to itself doubles the work with each level of the answer), and neither have keywords that depend on
what other keywords evaluated. Such schemas run in a separate process, which can be killed.
"""

from __future__ import annotations

from typing import Any

MAX_TREE_SIZE = 5_000
_FRACTION, _WHOLE = 1_000, 100
"""The weight of `multipleOf`: it is computed in fractions of any length, which takes 31 microseconds for 1e300 by
1e-300 and 5 by a whole number, where other keywords take a fiftieth of one."""
_UNBOUNDED_KEYWORDS = frozenset({"$dynamicRef", "$recursiveRef", "unevaluatedProperties", "unevaluatedItems"})


class _Unbounded(Exception):
    """There is no bound."""


def tree_size(schema: Any) -> int | None:
    """Nodes of the expanded tree; None if it has a cycle, or more than MAX_TREE_SIZE of them."""
    try:
        return _size(schema, schema, frozenset(), {})
    except (_Unbounded, RecursionError):
        return None


def _size(node: Any, root: Any, above: frozenset[int], known: dict[int, int]) -> int:
    if not isinstance(node, dict | list):
        return 1
    if id(node) in above:
        raise _Unbounded
    if id(node) not in known:
        below = above | {id(node)}
        parts = list(node.values()) if isinstance(node, dict) else node
        if isinstance(node, dict):
            parts += _referenced(node, root)
        total = 1 + _weight(node) + sum(_size(part, root, below, known) for part in parts)
        if total > MAX_TREE_SIZE:
            raise _Unbounded
        known[id(node)] = total
    return known[id(node)]


def _weight(node: dict[str, Any] | list[Any]) -> int:
    divisor = node.get("multipleOf") if isinstance(node, dict) else None
    if isinstance(divisor, int):
        return _WHOLE
    return _FRACTION if isinstance(divisor, float) else 0


def _referenced(node: dict[str, Any], root: Any) -> list[Any]:
    if _UNBOUNDED_KEYWORDS & set(node):
        raise _Unbounded
    if "$ref" not in node:
        return []
    reference = node["$ref"]
    if not isinstance(reference, str) or not reference.startswith("#") or "%" in reference:
        raise _Unbounded
    found = root
    for part in reference.removeprefix("#").split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, dict) or key not in found:
            raise _Unbounded
        found = found[key]
    if reference != "#" and not reference.startswith("#/"):
        raise _Unbounded  # an anchor
    return [found]
