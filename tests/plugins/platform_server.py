"""What tests hold of a running embedded platform."""

import copy
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from warden.adapters.dev import Embedded
from warden.adapters.openbao.client import OpenBao
from warden.adapters.openbao.endpoint import parse_address
from warden.core.lanes.lane import Workload
from warden.core.openbao.api import Request
from warden.core.secret import Secret


class PlatformServer:
    """A running embedded platform.

    address     ``http://127.0.0.1:PORT``, with clusters ``https://127.0.0.1:PORT``
    ca          the file with the authority of an https address; empty for plain http on loopback
    audit_file  path of the audit log, readable from here
    embedded    the adapter itself (issuer, personas)
    state       the state directory: WARDEN_STATE for a command line that is to use this platform
    namespace   where its requests go; empty for the root namespace
    """

    namespace = ""

    def __init__(self, embedded: Embedded) -> None:
        self.embedded = embedded
        status = embedded.status()
        self.address = status.address
        self.ca = status.ca_file
        self.state = str(Path(embedded.layout.root).parent)
        self.audit_file = embedded.layout.audit_file
        self.issuer = embedded.issuer
        self._tokens: dict[str, str] = {}

    def token(self, part: str) -> str:
        """A token of ``admin``, ``platform`` or ``developer``."""
        if part not in self._tokens:
            self._tokens[part] = Path(self.embedded.personas.token_file(part)).read_text(encoding="ascii")
        return self._tokens[part]

    def mint(self, workload: str, *, audience: str = "openbao", ttl: int = 600, **claims: object) -> str:
        """A service-account token for ``namespace/account``; `claims` replace those that follow from it."""
        namespace, _, account = workload.partition("/")
        return self.issuer.mint(Workload(namespace, account), audience, ttl, **claims).reveal()

    def person_jwt(self, name: str, groups: Sequence[str] = (), **claims: object) -> str:
        """A token of the login service for the mount ``netkingdom``."""
        return self.issuer.person(name, groups, **claims).reveal()

    def vault(self, token: str | None = None) -> OpenBao:
        """The port Vault on this server, as the one whose token it is; a persona's name is a token too."""
        if token in {"admin", "platform", "developer"}:
            token = self.token(token)
        endpoint = msgspec.structs.replace(parse_address(self.address, "BAO_ADDR"), ca_file=self.ca)
        return OpenBao(endpoint, Secret(token) if token else None, namespace=self.namespace)

    def within(self, namespace: str) -> "PlatformServer":
        """The same server, with every request in that namespace."""
        inner = copy.copy(self)
        inner.namespace = namespace
        return inner

    def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, token: str | None = "admin"
    ) -> tuple[int, Mapping[str, Any]]:
        """One raw request, for what a test arranges or looks at: its status and body."""
        vault = self.vault(token)
        request = Request(method=method, path=path, body=body)
        answer = vault.send(vault.as_caller(request) if token else request)
        return answer.status, answer.body

    def must(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, token: str | None = "admin"
    ) -> Any:
        """`call` that has to work; its body."""
        status, answer = self.call(method, path, body, token=token)
        assert status in {200, 204}, (method, path, status, answer)
        return answer

    def overwrite(self, path: str, values: Mapping[str, Any]) -> None:
        """A version of ``mount/key`` with exactly these fields, as somebody writes it beside warden."""
        mount, _, key = path.partition("/")
        found = self.call("GET", f"{mount}/metadata/{key}")[1].get("data") or {}
        body = {"options": {"cas": found.get("current_version") or 0}, "data": dict(values)}
        self.must("POST", f"{mount}/data/{key}", body)

    def token_with(self, policy: str, ttl: str = "10m") -> str:
        """A token that may do exactly what this policy text says (and what ``default`` gives)."""
        name = f"test-{secrets.token_hex(4)}"
        self.must("PUT", f"sys/policies/acl/{name}", {"policy": policy})
        body = {"policies": [name], "ttl": ttl, "display_name": name}
        return str(self.must("POST", "auth/token/create-orphan", body)["auth"]["client_token"])


def own_server(scope: Literal["module", "function"] = "module") -> Any:
    """The fixture `platform_server` of tests that change a server for good, or need one that nobody used before."""

    @pytest.fixture(scope=scope, name="platform_server")
    def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlatformServer]:
        with served(tmp_path_factory.mktemp("state")) as server:
            yield server

    return own


@contextmanager
def served(directory: Path) -> Iterator[PlatformServer]:
    """A server of one's own in that directory, about 3.5 s; wiped afterwards."""
    embedded = Embedded(str(directory))
    try:
        embedded.up(lambda _: None)
        yield PlatformServer(embedded)
    finally:
        embedded.wipe()
