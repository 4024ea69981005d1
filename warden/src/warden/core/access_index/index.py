"""The index of an OpenBao: read once, decided here, for as many paths as one likes."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

import msgspec

from warden.core.access_index.acl import Decision
from warden.core.access_index.chains import Chain, rule_of
from warden.core.access_index.decisions import Decisions
from warden.core.access_index.escalation import Escalation, Gains
from warden.core.access_index.holders import Held, Holders, Part
from warden.core.access_index.issuers import issuer_ways
from warden.core.access_index.policies import TemplateFacts
from warden.core.access_index.powers import powers
from warden.core.access_index.relevance import PolicyKey
from warden.core.access_index.removal import removal
from warden.core.access_index.requests import Requests, requests_for
from warden.core.access_index.snapshot import Snapshot, Unknown
from warden.core.access_index.tokens import Token, alike, by_policy, tokens_alone
from warden.core.access_index.ways import Condition, Effect, Identity, Rule, Standing, Step, WayIn, WhoCan
from warden.core.lanes.administrators import ROOT, Administrator
from warden.core.remedies import Remedy

_Each = TypeVar("_Each")
_BETTER = {"yes": 0, "conditional": 1, "unknown": 2, "no": 3}


Named = frozenset[tuple[str, str]]
"""Identities, each by its namespace and name."""

Weighed = tuple[tuple[str, tuple[str, ...], Held, Held], ...]
"""Requests, each with the policies that have a say in it, and those of them that can allow it."""


class _Asked(msgspec.Struct, frozen=True):
    """What is asked of every token, which policies have a say in it, and which of them can allow it."""

    effect: Effect
    requests: Weighed
    relevant: Held
    able: Held
    readers: Named


class _Sought(msgspec.Struct, frozen=True):
    """What a chain has to lead to; ``alone`` are the policies that give the path by themselves."""

    namespace: str
    asked: Weighed
    able: Held
    alone: tuple[PolicyKey, ...]


class _Grantor(msgspec.Struct, frozen=True, eq=False):
    """A token, the policies that other logins of its owner give, and what it can come to."""

    token: Token
    also: Held
    gains: Gains


class AccessIndex:
    """Answers for one snapshot.

    Args:
        snapshot: what was read.
        owners: who owns an identity, by its name (``auth/…/role/x``), or a lane, by ``lane:ID``.
        administrators: who is declared with ``may_administer``.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        owners: Mapping[str, str] | None = None,
        administrators: frozenset[Administrator] = frozenset(),
    ) -> None:
        self.snapshot = snapshot
        base = snapshot.base
        self._administrators = {
            (base if each.namespace is None else each.namespace, each.name) for each in administrators
        }
        self._root_may = any(each.name == ROOT for each in administrators)
        self._decisions = Decisions(snapshot)
        self.holders = Holders(snapshot, owners)
        self._alone = tuple(tokens_alone(self.holders))
        self._alike = tuple(alike(self.holders, self._decisions))
        given = (*(each.held for each in self._alone), *(each.policies for each in self._alike))
        self._escalation = Escalation(self._decisions, powers(snapshot), frozenset().union(*given))
        self._by_policy = by_policy((each.held, each) for each in self._alone)
        self._alike_by_policy = by_policy((each.policies, each) for each in self._alike)
        self._made: dict[tuple[object, ...], WayIn] = {}
        self._grantors = tuple(self._all_grantors())
        self._bundled: Held = frozenset().union(*(each.gains.by_policy for each in self._grantors))
        self._granted: dict[tuple[str, tuple[PolicyKey, ...]], list[WayIn]] = {}

    def who_can(self, path: str, *, namespace: str = "", readers: frozenset[str] = frozenset()) -> WhoCan:
        """Every way to the path, written as ``mount/key``. `readers` are the names of the declared ones' roles."""
        requests = requests_for(self.snapshot, namespace, path)
        declared = frozenset((namespace, each) for each in readers)
        reading = self._asked("reads", requests.reads, declared)
        writing = self._asked("writes", requests.writes, declared)
        reads = _once(self._direct(reading))
        reads += issuer_ways(self.snapshot, reads)
        ways = (
            *reads,
            *_once(self._direct(writing)),
            *self._granting(namespace, (*reading.requests, *writing.requests)),
        )
        return WhoCan(namespace=namespace, path=path, ways=ways, unknown=self.unknown(namespace))

    def unknown(self, namespace: str) -> tuple[Unknown, ...]:
        """What could not be looked at in the namespace and those above: others have no say in it."""
        return tuple(
            each
            for each in self.snapshot.unknown
            if not each.namespace or f"{namespace}/".startswith(f"{each.namespace}/")
        )

    # -- what a token can do itself -----------------------------------------------------------------------------

    def _asked(self, effect: Effect, requests: Requests, readers: Named) -> _Asked:
        weighed = self._weighed(requests)
        able: Held = frozenset().union(*(held for _, _, _, held in weighed))
        return _Asked(effect, weighed, frozenset().union(*(held for _, _, held, _ in weighed)), able, readers)

    def _weighed(self, requests: Requests) -> Weighed:
        found = (
            (path, capabilities, self._decisions.relevant(path))
            for path, capabilities in requests
            if not path.endswith("/") or self._decisions.deletes_with_slash(path)
        )
        return tuple((*each, self._decisions.able(each[2], each[1])) for each in found)

    def _direct(self, asked: _Asked) -> Iterator[WayIn]:
        answers: dict[tuple[Held, str], tuple[Decision, ...]] = {}
        for token in _holding(self._by_policy, asked.able):
            yield from self._ways_of(token, asked, answers)
        for each in _holding(self._alike_by_policy, asked.able):
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

    def _allowed(self, held: Held, requests: Weighed, facts: TemplateFacts | None) -> tuple[Decision, ...]:
        return tuple(self._each_allowed(held, requests, facts))

    def _each_allowed(self, held: Held, requests: Weighed, facts: TemplateFacts | None) -> Iterator[Decision]:
        for path, capabilities, relevant, able in requests:
            if held & able:
                here = held & relevant
                answers = self._decisions.decide_each(here, path, capabilities, facts)
                yield from (answer for answer in answers if answer.allowed != "no")

    def _is_allowed(self, held: Held, requests: Weighed, facts: TemplateFacts | None) -> bool:
        return any(True for _ in self._each_allowed(held, requests, facts))

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

    def _cut(self, token: Token, part: Part, requests: Weighed) -> Iterator[PolicyKey]:
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

    def _standing(self, part: Part, effect: Effect, readers: Named) -> Standing:
        who = (part.identity.namespace, part.identity.name)
        if who in self._administrators or (self._root_may and _is_root(part)):
            return "administrator"
        return "reader" if effect == "reads" and who in readers else "other"

    # -- what it can come to ------------------------------------------------------------------------------------

    def _all_grantors(self) -> Iterator[_Grantor]:
        for token in self._alone:
            if gains := self._escalation.gains(token.held, facts=token.facts):
                yield _Grantor(token, frozenset(), gains)
        for each in self._alike:
            if not each.policies & self._escalation.powerful:
                continue
            also: Held = frozenset().union(*each.logins)
            for login in each.that_differ(self._escalation.concerned):
                token = each.token(login)
                if gains := self._escalation.gains(token.held, also, token.facts):
                    yield _Grantor(token, also, gains)

    def _granting(self, namespace: str, asked: Weighed) -> list[WayIn]:
        """The same for all paths that the same policies give, unless somebody gains exactly what others hold."""
        able: Held = frozenset().union(*(held for _, _, _, held in asked))
        sought = _Sought(namespace, asked, able, tuple(self._by_one_policy(asked, able)))
        key = (namespace, sought.alone)
        if able & self._bundled:
            return _once(self._each_grant(sought))
        if key not in self._granted:
            self._granted[key] = _once(self._each_grant(sought))
        return self._granted[key]

    def _each_grant(self, sought: _Sought) -> Iterable[WayIn]:
        """One for an identity and a chain. What takes it away may be another thing for another path."""
        made: dict[tuple[Identity, Chain], WayIn] = {}
        for grantor in self._grantors:
            chain = self._chain(grantor.gains, grantor.token, sought)
            for part in grantor.token.parts if chain else ():
                if chain and (part.identity, chain) not in made and (rules := _from(part, chain.first)):
                    made[part.identity, chain] = self._grant(grantor, part, chain, rules, sought)
        return made.values()

    def _by_one_policy(self, asked: Weighed, able: Held) -> Iterator[PolicyKey]:
        """The policies that give the path by themselves."""
        for key in sorted(able - self._decisions.roots):
            if self._is_allowed(frozenset({key}), asked, None):
                yield key

    def _chain(self, gains: Gains, token: Token, sought: _Sought) -> Chain | None:
        """The chain by which the path is gained: with everything, by a policy that has it, or by what others hold."""
        found = list(_covering(gains.everything, sought.namespace))
        for within, chain in gains.any_policy.items():
            if any(key[0] == within for key in sought.alone):
                found.append(chain)
        for key in sought.able if gains.by_policy else ():
            for held, chain in gains.by_policy.get(key, ()):
                if self._is_allowed(held, sought.asked, token.facts):
                    found.append(chain)
        return min(found, key=lambda each: (len(each.conditions), len(each.links)), default=None)

    def _grant(self, grantor: _Grantor, part: Part, chain: Chain, rules: tuple[Rule, ...], sought: _Sought) -> WayIn:
        token = grantor.token
        standing = self._standing(part, "grants", frozenset())
        return WayIn(
            identity=part.identity,
            effect="grants",
            rules=rules,
            via=(*_to(token, part), *chain.steps),
            conditions=tuple(dict.fromkeys((*chain.conditions, *token.conditions))),
            standing=standing,
            remedy=self._remedy(standing, part, self._cut_powers(grantor, part, chain, sought)),
        )

    def _cut_powers(self, grantor: _Grantor, part: Part, chain: Chain | None, sought: _Sought) -> Iterator[PolicyKey]:
        """The policies that have to go from `part` so that neither this chain nor another begins with it."""
        token, held = grantor.token, grantor.token.held
        while chain:
            cut = {key for key in part.policies & held if any(key[1] == rule[0] for rule in chain.first)}
            if not cut:
                return
            yield from cut
            held -= cut
            chain = self._chain(self._escalation.gains(held, grantor.also, token.facts), token, sought)


