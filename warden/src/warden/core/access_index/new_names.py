"""Names that something new could have: policies that name it, or its beginning, allow it under these names alone."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from warden.core.access_index.acl import full_path
from warden.core.access_index.snapshot import NamespaceSnapshot, Snapshot

NEW = "warden-any-other"
"""Stands for an object that is not there yet."""


class NewNames:
    """The names that the stanzas of all policies leave to something new in a folder.

    ``role/*`` is covered by any name, ``role/team-*`` by one that begins so, ``role/deploy`` by that one alone.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._written: dict[str, set[str]] = defaultdict(set)
        self._patterns: dict[tuple[int, str], set[tuple[tuple[str, ...], str]]] = defaultdict(set)
        self._below: set[str] = set()
        for one in snapshot.namespaces.values():
            for policy in one.policies.values():
                for rule in policy.rules:
                    self._add(full_path(one.path, rule.path), one.path)

    def _add(self, path: str, namespace: str) -> None:
        inside = path.removeprefix(f"{namespace}/") if namespace else path
        if inside.startswith(("sys/auth/", "sys/raw/")):
            self._below.add(path)
        folder, _, last = path.rpartition("/")
        parts = tuple(folder.split("/"))
        if "+" in parts:
            self._patterns[len(parts), parts[-1]].add((parts, last))
        else:
            self._written[folder].add(last)

    def within(self, one: NamespaceSnapshot, folder: str, taken: Iterable[str] = ()) -> Iterator[str]:
        """Names for something new in a folder of the namespace; those in `taken` are there already."""
        path = full_path(one.path, folder)
        parts = path.split("/")
        lasts = set(self._written.get(path, ()))
        for end in {parts[-1], "+"}:
            for pattern, last in self._patterns.get((len(parts), end), ()):
                if all(mine in {"+", theirs} for mine, theirs in zip(pattern, parts, strict=True)):
                    lasts.add(last)
        yield from _named(lasts, taken)

    def below(self, one: NamespaceSnapshot, folder: str, taken: Iterable[str] = ()) -> Iterator[str]:
        """Names that may have slashes in them, below ``sys/auth`` or ``sys/raw``."""
        begin = f"{full_path(one.path, folder)}/"
        yield from _named({each.removeprefix(begin) for each in self._below if each.startswith(begin)}, taken)


def _named(written: Iterable[str], taken: Iterable[str]) -> Iterator[str]:
    found = {_new(each) for each in written} | {NEW}
    yield from sorted(found - set(taken) - {""})


def _new(written: str) -> str:
    """A name that a stanza covers which is written so; ``+`` and what a template becomes stand for any."""
    bare = written.removesuffix("*")
    if bare != written:
        bare += NEW
    return "/".join(NEW if each == "+" else each for each in bare.split("/"))
