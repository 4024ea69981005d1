"""What a set of policies allows on a path: OpenBao's access control list, decided here.

The rules are those of OpenBao 2.7, ``internal/vault/policy/acl.go``. A test compares them with a server's own answers
(``tests/adapters/openbao/test_acl_agreement.py``).

    acl = Acl(policies, now)
    acl.decide("platform/data/mail", "read")
    ->  Decision(allowed="yes", rules=(("workload-mail", "platform/data/mail"),))
"""

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from warden.core.access_index.policies import DENY, PathRule, Policy

Allowed = Literal["yes", "no", "conditional", "unknown"]

Condition = Literal[
    "control-group",
    "required-parameters",
    "allowed-parameters",
    "denied-parameters",
    "wrapped",
    "template",
    "unreadable-policy",
]
"""Why an answer is conditional or unknown.

``wrapped``: only as a wrapped answer. ``template``: a stanza's path depends on facts that are not known.
``unreadable-policy``: one of the policies could not be parsed.
"""

Rule = tuple[str, str]
"""The name of a policy and the path of its stanza, as written."""

SLASHED = frozenset({"list", "scan"})
"""Their paths end with a slash: the server adds it where it is left out."""

_WITH_PARAMETERS = frozenset({"create", "read", "update", "patch"})


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for one path and capability.

    Attributes:
        allowed: ``unknown`` is neither of the others.
        rules: the stanzas that gave the answer, merged where several policies have the same path; none where none
            covers the path.
        conditions: of a conditional or unknown answer.
    """

    allowed: Allowed
    rules: tuple[Rule, ...] = ()
    conditions: tuple[Condition, ...] = ()


NO = Decision(allowed="no")
_ROOT = Decision(allowed="yes", rules=(("root", ""),))


class Acl:
    """The policies of one token, or of several that have the same.

    Args:
        policies: with templates filled in (`policies.rendered`); what is left as a template makes answers unknown.
        now: stanzas and policies that have expired by then do not count.
    """

    def __init__(self, policies: Iterable[Policy], now: dt.datetime) -> None:
        valid = sorted(
            {each.key: each for each in policies if each.expires is None or now <= each.expires}.values(),
            key=lambda each: each.key,
        )
        roots = [each for each in valid if each.name == "root"]
        self._roots = tuple(_prefix(each.namespace) for each in roots)
        self._unreadable = () if roots else tuple((each.name, "") for each in valid if each.unreadable)
        self._locked = not roots and any(each.locked for each in valid)
        self._exact: dict[str, _Stanza] = {}
        self._globs: dict[str, _Stanza] = {}
        self._segments: dict[str, _Stanza] = {}
        self._open: list[tuple[re.Pattern[str], Rule]] = []
        for policy in () if roots else valid:
            for rule in policy.rules:
                if rule.expires is None or now <= rule.expires:
                    self._add(policy, rule)
        self._lengths = sorted({len(each) for each in self._globs}, reverse=True)
        self._patterns = sorted(
            (_Pattern.of(path, each) for path, each in self._segments.items()), key=lambda one: one.rank, reverse=True
        )

    def _add(self, policy: Policy, rule: PathRule) -> None:
        path = full_path(policy.namespace, rule.path)
        if "{{" in rule.path:
            self._open.append((open_pattern(path, policy), (policy.name, rule.path)))
        elif "+*" in path:  # refused when a policy is written, but a template can become one
            self._locked = True
        else:
            kind, key = classify(path)
            found = {"exact": self._exact, "glob": self._globs, "segments": self._segments}[kind]
            if key in found:
                found[key].merge(policy, rule)
            else:
                found[key] = _Stanza(policy, rule)

    def decide(self, path: str, capability: str) -> Decision:
        """Whether the capability is held on the path; the path is the whole one, namespaces included.

        ``sudo`` is asked for beside the capability that a request needs, where OpenBao protects its path.
        """
        listing = capability in SLASHED
        if listing and not path.endswith("/"):
            path += "/"
        return self._each(path, (capability,), slashed=listing)[0]

    def decide_each(self, path: str, capabilities: Iterable[str]) -> list[Decision]:
        """`decide` for several capabilities of which none lists, with one look at the path."""
        return self._each(path, tuple(capabilities), slashed=False)

    def _each(self, path: str, capabilities: tuple[str, ...], *, slashed: bool) -> list[Decision]:
        path = path.lstrip("/")
        if self._roots:
            inside = any(path.startswith(root) for root in self._roots)
            return [_ROOT if inside else NO for _ in capabilities]
        if self._locked:
            return [NO for _ in capabilities]
        stanza = self._find(path, slashed)
        doubt = self._doubt(path, stanza)
        if doubt is not None:
            return [doubt for _ in capabilities]
        return [NO if stanza is None else stanza.decide(each) for each in capabilities]

    def capabilities(self, path: str) -> frozenset[str] | None:
        """What ``sys/capabilities`` answers, which looks every path up as a list does and ignores all conditions.

        None where it is not known, and none at all where the server refuses the token.
        """
        if self._locked:
            return frozenset()
        path = path.lstrip("/")
        if self._roots:
            return frozenset({"root"}) if any(path.startswith(root) for root in self._roots) else DENY
        stanza = self._find(path, slashed=True)
        if self._doubt(path, stanza) is not None:
            return None
        return stanza.capabilities if stanza is not None and stanza.capabilities else DENY

    def _find(self, path: str, slashed: bool) -> "_Stanza | None":
        """The one stanza that counts; a list falls back to the path without its slash."""
        found = self._exact.get(path)
        if found is not None:
            return found
        bare = path.removesuffix("/") if slashed else path
        if slashed:
            found = self._exact.get(bare)
            if found is not None:
                return found
        return self._covering(path) or (self._covering(bare) if bare != path else None)

    def _covering(self, path: str) -> "_Stanza | None":
        """The stanza with wildcards that ranks highest among those that cover the path."""
        glob = next((path[:size] for size in self._lengths if path[:size] in self._globs), None)
        if self._patterns:
            parts = path.split("/")
            pattern = next((each for each in self._patterns if each.covers(parts)), None)
            if pattern is not None and (glob is None or pattern.rank > _rank(glob, len(glob), 0, is_prefix=True)):
                return pattern.stanza
        return None if glob is None else self._globs[glob]

    def _doubt(self, path: str, stanza: "_Stanza | None") -> Decision | None:
        """Whether something that is not known could change the answer; a denial of the very path stands anyway."""
        if not self._unreadable and not self._open:
            return None
        if stanza is not None and stanza.capabilities == DENY and self._exact.get(path) is stanza:
            return None
        if self._unreadable:
            return Decision(allowed="unknown", rules=self._unreadable, conditions=("unreadable-policy",))
        rules = tuple(rule for pattern, rule in self._open if pattern.match(path))
        return Decision(allowed="unknown", rules=rules, conditions=("template",)) if rules else None


class _Stanza:
    """Stanzas with the same path, merged: what `NewACL` keeps of them."""

    def __init__(self, policy: Policy, rule: PathRule) -> None:
        self.capabilities = rule.capabilities
        self._decided: dict[str, Decision] = {}
        self._rules: list[tuple[Rule, frozenset[str]]] = [((policy.name, rule.path), rule.capabilities)]
        self._allowed: dict[str, tuple[Any, ...]] = dict(rule.allowed_parameters)
        self._denied: dict[str, tuple[Any, ...]] = dict(rule.denied_parameters)
        self._required = {each.lower() for each in rule.required_parameters}
        self._shortest, self._longest = rule.min_wrapping_ttl, rule.max_wrapping_ttl
        # The first stanza's control group counts. Policies of one namespace come in order, those of several do not.
        self._controlled = {policy.namespace: rule.controlled}

    def merge(self, policy: Policy, rule: PathRule) -> None:
        """Add another one: a denial wins, capabilities add up, restrictions add up."""
        added = ((policy.name, rule.path), rule.capabilities)
        if self.capabilities == DENY:
            return
        if rule.capabilities == DENY:
            self.capabilities = DENY
            self._rules = [added]
            return
        self.capabilities |= rule.capabilities
        self._rules.append(added)
        self._shortest = _lower(self._shortest, rule.min_wrapping_ttl)
        self._longest = _lower(self._longest, rule.max_wrapping_ttl)
        _merge_parameters(self._allowed, rule.allowed_parameters)
        _merge_parameters(self._denied, rule.denied_parameters)
        self._required |= {each.lower() for each in rule.required_parameters}
        self._controlled.setdefault(policy.namespace, rule.controlled)

    def decide(self, capability: str) -> Decision:
        """As `Acl.decide`, for a path that this covers; the same for all of them, once the policies are merged."""
        found = self._decided.get(capability)
        if found is None:
            found = self._decided[capability] = self._decide(capability)
        return found

    def _decide(self, capability: str) -> Decision:
        if capability not in self.capabilities:
            denying = tuple(rule for rule, held in self._rules if held == DENY)
            return Decision(allowed="no", rules=denying)
        rules = tuple(rule for rule, held in self._rules if capability in held)
        if capability == "sudo":
            return Decision(allowed="yes", rules=rules)
        if self._never(capability):
            return Decision(allowed="no", rules=rules)
        conditions = tuple(self._conditions(capability))
        return Decision(allowed="conditional" if conditions else "yes", rules=rules, conditions=conditions)

    def _never(self, capability: str) -> bool:
        """Whether no request can meet the restrictions."""
        if 0 < self._longest < self._shortest:
            return True
        if capability not in _WITH_PARAMETERS or not self._required:
            return False
        closed = self._allowed and "*" not in self._allowed
        return "*" in self._denied or any(
            (closed and each not in self._allowed)
            or not _some_value(self._allowed.get(each, ()), self._denied.get(each))
            for each in self._required
        )

    def _conditions(self, capability: str) -> Iterable[Condition]:
        if all(capability in each for each in self._controlled.values()):
            yield "control-group"
        if self._longest or self._shortest:
            yield "wrapped"
        if capability not in _WITH_PARAMETERS:
            return
        if self._required:
            yield "required-parameters"
        if capability != "read" or self._required:  # a read carries none of its own
            if self._allowed and tuple(self._allowed) != ("*",):
                yield "allowed-parameters"
            if self._denied:
                yield "denied-parameters"


def _lower(one: float, other: float) -> float:
    """The lower of two limits, of which 0 means no limit."""
    return min(one, other) if one and other else one or other


def _merge_parameters(into: dict[str, tuple[Any, ...]], more: Mapping[str, tuple[Any, ...]]) -> None:
    """Values add up; no values means every value, and stays so."""
    for name, values in more.items():
        held = into.get(name)
        into[name] = () if not values or held == () else (*values, *(held or ()))


def _some_value(allowed: tuple[Any, ...], denied: tuple[Any, ...] | None) -> bool:
    """Whether there is a value that is allowed (none named: every one) and not denied (none named: every one)."""
    if denied is None or not allowed:
        return denied != ()
    return denied != () and any(not any(_covers(pattern, value) for pattern in denied) for value in allowed)


def _covers(pattern: Any, value: Any) -> bool:
    """As ``GlobbedStringsMatch``; a value may be a pattern itself."""
    if not isinstance(pattern, str) or not isinstance(value, str) or len(pattern) < 2:  # noqa: PLR2004
        return bool(pattern == value)
    text = pattern.removeprefix("*").removesuffix("*")
    if pattern.startswith("*"):
        return text in value if pattern.endswith("*") else value.endswith(text)
    return value.startswith(text) if pattern.endswith("*") else value == pattern


# -- paths ------------------------------------------------------------------------------------------------------------


class _Rank(NamedTuple):
    """Which of several wildcards wins, the highest: `less` in ``CheckAllowedFromNonExactPaths``."""

    first: int
    whole: bool
    fewer: int
    size: int
    path: str


def _rank(path: str, first: int, wildcards: int, *, is_prefix: bool) -> _Rank:
    size = len(path.encode())
    return _Rank(first if path.isascii() else len(path[:first].encode()), not is_prefix, -wildcards, size, path)


class _Pattern(NamedTuple):
    """A path with ``+`` segments, and perhaps ``*`` at its end."""

    rank: _Rank
    parts: tuple[str, ...]
    is_prefix: bool
    stanza: _Stanza

    @classmethod
    def of(cls, path: str, stanza: _Stanza) -> "_Pattern":
        is_prefix = path.endswith("*")
        bare = path.removesuffix("*")
        parts = tuple(bare.split("/"))
        return cls(_rank(bare, path.index("+"), parts.count("+"), is_prefix=is_prefix), parts, is_prefix, stanza)

    def covers(self, parts: Sequence[str]) -> bool:
        """Whether the path with these segments is meant."""
        last = len(self.parts) - 1
        if len(parts) <= last or (not self.is_prefix and len(parts) != last + 1):
            return False
        return all(
            mine in {"+", theirs} or (self.is_prefix and at == last and theirs.startswith(mine))
            for at, (mine, theirs) in enumerate(zip(self.parts, parts, strict=False))
        )


def _prefix(namespace: str) -> str:
    return f"{namespace}/" if namespace else ""


def full_path(namespace: str, path: str) -> str:
    """A stanza's path as requests are compared with it: the policy's namespace stands before it."""
    return _prefix(namespace) + path.removeprefix("/")


def classify(path: str) -> tuple[Literal["exact", "glob", "segments"], str]:
    """Of which kind a full path is, and what it is kept under: a glob without its star."""
    if path == "+" or "/+" in path or path.startswith("+/"):
        return "segments", path
    return ("glob", path.removesuffix("*")) if path.endswith("*") else ("exact", path)


def open_pattern(path: str, policy: Policy) -> re.Pattern[str]:
    """What a path with templates could cover, whatever they are replaced by."""
    anything = ".*" if policy.slashes or policy.wildcards else "[^/]*"
    texts = re.split(r"\{\{.*?\}\}", path)
    written = anything.join(
        "".join("[^/]*" if each == "+" else ".*" if each == "*" else re.escape(each) for each in text) for text in texts
    )
    return re.compile(written + "/?$", re.DOTALL)
