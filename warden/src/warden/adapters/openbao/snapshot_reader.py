"""The port SnapshotReader: reads one OpenBao once, over a few connections, and says what it could not read.

A 404 for a list means that it is empty, a 403 that it is not for this caller (https://openbao.org/api-docs/system and
identity). Policies come in one answer (``sys/policies/detailed/acl``), or one by one for who may only read those.
"""

import datetime as dt
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeVar

import msgspec

from warden.adapters.openbao import snapshot_answers as answers
from warden.adapters.openbao.answers import FORBIDDEN, NOT_FOUND, OK, answered_at, is_openbao
from warden.adapters.openbao.client import OpenBao
from warden.adapters.openbao.policy_text import parse_policy
from warden.core.access_index.lane_tokens import LiveTokens
from warden.core.access_index.policies import Policy
from warden.core.access_index.snapshot import (
    AuthMount,
    Entity,
    Group,
    Kind,
    LiveToken,
    LoginRole,
    NamespaceSnapshot,
    Reason,
    SecretMount,
    Snapshot,
    Subject,
    Unknown,
)
from warden.core.openbao.api import Answer, Request, said_by
from warden.core.openbao.resources import lane_marked_in
from warden.ports.access_index import Progress

_Item = TypeVar("_Item")
_Done = TypeVar("_Done")


class AtOnce(Protocol):
    """Works through items with several threads; answers in their order, or raises the first fault."""

    def __call__(  # noqa: D102 - the class says it
        self, work: Callable[[int, _Item], _Done], items: Sequence[_Item], workers: int
    ) -> list[_Done]: ...


WORKERS = 4

_ENDED = ("invalid accessor", "bad token")
"""What OpenBao says of an accessor whose token ended before, or just while, it was looked up (token_store.go)."""


class SnapshotReader:
    """Reads a snapshot as the owner of a token.

    Args:
        vault: the caller's connection; each thread gets one of its own.
        at_once: how to read several things at a time.
    """

    def __init__(self, vault: OpenBao, at_once: AtOnce) -> None:
        self._vault = vault
        self._at_once = at_once

    def read(self, progress: Progress | None = None) -> Snapshot:
        """As the port says."""
        return _Reading(self._vault, self._at_once, progress or (lambda *_: None)).run()

    def tokens(self) -> LiveTokens:
        """As the port says."""
        return _Reading(self._vault, self._at_once, lambda *_: None).live_tokens()


