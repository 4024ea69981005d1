"""Reads the fields of a JSON object, and collects every fault instead of stopping at the first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from llm_connect.common.errors import MAX_FAULTS, Fault

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from llm_connect.common.ranges import Range

MAX_SHOWN = 40


class Fields:
    """One JSON object and its path.

    A field that is absent, null or invalid reads as None; for an invalid one a fault is added to `faults`.

    Args:
        value: the value at `path`; anything but an object is a fault, and so is null as the document.
        path: the path in front of the field names, empty for the document itself.
        known: the allowed field names; every other one is a fault.
        faults: where faults are added.
    """

    def __init__(self, value: Any, path: str, known: Collection[str], faults: list[Fault]) -> None:
        self._path = path
        self._faults = faults
        self._values: Mapping[str, Any] = value if isinstance(value, dict) else {}
        if not isinstance(value, dict) and not (value is None and path):
            self._fault("", f"is {kind(value)}", f"an object with {', '.join(known)}")
        allowed = ", ".join(known)
        unknown = [name for name in self._values if name not in known]
        for name in unknown[:MAX_FAULTS]:
            self._fault(_abbreviate(name), "unknown field", allowed)
        faults.extend(faults[-1:] * (len(unknown) - MAX_FAULTS))  # they count, and are not shown

    def _fault(self, name: str, problem: str, allowed: str) -> None:
        path = ".".join(part for part in (self._path, name) if part)
        self._faults.append(Fault(path or "the body", problem, allowed))

    def raw(self, name: str) -> Any:
        """The value of the field, unchecked."""
        return self._values.get(name)

    def text(self, name: str, *, required: bool = False) -> str | None:
        """A string that is not blank."""
        value = self.raw(name)
        if value is None and not required:
            return None
        if isinstance(value, str) and value.strip():
            return value
        problem = "missing" if value is None else "is empty" if isinstance(value, str) else f"is {kind(value)}"
        self._fault(name, problem, "a string that is not empty")
        return None

    def number(self, name: str, allowed: Range) -> float | None:
        """A number within `allowed`."""
        value = self.raw(name)
        if value is None:
            return None
        if allowed.admits(value):
            number: float = value
            return number
        self._fault(name, f"is {_abbreviate_value(value)}", allowed.allowed)
        return None

    def whole(self, name: str, allowed: Range) -> int | None:
        """A whole number within `allowed`."""
        value = self.number(name, allowed)
        return None if value is None else int(value)

    def one_of(self, name: str, words: Collection[str]) -> str | None:
        """One of `words`."""
        value = self.raw(name)
        if value is None or (isinstance(value, str) and value in words):
            return value
        self._fault(name, f"is {_abbreviate_value(value)}", ", ".join(words))
        return None

    def object(self, name: str, described: str) -> dict[str, Any] | None:
        """A JSON object with any fields."""
        value = self.raw(name)
        if value is None or isinstance(value, dict):
            return value
        self._fault(name, f"is {kind(value)}", described)
        return None

    def flag(self, name: str, *, otherwise: bool) -> bool:
        """True or false; `otherwise` where it is absent."""
        value = self.raw(name)
        if value is None or isinstance(value, bool):
            return otherwise if value is None else value
        self._fault(name, f"is {_abbreviate_value(value)}", "true or false")
        return otherwise

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of strings; empty where it is absent."""
        value = self.raw(name)
        if value is None:
            return ()
        if isinstance(value, list) and all(isinstance(item, str) and item for item in value):
            return tuple(value)
        self._fault(name, f"is {kind(value)}", "a list of strings")
        return ()

    def inner(self, name: str, known: Collection[str]) -> Fields:
        """The object at `name`, with its own fields."""
        path = ".".join(part for part in (self._path, name) if part)
        return Fields(self.raw(name), path, known, self._faults)

    def item(self, name: str, value: Any, known: Collection[str]) -> Fields:
        """An object in a list; `name` has its index."""
        return Fields(value, f"{self._path}.{name}" if self._path else name, known, self._faults)

    def tables(self, name: str) -> dict[str, Any]:
        """An object with any field names."""
        return self.object(name, "a table of tables") or {}

    def refuse(self, name: str, problem: str, allowed: str) -> None:
        """Add a fault."""
        self._fault(name, problem, allowed)


def kind(value: Any) -> str:
    """JSON's name for the type of `value`, with its article."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _abbreviate(text: str) -> str:
    """A caller's string on one short line."""
    flat = json.dumps(text[: MAX_SHOWN + 1])[1:-1]
    return flat if len(flat) <= MAX_SHOWN else flat[:MAX_SHOWN] + "…"


def _abbreviate_value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return _abbreviate(
            repr(value) if isinstance(value, float) else f"{value:d}"[:MAX_SHOWN]
        )  # 10.0 is not a whole number
    return f'"{_abbreviate(value)}"' if isinstance(value, str) else kind(value)
