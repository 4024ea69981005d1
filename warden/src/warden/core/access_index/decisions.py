"""The answer of OpenBao's access control list for sets of policies, each set built once."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec

from warden.core.access_index.acl import NO, Acl, Decision, full_path
from warden.core.access_index.holders import Held
from warden.core.access_index.policies import ANYBODY, Policy, TemplateFacts, rendered
from warden.core.access_index.relevance import PolicyKey, Relevance
from warden.core.access_index.snapshot import Snapshot


class Decisions:
    """Decides for policies by name; a set is built as an `Acl` when it is first needed.

    Policies that could not be read are left out: the snapshot has an `Unknown` for each.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._now = snapshot.taken_at
        every = (each for one in snapshot.namespaces.values() for each in one.policies.values())
        self.policies: Mapping[PolicyKey, Policy] = {each.key: each for each in every if not each.unreadable}
        self.roots: Held = frozenset((one.path, "root") for one in snapshot.namespaces.values())
        self._templated = frozenset(key for key, each in self.policies.items() if each.templated)
        self._can = {
            key: frozenset().union(*(rule.capabilities for rule in each.rules)) for key, each in self.policies.items()
        }
        self._relevance = Relevance(self.policies.values())
        self._below, self._open_below = _deleting_below(self.policies.values())
        self._built: dict[tuple[Held, str], Acl] = {}
        self.relevant = lru_cache(_KEPT)(self._relevant)

    def _relevant(self, path: str) -> Held:
        """The policies that say something about the path, ``root`` among them."""
        return self._relevance.policies(path) | self.roots

    def able(self, relevant: Held, capabilities: Iterable[str]) -> Held:
        """Those of the policies that allow one of these anywhere: without one of them nothing is allowed."""
        wanted = frozenset(capabilities)
        return frozenset(key for key in relevant if key in self.roots or wanted & self._can.get(key, wanted))

    def deletes_with_slash(self, path: str) -> bool:
        """Whether a deletion of this path, which ends with a slash, may be allowed where one without it is not."""
        return self._open_below or path.removesuffix("/") in self._below

    def templated(self, held: Held) -> bool:
        """Whether one of these policies says different things to different entities."""
        return bool(held & self._templated)

    def decide(self, held: Held, path: str, capability: str, facts: TemplateFacts | None = None) -> Decision:
        """`decide_each` for one capability."""
        return next(iter(self.decide_each(held, path, (capability,), facts)), NO)

    def decide_each(
        self, held: Held, path: str, capabilities: tuple[str, ...], facts: TemplateFacts | None = None
    ) -> list[Decision]:
        """Whether these policies, all of them relevant, allow it to somebody with these facts (none: anybody).

        One decision for each capability, of which none lists; none at all where no policy is held.
        """
        answers = self._acl(held, facts).decide_each(path, capabilities) if held else []
        return [
            self._without_doubt(answer, held, path, capability) if "template" in answer.conditions else answer
            for answer, capability in zip(answers, capabilities, strict=False)
        ]

    def of_own_name(self, held: Held, path: str, capability: str, facts: TemplateFacts) -> Decision:
        """Whether a template allows it for something new under the name that it becomes for this identity."""
        if not self.templated(held):
            return NO
        answer = self.decide(held, path, capability)
        rules = tuple(rule for rule in answer.rules if self._is_filled(held, *rule, facts))
        return Decision(allowed="yes", rules=rules) if answer.allowed == "unknown" and rules else NO

    def _is_filled(self, held: Held, name: str, path: str, facts: TemplateFacts) -> bool:
        """Whether a stanza of theirs has a path for this identity."""
        named = (self.policies[key] for key in held if key[1] == name and key in self.policies)
        return any(
            rendered(msgspec.structs.replace(policy, rules=(rule,)), facts).rules
            for policy in named
            for rule in policy.rules
            if rule.path == path
        )

    def _without_doubt(self, answer: Decision, held: Held, path: str, capability: str) -> Decision:
        """What stanzas without a template allow stands; one with a template can add only what it has itself."""
        closed = self._closed_acl(held).decide(path, capability)
        if closed.allowed != "no":
            return closed
        wanted = {
            (each.name, rule.path) for each in self._all(held) for rule in each.rules if capability in rule.capabilities
        }
        rules = tuple(rule for rule in answer.rules if rule in wanted)
        return Decision(allowed="unknown", rules=rules, conditions=("template",)) if rules else NO

    def _closed_acl(self, held: Held) -> Acl:
        key = (held, "without templates")
        if key not in self._built:
            closed = (
                msgspec.structs.replace(each, rules=tuple(rule for rule in each.rules if not rule.templated))
                for each in self._all(held)
            )
            self._built[key] = Acl(closed, self._now)
        return self._built[key]

    def _acl(self, held: Held, facts: TemplateFacts | None) -> Acl:
        personal = bool(held & self._templated)
        key = (held, facts.id if personal and facts else "")
        found = self._built.get(key)
        if found is None:
            policies = self._all(held)
            found = Acl((rendered(each, facts or ANYBODY) for each in policies) if personal else policies, self._now)
            self._built[key] = found
        return found

    def _all(self, held: Held) -> Iterable[Policy]:
        roots = (Policy(name="root", namespace=each[0]) for each in held & self.roots)
        return [*roots, *(self.policies[each] for each in sorted(held) if each in self.policies)]


def _deleting_below(policies: Iterable[Policy]) -> tuple[frozenset[str], bool]:
    """The paths below which a stanza begins that deletes; and whether there is one of which that is not plain."""
    rules = (
        (each, rule.path.removesuffix("*")) for each in policies for rule in each.rules if "delete" in rule.capabilities
    )
    found = [(each, path) for each, path in rules if path.endswith(("/", "+", "}}"))]
    plain = frozenset(full_path(each.namespace, path).removesuffix("/") for each, path in found)
    return plain, any("+" in path or "{{" in path for _, path in found)


_KEPT = 100_000
"""Paths of which the relevant policies are kept."""
