"""From what somebody holds to what it could come to hold: the shortest chain of writes to each gain."""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec

from warden.core.access_index.acl import Decision
from warden.core.access_index.chains import Chain, Usable
from warden.core.access_index.decisions import Decisions
from warden.core.access_index.holders import Held
from warden.core.access_index.new_names import NEW
from warden.core.access_index.policies import CAPABILITIES, TemplateFacts
from warden.core.access_index.power import Power
from warden.core.access_index.relevance import PolicyKey

_STRONG = CAPABILITIES - {"list", "scan", "deny"}


class Gains(msgspec.Struct, frozen=True, eq=False):
    """What can be gained: everything, or any policy, in these namespaces; or tokens with these policies.

    ``by_policy`` has the bundles by each of their policies.
    """

    everything: Mapping[str, Chain] = {}
    any_policy: Mapping[str, Chain] = {}
    bundles: Mapping[Held, Chain] = {}
    by_policy: Mapping[PolicyKey, Sequence[tuple[Held, Chain]]] = {}

    def __bool__(self) -> bool:
        return bool(self.everything or self.any_policy or self.bundles)


NOTHING = Gains()


class Escalation:
    """What each set of policies leads to; sets with the same powerful policies lead to the same.

    Args:
        decisions: what policies allow.
        powers: what can be done.
        given: the policies that somebody has: who writes one of them gives that somebody whatever it likes.

    Attributes:
        powerful: the policies with a stanza that allows something by which access can be given.
    """

    def __init__(self, decisions: Decisions, powers: Iterator[Power], given: Held = frozenset()) -> None:
        self._decisions = decisions
        self.given = given
        self._at: dict[str, list[Power]] = defaultdict(list)
        for power in powers:
            self._at[power.path].append(power)
        self._relevant = {path: held for path in self._at if (held := decisions.relevant(path))}
        concerned: Held = frozenset().union(*self._relevant.values())
        self.concerned = concerned
        self.powerful: Held = frozenset(key for key in concerned if self._is_powerful(key))
        self._usable: dict[tuple[Held, str], list[Usable]] = {}
        self._gains: dict[tuple[Held, Held, str], Gains] = {}

    def _is_powerful(self, key: PolicyKey) -> bool:
        """Whether it allows anything but reading there; most policies, ``default`` among them, do not."""
        if key[1] == "root":
            return True
        rules = self._decisions.policies[key].rules
        return any(rule.capabilities & _STRONG for rule in rules) and any(
            self._any_allowed(key, power)
            for path, held in self._relevant.items()
            if key in held
            for power in self._at[path]
        )

    def _any_allowed(self, key: PolicyKey, power: Power) -> bool:
        alone = frozenset({key})
        return any(self._decisions.decide(alone, power.path, each).allowed != "no" for each in power.any_of)

    def gains(self, held: Held, also_held: Held = frozenset(), facts: TemplateFacts | None = None) -> Gains:
        """What somebody with these policies could come to; empty for nearly everybody.

        `also_held` are policies that another login gives them, so that to write one of these helps them, too.
        """
        if not held & self.powerful:
            return NOTHING
        key = (held, also_held, facts.id if facts else "")
        if key not in self._gains:
            self._gains[key] = _Search(self, held, also_held, facts).run()
        return self._gains[key]

    def usable(self, held: Held, facts: TemplateFacts | None) -> list[Usable]:
        """The powers that these policies have, with the rules and conditions of each."""
        concerned = held & self.concerned
        key = (concerned, facts.id if facts else "")
        if key not in self._usable:
            found = (
                usable
                for path, relevant in self._relevant.items()
                if relevant & concerned & self.powerful
                for power in self._at[path]
                if (usable := self._allowed(power, concerned, facts)) is not None
            )
            self._usable[key] = _once_for_each_gain(found)
        return self._usable[key]

    def _allowed(self, power: Power, held: Held, facts: TemplateFacts | None) -> Usable | None:
        first = self._first(power, held, facts)
        if first is None:
            return None
        others = [self._on(path, "create", held, facts) or self._on(path, "update", held, facts) for path in power.also]
        if power.and_sudo:
            others.append(self._on(power.path, "sudo", held, facts))
        needed = [first, *(each for each in others if each is not None)]
        if len(needed) <= len(others):
            return None
        rules = dict.fromkeys(rule for each in needed for rule in each.rules)
        conditions = dict.fromkeys(condition for each in needed for condition in each.conditions)
        return power, tuple(rules), tuple(conditions)

    def _first(self, power: Power, held: Held, facts: TemplateFacts | None) -> Decision | None:
        answers = (self._on(power.path, each, held, facts) for each in sorted(power.any_of))
        found = [each for each in answers if each is not None]
        return next((each for each in found if each.allowed == "yes"), found[0] if found else None)

    def _on(self, path: str, capability: str, held: Held, facts: TemplateFacts | None) -> Decision | None:
        relevant = self._decisions.relevant(path) & held
        answer = self._decisions.decide(relevant, path, capability, facts)
        if answer.allowed == "no" and facts is not None and NEW in path:
            answer = self._decisions.of_own_name(relevant, path, capability, facts)
        return None if answer.allowed == "no" else answer

    def policies_in(self, namespace: str) -> Iterator[Held]:
        """Each powerful policy of a namespace, alone."""
        return (frozenset({key}) for key in sorted(self.powerful) if key[0] == namespace and key[1] != "root")


