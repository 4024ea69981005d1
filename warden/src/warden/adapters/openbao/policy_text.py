"""The text of an OpenBao policy as a `Policy`. Written from ``internal/vault/policy/policy.go`` of OpenBao 2.7."""

import datetime as dt
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from warden.adapters.openbao.hcl import Item, NotHcl, parse
from warden.core.access_index.policies import CAPABILITIES, DENY, PathRule, Policy

_KNOWN = frozenset(
    {
        "comment",
        "policy",
        "capabilities",
        "allowed_parameters",
        "denied_parameters",
        "required_parameters",
        "min_wrapping_ttl",
        "max_wrapping_ttl",
        "mfa_methods",
        "pagination_limit",
        "expiration",
        "list_scan_response_keys_filter_path",
        "control_group",
    }
)

_OLD = {
    "deny": DENY,
    "read": frozenset({"read", "list"}),
    "write": frozenset({"create", "read", "update", "delete", "list"}),
    "sudo": frozenset({"create", "read", "update", "delete", "list", "sudo"}),
}
"""What ``policy = "…"`` stands for, from before there were capabilities."""

_OPERATIONS = CAPABILITIES - {"sudo", "deny"}


def parse_policy(
    name: str,
    namespace: str,
    text: str,
    *,
    expires: dt.datetime | None = None,
    slashes: bool = False,
    wildcards: bool = False,
) -> Policy:
    """The policy that this text is; never raises: a text that cannot be read is in `Policy.unreadable`.

    The other arguments are stated beside the text (``sys/policies/acl/NAME``: ``expiration``,
    ``allow_slashes_in_identity_templates``, ``allow_wildcards_in_identity_templates``).
    """
    rules, unreadable = _rules(text)
    return Policy(
        name=name,
        namespace=namespace.strip("/"),
        rules=rules,
        expires=expires,
        slashes=slashes,
        wildcards=wildcards,
        unreadable=unreadable,
    )


@lru_cache(maxsize=4096)
def _rules(text: str) -> tuple[tuple[PathRule, ...], str]:
    """The stanzas, and why there are none. Many policies of a server have the same text in several namespaces."""
    try:
        return tuple(_rule(item) for item in _stanzas(parse(text))), ""
    except NotHcl as error:
        return (), str(error)


def _stanzas(items: tuple[Item, ...]) -> Iterator[Item]:
    for item in items:
        if item.keys[0] == "path":
            yield item
        elif item.keys[0] != "name":
            raise NotHcl("a key that is neither path nor name")


def _rule(item: Item) -> PathRule:
    path = item.keys[1] if len(item.keys) > 1 else "path"  # as the server names a stanza without a path
    fields = _fields(item.value, _KNOWN)
    _check_path(path)
    capabilities = _capabilities(fields)
    expires = _moment(_scalar(fields, "expiration"))
    if capabilities == DENY:  # the rest of such a stanza is not even read
        return PathRule(path=path, capabilities=DENY, expires=expires)
    return PathRule(
        path=path,
        capabilities=capabilities,
        allowed_parameters=_parameters(fields, "allowed_parameters"),
        denied_parameters=_parameters(fields, "denied_parameters"),
        required_parameters=_texts(fields, "required_parameters"),
        min_wrapping_ttl=_seconds(_scalar(fields, "min_wrapping_ttl")),
        max_wrapping_ttl=_seconds(_scalar(fields, "max_wrapping_ttl")),
        controlled=_controlled(fields.get("control_group", [])),
        mfa_methods=_texts(fields, "mfa_methods"),
        pagination_limit=_whole(_scalar(fields, "pagination_limit")),
        response_keys_filter=str(_scalar(fields, "list_scan_response_keys_filter_path") or ""),
        expires=expires,
    )


def _check_path(path: str) -> None:
    """Templates are balanced, and ``+*`` is forbidden."""
    first, *others = path.split("{{")
    if "}}" in first or any(each.count("}}") != 1 for each in others):
        raise NotHcl("a template that is not closed")
    if "+*" in path:
        raise NotHcl("+* in a path")


