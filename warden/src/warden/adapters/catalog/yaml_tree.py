"""YAML text -> a tree of nodes that know their line. Only the plain part of YAML is accepted.

Scalars stay text: the structure they are read into says what they mean, so ``no`` and ``1e3`` are words.
Anchors, aliases, tags, merge keys, several documents and deep nesting are refused by name; what is refused here has
a line, and never a traceback. The parser (libyaml) is driven event by event, so that no input can recurse.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from warden.core.typed import composed

MAX_BYTES = 1 << 20
MAX_DEPTH = 20


class Refusal(Exception):  # it never leaves the adapters
    """The text cannot be read: at which line (0: as a whole), and why."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.line = line
        self.why = why


class Scalar(msgspec.Struct, frozen=True):
    """A text, and the line it starts at."""

    line: int
    text: str


class Sequence(msgspec.Struct, frozen=True):
    """A list of nodes."""

    line: int
    items: list["Node"]


class Mapping(msgspec.Struct, frozen=True):
    """Keys with their nodes, in the order of the file; a key may be there twice."""

    line: int
    pairs: list[tuple[Scalar, "Node"]]


Node = Scalar | Sequence | Mapping


def decode(raw: bytes) -> str:
    """The text of a file's bytes, its letters composed. Raises `Refusal` for what no lane file holds."""
    if len(raw) > MAX_BYTES:
        raise Refusal(0, f"larger than {MAX_BYTES >> 20} MiB; a file declares one entry")
    if raw.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise Refusal(1, "starts with a byte order mark; save it as UTF-8 without one")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise Refusal(raw.count(b"\n", 0, fault.start) + 1, "is not UTF-8 text") from None
    for number, line in enumerate(text.split("\n"), 1):
        if stray := _invisible(line.rstrip("\r"), "\t"):
            raise Refusal(number, f"has the character U+{ord(stray):04X}, which cannot be seen; remove it")
        if line[: len(line) - len(line.lstrip())].count("\t"):
            raise Refusal(number, "is indented with a tab; YAML is indented with spaces")
    return composed(text)


def _invisible(text: str, allowed: str) -> str:
    """The first character that cannot be seen, but for those allowed; empty where there is none."""
    if text.isprintable():
        return ""
    return next((char for char in text if not (char.isprintable() or char in allowed)), "")


def parse(text: str) -> Node | None:
    """The tree of the one document in `text`; ``None`` where there is nothing in it. Raises `Refusal`."""
    import yaml  # not on the path of `route show`

    try:
        return _build(yaml.parse(text, Loader=yaml.CSafeLoader))
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        raise Refusal(mark.line + 1 if mark else 0, f"is not valid YAML: {fault.problem or fault.context}") from None
    except yaml.YAMLError:
        raise Refusal(0, "is not valid YAML") from None


def scalars(node: Node) -> Iterator[Scalar]:
    """Every text in the tree, keys among them; the tree is not deeper than `MAX_DEPTH`."""
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from scalars(item)
    else:
        for key, value in node.pairs:
            yield key
            yield from scalars(value)


class _Open:
    """A collection that is still being read; ``key`` is the key that waits for its node."""

    __slots__ = ("key", "node")

    def __init__(self, node: Sequence | Mapping) -> None:
        self.node = node
        self.key: Scalar | None = None

    def add(self, node: Node) -> None:
        if isinstance(self.node, Sequence):
            self.node.items.append(node)
        elif self.key is not None:
            self.node.pairs.append((self.key, node))
            self.key = None
        elif isinstance(node, Scalar):
            self.key = node
        else:
            raise Refusal(node.line, "has a list or a mapping as a key; a key is a word")


def _build(events: Iterator[Any]) -> Node | None:
    root: Node | None = None
    stack: list[_Open] = []
    for event in events:
        name = type(event).__name__
        line = event.start_mark.line + 1
        if name == "DocumentStartEvent" and root is not None:
            raise Refusal(line, "starts a second document; a file declares one entry")
        if name in ("SequenceEndEvent", "MappingEndEvent"):
            stack.pop()
            continue
        node = _node(event, name, line)
        if node is None:
            continue
        if stack:
            stack[-1].add(node)
        else:
            root = node
        if not isinstance(node, Scalar):
            stack.append(_Open(node))
            if len(stack) > MAX_DEPTH:
                raise Refusal(line, f"is nested deeper than {MAX_DEPTH} levels")
    return root


def _node(event: Any, name: str, line: int) -> Node | None:
    if name == "AliasEvent":
        raise Refusal(line, f"uses the alias *{event.anchor}; write the value out")
    if getattr(event, "anchor", None):
        raise Refusal(line, f"uses the anchor &{event.anchor}; write the value out")
    if getattr(event, "tag", None):
        raise Refusal(line, "uses a tag (!…); write the value without it")
    if name == "ScalarEvent":
        if stray := _invisible(event.value, "\t\n"):  # written as an escape: "\e"
            raise Refusal(line, f"has the character U+{ord(stray):04X}, which cannot be seen; remove it")
        return Scalar(line, event.value)
    if name == "SequenceStartEvent":
        return Sequence(line, [])
    if name == "MappingStartEvent":
        return Mapping(line, [])
    return None