class _Reading:
    """One reading: what was found so far, and what could not be read."""

    def __init__(self, vault: OpenBao, at_once: AtOnce, progress: Progress) -> None:
        self._vault = vault
        self._at_once = at_once
        self._progress = progress
        self._unknown: dict[Unknown, None] = {}
        self._lanes: dict[tuple[str, str], str] = {}
        self._twins: SimpleQueue[OpenBao] = SimpleQueue()
        self._base = vault.namespace.strip("/")
        self._done = 0
        self._lock = threading.Lock()

    def run(self) -> Snapshot:
        """Namespaces first, then each of them."""
        self._vault.identity()  # a token that is not accepted is an error, not a hundred things that are unknown
        now, caller, home = self._caller()
        spaces = [*_between(home, self._base), self._base, *self._below()]
        if home:
            self._miss("namespace", "", "not-below", namespace="")
        found = {each: self._namespace(each) for each in spaces}
        for _ in range(self._twins.qsize()):
            self._twins.get_nowait().close()
        return Snapshot(
            taken_at=now,
            namespaces=found,
            unknown=tuple(sorted(self._unknown)),
            lane_of_policy=self._lanes,
            caller=caller,
            base=self._base,
        )

    def live_tokens(self) -> LiveTokens:
        """Those of the caller's namespace."""
        self._vault.identity()
        _, caller, _ = self._caller()
        found = tuple(self._tokens(self._base))
        return LiveTokens(tokens=found, unknown=tuple(sorted(self._unknown)), caller=caller)

    def _caller(self) -> tuple[dt.datetime, str, str]:
        """The time of its answer, and the caller's accessor and namespace: nothing above that can be read."""
        answer = self._ask(self._base, "GET", "auth/token/lookup-self")
        found = (answer.body.get("data") or {}) if answer.status == OK else {}
        home = str(found.get("namespace_path") or "").strip("/") if found else self._base
        return answered_at(answer) or dt.datetime.now(dt.UTC), str(found.get("accessor") or ""), home

    # -- asking -------------------------------------------------------------------------------------------------

    def _ask(self, namespace: str, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        try:
            twin = self._twins.get_nowait()
        except Empty:
            twin = self._vault.twin()
        twin.namespace = namespace
        answer = twin.send(twin.as_caller(Request(method=method, path=path, body=body)))
        self._twins.put(twin)
        return answer

    def _miss(self, what: Subject, name: str, why: Reason, *, namespace: str, path: str = "", needs: str = "") -> None:
        self._unknown[Unknown(what, name, why, namespace, path, tuple(needs.split()))] = None

    def _data(
        self, namespace: str, method: str, path: str, *, what: Subject, name: str, needs: str, right: str = ""
    ) -> dict[str, Any] | None:
        """The data of an answer; none where there is nothing. What is refused or senseless is unknown from then on."""
        answer = self._ask(namespace, method, path)
        data = answer.body.get("data")
        if answer.status == OK and isinstance(data, dict):
            return data
        if not is_openbao(answer, NOT_FOUND):
            refused = is_openbao(answer, FORBIDDEN)
            why: Reason = "denied" if refused else "not-answered"
            self._miss(what, name, why, namespace=namespace, path=right or path, needs=needs if refused else "")
        return None

    def _names(
        self, namespace: str, path: str, *, what: Subject, name: str = "", needs: str = "list", right: str = ""
    ) -> list[str]:
        data = self._data(namespace, "LIST", path, what=what, name=name, needs=needs, right=right)
        return [str(each) for each in (data or {}).get("keys") or ()]

    def _each(self, what: str, items: Sequence[_Item], work: Callable[[_Item], _Done]) -> list[_Done]:
        """All items, several at a time."""
        counted = [0]

        def one(_: int, item: _Item) -> _Done:
            done = work(item)
            with self._lock:
                counted[0] += 1
                self._progress(what, counted[0], len(items))
            return done

        return self._at_once(one, items, WORKERS)

    # -- namespaces ---------------------------------------------------------------------------------------------

    def _below(self) -> list[str]:
        """The namespaces below the caller's own, with those below them."""
        found, new = [], [self._base]
        while new:
            here = new.pop()
            names = self._names(here, "sys/namespaces", what="namespaces", needs="list")
            below = ["/".join(filter(None, (here, each.strip("/")))) for each in names]
            found += below
            new += below
        return sorted(found)

    def _namespace(self, path: str) -> NamespaceSnapshot:
        mounts = self._auth_mounts(path)
        configured = [self._configured(each) for each in mounts]
        return NamespaceSnapshot(
            path=path,
            policies=self._policies(path),
            secret_mounts=tuple(
                self._with_issuers(answers.secret_mount_of(path, name, each))
                for name, each in self._mounts(path, "sys/mounts", "secret-mounts", "secret").items()
            ),
            auth_mounts=tuple(configured),
            roles=tuple(self._roles(configured)),
            entities={each.id: each for each in self._entities(path)},
            groups={each.id: each for each in self._groups(path)},
            tokens=tuple(self._tokens(path)),
        )

    # -- policies -----------------------------------------------------------------------------------------------

    def _policies(self, namespace: str) -> dict[str, Policy]:
        answer = self._ask(namespace, "LIST", "sys/policies/detailed/acl")
        data = answer.body.get("data") or {}
        if answer.status == OK and data.get("key_info"):
            self._progress("policies", len(data["keys"]), len(data["keys"]))
            found = [self._policy(namespace, name, each) for name, each in data["key_info"].items()]
            missing = sorted(set(data["keys"]) - set(data["key_info"]) - {"root"})
            found += [one for name in missing if (one := self._read_policy(namespace, name))]
        else:
            names = self._names(namespace, "sys/policies/acl", what="policies", right="sys/policies/detailed/acl")
            wanted = [each for each in names if each != "root"]
            read = self._each("policies", wanted, lambda name: self._read_policy(namespace, name))
            found = [each for each in read if each]
        return {each.name: each for each in found if each.name != "root"}

    def _read_policy(self, namespace: str, name: str) -> Policy | None:
        data = self._data(namespace, "GET", f"sys/policies/acl/{name}", what="policy", name=name, needs="read")
        if data is not None:
            return self._policy(namespace, name, data)
        return Policy(name=name, namespace=namespace, unreadable="denied")

    def _policy(self, namespace: str, name: str, data: Mapping[str, Any]) -> Policy:
        text = str(data.get("policy") or "")
        lane = lane_marked_in(text)
        if lane:
            self._lanes[namespace, name] = lane
        found = parse_policy(
            name,
            namespace,
            text,
            expires=_time(data.get("expiration")),
            slashes=bool(data.get("allow_slashes_in_identity_templates")),
            wildcards=bool(data.get("allow_wildcards_in_identity_templates")),
        )
        if found.unreadable:
            self._miss("policy", name, "not-text", namespace=namespace, path=f"sys/policies/acl/{name}")
        return found

    # -- mounts and roles ---------------------------------------------------------------------------------------

    def _mounts(self, namespace: str, path: str, what: Subject, part: str) -> dict[str, Any]:
        """The list of mounts; who may not have it sees those that its own policies name."""
        answer = self._ask(namespace, "GET", path)
        data = answer.body.get("data")
        if answer.status == OK and isinstance(data, dict):
            return {name: each for name, each in data.items() if isinstance(each, dict)}
        self._miss(what, "", "denied", namespace=namespace, path=path, needs="read")
        seen = self._ask(namespace, "GET", "sys/internal/ui/mounts").body.get("data") or {}
        return seen.get(part) or {}

    def _with_issuers(self, mount: SecretMount) -> SecretMount:
        """Whom a PKI engine issues for, which it tells everybody: a certificate may be a login."""
        if mount.type != "pki":
            return mount
        found = {}
        for each in self._names(mount.namespace, f"{mount.path}/issuers", what="issuers", name=mount.path):
            path = f"{mount.path}/issuer/{each}/json"
            data = self._data(mount.namespace, "GET", path, what="issuers", name=mount.path, needs="read")
            found[each] = str((data or {}).get("certificate") or "")
        return msgspec.structs.replace(mount, issuers=found)

    def _auth_mounts(self, namespace: str) -> list[AuthMount]:
        found = self._mounts(namespace, "sys/auth", "auth-mounts", "auth")
        return [answers.auth_mount_of(namespace, name, each) for name, each in sorted(found.items())]

    def _configured(self, mount: AuthMount) -> AuthMount:
        config: dict[str, Any] | None = None
        for each in answers.CONFIGS.get(mount.type, ()):
            path = f"auth/{mount.path}/{each}"
            data = self._data(mount.namespace, "GET", path, what="auth-config", name=f"auth/{mount.path}", needs="read")
            config = config if data is None else answers.config_of(data)
        return msgspec.structs.replace(mount, config=config)

    def _roles(self, mounts: Iterable[AuthMount]) -> list[LoginRole]:
        listed = [each for mount in mounts for each in self._listed(mount)]
        found = [each for each in self._each("roles", listed, self._role) if each]
        return [*found, *filter(None, map(answers.directory_of, mounts))]

    def _listed(self, mount: AuthMount) -> list[tuple[AuthMount, str, Kind, str]]:
        """Mount, folder, kind and name of each role."""
        if mount.type not in answers.FOLDERS:
            self._miss("auth-method", f"auth/{mount.path}", "plugin", namespace=mount.namespace)
            return []
        found = []
        for folder, kind in answers.FOLDERS[mount.type]:
            path = f"auth/{mount.path}/{folder}"
            names = self._names(mount.namespace, path, what="roles", name=f"auth/{mount.path}")
            found += [(mount, folder, kind, each) for each in names]
        if mount.type in {"jwt", "oidc"}:
            path = f"auth/{mount.path}/cel/role"
            for name in self._names(mount.namespace, path, what="roles", name=f"auth/{mount.path}"):
                self._miss("role", f"{path}/{name}", "computed", namespace=mount.namespace)
        return found

    def _role(self, listed: tuple[AuthMount, str, Kind, str]) -> LoginRole | None:
        mount, folder, kind, name = listed
        path = f"auth/{mount.path}/{folder}/{name}"
        data = self._data(mount.namespace, "GET", path, what="role", name=path, needs="read")
        if data is None:
            return None
        if data.get("token_policies_template_claims"):
            self._miss("role", path, "computed", namespace=mount.namespace)
        if kind == "approle":
            answer = self._ask(mount.namespace, "GET", f"{path}/role-id")
            data |= {"role_id": (answer.body.get("data") or {}).get("role_id")}
        return answers.role_of(mount, kind, folder, name, data)

    # -- identities and tokens ----------------------------------------------------------------------------------

    def _entities(self, namespace: str) -> list[Entity]:
        def read(entity_id: str) -> Entity | None:
            path = f"identity/entity/id/{entity_id}"
            data = self._data(namespace, "GET", path, what="entity", name=entity_id, needs="read")
            return answers.entity_of(namespace, data) if data else None

        names = self._names(namespace, "identity/entity/id", what="entities")
        return [each for each in self._each("entities", names, read) if each]

    def _groups(self, namespace: str) -> list[Group]:
        def read(group_id: str) -> Group | None:
            path = f"identity/group/id/{group_id}"
            data = self._data(namespace, "GET", path, what="group", name=group_id, needs="read")
            return answers.group_of(namespace, data) if data else None

        names = self._names(namespace, "identity/group/id", what="groups")
        return [each for each in self._each("groups", names, read) if each]

    def _tokens(self, namespace: str) -> list[LiveToken]:
        """Those that have ended meanwhile are skipped: a lookup says 403 of them, too, in other words."""
        names = self._names(namespace, "auth/token/accessors", what="tokens", needs="list sudo")

        def read(accessor: str) -> LiveToken | None:
            answer = self._ask(namespace, "POST", "auth/token/lookup-accessor", {"accessor": accessor})
            data = answer.body.get("data")
            if answer.status == OK and isinstance(data, dict):
                return answers.token_of(namespace, data)
            if is_openbao(answer, FORBIDDEN) and not any(each in said_by(answer) for each in _ENDED):
                path = "auth/token/lookup-accessor"
                self._miss("tokens", "", "denied", namespace=namespace, path=path, needs="update")
            return None

        return [each for each in self._each("tokens", names, read) if each]


def _between(home: str, base: str) -> list[str]:
    """The namespaces above `base`, from `home` on; what is allowed there reaches into it."""
    parts = base.split("/") if base else []
    above = ["/".join(parts[:length]) for length in range(len(parts))]
    return [each for each in above if not home or f"{each}/".startswith(f"{home}/")]


def _time(text: object) -> dt.datetime | None:
    """RFC 3339; none where nothing, or the zero time, is written."""
    if not isinstance(text, str) or not text or text.startswith("0001-"):
        return None
    found = dt.datetime.fromisoformat(text[:19] + "+00:00" if text.endswith("Z") else text)
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)
