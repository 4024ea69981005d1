"""A real OpenBao for every test: the embedded platform itself, one for each xdist worker, in a directory of its own."""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from warden.adapters.embedded import Embedded
from warden.adapters.embedded.parts import Door
from warden.adapters.http import parse_address
from warden.adapters.openbao import OpenBao
from warden.domain.lane import Workload
from warden.domain.secret import Secret


class PlatformServer:
    """A running embedded platform.

    address     ``http://127.0.0.1:PORT``
    ca          None: plain http on loopback
    audit_file  path of the audit log, readable from here
    embedded    the adapter itself (state directory, issuer, parts)
    """

    def __init__(self, embedded: Embedded) -> None:
        self.embedded = embedded
        self.address = embedded.status().address
        self.ca = None
        self.audit_file = embedded.layout.audit_file
        self.issuer = embedded.issuer
        self._tokens: dict[str, str] = {}

    def token(self, part: str) -> str:
        """A token of ``admin``, ``platform`` or ``developer``."""
        if part not in self._tokens:
            self._tokens[part] = Path(self.embedded.parts.token_file(part)).read_text(encoding="ascii")
        return self._tokens[part]

    def mint(self, workload: str, *, audience: str = "openbao", ttl: int = 600, **claims: object) -> str:
        """A service-account token for ``namespace/account``; `claims` replace those that follow from it."""
        namespace, _, account = workload.partition("/")
        return self.issuer.mint(Workload(namespace, account), audience, ttl, **claims).reveal()

    def person_jwt(self, name: str, groups: Sequence[str] = (), **claims: object) -> str:
        """A token of the login service for the mount ``netkingdom``."""
        return self.issuer.person(name, groups, **claims).reveal()

    def vault(self, token: str | None = None) -> OpenBao:
        """The port Vault on this server, as the one whose token it is; a part's name is a token too."""
        if token in {"admin", "platform", "developer"}:
            token = self.token(token)
        return OpenBao(parse_address(self.address, "BAO_ADDR"), Secret(token) if token else None)

    def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, token: str | None = "admin"
    ) -> tuple[int, Mapping[str, Any]]:
        """One raw request, for what a test arranges or looks at: its status and body."""
        if token in {"admin", "platform", "developer"}:
            token = self.token(token)
        return Door(self.address).call(method, path, body, Secret(token) if token else None)

    def must(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, token: str | None = "admin"
    ) -> Any:
        """`call` that has to work; its body."""
        status, answer = self.call(method, path, body, token=token)
        assert status in {200, 204}, (method, path, status, answer)
        return answer

    def token_with(self, policy: str, ttl: str = "10m") -> str:
        """A token that may do exactly what this policy text says (and what ``default`` gives)."""
        name = f"test-{secrets.token_hex(4)}"
        self.must("PUT", f"sys/policies/acl/{name}", {"policy": policy})
        body = {"policies": [name], "ttl": ttl, "display_name": name}
        return str(self.must("POST", "auth/token/create-orphan", body)["auth"]["client_token"])


@pytest.fixture(scope="session")
def platform_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlatformServer]:
    """One server for each xdist worker, about 3.5 s. Tests share it: use `unique` names."""
    embedded = Embedded(str(tmp_path_factory.mktemp("state")))
    try:
        embedded.up(lambda _: None)
        yield PlatformServer(embedded)
    finally:
        embedded.wipe()


@pytest.fixture
def unique() -> Callable[[str], str]:
    """Makes a name that no other test uses: ``unique("lane")`` -> ``lane-3f9a1c04``."""
    return lambda stem: f"{stem}-{secrets.token_hex(4)}"