def _fields(value: Any, known: frozenset[str] | None) -> dict[str, list[Any]]:
    """The values of each key, in order; keys that come twice have several."""
    if not isinstance(value, tuple):
        raise NotHcl("a stanza that is not an object")
    found: dict[str, list[Any]] = {}
    for item in value:
        if known is not None and item.keys[0] not in known:
            raise NotHcl("an unknown key in a stanza")
        if len(item.keys) > 1:
            raise NotHcl("a block with a name where none is expected")
        found.setdefault(item.keys[0], []).append(item.value)
    return found


def _capabilities(fields: dict[str, list[Any]]) -> frozenset[str]:
    found = frozenset(_texts(fields, "capabilities"))
    old = _scalar(fields, "policy")
    if old:
        if old not in _OLD:
            raise NotHcl("an unknown policy")
        found = DENY if old == "deny" else found | _OLD[old]
    if found - CAPABILITIES:
        raise NotHcl("an unknown capability")
    return DENY if "deny" in found else found


def _texts(fields: dict[str, list[Any]], key: str) -> tuple[str, ...]:
    """A list of texts; those of a repeated key are joined."""
    found: list[str] = []
    for value in fields.get(key, []):
        if not isinstance(value, list):
            raise NotHcl("a list is expected")
        for each in value:
            if not isinstance(each, str):
                raise NotHcl("a text is expected")
            found.append(each)
    return tuple(found)


def _scalar(fields: dict[str, list[Any]], key: str) -> Any:
    """A value that may stand there once."""
    values = fields.get(key, [])
    if len(values) > 1:
        raise NotHcl("a value that is given twice")
    value = values[0] if values else None
    if value is not None and (isinstance(value, bool) or not isinstance(value, str | int | float)):
        raise NotHcl("a text or a number is expected")
    return value


def _parameters(fields: dict[str, list[Any]], key: str) -> dict[str, tuple[Any, ...]]:
    """By name in lower case. Two spellings of one name have no order on the server."""
    found: dict[str, tuple[Any, ...]] = {}
    spelled: dict[str, str] = {}
    for value in fields.get(key, []):
        for name, lists in _fields(value, None).items():
            if spelled.setdefault(name.lower(), name) != name or not all(isinstance(each, list) for each in lists):
                raise NotHcl("parameters that cannot be told")
            found[name.lower()] = found.get(name.lower(), ()) + tuple(each for one in lists for each in one)
    return found


def _controlled(groups: list[Any]) -> frozenset[str]:
    """What has to be approved: whatever a factor of the last control group names, everything where it names nothing."""
    found: frozenset[str] = frozenset()
    for group in groups:
        if not isinstance(group, tuple):
            raise NotHcl("a control group that is not an object")
        found = frozenset().union(*(_of_factor(item) for item in group if item.keys[0] == "factor"))
    return found


def _of_factor(item: Item) -> frozenset[str]:
    named: list[Any] = []
    for field in item.value if isinstance(item.value, tuple) else ():
        if field.keys == ("controlled_capabilities",):
            named += field.value if isinstance(field.value, list) else []
    return frozenset(map(str, named)) or _OPERATIONS


_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}


def _seconds(value: Any) -> float:
    """A duration: a number of seconds, ``7d``, or one of Go's (``1h30m``)."""
    if value is None or value == "":
        return 0
    if not isinstance(value, str):
        return int(value)
    if re.fullmatch(r"[+-]?\d+d?", value):
        return int(value[:-1]) * 86400 if value.endswith("d") else int(value)
    if re.fullmatch(f"({_DURATION.pattern})+", value):
        return sum(float(number) * _UNITS[unit] for number, unit in _DURATION.findall(value))
    raise NotHcl("not a duration")


def _whole(value: Any) -> int:
    if value is None:
        return 0
    try:
        return int(value, 0) if isinstance(value, str) else int(value)
    except ValueError as error:
        raise NotHcl("not a whole number") from error


def _moment(value: Any) -> dt.datetime | None:
    """A time: RFC 3339, or seconds since 1970."""
    if value is None or value == "":
        return None
    try:
        if isinstance(value, str) and not re.fullmatch(r"[+-]?\d+", value):
            moment = dt.datetime.fromisoformat(value)
        else:
            moment = dt.datetime.fromtimestamp(int(value), dt.UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise NotHcl("not a time") from error
    if moment.tzinfo is None:
        raise NotHcl("a time without its zone")
    return moment
