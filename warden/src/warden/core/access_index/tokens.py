"""The tokens that can be had: of each login, of each login as an entity or with a group, and those that are alive."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

import msgspec

from warden.core.access_index.decisions import Decisions
from warden.core.access_index.holders import Added, Held, Holders, Login, Part
from warden.core.access_index.policies import NO_ENTITY, TemplateFacts
from warden.core.access_index.relevance import PolicyKey
from warden.core.access_index.ways import Condition, Step

_Each = TypeVar("_Each")


class Token(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A token that somebody can have: where its policies come from, and whose templates are filled in.

    ``logs_in`` is the login by which an entity, or a member of a group, gets it.
    """

    parts: tuple[Part, ...]
    held: Held
    facts: TemplateFacts | None = None
    conditions: tuple[Condition, ...] = ()
    logs_in: tuple[Step, ...] = ()


class Alike(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Entities that add the same policies to the same logins, so that they are decided once.

    ``logins`` is one login for each set of policies that a login gives.
    """

    members: tuple[Added, ...]
    policies: Held
    logins: Mapping[Held, Login]
    by_policy: Mapping[PolicyKey, list[Held]]

    def token(self, login: Login) -> Token:
        """Of such a login as any of these: the parts of all of them, since each is a way of its own."""
        parts = dict.fromkeys(part for member in self.members for part in member.parts)
        return Token(
            parts=(login.part, *parts),
            held=login.part.policies | self.policies,
            facts=self.members[0].facts,
            conditions=("cidr",) if login.cidr else (),
            logs_in=(_logs_in(login),),
        )

    def that_differ(self, relevant: Held) -> Iterator[Login]:
        """A login for each set of relevant policies that one gives."""
        giving = {held for key in relevant for held in self.by_policy.get(key, ())}
        if len(giving) < len(self.logins):
            yield next(login for held, login in self.logins.items() if held not in giving)
        shown: set[Held] = set()
        for held in giving:
            if (subset := held & relevant) not in shown:
                shown.add(subset)
                yield self.logins[held]


def tokens_alone(holders: Holders) -> Iterator[Token]:
    """Of each login by itself, with its entity where that is certain; and those that are alive."""
    for login in _open(holders):
        parts: tuple[Part, ...] = (login.part,)
        facts = None
        if login.always:
            added = next(holders.added[each] for each in login.entities if not each.startswith("group:"))
            parts, facts = (login.part, *added.parts), added.facts
        conditions: tuple[Condition, ...] = ("cidr",) if login.cidr else ()
        yield Token(parts=parts, held=union(parts), facts=facts, conditions=conditions, logs_in=(_logs_in(login),))
    for token, sources in holders.tokens:
        entity = holders.added.get(token.entity)
        own = frozenset((token.namespace, each) for each in token.policies)
        yield Token(parts=sources, held=own | union(sources), facts=entity.facts if entity else NO_ENTITY)


def alike(holders: Holders, decisions: Decisions) -> Iterator[Alike]:
    """What entities and external groups add to logins that may be theirs."""
    logins: dict[str, dict[Held, Login]] = defaultdict(dict)
    for login in _open(holders):
        for key in login.entities:
            if not login.always or key.startswith("group:"):
                logins[key].setdefault(login.part.policies, login)
    classes: dict[tuple[Held, frozenset[Held], str], list[str]] = defaultdict(list)
    for key, here in logins.items():
        added = holders.added[key]
        if added.policies:
            personal = added.facts if decisions.templated(added.policies.union(*here)) else None
            classes[added.policies, frozenset(here), personal.id if personal else ""].append(key)
    for (policies, _, _), keys in classes.items():
        members = tuple(holders.added[key] for key in keys)
        here = logins[keys[0]]
        yield Alike(members=members, policies=policies, logins=here, by_policy=by_policy((held, held) for held in here))


def _open(holders: Holders) -> Iterator[Login]:
    return (login for login in holders.logins if not login.shut)


def by_policy(found: Iterable[tuple[Held, _Each]]) -> dict[PolicyKey, list[_Each]]:
    """Policy -> what goes with the sets that it is in."""
    index: dict[PolicyKey, list[_Each]] = defaultdict(list)
    for held, each in found:
        for key in held:
            index[key].append(each)
    return index


def union(parts: Iterable[Part]) -> Held:
    """All the policies of these."""
    return frozenset().union(*(part.policies for part in parts))


def _logs_in(login: Login) -> Step:
    return Step(does="logs-in", path=login.role.path)
