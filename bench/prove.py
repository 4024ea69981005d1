"""Probes a second: `prove` beside a raw keep-alive client that sends the same requests. Ratios in one run.

    python bench/prove.py [--lanes 20] [--rounds 5] [--markdown FILE]

Both talk to one real OpenBao over as many connections. The raw client writes prepared bytes and reads answers: once
all that `prove` sends (its comparison with the declaration, who else can reach the lanes, logins, revocations), once
the probes alone. `prove` also builds and signs tokens, judges, joins every probe with its line in the audit log, and
journals.
"""

import argparse
import contextlib
import datetime as dt
import itertools
import re
import socket
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import ClassVar

import msgspec

from warden.adapters.dev import Embedded
from warden.adapters.dev.config import ADMINISTRATORS
from warden.adapters.identities import ByMount
from warden.adapters.journal.sqlite import SqliteJournal
from warden.adapters.openbao.answers import inline_headers
from warden.adapters.openbao.audit_log import AuditFiles
from warden.adapters.openbao.client import OpenBao
from warden.adapters.openbao.endpoint import parse_address
from warden.adapters.openbao.snapshot_reader import SnapshotReader
from warden.core.clusters.manifests import Reached
from warden.core.lanes.administrators import administrators
from warden.core.lanes.delivery_target import DeclaredCluster, DeliveryTarget
from warden.core.lanes.lane import Custody, Lane, Owner, Owners, Workload, WorkloadReader
from warden.core.openbao.api import Answer, Request
from warden.core.openbao.resources import Settings
from warden.core.plans.lane_plan import LaneOptions
from warden.core.secret import Secret
from warden.ports.cluster import Cluster
from warden.usecases.context import Context
from warden.usecases.prove import ProveOptions, prove
from warden.usecases.put import put
from warden.usecases.steps.apply_target import apply_target
from warden.usecases.steps.concurrency import at_once
from warden.usecases.targets.openbao import OpenBaoTarget

CONNECTIONS = 4
AIM = 0.5


REVOKED = re.compile(rb'"(?:client_token|token)": ?"(s\.[^"]+)"')


class Recording(OpenBao):
    """Keeps the bytes of every request, lane by lane (one object is one lane's connection)."""

    every: ClassVar[list[list[bytes]]] = []
    probes: ClassVar[list[list[bytes]]] = []

    def __init__(self, *arguments: object, **named: object) -> None:
        super().__init__(*arguments, **named)  # type: ignore[arg-type]  # passed through
        self.mine: list[bytes] = []
        self.probing: list[bytes] = []
        self.every.append(self.mine)
        self.probes.append(self.probing)

    def twin(self, token: Secret | None = None) -> OpenBao:
        return Recording(self.endpoint, token or self._token)

    def send(self, request: Request) -> Answer:
        headers = {"X-Vault-Request": "true", **request.headers}
        if request.token is not None:
            headers["X-Vault-Token"] = request.token.reveal()
        if request.inline is not None:
            headers |= inline_headers(request.inline)
        raw = self._connection._encode(request.method, f"/v1/{request.path}", request.body, headers)  # noqa: SLF001
        self.mine.append(raw)
        if "X-Lane-Probe" in request.headers:
            self.probing.append(raw)
        return super().send(request)

    def revoke_self(self, token: Secret) -> bool:  # noqa: ARG002  # as the client has it
        """Sessions stay, so that what was recorded stays valid; the raw client revokes what it is given itself."""
        return True


class NoClusters:
    """The port Clusters where no cluster is declared."""

    declared: ClassVar[dict[str, DeclaredCluster]] = {}
    embedded = True

    def __getitem__(self, name: str) -> Cluster:
        raise KeyError(name)

    def reached(self, delivery: DeliveryTarget) -> Reached:
        raise KeyError(delivery.cluster)


def lanes(count: int) -> tuple[Lane, ...]:
    owner = Owner(repo="platform-team", doc="docs/openbao.md")
    return tuple(
        Lane(
            id=f"bench-{number}",
            title=f"lane {number}",
            status="active",
            reviewed=dt.date(2026, 11, 1),
            owners=Owners(custody=owner, consumer=owner),
            custody=Custody(path=f"platform/workloads/bench/w{number}/s{number}", fields=("API_KEY",)),
            readers=(WorkloadReader(workload=Workload("bench", f"w{number}")),),
        )
        for number in range(count)
    )


