"""What OpenBao's policies say: the stanzas of each, and their templates filled in for one identity.

The structures follow OpenBao 2.7: ``internal/vault/policy/policy.go`` (stanzas) and
``sdk/helper/identitytpl/templating.go`` (templates).
"""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any, Literal, get_args

import msgspec

Capability = Literal["create", "read", "update", "delete", "list", "sudo", "patch", "scan", "deny"]
CAPABILITIES: frozenset[str] = frozenset(get_args(Capability))

DENY: frozenset[str] = frozenset({"deny"})
"""What a stanza has that denies: OpenBao drops everything that stands beside it."""

Parameters = Mapping[str, tuple[Any, ...]]
"""Names of parameters in lower case, each with the values that are meant; none: every value."""


class PathRule(msgspec.Struct, frozen=True, kw_only=True):
    """One stanza of a policy.

    Attributes:
        path: as written: wildcards and templates included, without the namespace of the policy.
        capabilities: exactly ``deny``, or without it.
        allowed_parameters, denied_parameters: empty where the stanza does not restrict them.
        required_parameters: names that a request has to carry.
        min_wrapping_ttl, max_wrapping_ttl: seconds; 0 for none. With either, only wrapped answers are given.
        controlled: the capabilities that wait for the approval of a control group.
        mfa_methods: read by OpenBao 2.7 and asked of nobody.
        pagination_limit: the most keys of one answer to list or scan; 0 for no limit.
        response_keys_filter: the template by which keys are left out of an answer to list or scan.
        expires: since when the stanza is void.
    """

    path: str
    capabilities: frozenset[str] = frozenset()
    allowed_parameters: Parameters = {}
    denied_parameters: Parameters = {}
    required_parameters: tuple[str, ...] = ()
    min_wrapping_ttl: float = 0
    max_wrapping_ttl: float = 0
    controlled: frozenset[str] = frozenset()
    mfa_methods: tuple[str, ...] = ()
    pagination_limit: int = 0
    response_keys_filter: str = ""
    expires: dt.datetime | None = None

    @property
    def templated(self) -> bool:
        """Whether the path depends on who asks."""
        return "{{" in self.path


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """An ACL policy.

    Attributes:
        name: in lower case, as OpenBao keeps it.
        namespace: its path without a slash at either end; empty for the root namespace.
        rules: in the order of the text; a path may come twice.
        expires: since when the whole policy is void (``sys/policies/acl`` states it as ``expiration``).
        slashes, wildcards: whether a template may be replaced by a text that holds ``/``, or ``*`` and ``+``.
        unreadable: why the text could not be parsed. Then everything about the policy is unknown.
        locked: the identity that it was filled in for gives a template a text that is blocked. OpenBao 2.7 then
            refuses every request of that identity, whatever its other policies say (measured).
    """

    name: str
    namespace: str = ""
    rules: tuple[PathRule, ...] = ()
    expires: dt.datetime | None = None
    slashes: bool = False
    wildcards: bool = False
    unreadable: str = ""
    locked: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name, unique on a server."""
        return self.namespace, self.name

    @property
    def templated(self) -> bool:
        """Whether it depends on who asks."""
        return any(rule.templated for rule in self.rules)


class AliasFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a template can name of an entity's alias."""

    id: str = ""
    name: str = ""
    metadata: Mapping[str, str] = {}
    custom_metadata: Mapping[str, str] = {}


class GroupFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a template can name of a group that the entity is in, directly or through other groups."""

    id: str = ""
    name: str = ""
    namespace: str = ""
    metadata: Mapping[str, str] = {}


class TemplateFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the templates of a policy are replaced by.

    Attributes:
        id: of the entity; empty for a token without one, for whom no template is ever filled in.
        name, metadata: of the entity.
        aliases: by the accessor of their auth mount.
        groups: as they are looked through, in OpenBao's order.
        known: false where the entity is not there yet, or could not be read: a template may then become anything.
    """

    id: str = ""
    name: str = ""
    metadata: Mapping[str, str] = {}
    aliases: Mapping[str, AliasFacts] = {}
    groups: tuple[GroupFacts, ...] = ()
    known: bool = True


NO_ENTITY = TemplateFacts()
"""Of tokens without an entity (``auth/token/create`` without one, root tokens, batch tokens of a token role)."""

ANYBODY = TemplateFacts(known=False)
"""Of somebody whose entity is not known."""


def rendered(policy: Policy, facts: TemplateFacts) -> Policy:
    """The policy as it holds for one identity.

    A stanza whose template cannot be filled in is left out, as OpenBao does. One of which that cannot be said (facts
    that are not known, the time) stays a template, which `Acl` answers with unknown.
    """
    if not policy.templated:
        return policy
    rules = []
    for rule in policy.rules:
        try:
            path = _filled_in(rule.path, policy, facts) if rule.templated else rule.path
        except _Blocked:
            return msgspec.structs.replace(policy, rules=(), locked=True)
        if path is not None:
            rules.append(rule if path == rule.path else msgspec.structs.replace(rule, path=path))
    return msgspec.structs.replace(policy, rules=tuple(rules))


_TEMPLATE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


class _Blocked(Exception):
    """A template would be replaced by a text that the policy does not allow there."""


def _filled_in(path: str, policy: Policy, facts: TemplateFacts) -> str | None:
    """The path for that identity; the template itself where it is not known; none where there is no such path."""
    directives = [each.strip() for each in _TEMPLATE.findall(path)]
    if any(each.startswith("time.") for each in directives) or not facts.known:
        return path
    blocked = ("" if policy.slashes else "/") + ("" if policy.wildcards else "*+")
    texts = []
    for directive in directives:
        text = _replacement(directive, policy.namespace, facts)
        if text is None:
            return None
        if any(sign in text for sign in blocked):
            raise _Blocked
        texts.append(text)
    filled = iter(texts)
    return _TEMPLATE.sub(lambda _: next(filled), path)


def _replacement(directive: str, namespace: str, facts: TemplateFacts) -> str | None:
    """The text for one directive. An empty id or name counts as none, an empty metadatum does not."""
    if directive.startswith("identity.entity.") and facts.id:
        return _of_entity(directive.removeprefix("identity.entity."), facts)
    if directive.startswith("identity.groups."):
        return _of_group(directive.removeprefix("identity.groups."), namespace, facts)
    return None


def _of_entity(selector: str, facts: TemplateFacts) -> str | None:
    if selector.startswith("aliases."):
        accessor, _, rest = selector.removeprefix("aliases.").partition(".")
        alias = facts.aliases.get(accessor)
        return None if alias is None else _named(rest, alias.id, alias.name, alias.metadata, alias.custom_metadata)
    return _named(selector, facts.id, facts.name, facts.metadata)


def _named(
    selector: str, own_id: str, name: str, metadata: Mapping[str, str], custom: Mapping[str, str] | None = None
) -> str | None:
    head, _, key = selector.partition(".")
    if head == "metadata" and "." in selector:
        return metadata.get(key)
    if head == "custom_metadata" and "." in selector:
        return (custom or {}).get(key)
    return {"id": own_id, "name": name}.get(selector) or None


def _of_group(selector: str, namespace: str, facts: TemplateFacts) -> str | None:
    """By id in any namespace, by name only in the policy's own."""
    kind, _, rest = selector.partition(".")
    wanted, dot, what = rest.partition(".")
    if not dot or kind not in {"ids", "names"}:
        return None
    for group in facts.groups:
        if (group.id == wanted) if kind == "ids" else ((group.name, group.namespace) == (wanted, namespace)):
            return _named(what, group.id, group.name, group.metadata)
    return None
