"""The index of an OpenBao: read once, decided here, for as many paths as one likes."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import TypeVar

import msgspec

from warden.core.access_index.acl import Decision
from warden.core.access_index.decisions import NO, Decisions
from warden.core.access_index.escalation import Chain, Escalation, Gains
from warden.core.access_index.holders import Held, Holders, Part
from warden.core.access_index.issuers import issuer_ways
from warden.core.access_index.policies import TemplateFacts
from warden.core.access_index.powers import powers
from warden.core.access_index.relevance import PolicyKey
from warden.core.access_index.removal import removal
from warden.core.access_index.requests import PathRequests, Requests, requests_for
from warden.core.access_index.snapshot import Snapshot, Unknown
from warden.core.access_index.tokens import Token, alike, tokens_alone
from warden.core.access_index.ways import Condition, Effect, Rule, Standing, Step, WayIn, WhoCan
from warden.core.remedies import Remedy

_Each = TypeVar("_Each")
_BETTER = {"yes": 0, "conditional": 1, "unknown": 2, "no": 3}
_ORDER: dict[Effect, int] = {"reads": 0, "writes": 1, "grants": 2}


class _Asked(msgspec.Struct, frozen=True):
    """What is asked of every token, and which policies have a say in it."""

    effect: Effect
    requests: Requests
    relevant: Held
    readers: frozenset[str]


class _Sought(msgspec.Struct, frozen=True):
    """What a chain has to lead to; ``alone`` are the policies that give the path by themselves."""

    namespace: str
    asked: Requests
    alone: tuple[PolicyKey, ...]


class AccessIndex:
    """Answers for one snapshot.

    Args:
        snapshot: what was read.
        owners: who owns an identity, by its name (``auth/…/role/x``), or a lane, by ``lane:ID``.
        administrators: names of the identities that are declared with ``may_administer``; ``root`` is every root token.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        owners: Mapping[str, str] | None = None,
        administrators: frozenset[str] = frozenset(),
    ) -> None:
        self.snapshot = snapshot
        self._administrators = administrators
        self._decisions = Decisions(snapshot)
        self.holders = Holders(snapshot, owners)
        self._alone = tuple(tokens_alone(self.holders))
        self._alike = tuple(alike(self.holders, self._decisions))
        given = (*(each.held for each in self._alone), *(each.policies for each in self._alike))
        self._escalation = Escalation(self._decisions, powers(snapshot), frozenset().union(*given))
        self._by_policy = _by_policy((each.held, each) for each in self._alone)
        self._alike_by_policy = _by_policy((each.policies, each) for each in self._alike)
        self._made: dict[tuple[object, ...], WayIn] = {}
        self._grantors = tuple(self._all_grantors())

    def who_can(self, path: str, *, namespace: str = "", readers: frozenset[str] = frozenset()) -> WhoCan:
        """Every way to the path, written as ``mount/key``. `readers` are the names of the declared ones' roles."""
        requests = requests_for(self.snapshot, namespace, path)
        reads = dict.fromkeys(self._direct(self._asked("reads", requests.reads, readers)))
        found = dict(reads)
        found |= dict.fromkeys(issuer_ways(self.snapshot, reads))
        found |= dict.fromkeys(self._direct(self._asked("writes", requests.writes, readers)))
        found |= dict.fromkeys(self._granting(namespace, requests))
        ways = sorted(found, key=lambda each: (_ORDER[each.effect], each.standing, each.identity))
        return WhoCan(namespace=namespace, path=path, ways=tuple(ways), unknown=self.unknown(namespace))

    def unknown(self, namespace: str) -> tuple[Unknown, ...]:
        """What could not be looked at in the namespace and those above: others have no say in it."""
        return tuple(
            each
            for each in self.snapshot.unknown
            if not each.namespace or f"{namespace}/".startswith(f"{each.namespace}/")
        )

    # -- what a token can do itself -----------------------------------------------------------------------------

    def _asked(self, effect: Effect, requests: Requests, readers: frozenset[str]) -> _Asked:
        return _Asked(effect, requests, self._relevant(requests), readers)

    def _relevant(self, requests: Requests) -> Held:
        return frozenset().union(*(self._decisions.relevant(path) for path in {path for path, _ in requests}))

    def _direct(self, asked: _Asked) -> Iterator[WayIn]:
        answers: dict[tuple[Held, str], tuple[Decision, ...]] = {}
        for token in _holding(self._by_policy, asked.relevant):
            yield from self._ways_of(token, asked, answers)
        for each in _holding(self._alike_by_policy, asked.relevant):
            for login in each.that_differ(asked.relevant):
                yield from self._ways_of(each.token(login), asked, answers)

    def _ways_of(
        self, token: Token, asked: _Asked, answers: dict[tuple[Held, str], tuple[Decision, ...]]
    ) -> Iterator[WayIn]:
        held = token.held & asked.relevant
        key = (held, token.facts.id if token.facts and self._decisions.templated(held) else "")
        if key not in answers:
            answers[key] = self._allowed(held, asked.requests, token.facts)
        allowed = answers[key]
        if not allowed:
            return
        best = min(_BETTER[each.allowed] for each in allowed)
        counted = [each for each in allowed if _BETTER[each.allowed] == best]
        rules = dict.fromkeys(rule for each in counted for rule in each.rules)
        conditions = (*dict.fromkeys(one for each in counted for one in each.conditions), *token.conditions)
        for part in token.parts:
            own = _from(part, rules)
            if own:
                yield self._way(token, part, asked, own, conditions)

    def _allowed(self, held: Held, requests: Requests, facts: TemplateFacts | None) -> tuple[Decision, ...]:
        found = (self._on(held, path, capability, facts) for path, capability in requests)
        return tuple(each for each in found if each.allowed != "no")

    def _on(self, held: Held, path: str, capability: str, facts: TemplateFacts | None) -> Decision:
        here = held & self._decisions.relevant(path)
        return self._decisions.decide(here, path, capability, facts) if here else NO

    def _way(
        self, token: Token, part: Part, asked: _Asked, rules: tuple[Rule, ...], conditions: tuple[Condition, ...]
    ) -> WayIn:
        standing = self._standing(part, asked.effect, asked.readers)
        key = (asked.effect, part.identity, rules, conditions, standing)
        if key not in self._made:
            self._made[key] = WayIn(
                identity=part.identity,
                effect=asked.effect,
                rules=rules,
                via=_to(token, part),
                conditions=tuple(dict.fromkeys(conditions)),
                standing=standing,
                remedy=self._remedy(standing, part, self._cut(token, part, asked.requests)),
            )
        return self._made[key]

    def _cut(self, token: Token, part: Part, requests: Requests) -> Iterator[PolicyKey]:
        """The policies that have to go from `part` so that nothing of this comes from it any more."""
        held = token.held
        while True:
            rules = dict.fromkeys(rule for each in self._allowed(held, requests, token.facts) for rule in each.rules)
            cut = {key for key in part.policies & held if any(key[1] == rule[0] for rule in rules)}
            if not cut:
                return
            yield from cut
            held -= cut

    def _remedy(self, standing: Standing, part: Part, cut: Iterable[PolicyKey]) -> Remedy:
        """Nothing for what is declared."""
        return () if standing != "other" else removal(self.holders, part, frozenset(key[1] for key in cut))

    def _standing(self, part: Part, effect: Effect, readers: frozenset[str]) -> Standing:
        name = part.identity.name
        if name in self._administrators or ("root" in self._administrators and _is_root(part)):
            return "administrator"
        return "reader" if effect == "reads" and name in readers else "other"

    # -- what it can come to ------------------------------------------------------------------------------------

    def _all_grantors(self) -> Iterator[tuple[Token, Held, Gains]]:
        """Token, the policies that other logins of its owner give, and what it can come to."""
        for token in self._alone:
            if gains := self._escalation.gains(token.held, facts=token.facts):
                yield token, frozenset(), gains
        for each in self._alike:
            if not each.policies & self._escalation.powerful:
                continue
            also: Held = frozenset().union(*each.logins)
            for login in each.that_differ(self._escalation.concerned):
                token = each.token(login)
                if gains := self._escalation.gains(token.held, also, token.facts):
                    yield token, also, gains

    def _granting(self, namespace: str, requests: PathRequests) -> Iterator[WayIn]:
        asked = (*requests.reads, *requests.writes)
        sought = _Sought(namespace, asked, tuple(self._by_one_policy(asked)))
        for token, also, gains in self._grantors:
            chain = self._chain(gains, token, sought)
            for part in token.parts if chain else ():
                if chain and _from(part, _first_rules(chain)):
                    yield self._grant(token, also, part, chain, sought)

    def _by_one_policy(self, asked: Requests) -> Iterator[PolicyKey]:
        """The policies that give the path by themselves."""
        for key in sorted(self._relevant(asked) - self._decisions.roots):
            if self._allowed(frozenset({key}), asked, None):
                yield key

    def _chain(self, gains: Gains, token: Token, sought: _Sought) -> Chain | None:
        """The chain by which the path is gained: with everything, by a policy that has it, or by what others hold."""
        found = list(_covering(gains.everything, sought.namespace))
        for within, chain in gains.any_policy.items():
            if gained := next((key[1] for key in sought.alone if key[0] == within), ""):
                found.append(chain.naming(gained))
        for held, chain in gains.bundles.items():
            if self._allowed(held, sought.asked, token.facts):
                found.append(chain)
        return min(found, key=lambda each: (len(each.conditions), len(each.steps)), default=None)

    def _grant(self, token: Token, also: Held, part: Part, chain: Chain, sought: _Sought) -> WayIn:
        standing = self._standing(part, "grants", frozenset())
        key = ("grants", part.identity, chain, standing)
        if key not in self._made:
            self._made[key] = WayIn(
                identity=part.identity,
                effect="grants",
                rules=_from(part, _first_rules(chain)),
                via=(*_to(token, part), *chain.steps),
                conditions=tuple(dict.fromkeys((*chain.conditions, *token.conditions))),
                standing=standing,
                remedy=self._remedy(standing, part, self._cut_powers(token, also, part, sought)),
            )
        return self._made[key]

    def _cut_powers(self, token: Token, also: Held, part: Part, sought: _Sought) -> Iterator[PolicyKey]:
        """The policies that have to go from `part` so that no chain begins with it any more."""
        held = token.held
        while chain := self._chain(self._escalation.gains(held, also, token.facts), token, sought):
            rules = _first_rules(chain)
            cut = {key for key in part.policies & held if any(key[1] == rule[0] for rule in rules)}
            if not cut:
                return
            yield from cut
            held -= cut


