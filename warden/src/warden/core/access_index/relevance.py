"""Which policies say anything about a path, found without looking at each: most of a thousand say nothing.

A decision of OpenBao depends on the stanzas that cover the path alone, so a set of policies is as good as its relevant
ones, and identities that hold the same of these are decided once.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from warden.core.access_index.acl import classify, full_path
from warden.core.access_index.policies import Policy

PolicyKey = tuple[str, str]
"""Namespace and name of a policy."""


class Relevance:
    """The stanzas of all policies, by the text that their paths begin with."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        self._exact: dict[str, set[PolicyKey]] = defaultdict(set)
        self._begins: dict[str, set[PolicyKey]] = defaultdict(set)
        self._patterns: dict[str, list[tuple[re.Pattern[str], PolicyKey]]] = defaultdict(list)
        self._roots: set[PolicyKey] = set()
        for policy in policies:
            if policy.name == "root":
                self._roots.add(policy.key)
            for rule in policy.rules:
                self._add(policy, rule.path)
        self._sizes = sorted({len(each) for each in self._begins})
        self._pattern_sizes = sorted({len(each) for each in self._patterns})

    def _add(self, policy: Policy, written: str) -> None:
        path = full_path(policy.namespace, written)
        if "{{" in written:
            self._begins[path[: path.index("{{")]].add(policy.key)
            return
        kind, key = classify(path)
        if kind == "exact":
            self._exact[key].add(policy.key)
        elif kind == "glob":
            self._begins[key].add(policy.key)
        else:
            self._patterns[key[: key.index("+")]].append((_pattern(key), policy.key))

    def policies(self, path: str) -> frozenset[PolicyKey]:
        """Those with a stanza that covers the path, or may once its template is filled in."""
        found = set(self._roots)
        found |= self._exact.get(path, _NONE)
        for size in self._sizes:
            if size > len(path):
                break
            found |= self._begins.get(path[:size], _NONE)
        found.update(self._by_pattern(path))
        return frozenset(found)

    def _by_pattern(self, path: str) -> Iterator[PolicyKey]:
        for size in self._pattern_sizes:
            if size > len(path):
                return
            for pattern, key in self._patterns.get(path[:size], ()):
                if pattern.match(path):
                    yield key


_NONE: frozenset[PolicyKey] = frozenset()


def _pattern(path: str) -> re.Pattern[str]:
    """A path with ``+`` for one segment each, and perhaps ``*`` at its end."""
    bare = path.removesuffix("*")
    parts = ("[^/]*" if part == "+" else re.escape(part) for part in bare.split("/"))
    return re.compile("/".join(parts) + (".*" if bare != path else "$"), re.DOTALL)
