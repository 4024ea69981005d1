"""The words of ``warden access`` as they were given: which are warden's own, and where a command may begin."""

from collections.abc import Container, Sequence
from typing import NamedTuple

from warden.core.remedies import RunWarden


class Words(NamedTuple):
    """Options, the first other word, and what follows it from the next other word on.

    ``before`` of the options stand in front of that; all of them are warden's where ``--`` was given.
    """

    options: tuple[tuple[str, str], ...]
    before: int
    first: str
    rest: tuple[str, ...]

    @property
    def with_dashes(self) -> RunWarden:
        """The command with ``--`` in front of what follows the first word."""
        return RunWarden("access", (self.first,), self.options[: self.before], self.rest)

    def followed_by(self, program: Sequence[str]) -> RunWarden:
        """The command with this program behind ``--``."""
        return RunWarden("access", (self.first,), self.options, tuple(program))


def words_of(args: Sequence[str], valued: Container[str]) -> Words:
    """Divide the arguments; `valued` are the options that take a value."""
    options: list[tuple[str, str]] = []
    others: list[int] = []
    before, at = 0, 0
    while at < len(args):
        word = args[at]
        if not word.startswith("-") or word == "-":
            others.append(at)
        elif word in valued:
            at += 1
            options.append((word.lstrip("-"), args[at] if at < len(args) else ""))
        else:
            key, _, value = word.lstrip("-").partition("=")
            options.append((key, value))
        before = len(options) if len(others) <= 1 else before
        at += 1
    first = args[others[0]] if others else ""
    return Words(tuple(options), before, first, tuple(args[others[1] :]) if len(others) > 1 else ())
