"""Whether judging by a schema can take long: an upper bound for how many subschemas one value can meet.

A schema without a cycle of references is a tree once its references are written out; no value meets more subschemas
than that tree has nodes, of which a dear one counts as many. A cycle has no such bound (`anyOf` of two references to
itself doubles with each level of the answer), nor have keywords that look at what others evaluated. Those are judged
where they can be stopped.
"""

from __future__ import annotations

from typing import Any

LARGEST_TREE = 5_000
_FRACTION, _WHOLE = 1_000, 100
"""What `multipleOf` weighs: it is judged in fractions of any length, 31 microseconds for 1e300 by 1e-300 and 5 by a
whole number, where other keywords take a fiftieth of one."""
_OPEN_ENDED = frozenset({"$dynamicRef", "$recursiveRef", "unevaluatedProperties", "unevaluatedItems"})


class _Open(Exception):
    """No bound was found."""


def tree_size(schema: Any) -> int | None:
    """Nodes of the written-out tree; None where it has a cycle, or more than LARGEST_TREE of them."""
    try:
        return _size(schema, schema, frozenset(), {})
    except (_Open, RecursionError):
        return None


def _size(node: Any, root: Any, above: frozenset[int], known: dict[int, int]) -> int:
    if not isinstance(node, dict | list):
        return 1
    if id(node) in above:
        raise _Open
    if id(node) not in known:
        below = above | {id(node)}
        parts = list(node.values()) if isinstance(node, dict) else node
        if isinstance(node, dict):
            parts += _referred(node, root)
        total = 1 + _weight(node) + sum(_size(part, root, below, known) for part in parts)
        if total > LARGEST_TREE:
            raise _Open
        known[id(node)] = total
    return known[id(node)]


def _weight(node: dict[str, Any] | list[Any]) -> int:
    divisor = node.get("multipleOf") if isinstance(node, dict) else None
    if isinstance(divisor, int):
        return _WHOLE
    return _FRACTION if isinstance(divisor, float) else 0


def _referred(node: dict[str, Any], root: Any) -> list[Any]:
    if _OPEN_ENDED & set(node):
        raise _Open
    if "$ref" not in node:
        return []
    reference = node["$ref"]
    if not isinstance(reference, str) or not reference.startswith("#") or "%" in reference:
        raise _Open
    found = root
    for part in reference.removeprefix("#").split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, dict) or key not in found:
            raise _Open
        found = found[key]
    if reference != "#" and not reference.startswith("#/"):
        raise _Open  # an anchor
    return [found]
