"""Adversarial OpenBao policies, identities and paths from a seed: few names, so that everything overlaps."""

import json
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

SEGMENTS = ("a", "ab", "abc", "b", "x", "a+b")
CAPABILITIES = ("create", "read", "update", "patch", "delete", "list", "scan", "sudo")
TEXTS = ("a", "b", "ab", "x", "a/b", "a*", "+", "")
"""What templates are filled in with: among them what OpenBao leaves a stanza out for."""

NAMES = ("p", "q")
VALUES: tuple[Any, ...] = ("one", "two*", "th*")
WRAPS = (30, 90, 120, 300)
"""Seconds between the limits that policies set."""


class RandomPolicies:
    """Makes policy texts, and paths that they may cover.

    Args:
        random: seeded.
        accessor: of the auth mount that aliases are at.
        groups: the names of groups, and their ids.
    """

    def __init__(self, random: Random, accessor: str, groups: Mapping[str, str]) -> None:
        self._random = random
        self._templates = (
            "{{identity.entity.id}}",
            "{{identity.entity.name}}",
            "{{identity.entity.metadata.team}}",
            "{{ identity.entity.metadata.none }}",
            f"{{{{identity.entity.aliases.{accessor}.name}}}}",
            f"{{{{identity.entity.aliases.{accessor}.custom_metadata.team}}}}",
            "{{identity.entity.aliases.auth_none_1234.name}}",
            *(f"{{{{identity.groups.names.{name}.name}}}}" for name in groups),
            *(f"{{{{identity.groups.names.{name}.metadata.team}}}}" for name in groups),
            *(f"{{{{identity.groups.ids.{each}.name}}}}" for each in groups.values()),
            "{{identity.entity.groups.names}}",
        )

    def text(self) -> str:
        """A policy of one to six stanzas, one of which may come twice."""
        pick = self._random
        paths = [self._pattern() for _ in range(pick.randint(1, 6))]
        if pick.random() < 0.4:
            paths.append(pick.choice(paths))
        stanzas = [(path, self._stanza()) for path in paths]
        if pick.random() < 0.15 and len({path for path, _ in stanzas}) == len(stanzas):
            return json.dumps({"path": {path: fields for path, fields in stanzas if fields}})
        return "".join(self._written(path, fields) for path, fields in stanzas)

    def path(self) -> str:
        """A path as it is asked for."""
        pick = self._random
        parts = [pick.choice(SEGMENTS[:5]) for _ in range(pick.randint(1, 5))]
        head = "team/" if pick.random() < 0.2 else ""
        return head + "/".join(parts) + ("/" if pick.random() < 0.3 else "")

    def near(self, pattern: str) -> str:
        """A path that a stanza with this path covers, or nearly."""
        pick = self._random
        bare = pattern.lstrip("/").removesuffix("*")
        parts = [pick.choice(SEGMENTS[:5]) if each == "+" else each for each in bare.split("/")]
        if pick.random() < 0.2:
            parts[pick.randrange(len(parts))] = pick.choice(SEGMENTS)
        ending = pick.choice(("", "", "/", "b", "/a", "x/b/"))
        return ("/".join(parts) + ending).replace("//", "/") or "a"

    def _pattern(self) -> str:
        pick = self._random
        parts = [self._segment() for _ in range(pick.randint(0 if pick.random() < 0.05 else 1, 5))]
        if pick.random() < 0.2:
            parts.insert(0, "team")
        ending = pick.choice(("", "", "", "", "/", "*", "*", "/*", "/+"))
        path = ("/" if pick.random() < 0.1 else "") + "/".join(parts) + ending
        return path.replace("+*", "+")

    def _segment(self) -> str:
        pick = self._random
        chance = pick.random()
        if chance < 0.25:
            return "+"
        return pick.choice(self._templates) if chance < 0.33 else pick.choice(SEGMENTS)

    def _stanza(self) -> dict[str, Any]:
        pick = self._random
        chance = pick.random()
        if chance < 0.12:
            return {"capabilities": ["deny", "read"]} if pick.random() < 0.5 else {"policy": "deny"}
        if chance < 0.22:
            return {"policy": pick.choice(("read", "write", "sudo"))}
        fields: dict[str, Any] = {"capabilities": pick.sample(CAPABILITIES, pick.randint(0, 5))}
        if pick.random() < 0.15:
            fields["expiration"] = pick.choice(("2020-01-01T00:00:00Z", "2099-01-01T00:00:00+02:00", "1577836800"))
        if pick.random() < 0.45:
            self._restrict(fields)
        return fields

    def _restrict(self, fields: dict[str, Any]) -> None:
        pick = self._random
        for kind in ("allowed_parameters", "denied_parameters"):
            if pick.random() < 0.3:
                fields[kind] = {
                    name: pick.sample(VALUES, pick.randint(0, 2))
                    for name in pick.sample((*NAMES, "*"), pick.randint(1, 2))
                }
        if pick.random() < 0.3:
            fields["required_parameters"] = [pick.choice(NAMES)]
        if pick.random() < 0.2:
            fields["min_wrapping_ttl"] = pick.choice(("1m", 60, "120s"))
        if pick.random() < 0.2:
            fields["max_wrapping_ttl"] = pick.choice(("1h", 120, "2m0s"))
        if pick.random() < 0.1:
            fields["pagination_limit"] = 5
        if pick.random() < 0.35:
            held = pick.sample(("read", "update", "list", "delete"), 2)
            identity = {"group_names": ["g1"], "approvals": 1}
            factor = {"f": {"controlled_capabilities": held, "identity": identity}}
            fields["control_group"] = {"ttl": "1h", "factor": factor}

    def _written(self, path: str, fields: Mapping[str, Any]) -> str:
        """As HCL, in one of the spellings that the server takes."""
        pick = self._random
        quoted = json.dumps(path)
        key = pick.choice(("path", '"path"'))
        between = pick.choice(("\n", "\n", " # why not }\n", " /* { */ "))
        body = "".join(f"{_key(name, pick)} {_value(name, value, pick)}{between}" for name, value in fields.items())
        comment = pick.choice(("", "// first\n"))
        return f"{comment}{key} {quoted} {{{between}{body}}}\n"


def _key(name: str, pick: Random) -> str:
    return f'"{name}"' if pick.random() < 0.2 else name


def _value(name: str, value: Any, pick: Random) -> str:
    if name == "control_group":
        factor = value["factor"]["f"]
        identity = f"identity {{ group_names = {json.dumps(factor['identity']['group_names'])} approvals = 1 }}"
        held = json.dumps(factor["controlled_capabilities"])
        return f'= {{ ttl = "1h" factor "f" {{ controlled_capabilities = {held} {identity} }} }}'
    if isinstance(value, Mapping):
        pairs = pick.choice((", ", "\n")).join(f"{json.dumps(key)} = {json.dumps(each)}" for key, each in value.items())
        return f"{pick.choice(('=', ''))} {{ {pairs} }}"
    if isinstance(value, Sequence) and not isinstance(value, str) and value and pick.random() < 0.2:
        return f"= [ {', '.join(map(json.dumps, value))}, ]"
    return f"= {json.dumps(value)}"