def raw(address: str, requests: list[list[bytes]], *, revoking: bool) -> float:
    """Seconds for all requests over CONNECTIONS keep-alive sockets, a lane's requests on one of them."""
    host, port = address.removeprefix("http://").split(":")
    shares = [list(itertools.chain.from_iterable(requests[number::CONNECTIONS])) for number in range(CONNECTIONS)]
    threads = [threading.Thread(target=_send_all, args=(host, int(port), share, revoking)) for share in shares]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started


def _send_all(host: str, port: int, requests: list[bytes], revoking: bool) -> None:
    revoke = b"POST /v1/auth/token/revoke-self HTTP/1.1\r\nHost: x\r\nX-Vault-Token: %s\r\nContent-Length: 2\r\n\r\n{}"
    with socket.create_connection((host, port)) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for request in requests:
            peer.sendall(request)
            body = _read_answer(peer)
            given = REVOKED.search(body) if revoking else None
            if given:
                peer.sendall(revoke % given.group(1))
                _read_answer(peer)


def _read_answer(peer: socket.socket) -> bytes:
    seen = b""
    while b"\r\n\r\n" not in seen:
        seen += peer.recv(65536)
    head, _, body = seen.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += peer.recv(65536)
    return body


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--lanes", type=int, default=20)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--markdown")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as home:
        embedded = Embedded(home)
        embedded.up(lambda _: None)
        try:
            table = measure(embedded, home, chosen.lanes, chosen.rounds)
        finally:
            embedded.wipe()
    print(table)
    if chosen.markdown:
        Path(chosen.markdown).write_text(table + "\n")


def measure(embedded: Embedded, home: str, count: int, rounds: int) -> str:
    status = embedded.status()
    token = Secret(Path(embedded.personas.token_file("platform")).read_text())
    where = parse_address(status.address, "BAO_ADDR")
    declared, journal = lanes(count), SqliteJournal(f"{home}/journal.db")
    vault = OpenBao(where, token)
    for lane in declared:
        apply_target(OpenBaoTarget(lane, vault, declared, settings=Settings()), journal, LaneOptions())
        put(lane, {"API_KEY": Secret("bench-value-1")}, vault, journal)
    context = Context(
        lanes={lane.id: lane for lane in declared}, settings=Settings(), vault=vault,
        vaults=lambda: OpenBao(where, token), clusters=NoClusters(), journal=journal,
        audit_device="file", alone=lambda _: contextlib.nullcontext(),
        snapshots=SnapshotReader(vault, at_once), administrators=administrators(ADMINISTRATORS),
    )  # fmt: skip
    identities = ByMount({}, embedded.issuer)
    recording = msgspec.structs.replace(
        context,
        vaults=lambda: Recording(where, token),
        snapshots=SnapshotReader(Recording(where, token), at_once),
    )
    options = ProveOptions(run="wp-record", workers=CONNECTIONS)
    prove(declared, recording, identities, AuditFiles([status.audit_file]), options)
    every, probes = Recording.every, Recording.probes
    count_probes = sum(map(len, probes))
    times: dict[str, list[float]] = {"every": [], "probes": [], "prove": []}
    for number in range(rounds):
        times["every"].append(raw(status.address, every, revoking=True))
        times["probes"].append(raw(status.address, probes, revoking=False))
        audit = AuditFiles([status.audit_file])
        started = time.perf_counter()
        options = ProveOptions(run=f"wp-round-{number}", workers=CONNECTIONS)
        proofs = prove(declared, context, identities, audit, options)
        times["prove"].append(time.perf_counter() - started)
        assert all(proof.state == "proven" for proof in proofs)
    return table(count, count_probes, rounds, {name: statistics.median(each) for name, each in times.items()})


def table(count: int, probes: int, rounds: int, took: dict[str, float]) -> str:
    rows = (
        ("raw keep-alive client, the probes alone", "probes", ""),
        ("raw keep-alive client, all that prove sends", "every", ""),
        ("warden prove", "prove", f" (aim: at least {AIM})"),
    )
    head = f"{count} lanes, {probes} probes, {CONNECTIONS} connections, median of {rounds} interleaved rounds"
    lines = [head, "", "| what | probes/s | ratio to all that prove sends |", "|---|---|---|"]
    lines += [
        f"| {name} | {probes / took[key]:.0f} | {took['every'] / took[key]:.2f}{aim} |" for name, key, aim in rows
    ]
    lines += ["", f"Beside the probes alone: {took['probes'] / took['prove']:.2f}."]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