def who_can(snapshot: Snapshot, path: str, *, namespace: str = "", readers: frozenset[str] = frozenset()) -> WhoCan:
    """Every way to one path; for several paths make one `AccessIndex`."""
    return AccessIndex(snapshot).who_can(path, namespace=namespace, readers=readers)


def _by_policy(found: Iterable[tuple[Held, _Each]]) -> dict[PolicyKey, list[_Each]]:
    index: dict[PolicyKey, list[_Each]] = defaultdict(list)
    for held, each in found:
        for key in held:
            index[key].append(each)
    return index


def _holding(index: Mapping[PolicyKey, list[_Each]], relevant: Held) -> Iterable[_Each]:
    return dict.fromkeys(each for key in sorted(relevant) for each in index.get(key, ()))


def _from(part: Part, rules: Iterable[tuple[str, str]]) -> tuple[Rule, ...]:
    """The rules that are of policies that come from this part."""
    namespaces = {key[1]: key[0] for key in part.policies}
    return tuple(_rule(*rule, namespaces[rule[0]]) for rule in rules if rule[0] in namespaces)


@cache
def _rule(policy: str, path: str, namespace: str) -> Rule:
    return Rule(policy, path, namespace)


def _first_rules(chain: Chain) -> tuple[tuple[str, str], ...]:
    return tuple((rule.policy, rule.path) for rule in chain.steps[0].rules)


def _to(token: Token, part: Part) -> tuple[Step, ...]:
    """How an entity or a member of a group comes to a token; a login is named already."""
    return token.logs_in if part.identity.kind in {"entity", "group"} else ()


def _covering(chains: Mapping[str, Chain], namespace: str) -> Iterator[Chain]:
    """The chains to the namespace or one that has it in it."""
    return (chain for each, chain in chains.items() if not each or f"{namespace}/".startswith(f"{each}/"))


def _is_root(part: Part) -> bool:
    return part.identity.kind == "token" and any(key[1] == "root" for key in part.policies)
