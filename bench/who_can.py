"""`who-can` for 10,000 paths at once: one OpenBao with 1,000 policies is read, and every path is decided.

    .venv/bin/python bench/who_can.py [--policies 1000] [--rounds 3]

Everything is on a real server: as many roles as policies, as many entities with an alias, a fifth as many groups and
users; each policy is for ten paths, some by a glob or a segment. The paths themselves hold nothing: no value is ever
read. The raw client sends the same requests over one keep-alive connection and looks at no answer. Read the ratio.
"""

import argparse
import http.client
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping

from warden.adapters.dev import Embedded
from warden.adapters.openbao.client import OpenBao
from warden.adapters.openbao.endpoint import parse_address
from warden.adapters.openbao.snapshot_reader import SnapshotReader
from warden.core.access_index.index import AccessIndex
from warden.core.access_index.snapshot import Snapshot
from warden.core.openbao.api import Request
from warden.core.secret import Secret
from warden.usecases.steps.concurrency import at_once

AIM = 10.0
"""Seconds for all of it."""
PER_POLICY = 10
GROUPS = 5
"""A group and a user for each so many policies."""


class Server:
    """The embedded platform in a directory of its own, filled."""

    def __init__(self, embedded: Embedded) -> None:
        self.address = embedded.status().address
        with open(embedded.personas.token_file("admin"), encoding="ascii") as file:
            self.token = Secret(file.read())
        self.vault = OpenBao(parse_address(self.address, "BAO_ADDR"), self.token)

    def fill(self, count: int) -> None:
        """Policies, roles, entities with aliases, groups and users."""
        accessor = self.send("GET", "sys/auth")["data"]["kubernetes/"]["accessor"]
        at_once(lambda _, number: self._one(self.vault.twin(), number, accessor), range(count), 4)

    def _one(self, vault: OpenBao, number: int, accessor: str) -> None:
        def write(path: str, body: Mapping[str, object]) -> dict[str, object]:
            return dict(vault.send(vault.as_caller(Request(method="POST", path=path, body=body))).body)

        name = f"team-{number}"
        write(f"sys/policies/acl/{name}", {"policy": _policy(number)})
        role = {"role_type": "jwt", "user_claim": "sub", "bound_subject": f"a-{number}", "token_policies": [name]}
        write(f"auth/kubernetes/role/{name}", role)
        made = write("identity/entity", {"name": name, "policies": [name] if number % GROUPS == 0 else []})
        entity = dict(made["data"])["id"]  # type: ignore[call-overload]
        write("identity/entity-alias", {"name": f"a-{number}", "canonical_id": entity, "mount_accessor": accessor})
        if number % GROUPS == 0:
            write("identity/group", {"name": name, "policies": [name], "member_entity_ids": [entity]})
            write(f"auth/userpass/users/{name}", {"password": "a-password-of-the-bench", "token_policies": [name]})
        vault.close()

    def send(self, method: str, path: str) -> dict[str, dict[str, dict[str, str]]]:
        """The body of one answer."""
        return dict(self.vault.send(self.vault.as_caller(Request(method=method, path=path))).body)


def _policy(number: int) -> str:
    """Ten paths: most by name, every fifth policy by a glob, every seventh by a segment besides."""
    paths = [f"platform/data/team-{number}/app/key-{key}" for key in range(PER_POLICY)]
    paths = [f"platform/data/team-{number}/*"] if number % 5 == 0 else paths
    paths += [f"platform/data/+/app/key-{number}"] if number % 7 == 0 else []
    return "".join(f'path "{path}" {{ capabilities = ["read"] }}\n' for path in paths)


def requested(server: Server) -> list[tuple[str, str, dict[str, str] | None]]:
    """Every request that one reading sends: its method, path and body."""
    sent: list[tuple[str, str, dict[str, str] | None]] = []

    class Noting(OpenBao):
        def twin(self, token: Secret | None = None) -> OpenBao:
            return Noting(self.endpoint, token or server.token)

        def send(self, request: Request) -> object:  # type: ignore[override]
            sent.append((request.method, request.path, dict(request.body) if request.body else None))
            return super().send(request)

    SnapshotReader(Noting(server.vault.endpoint, server.token), at_once).read()
    return sent


def raw(server: Server, requests: list[tuple[str, str, dict[str, str] | None]]) -> None:
    """The same, and nothing is looked at."""
    connection = http.client.HTTPConnection(server.address.removeprefix("http://"))
    headers = {"X-Vault-Token": server.token.reveal()}
    for method, path, body in requests:
        connection.request(method, f"/v1/{path}", json.dumps(body) if body else None, headers)
        connection.getresponse().read()
    connection.close()


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def rounds(server: Server, count: int, times: int) -> Iterator[tuple[float, float, float]]:
    """Reading, deciding, and the raw client's reading, of each round."""
    paths = [f"platform/team-{number}/app/key-{key}" for number in range(count) for key in range(PER_POLICY)]
    requests = requested(server)
    for _ in range(times):
        begun = time.perf_counter()
        snapshot = SnapshotReader(server.vault.twin(), at_once).read()
        read = time.perf_counter() - begun

        def decide(snapshot: Snapshot = snapshot) -> None:
            index = AccessIndex(snapshot)
            for path in paths:
                index.who_can(path)

        yield read, timed(decide), timed(lambda: raw(server, requests))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--policies", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        embedded = Embedded(folder)
        embedded.up(lambda _: None)
        try:
            server = Server(embedded)
            server.fill(options.policies)
            found = list(rounds(server, options.policies, options.rounds))
        finally:
            embedded.wipe()
    read, decide, alone = (statistics.median(each[part] for each in found) for part in range(3))
    whole = read + decide
    count = options.policies
    print(f"{count * PER_POLICY} paths, {count} policies, {count} roles, {count} entities, {count // GROUPS} groups")
    print(f"and users; median of {options.rounds} rounds\n")
    print("| what | s | ratio to the raw client |\n|---|---|---|")
    for name, seconds in (
        ("raw keep-alive client, the same requests", alone),
        ("who-can reads OpenBao, 4 connections", read),
        ("who-can decides every path", decide),
        (f"both (aim: at most {AIM:g} s)", whole),
    ):
        print(f"| {name} | {seconds:.1f} | {seconds / alone:.2f} |")


if __name__ == "__main__":
    main()
