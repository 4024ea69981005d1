"""Which of many policies could allow something on a path: asked before an `Acl`, where there are thousands of both."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from warden.core.access_index.acl import SLASHED, classify, full_path, open_pattern
from warden.core.access_index.policies import CAPABILITIES, PathRule, Policy

if TYPE_CHECKING:
    import re

Key = tuple[str, str]
"""`Policy.key`."""


class _Entry(NamedTuple):
    key: Key
    capabilities: frozenset[str]


class Candidates:
    """All policies of a server by what their stanzas cover; denials and priorities are for `Acl` to judge.

    Policies that cannot be read, and templates, are candidates for whatever they could become.
    """

    def __init__(self, policies: Iterable[Policy]) -> None:
        self._always: list[Key] = []
        self._exact: dict[str, list[_Entry]] = defaultdict(list)
        self._globs: dict[str, list[_Entry]] = defaultdict(list)
        self._patterns: dict[str, list[tuple[re.Pattern[str], _Entry]]] = defaultdict(list)
        for policy in policies:
            if policy.unreadable or policy.name == "root":
                self._always.append(policy.key)
            for rule in policy.rules:
                self._add(policy, rule)
        self._lengths = sorted({len(each) for each in self._globs})

    def _add(self, policy: Policy, rule: PathRule) -> None:
        entry = _Entry(policy.key, rule.capabilities)
        path = full_path(policy.namespace, rule.path)
        kind, key = classify(path)
        if rule.templated or kind == "segments":
            self._patterns[_first(path)].append((open_pattern(path, policy), entry))
        elif kind == "glob":
            self._globs[key].append(entry)
        else:
            self._exact[key].append(entry)

    def of(self, path: str, capability: str) -> frozenset[Key]:
        """The keys of all policies with a stanza that covers the path and holds the capability."""
        assert capability in CAPABILITIES  # noqa: S101 - a name that is misspelled would find nobody
        path = path.lstrip("/")
        if capability in SLASHED and not path.endswith("/"):
            path += "/"
        found = [each.key for each in self._covering(path, capability in SLASHED) if capability in each.capabilities]
        return frozenset((*self._always, *found))

    def _covering(self, path: str, slashed: bool) -> Iterator[_Entry]:
        yield from self._exact.get(path, ())
        if slashed:
            yield from self._exact.get(path.removesuffix("/"), ())
        for size in self._lengths:
            if size > len(path):
                break
            yield from self._globs.get(path[:size], ())
        for first in (_first(path), ""):
            for pattern, entry in self._patterns.get(first, ()):
                if pattern.match(path):
                    yield entry


def _first(path: str) -> str:
    """The first segment where it is written out, otherwise nothing."""
    first = path.split("/", 1)[0]
    return "" if "+" in first or "*" in first or "{{" in first else first
