"""Mutations that cosmic-ray has none of: a typo in a text, and an effect that does not happen.

Operators and their provider as cosmic-ray's documentation describes them ("Tutorial: Writing operators").
"""

import re
from collections.abc import Iterator
from typing import Any

import parso
from cosmic_ray.operators.operator import Example, Operator

Position = tuple[tuple[int, int], tuple[int, int]]

_PAIR = re.compile(r"(?<![\\{a-zA-Z])([a-zA-Z])(?!\1)([a-zA-Z])")
"""Two different letters at the start of a word, neither of an escape sequence nor of a placeholder."""
_QUOTE = re.compile(r"""^\w*("{3}|'{3}|"|')""")


class SwapLetters(Operator):
    """Swap two letters of a text: a typo in what is said, recorded or sent."""

    def mutation_positions(self, node: Any) -> Iterator[Position]:
        """Texts but docstrings, and the texts between the placeholders of f-strings."""
        if self._is_text(node) and _PAIR.search(self._inner(node)):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, _index: int) -> Any:
        """The same leaf with the typo."""
        inner = self._inner(node)
        head = node.value[: len(node.value) - len(inner)]
        node.value = head + _PAIR.sub(r"\2\1", inner, count=1)
        return node

    @staticmethod
    def _is_text(node: Any) -> bool:
        if node.type == "fstring_string":
            return True
        return node.type == "string" and node.parent.type != "simple_stmt"

    @staticmethod
    def _inner(node: Any) -> str:
        return str(_QUOTE.sub("", node.value) if node.type == "string" else node.value)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """As cosmic-ray's own operators have them."""
        return (Example("x = 'closed'", "x = 'lcosed'"), Example("x = f'{n} rows'", "x = f'{n} orws'"))


class RemoveCall(Operator):
    """Take out a call that is a statement of its own: an effect that does not happen."""

    def mutation_positions(self, node: Any) -> Iterator[Position]:
        """Statements that are a call and nothing else."""
        if node.type == "simple_stmt" and node.children[0].type in {"atom_expr", "power"}:
            yield node.children[0].start_pos, node.children[0].end_pos

    def mutate(self, node: Any, _index: int) -> Any:
        """``pass`` in its place."""
        prefix = node.children[0].get_first_leaf().prefix
        node.children[0] = parso.parse(f"{prefix}pass")
        return node

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """As cosmic-ray's own operators have them."""
        return (Example("record(x)", "pass"),)


_OPERATORS = {each.__name__: each for each in (SwapLetters, RemoveCall)}


class Provider:
    """What cosmic-ray asks for operators."""

    def __iter__(self) -> Iterator[str]:
        return iter(_OPERATORS)

    def __getitem__(self, name: str) -> type[Operator]:
        return _OPERATORS[name]
