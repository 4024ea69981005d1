"""`Acl` and `parse_policy` against a server's own answers: 10,000 seeded tuples of policies, identity and path.

``sys/capabilities`` answers all capabilities of a path at once and ignores every condition; what conditions do is seen
by real requests to paths where nothing is mounted: 403 where the policies refuse, 404 or 405 where they do not.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from random import Random
from typing import Any, NamedTuple

import pytest
from platform_server import PlatformServer, served
from random_policies import NAMES, SEGMENTS, TEXTS, WRAPS, RandomPolicies

from warden.adapters.openbao.policy_text import parse_policy
from warden.core.access_index.acl import SLASHED, Acl, full_path
from warden.core.access_index.policies import AliasFacts, GroupFacts, Policy, TemplateFacts, rendered
from warden.core.openbao.api import Request
from warden.core.secret import Secret

SEED = 13
TOKENS, PATHS = 100, 100
REQUESTS = 25
"""Real requests for each token: a path, each with every kind of parameters and wrapping."""


class Holder(NamedTuple):
    """A token, what is known of who holds it, and its policies' keys."""

    token: str
    facts: TemplateFacts
    policies: frozenset[tuple[str, str]]


class World:
    """A server with random policies, entities, groups and tokens, and what was written there."""

    def __init__(self, server: PlatformServer, random: Random) -> None:
        self.server, self.random = server, random
        self.policies: dict[tuple[str, str], Policy] = {}
        self.refused: list[str] = []
        self.send("POST", "sys/namespaces/team", {})
        self.accessor = self.send("GET", "sys/auth")["data"]["token/"]["accessor"]
        self.groups = {name: self._group(name) for name in ("g1", "g2")}
        self.make = RandomPolicies(random, self.accessor, {name: each.id for name, each in self.groups.items()})
        for namespace, count in (("", 160), ("team", 30)):
            for number in range(count):
                self._policy(namespace, f"r{number}", self.make.text())
            self._default(namespace)
        role = {"allowed_entity_aliases": ["*"], "orphan": True}
        self.send("POST", "auth/token/roles/seeded", role)
        self.holders = [self._holder(number) for number in range(TOKENS)]

    def send(self, method: str, path: str, body: Mapping[str, Any] | None = None, namespace: str = "") -> Any:
        """One request of the administrator's that has to work."""
        status, answer = self.attempt(method, path, body, namespace)
        assert status in {200, 204}, (method, path, body, status, answer)
        return answer

    def attempt(self, method: str, path: str, body: Mapping[str, Any] | None = None, namespace: str = "") -> Any:
        """One request of the administrator's: status and body."""
        vault = self.server.vault("admin")
        headers = {"X-Vault-Namespace": namespace} if namespace else {}
        answer = vault.send(vault.as_caller(Request(method=method, path=path, body=body, headers=headers)))
        return answer.status, answer.body

    def _group(self, name: str) -> GroupFacts:
        made = self.send("POST", "identity/group", {"name": name, "metadata": {"team": "x"}})["data"]
        return GroupFacts(id=made["id"], name=name, metadata={"team": "x"})

    def _policy(self, namespace: str, name: str, text: str) -> None:
        flags = {key: self.random.random() < 0.2 for key in ("slashes", "wildcards")}
        body = {f"allow_{key}_in_identity_templates": value for key, value in flags.items()}
        status, answer = self.attempt("PUT", f"sys/policies/acl/{name}", {"policy": text, **body}, namespace)
        policy = parse_policy(name, namespace, text, **flags)
        if status == 204:
            self.policies[policy.key] = policy
        else:
            self.refused.append(str(answer))

    def _default(self, namespace: str) -> None:
        text = self.send("GET", "sys/policies/acl/default", namespace=namespace)["data"]["policy"]
        self.policies[namespace, "default"] = parse_policy("default", namespace, text)

    def _holder(self, number: int) -> Holder:
        pick = self.random
        kind = pick.choices(("entity", "plain", "team", "root"), (70, 14, 14, 2))[0]
        namespace = "team" if kind == "team" else ""
        named = sorted(name for space, name in self.policies if space == namespace and name != "default")
        own = pick.sample(named, pick.randint(1, 4))
        if kind == "root":
            token = self.send("POST", "auth/token/create-orphan", {"policies": own, "no_default_policy": True})
            return Holder(token["auth"]["client_token"], TemplateFacts(), frozenset(("", each) for each in own))
        if kind == "entity":
            return self._entity(number, own)
        token = self.send("POST", "auth/token/create-orphan", {"policies": own}, namespace)
        held = frozenset((namespace, each) for each in (*own, "default"))
        return Holder(token["auth"]["client_token"], TemplateFacts(), held)

    def _entity(self, number: int, own: Sequence[str]) -> Holder:
        pick = self.random
        name = TEXTS[number] if number < 6 and pick.random() < 0.5 else f"e{number}"
        alias = TEXTS[number] if number < 6 else f"alias{number}"
        metadata, custom = {"team": pick.choice(TEXTS)}, {"team": pick.choice(TEXTS[:-1])}
        derived = pick.sample(sorted(name for space, name in self.policies if not space and name != "default"), 1)
        entity = {"name": name, "metadata": metadata, "policies": derived}
        ident = self.send("POST", "identity/entity", entity)["data"]["id"]
        made = {"name": alias, "canonical_id": ident, "mount_accessor": self.accessor, "custom_metadata": custom}
        known = AliasFacts(id=self.send("POST", "identity/entity-alias", made)["data"]["id"], name=alias)
        groups = [each for each in self.groups.values() if pick.random() < 0.5]
        for group in groups:
            members = self.send("GET", f"identity/group/id/{group.id}")["data"]["member_entity_ids"] or []
            self.send("POST", f"identity/group/id/{group.id}", {"member_entity_ids": [*members, ident]})
        made = self.send(
            "POST", "auth/token/create/seeded", {"policies": own, "entity_alias": alias, "no_default_policy": True}
        )
        facts = TemplateFacts(
            id=ident,
            name=name,
            metadata=metadata,
            aliases={
                self.accessor: AliasFacts(id=known.id, name=alias, custom_metadata=custom),
            },
            groups=tuple(groups),
        )
        return Holder(made["auth"]["client_token"], facts, frozenset(("", each) for each in (*own, *derived)))

    def held(self, holder: Holder) -> list[Policy]:
        """The policies of a token, for whoever holds it."""
        return [rendered(self.policies[key], holder.facts) for key in sorted(holder.policies)]

    def path_for(self, policies: Sequence[Policy]) -> str:
        """A path that one of their stanzas is about, or any."""
        patterns = [full_path(each.namespace, rule.path) for each in policies for rule in each.rules]
        return (
            self.make.near(self.random.choice(patterns))
            if patterns and self.random.random() < 0.9
            else self.make.path()
        )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with served(tmp_path_factory.mktemp("agreement")) as server:
        yield World(server, Random(SEED))


