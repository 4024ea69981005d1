"""Nodes with lines -> the structures of `warden.core.lanes`, collecting every fault on the way.

One decoder for every structure: it reads the structure's own field names and types (`msgspec.structs.fields`), so a
field that is added there is a key that is understood here. What a text may look like is decided by its type.
"""

import datetime as dt
import functools
import re
import types
import typing
from collections.abc import Callable, Iterable

import msgspec

from warden.adapters.catalog.yaml_tree import Mapping, Node, Scalar, Sequence
from warden.core.lanes.catalog import nearest
from warden.core.lanes.lane import UNREAD, Workload
from warden.core.lanes.readers import Seconds

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_DURATION = re.compile(r"([0-9]{1,9})([smhd])", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", re.ASCII)
_SHOWN = 60

Wanted = typing.Any  # a type: str, Seconds, tuple[str, ...], Lane, WorkloadReader | PeopleReader, …


class Decoder:
    """Reads nodes into structures. What cannot be read is a fault, and something stands in for it.

    So the rest can still be judged, and all faults of a file are reported at once; a value that was read with
    `faults` is good for nothing else.

    Attributes:
        faults: (line, field, message) of everything that is wrong.
        lines: dotted field -> the line it is written at.
    """

    def __init__(self) -> None:
        self.faults: list[tuple[int, str, str]] = []
        self.lines: dict[str, int] = {}

    def read(self, node: Node, wanted: Wanted) -> typing.Any:
        """The structure `wanted` out of the node."""
        return self._value(node, wanted, "")

    def _fault(self, line: int, field: str, message: str) -> None:
        self.faults.append((line, field, message))

    def _value(self, node: Node, wanted: Wanted, field: str) -> typing.Any:
        self.lines.setdefault(field, node.line)
        choices = _choices(wanted)
        if len(choices) > 1:
            wanted = self._chosen(node, choices, field)
            return self._value(node, wanted, field) if wanted else _stand_in(choices[0])
        wanted = choices[0]
        if _origin(wanted) is tuple:
            return self._list(node, typing.get_args(wanted)[0], field)
        if _origin(wanted) is dict:
            return self._table(node, typing.get_args(wanted)[1], field)
        if _is_structure(wanted):
            return self._structure(node, wanted, field)
        return self._scalar(node, wanted, field)

    def _scalar(self, node: Node, wanted: Wanted, field: str) -> typing.Any:
        if not isinstance(node, Scalar):
            self._fault(node.line, field, f"is a {_shape(node)}; write one value")
        elif not node.text.strip():
            self._fault(node.line, field, "is empty; write a value or leave the key out")
        else:
            try:
                if _origin(wanted) is typing.Literal:
                    return _literal(node.text, typing.get_args(wanted))
                return _SCALARS[wanted](node.text)
            except ValueError as fault:
                self._fault(node.line, field, str(fault))
        return _stand_in(wanted)

    def _list(self, node: Node, wanted: Wanted, field: str) -> tuple[typing.Any, ...]:
        if not isinstance(node, Sequence):
            self._fault(node.line, field, f"is a {_shape(node)}; write a list: [one, two]")
            return ()
        return tuple(self._value(item, wanted, f"{field}[{index}]") for index, item in enumerate(node.items))

    def _table(self, node: Node, wanted: Wanted, field: str) -> dict[str, typing.Any]:
        if not isinstance(node, Mapping):
            self._fault(node.line, field, f"is a {_shape(node)}; write keys with values")
            return {}
        return {
            key.text: self._value(value, wanted, _below(field, key.text)) for key, value in self._pairs(node, field)
        }

    def _structure(self, node: Node, structure: type[msgspec.Struct], field: str) -> typing.Any:
        fields = _fields(structure)
        if not isinstance(node, Mapping):
            self._fault(node.line, field, f"is a {_shape(node)}; write keys: {', '.join(fields)}")
            return _stand_in(structure)
        values = {}
        for key, value in self._pairs(node, field):
            known = fields.get(key.text)
            if known is None:
                self._fault(key.line, _below(field, key.text), _unknown(key.text, fields))
            else:
                values[known.name] = self._value(value, known.type, _below(field, key.text))
        for name, one in fields.items():
            if one.required and one.name not in values:
                self._fault(node.line, _below(field, name), "is missing")
                values[one.name] = _stand_in(one.type)
        return structure(**values)

    def _chosen(self, node: Node, choices: tuple[Wanted, ...], field: str) -> Wanted:
        """The structure whose first key is there: ``workload:`` makes one reader, ``people:`` the other.

        Of a structure and a list of them, the one that the node has the shape of.
        """
        if listed := [choice for choice in choices if _origin(choice) is tuple]:
            others = [choice for choice in choices if choice not in listed]
            return listed[0] if isinstance(node, Sequence) else others[0]
        marks = {next(iter(_fields(choice))): choice for choice in choices}
        keys = [key.text for key, _ in node.pairs] if isinstance(node, Mapping) else []
        found = [mark for mark in marks if mark in keys]
        if len(found) == 1:
            return marks[found[0]]
        self._fault(node.line, field, f"needs exactly one of the keys {', '.join(marks)}")
        return None

    def _pairs(self, node: Mapping, field: str) -> Iterable[tuple[Scalar, Node]]:
        seen: dict[str, int] = {}
        for key, value in node.pairs:
            if key.text in seen:
                self._fault(key.line, _below(field, key.text), f"is already written in line {seen[key.text]}")
                continue
            seen[key.text] = key.line
            self.lines[_below(field, key.text)] = key.line
            yield key, value


@functools.cache
def _fields(structure: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    """Key in the file -> the structure's field."""
    return {one.encode_name: one for one in msgspec.structs.fields(structure)}


@functools.cache
def _origin(wanted: Wanted) -> typing.Any:
    return typing.get_origin(wanted)


@functools.cache
def _choices(wanted: Wanted) -> tuple[Wanted, ...]:
    if _origin(wanted) in (typing.Union, types.UnionType):
        return tuple(choice for choice in typing.get_args(wanted) if choice is not types.NoneType)
    return (wanted,)


def _is_structure(wanted: Wanted) -> bool:
    return wanted is not Workload and isinstance(wanted, type) and issubclass(wanted, msgspec.Struct)


def _stand_in(wanted: Wanted) -> typing.Any:
    """Something of that type: what was there is a fault already."""
    wanted = _choices(wanted)[0]
    if _origin(wanted) is typing.Literal:
        return typing.get_args(wanted)[0]
    if _origin(wanted) in (tuple, dict):
        return _origin(wanted)()
    if _is_structure(wanted):
        required = [one for one in msgspec.structs.fields(wanted) if one.required]
        return wanted(**{one.name: _stand_in(one.type) for one in required})
    return _STAND_INS[wanted]


def _shape(node: Node) -> str:
    return {Scalar: "single value", Sequence: "list", Mapping: "mapping"}[type(node)]


def _below(field: str, key: str) -> str:
    key = key if len(key) <= _SHOWN else f"{key[:_SHOWN]}…"
    return f"{field}.{key}" if field else key


def _shown(text: str) -> str:
    return f'"{text}"' if len(text) <= _SHOWN else f'"{text[:_SHOWN]}…"'


def _unknown(key: str, known: Iterable[str]) -> str:
    near = nearest(key, list(known), 1)
    meant = f"; did you mean {near[0]}?" if near else ""
    return f"unknown key{meant} Allowed: {', '.join(known)}" if meant else f"unknown key; allowed: {', '.join(known)}"


def _text(text: str) -> str:
    if "\n" in text.strip():
        raise ValueError("has several lines; write one")
    return text.strip()


def _literal(text: str, allowed: tuple[str, ...]) -> str:
    if text not in allowed:
        raise ValueError(f"{_shown(text)} is not one of {', '.join(allowed)}")
    return text


def _date(text: str) -> dt.date:
    try:
        if _DATE.fullmatch(text):
            return dt.date.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError(f"{_shown(text)} is not a date; write it as 2026-07-02")


def _moment(text: str) -> dt.datetime:
    try:
        if _MOMENT.fullmatch(text):
            return dt.datetime.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError(f"{_shown(text)} is not a time in UTC; write it as 2026-07-02T09:30:00Z")


def _seconds(text: str) -> Seconds:
    match = _DURATION.fullmatch(text)
    if match is None or not int(match[1]):
        raise ValueError(f"{_shown(text)} is not a duration; write a number above 0 and a unit: 90s, 15m, 1h, 90d")
    return Seconds(int(match[1]) * _UNITS[match[2]])


def _workload(text: str) -> Workload:
    namespace, slash, account = text.partition("/")
    if not slash:
        raise ValueError(f"{_shown(text)} has no namespace; write namespace/name")
    for name, part in (("namespace", namespace), ("name", account)):
        if not _LABEL.fullmatch(part):
            allowed = "a-z, 0-9 and - inside, at most 63 characters (RFC 1123)"
            raise ValueError(f"{_shown(part)} is not a valid {name} of a service account; allowed: {allowed}")
    return Workload(namespace, account)


def _yes_or_no(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError(f"{_shown(text)} is not one of true, false")
    return text == "true"


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):  # noqa: PLR2004 - fits 32 bits
        raise ValueError(f"{_shown(text)} is not a whole number; write 0, 1, 2, …")
    return int(text)


_SCALARS: dict[Wanted, Callable[[str], typing.Any]] = {
    str: _text,
    bool: _yes_or_no,
    int: _whole,
    dt.date: _date,
    dt.datetime: _moment,
    Seconds: _seconds,
    Workload: _workload,
}
_STAND_INS: dict[Wanted, typing.Any] = {
    str: "x",
    bool: True,
    int: 0,
    dt.date: dt.date(2000, 1, 1),
    dt.datetime: dt.datetime(2000, 1, 1, tzinfo=dt.UTC),
    Seconds: Seconds(1),
    Workload: UNREAD,
}