class _Search:
    """Breadth first, so that the chain to each gain is the shortest; again until nothing new comes."""

    def __init__(self, escalation: Escalation, held: Held, also_held: Held, facts: TemplateFacts | None) -> None:
        self._escalation = escalation
        self._facts = facts
        self._held = held | also_held
        self._writable: dict[tuple[str, str], Chain] = {}
        self._everything: dict[str, Chain] = {}
        self._any: dict[str, Chain] = {}
        self._bundles: dict[Held, Chain] = {}
        self._queue: deque[tuple[Held, Chain]] = deque([(held, Chain())])

    def run(self) -> Gains:
        """Everything that can be reached."""
        seen: set[Held] = set()
        while self._queue and not self._has_everything():
            held, chain = self._queue.popleft()
            if held in seen:
                continue
            seen.add(held)
            for usable in self._escalation.usable(held, self._facts):
                self._gain(usable, chain)
            self._judge_policies()
        by_policy: dict[PolicyKey, list[tuple[Held, Chain]]] = defaultdict(list)
        for held, chain in self._bundles.items():
            for key in held:
                by_policy[key].append((held, chain))
        return Gains(self._everything, self._any, self._bundles, by_policy)

    def _has_everything(self) -> bool:
        """Whether nothing is left to be gained, and nothing has to be so for it."""
        found = self._everything.get("")
        return found is not None and not found.conditions

    def _gain(self, usable: Usable, chain: Chain) -> None:
        power = usable[0]
        if power.gain == "everything":
            _keep(self._everything, power.namespace, chain, usable)
        elif power.gain == "policy":
            for key in power.policies:
                _keep(self._writable, key, chain, usable)
        elif power.gain == "any-policy":
            if _keep(self._any, power.namespace, chain, usable):
                gained = self._any[power.namespace]
                self._queue.extend((each, gained) for each in self._escalation.policies_in(power.namespace))
        else:
            each_one = [power.policies] if power.gain == "bundle" else [frozenset({each}) for each in power.policies]
            for held in each_one:
                if not held <= self._held and _keep(self._bundles, held, chain, usable):
                    self._queue.append((held, self._bundles[held]))

    def _judge_policies(self) -> None:
        """Who writes a policy that it has, or can get, has everything in the namespace; else whoever has it does."""
        got = self._held.union(*self._bundles)
        for key, chain in self._writable.items():
            if key[0] in self._everything and not self._everything[key[0]].conditions:
                continue
            if key in got:
                self._everything[key[0]] = chain
            elif key[0] in self._any:
                self._everything[key[0]] = chain.and_then(self._any[key[0]])
            elif key in self._escalation.given:
                self._everything.setdefault(key[0], chain)


def _once_for_each_gain(found: Iterable[Usable]) -> list[Usable]:
    """The first power for each gain; one that is not conditional, if there is one."""
    best: dict[tuple[object, ...], Usable] = {}
    for usable in found:
        power, _, conditions = usable
        key = (power.gain, power.namespace, power.policies)
        if key not in best or (_conditional(best[key]) and not (conditions or power.condition)):
            best[key] = usable
    return list(best.values())


def _conditional(usable: Usable) -> bool:
    return bool(usable[2] or usable[0].condition)


_Key = TypeVar("_Key")


def _keep(into: dict[_Key, Chain], key: _Key, chain: Chain, usable: Usable) -> bool:
    """The first chain, or the first without a condition; whether it is a new one."""
    if key in into and not (into[key].conditions and not chain.conditions and not _conditional(usable)):
        return False
    into[key] = chain.then(*usable)
    return True