def _once(ways: Iterable[WayIn]) -> list[WayIn]:
    """Each way once, in the order of standings and names."""
    return sorted(dict.fromkeys(ways), key=lambda each: (each.standing, each.identity))


def _holding(index: Mapping[PolicyKey, list[_Each]], relevant: Held) -> Iterable[_Each]:
    return dict.fromkeys(each for key in relevant for each in index.get(key, ()))


def _from(part: Part, rules: Iterable[tuple[str, str]]) -> tuple[Rule, ...]:
    """The rules that are of policies that come from this part."""
    namespaces = {key[1]: key[0] for key in part.policies}
    return tuple(rule_of(*rule, namespaces[rule[0]]) for rule in rules if rule[0] in namespaces)


def _to(token: Token, part: Part) -> tuple[Step, ...]:
    """How an entity or a member of a group comes to a token; a login is named already."""
    return token.logs_in if part.identity.kind in {"entity", "group"} else ()


def _covering(chains: Mapping[str, Chain], namespace: str) -> Iterator[Chain]:
    """The chains to the namespace or one that has it in it."""
    return (chain for each, chain in chains.items() if not each or f"{namespace}/".startswith(f"{each}/"))


def _is_root(part: Part) -> bool:
    return part.identity.kind == "token" and any(key[1] == "root" for key in part.policies)
