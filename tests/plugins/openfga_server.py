"""A real OpenFGA of the tests: a policy server that speaks AuthZEN (experimental there), with a token and over TLS.

    def test_it(openfga):
        url = openfga.store({("e-reader", "access", "billing-key")})     # a policy decision point of its own

It is built once from the published Go module that ``openfga/go.mod`` pins (`make test-cluster` does it first), and
keeps everything in memory. https://openfga.dev/docs/interacting/authzen
"""

import os
import secrets
import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
import trustme
from free_ports import free_port

from warden.adapters.dev import build

OPENFGA = build.Module(
    name="openfga",
    title="OpenFGA",
    package="github.com/openfga/openfga",
    target="tool",
    linked="-s -w",
    renamed={},
    copied={},
    sources=Path(__file__).parent,
)
PATIENCE = 30.0
MODEL = {
    "schema_version": "1.1",
    "type_definitions": [
        {"type": "identity"},
        *(
            {
                "type": kind,
                "relations": {action: {"this": {}}},
                "metadata": {
                    "relations": {
                        action: {
                            "directly_related_user_types": [
                                {"type": "identity"},
                                {"type": "identity", "condition": "short"},
                            ]
                        }
                    }
                },
            }
            for kind, action in (("lane", "access"), ("ssh-certificate", "sign"))
        ),
    ],
    "conditions": {
        "short": {
            "name": "short",
            "expression": "resource_ttl <= 3600.0",
            "parameters": {"resource_ttl": {"type_name": "TYPE_NAME_DOUBLE"}},
        }
    },
}
"""Identities access lanes and sign certificates; some of them sign only what is valid for an hour at most."""

Relation = tuple[str, str, str]


class OpenFga:
    """A running server; `token` is what it lets in."""

    def __init__(self, program: str, folder: Path) -> None:
        self.folder = folder
        self.token = secrets.token_hex(16)
        self._ca = trustme.CA()
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def authority(self) -> str:
        """PEM of the authority that its certificate is of."""
        return self._ca.cert_pem.bytes().decode()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        own = self._ca.issue_cert("127.0.0.1")
        own.private_key_pem.write_to_path(str(self.folder / "key.pem"))
        own.cert_chain_pems[0].write_to_path(str(self.folder / "cert.pem"))
        http, grpc = free_port(), free_port()
        self.url = f"https://127.0.0.1:{http}"
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "run"], cwd=self.folder, env=self._environ(http, grpc), stdout=log, stderr=log
            )
        end = time.monotonic() + PATIENCE
        while not self._listens(http):
            running = self._process.poll() is None and time.monotonic() < end
            assert running, (self.folder / "log").read_text()
            time.sleep(0.05)

    def _environ(self, http: int, grpc: int) -> dict[str, str]:
        settings = {
            "EXPERIMENTALS": "authzen",
            "AUTHZEN_BASE_URL": self.url,
            "HTTP_ADDR": f"127.0.0.1:{http}",
            "HTTP_TLS_ENABLED": "true",
            "HTTP_TLS_CERT": str(self.folder / "cert.pem"),
            "HTTP_TLS_KEY": str(self.folder / "key.pem"),
            "GRPC_ADDR": f"127.0.0.1:{grpc}",
            "AUTHN_METHOD": "preshared",
            "AUTHN_PRESHARED_KEYS": self.token,
            "PLAYGROUND_ENABLED": "false",
            "METRICS_ENABLED": "false",
            "LOG_LEVEL": "warn",
        }
        return {"PATH": os.environ["PATH"]} | {f"OPENFGA_{name}": value for name, value in settings.items()}

    def _listens(self, port: int) -> bool:
        """Whether it is this process that has the port, and it answers."""
        assert self._process is not None
        found = psutil.Process(self._process.pid).net_connections("tcp")
        if not any(each.laddr.port == port and each.status == psutil.CONN_LISTEN for each in found):
            return False
        return bool(self.ask("GET", "/healthz").get("status") == "SERVING")

    def ask(self, method: str, path: str, document: Any = None) -> Any:
        """What its own API answers."""
        import ssl

        verified = ssl.create_default_context(cadata=self.authority())
        with httpx2.Client(verify=verified, trust_env=False) as client:
            answer = client.request(
                method, f"{self.url}{path}", json=document, headers={"Authorization": f"Bearer {self.token}"}
            )
        return answer.json()

    def store(self, permits: Iterable[Relation], short: Iterable[Relation] = ()) -> str:
        """The URL of a new decision point that permits these; `short` for an hour at most."""
        store = self.ask("POST", "/stores", {"name": "tests"})["id"]
        model = self.ask("POST", f"/stores/{store}/authorization-models", MODEL)["authorization_model_id"]
        keys = [_tuple(each) for each in permits]
        keys += [_tuple(each) | {"condition": {"name": "short", "context": {}}} for each in short]
        said = self.ask(
            "POST", f"/stores/{store}/write", {"writes": {"tuple_keys": keys}, "authorization_model_id": model}
        )
        assert said == {}, said
        return f"{self.url}/stores/{store}"

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE)


def _tuple(permitted: Relation) -> dict[str, Any]:
    subject, action, resource = permitted
    kind = "ssh-certificate" if action == "sign" else "lane"
    return {"user": f"identity:{subject}", "relation": action, "object": f"{kind}:{resource}"}


@pytest.fixture(scope="session")
def openfga(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenFga]:
    """One for each process of the run."""
    program = f"{OPENFGA.directory}/openfga"
    if not os.path.exists(program):
        pytest.fail("there is no OpenFGA: `.venv/bin/python tests/plugins/built.py` builds it", pytrace=False)
    server = OpenFga(program, tmp_path_factory.mktemp("openfga"))
    server.start()
    yield server
    server.stop()
