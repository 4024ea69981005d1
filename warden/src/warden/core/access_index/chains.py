"""Chains of writes: what is done first, what that gives, and what is done with it."""

from functools import cache

import msgspec

from warden.core.access_index.acl import Rule as RawRule
from warden.core.access_index.power import Power
from warden.core.access_index.ways import Condition, Rule, Step, StepKind

Usable = tuple[Power, tuple[RawRule, ...], tuple[Condition, ...]]
"""A power, the rules that give it, and what has to be so besides."""


class Link(msgspec.Struct, frozen=True, eq=False):
    """One step before it is told to anybody: thousands are made for one that is shown."""

    power: Power
    rules: tuple[RawRule, ...]
    gains: str = ""


class Chain(msgspec.Struct, frozen=True, eq=False):
    """Links in order, and what has to be so for them."""

    links: tuple[Link, ...] = ()
    conditions: tuple[Condition, ...] = ()

    @property
    def first(self) -> tuple[RawRule, ...]:
        """The rules of the first step: those of whoever has this chain."""
        return self.links[0].rules

    @property
    def steps(self) -> tuple[Step, ...]:
        """The chain, to be told."""
        return tuple(_step(link) for link in self.links)

    def then(self, power: Power, rules: tuple[RawRule, ...], more: tuple[Condition, ...]) -> "Chain":
        """The chain with one step more."""
        own = (power.condition,) if power.condition else ()
        link = Link(power, rules, power.gains)
        return Chain((*self.links, link), tuple(dict.fromkeys((*self.conditions, *own, *more))))

    def and_then(self, other: "Chain") -> "Chain":
        """Both, for what takes both."""
        links = {(link.power.path, link.gains): link for link in (*self.links, *other.links)}
        return Chain(tuple(links.values()), tuple(dict.fromkeys((*self.conditions, *other.conditions))))


def _step(link: Link) -> Step:
    return _told(link.power.does, link.power.path, link.gains, link.rules, link.power.namespace)


@cache
def _told(does: StepKind, path: str, gains: str, rules: tuple[RawRule, ...], namespace: str) -> Step:
    return Step(does=does, path=path, gains=gains, rules=tuple(rule_of(*rule, namespace) for rule in rules))


@cache
def rule_of(policy: str, path: str, namespace: str) -> Rule:
    """A rule, made once: its texts are looked through for secrets."""
    return Rule(policy, path, namespace)