def test_every_policy_that_the_server_took_can_be_read(world: World) -> None:
    assert {name: each.unreadable for name, each in world.policies.items() if each.unreadable} == {}
    assert len(world.policies) > 150
    assert all("wrapping_ttl" in each for each in world.refused), world.refused


def test_ten_thousand_answers_agree_with_the_server(world: World) -> None:
    counts: Counter[str] = Counter()
    differing = []
    for holder in world.holders:
        policies = world.held(holder)
        acl, paths = Acl(policies, dt.datetime.now(dt.UTC)), ["/a/b"]
        while len(paths) < PATHS:
            paths = list(dict.fromkeys((*paths, world.path_for(policies))))
        status, said = world.attempt("POST", "sys/capabilities", {"token": holder.token, "paths": paths})
        for path in paths:
            mine, theirs = acl.capabilities(path), frozenset(said[path] if status == 200 else ())
            counts[
                "unknown" if mine is None else "locked" if not theirs else "deny" if "deny" in theirs else "some"
            ] += 1
            if mine != theirs:
                differing.append((path, sorted(mine or ()), sorted(theirs), sorted(holder.policies)))
    assert differing == []
    assert counts["unknown"] == 0
    assert counts.total() == TOKENS * PATHS
    assert 100 < counts["locked"] < 3000, counts
    assert min(counts["deny"], counts["some"]) > 3000, counts


METHODS = {"read": "GET", "update": "PUT", "delete": "DELETE", "list": "LIST", "scan": "SCAN", "patch": "PATCH"}


def _kinds(capability: str) -> Iterator[tuple[dict[str, str], int]]:
    """Every combination of parameters and wrapping that could matter."""
    values = ("", "one", "two-x", "three", "other") if capability in {"read", "update", "patch"} else ("",)
    for (one, other), wrap in product(product(values, repeat=len(NAMES)), (0, *WRAPS, 7200)):
        yield {name: each for name, each in zip(NAMES, (one, other), strict=True) if each}, wrap


def _allowed(
    world: World, token: str, asked: str, capability: str, parameters: Mapping[str, str] = {}, *, wrap: int = 0
) -> bool:
    method = METHODS[capability]
    body: dict[str, Any] | None = dict(parameters) if method in {"PUT", "PATCH"} else None
    if method == "GET" and parameters:
        asked += "?" + "&".join(f"{name}={value}" for name, value in parameters.items())
    headers = {"X-Vault-Wrap-TTL": f"{wrap}s"} if wrap else {}
    request = Request(method=method, path=asked, body=body, headers=headers, token=Secret(token))
    answer = world.server.vault(None).send(request)
    assert answer.status in {200, 403, 404, 405} or answer.body == {"errors": ["Forbidden"]}, (answer, request)
    return answer.status in {200, 404, 405}


def test_real_requests_are_answered_as_decided(world: World) -> None:
    random = Random(SEED + 1)
    counts: Counter[str] = Counter()
    for holder in world.holders:
        policies = world.held(holder)
        acl = Acl(policies, dt.datetime.now(dt.UTC))
        for _ in range(REQUESTS):
            capability = random.choice(sorted(METHODS))
            path = world.path_for(policies)
            if capability not in SLASHED:
                path = path.rstrip("/")  # nobody writes to a folder
            if path.removeprefix("team/").split("/")[0] not in SEGMENTS:
                continue  # something is mounted there
            decision = acl.decide(path, capability)
            counts[decision.allowed] += 1
            bare = _allowed(world, holder.token, path, capability)
            where = (path, capability, decision, sorted(holder.policies))
            if decision.allowed in {"yes", "no"}:
                assert bare == (decision.allowed == "yes"), where
            hindered = {"wrapped", "required-parameters"} & set(decision.conditions)
            assert bare == (decision.allowed in {"yes", "conditional"} and not hindered), where
            if hindered or (decision.allowed == "no" and decision.rules):
                tried = (
                    _allowed(world, holder.token, path, capability, parameters, wrap=wrap)
                    for parameters, wrap in _kinds(capability)
                )
                assert any(tried) == (decision.allowed == "conditional"), where
                counts["tried"] += 1
    assert counts["unknown"] == 0
    assert min(counts["yes"], counts["no"]) > 200, counts
    assert min(counts["conditional"], counts["tried"]) > 20, counts
