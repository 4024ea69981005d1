"""HCL 1, the language of OpenBao's policies, as a tree: a grammar for lark.

Written from hashicorp/hcl 1.0.1-vault-7 (``hcl/scanner``, ``hcl/parser``, ``hcl/strconv``, ``json/parser``); ADR 0042
says why no HCL library is used. A text that the server refuses may be read here, since the server never holds one. A
text that it takes is read as the server reads it, or raises `NotHcl`.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from lark import Lark, LarkError, Token, Transformer


class NotHcl(ValueError):
    """The text cannot be read."""


class Item(NamedTuple):
    """``KEY KEY { … }`` or ``KEY = VALUE``: a value is a text, a number, a boolean, a list, or a tuple of items."""

    keys: tuple[str, ...]
    value: Any


def parse(text: str) -> tuple[Item, ...]:
    """The items of a text, HCL or JSON. Raises `NotHcl`."""
    try:
        return _json(text) if text.strip().startswith("{") else _hcl(text)
    except RecursionError as error:
        raise NotHcl("nested too deeply") from error


# -- HCL --------------------------------------------------------------------------------------------------------------

_GRAMMAR = r"""
start: (item ","?)*
item: key+ object | key "=" value
?key: NAME | STRING
object: "{" (item ","?)* "}"
?value: STRING | NUMBER | BOOL | HEREDOC | list | object
list: "[" (value | ",")* "]"

BOOL: /(true|false)(?![\w.\-])/
NAME: /[^\W\d][\w.\-]*/
NUMBER: /-?(0[xX][0-9a-fA-F]+|[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?)(?![\w.])/
STRING: /"([^"\\\n$]|\$(?!\{)|\\[^\n])*"/
HEREDOC: /<<-?(?P<mark>\w+)\n([^\n]*\n)*?[^\S\n]*(?P=mark)\n/
%ignore /[ \t\n\r]+|\#[^\n]*|\/\/[^\n]*|\/\*(.|\n)*?\*\//
"""
"""Texts with ``${ … }`` are left out: quotes inside them do not count, and no policy has use for them."""


def _hcl(text: str) -> tuple[Item, ...]:
    try:
        found: tuple[Item, ...] = _parser().parse(text.replace("\r\n", "\n"))  # type: ignore[assignment]
    except LarkError as error:
        fault = error.__context__ if isinstance(error.__context__, NotHcl) else None
        raise fault or NotHcl("not HCL") from error
    return found


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", transformer=_Tree())


class _Tree(Transformer[Token, Any]):
    """Makes `Item` of what the grammar finds."""

    def start(self, items: list[Item]) -> tuple[Item, ...]:
        return tuple(items)

    object = start

    def item(self, parts: list[Any]) -> Item:
        *keys, value = parts
        return Item(tuple(keys), value)

    def list(self, values: list[Any]) -> list[Any]:
        return values

    def NAME(self, token: Token) -> str:  # noqa: N802 - a terminal of the grammar
        return str(token)

    def BOOL(self, token: Token) -> bool:  # noqa: N802
        return str(token) == "true"

    def STRING(self, token: Token) -> str:  # noqa: N802
        return _unquoted(token[1:-1])

    def NUMBER(self, token: Token) -> int | float:  # noqa: N802
        return _number(token)

    def HEREDOC(self, token: Token) -> str:  # noqa: N802
        return _heredoc(token)


def _heredoc(token: str) -> str:
    """Of an indented one only the common case: each line has at least the indentation of the closing mark."""
    head, _, rest = token.partition("\n")
    body, _, mark = rest[:-1].rpartition("\n")
    indent, lines = mark.removesuffix(head.lstrip("<-")), f"{body}\n" if body or rest.count("\n") > 1 else ""
    if not head.startswith("<<-"):
        return lines + indent
    if not all(line.startswith(indent) for line in lines.splitlines()):
        raise NotHcl("an indented heredoc with shorter lines")
    return "".join(line.removeprefix(indent) for line in lines.splitlines(keepends=True))


_ESCAPE = re.compile(
    r'\\(?:([abfnrtv\\"])|([0-7]{3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|)', re.DOTALL
)
_SIMPLE = dict(zip('abfnrtv\\"', '\a\b\f\n\r\t\v\\"', strict=True))


def _unquoted(text: str) -> str:
    if "\\" not in text:
        return text

    def character(match: re.Match[str]) -> str:
        simple, octal, *others = match.groups()
        if simple:
            return _SIMPLE[simple]
        digits = next((each for each in others if each), "")
        code = int(octal, 8) if octal else int(digits, 16) if digits else -1
        is_byte = bool(octal) or len(digits) == 2  # noqa: PLR2004 - \x41
        if code < 0 or code > 0x10FFFF or 0xD800 <= code <= 0xDFFF or (is_byte and code > 0x7F):  # noqa: PLR2004
            raise NotHcl("not a valid escape")
        return chr(code)

    return _ESCAPE.sub(character, text)


def _number(token: str) -> int | float:
    digits = token.lstrip("-")
    if digits[:2].lower() == "0x":
        return int(token, 16)
    if not digits.isdigit():
        return float(token)
    if digits[0] == "0" and len(digits) > 1:
        if set(digits) & {"8", "9"}:
            raise NotHcl("not an octal number")
        return int(token, 8)
    return int(token)


# -- JSON -------------------------------------------------------------------------------------------------------------


class _Object(list[Any]):
    """The pairs of a JSON object, as they stand there: a name may come twice."""


def _json(text: str) -> tuple[Item, ...]:
    if "\\/" in text or "\\u" in text:
        raise NotHcl("an escape that Go reads differently")
    try:
        found = json.loads(text, object_pairs_hook=_Object)
    except ValueError as error:
        raise NotHcl("not JSON") from error
    return _items_of(found)


def _items_of(pairs: _Object) -> tuple[Item, ...]:
    """Objects of objects become one item with several keys, as the server flattens them."""
    found: list[Item] = []
    for key, value in pairs:
        found += _flat((key,), value)
    return tuple(found)


def _flat(keys: tuple[str, ...], value: Any) -> Iterator[Item]:
    if isinstance(value, _Object):
        if value and all(isinstance(each, _Object) for _, each in value):
            for key, each in value:
                yield from _flat((*keys, key), each)
        else:
            yield Item(keys, _items_of(value))
    elif isinstance(value, list):
        if value and all(isinstance(each, _Object) for each in value):
            for each in value:
                yield from _flat(keys, each)
        else:
            yield Item(keys, [_element(each) for each in value if not isinstance(each, bool)])  # it drops booleans
    else:
        yield Item(keys, value)


def _element(value: Any) -> Any:
    if value is None or isinstance(value, list):
        raise NotHcl("a list or null in a list")
    return value
