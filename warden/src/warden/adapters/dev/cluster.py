"""One embedded cluster: its parts' life, and what every cluster has before any lane.

    Cluster(place).up(report, threading.Event())  -> etcd, API server, controllers, accounts, CRDs, operator

Every step can be repeated: a part that answers is left alone, objects are applied and not created.
"""

import base64
import hashlib
import http.client
import os
import re
import secrets
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, TypeVar

import msgspec

from warden.adapters.dev import bootstrap as furnish
from warden.adapters.dev import plane, process, state
from warden.adapters.dev.authority import signing_key
from warden.adapters.dev.kube import Access, Kube, kubeconfig
from warden.adapters.dev.plane import CONTROLLERS, PARTS, TITLES, Place, Ports
from warden.adapters.dev.process import Program
from warden.core.errors import NotFound, Refused, ServerFault, UsageError, WardenError
from warden.core.lanes.lane import Workload
from warden.core.secret import Secret

READY_SECONDS = 60.0
PORTS_TRIED = 5
_TAKEN = "address already in use"
_T = TypeVar("_T")

Report = Callable[[str], None]


class Kept(msgspec.Struct, kw_only=True):
    """What a cluster remembers: its ports, and a digest of the definitions that it was given."""

    ports: Ports = msgspec.field(default_factory=Ports)
    crds: str = ""


class PartStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How one program is. ``pid`` 0 and an empty address mean that there is none."""

    name: str
    pid: int
    address: str
    answers: bool


class Interrupted(Exception):
    """The whole bring-up was called off; nothing is wrong with this cluster."""


class Cluster:
    """One cluster in one directory. Methods raise only `WardenError`, and `up` also `Interrupted`."""

    PARTS: ClassVar[tuple[str, ...]] = PARTS

    def __init__(self, place: Place) -> None:
        self._place = place
        self._kept = f"{place.root}/cluster.json"
        self._off = threading.Event()

    @property
    def name(self) -> str:
        """Its name, which is that of its context, too."""
        return self._place.name

    @property
    def address(self) -> str:
        """``https://127.0.0.1:PORT`` of the API server; empty before the first time."""
        port = self._read().ports.api
        return f"https://127.0.0.1:{port}" if port else ""

    def status(self) -> tuple[PartStatus, ...]:
        """How each part is, measured now."""
        return tuple(self._status(part) for part in self.PARTS)

    def up(self, report: Report, off: threading.Event) -> bool:
        """Bring all of it up; answers whether that took anything. Ends with `Interrupted` soon after `off` is set."""
        self._off = off
        self._prepare()
        started = [self.start(part, report) for part in self.PARTS if part != "eso"]
        self._furnish(report)
        return any([*started, self.start("eso", report)])

    def running(self) -> tuple[str, ...]:
        """The parts that run now, whether they answer or not."""
        return tuple(part for part in self.PARTS if self._program(part).pid is not None)

    def down(self, but: Sequence[str] = ()) -> bool:
        """End all parts but those, the last started first; answers whether any ran."""
        return any([self.stop(part) for part in reversed(self.PARTS) if part not in but])  # noqa: C419  # all of them

    def stop(self, part: str) -> bool:
        """End one part; answers whether it ran."""
        return self._program(part).stop()

    def start(self, part: str, report: Report) -> bool:
        """Start one part and wait until it answers; answers whether that took anything.

        Raises:
            ServerFault: it ends, or does not answer.
        """
        is_up = self._answers(part)
        if not is_up:
            self.stop(part)
            if part == "etcd":
                self._discard_half_made(report)
            self._bring_up(part, report)
        if part == "etcd" and state.remove(self._place.initialising):
            state.sync(self._place.root)
        return not is_up

    def _discard_half_made(self, report: Report) -> None:
        """Take away the data of an etcd that never answered.

        One that is ended between making its log and writing itself down as a member has nobody to elect ever after.
        """
        if not Path(self._place.data).exists():
            state.write(self._place.initialising, "a first start is under way\n")
        elif Path(self._place.initialising).exists():
            state.remove(self._place.data)
            report(f"{self.name}: an earlier first start was cut short before etcd held anything: starting anew")

    def _bring_up(self, part: str, report: Report) -> None:
        for _ in range(PORTS_TRIED):
            self._choose_ports(part)
            program = self._program(part)
            report(f"{self.name}: {TITLES[part]} starting on {self._listens_on(part)}")
            if self._run(part, program):
                return
            if _TAKEN not in state.read(program.log):
                break
            self._forget_ports(part)
        raise self._did_not_start(part)

    def admin(self) -> Kube:
        """The API as its administrator (group ``system:masters``)."""
        return Kube(self.admin_access())

    def admin_access(self) -> Access:
        """How the administrator reaches it."""
        return self._access(Secret(state.read(self._place.callers).partition(",")[0]))

    def warden_access(self) -> Access:
        """How the account ``warden/warden`` reaches it."""
        return self._access(self.account_token("warden", "warden"))

    def account_token(self, namespace: str, account: str) -> Secret:
        """The token that does not end of an account of ours, as soon as the controllers have made it."""
        kube = self.admin()
        path = f"/api/v1/namespaces/{namespace}/secrets/{account}-token"

        def made() -> str | None:
            token: str | None = (kube.call("GET", path)[1].get("data") or {}).get("token")
            return token

        if token := self._wait(made):
            return Secret(base64.b64decode(token).decode())
        raise ServerFault(
            f"no token of {namespace}/{account} was made: the controllers do not work",
            system=self._system,
            subject=path,
            hint=f"read {self._program('controllers').log}, then: warden dev down && warden dev up",
        )

    def mint(self, workload: Workload, audience: str, ttl: int) -> Secret:
        """A token of that account for that audience, `ttl` in seconds, as the cluster makes it (TokenRequest).

        Raises:
            NotFound: there is no such account.
            UsageError: the API server makes no token that is good for so short or so long.
        """
        spec = {"audiences": [audience], "expirationSeconds": ttl}
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        path = f"/api/v1/namespaces/{workload.namespace}/serviceaccounts/{workload.account}"
        status, answer = self.admin().call("POST", f"{path}/token", body)
        if status == http.client.CREATED:
            return Secret(answer["status"]["token"])
        raise self._not_minted(workload, status, str(answer.get("message")))

    def _not_minted(self, workload: Workload, status: int, why: str) -> WardenError:
        if status == http.client.NOT_FOUND:
            return NotFound(
                f"{workload} is no service account of {self.name}. No token was made.",
                system=self._system,
                subject=str(workload),
                hint=f"kubectl -n {workload.namespace} create serviceaccount {workload.account} "
                f"--context {self.name}-admin",
            )
        kind = UsageError if status == http.client.UNPROCESSABLE_ENTITY else Refused
        return kind(
            f"{self.name} made no token of {workload}: {why}",
            system=self._system,
            subject=str(workload),
            hint="a cluster's tokens are good for 10 minutes at least: --ttl 10m",
        )

    @property
    def ca(self) -> str:
        """PEM of the authority that signed the API server's certificate."""
        return state.read(self._place.authority.ca_file)

    @property
    def _system(self) -> str:
        return f"embedded cluster {self.name}"

    def _access(self, token: Secret) -> Access:
        return Access(server=self.address, ca=self.ca, token=token)

    def _prepare(self) -> None:
        state.make_private(os.path.dirname(self._place.root))
        state.make_private(self._place.root)
        self._place.authority.certify(self.name)
        if not Path(self._place.signing_key).exists():
            state.write(self._place.signing_key, signing_key())
        if not Path(self._place.callers).exists():
            admin, controllers = secrets.token_hex(24), secrets.token_hex(24)
            lines = f'{admin},admin,admin,"system:masters"\n{controllers},system:kube-controller-manager,controllers\n'
            state.write(self._place.callers, lines)

    def _choose_ports(self, part: str) -> None:
        """Keep the ports where nobody else is there; a part whose callers know another port takes them down first."""
        kept = self._read()
        chosen = {name: process.free_port(getattr(kept.ports, name)) for name in _ports_of(part)}
        if any(getattr(kept.ports, name) != port for name, port in chosen.items()):
            for later in reversed(PARTS[PARTS.index(part) + 1 :]):
                self.stop(later)
        self._write(msgspec.structs.replace(kept, ports=msgspec.structs.replace(kept.ports, **chosen)))
        self._write_kubeconfig(part)

    def _write_kubeconfig(self, part: str) -> None:
        if part == "controllers":
            token = state.read(self._place.callers).splitlines()[1].partition(",")[0]
            self._put_kubeconfig(self._place.controllers_kubeconfig, Secret(token))
        elif part == "eso":
            self._put_kubeconfig(self._place.eso_kubeconfig, self.account_token("external-secrets", "external-secrets"))

    def _put_kubeconfig(self, path: str, token: Secret) -> None:
        state.write(path, kubeconfig({self.name: self._access(token)}, self.name))

    def _forget_ports(self, part: str) -> None:
        kept = self._read()
        nothing = dict.fromkeys(_ports_of(part), 0)
        self._write(msgspec.structs.replace(kept, ports=msgspec.structs.replace(kept.ports, **nothing)))

    def _run(self, part: str, program: Program) -> bool:
        return program.bring_up(lambda pid: self._wait(lambda: self._settled(part, pid)) == "ready")

    def _settled(self, part: str, pid: int) -> str | None:
        if process.ended(pid):
            return "ended"
        return "ready" if self._answers(part, pid) else None

    def _wait(self, attempt: Callable[[], _T | None]) -> _T | None:
        def unless_called_off() -> _T | None:
            if self._off.is_set():
                raise Interrupted
            return attempt()

        return process.wait_for(unless_called_off, READY_SECONDS)

    def _answers(self, part: str, pid: int | None = None) -> bool:
        """Whether our process, and no other, listens there and says that it is well."""
        pid = pid or self._program(part).pid
        port = getattr(self._read().ports, part)
        if not pid or not port or not process.listens(pid, port):
            return False
        try:
            return _healthy(part, port, self._place, self.admin_access() if part == "api" else None)
        except WardenError:
            return False

    def _status(self, part: str) -> PartStatus:
        pid = self._program(part).pid
        answers = pid is not None and self._answers(part, pid)
        return PartStatus(name=TITLES[part], pid=pid or 0, address=self._listens_on(part), answers=answers)

    def _listens_on(self, part: str) -> str:
        port = getattr(self._read().ports, part)
        scheme = "http" if part == "eso" else "https"
        return f"{scheme}://127.0.0.1:{port}" if port else ""

    def _program(self, part: str) -> Program:
        return plane.program(part, self._place, self._read().ports)

    def _furnish(self, report: Report) -> None:
        kube = self.admin()
        furnish.accounts_and_rights(kube, self._wait)
        crds = Path(self._place.programs.crds).read_text(encoding="utf-8")
        digest = hashlib.sha256(crds.encode()).hexdigest()
        if self._read().crds != digest:
            count = furnish.definitions(kube, crds, self._wait)
            self._write(msgspec.structs.replace(self._read(), crds=digest))
            report(f"{self.name}: accounts, rights and {count} definitions of External Secrets Operator are there")

    def _read(self) -> Kept:
        try:
            return msgspec.json.decode(Path(self._kept).read_bytes(), type=Kept)
        except (OSError, msgspec.MsgspecError):
            return Kept()

    def _write(self, kept: Kept) -> None:
        state.write(self._kept, msgspec.json.encode(kept))

    def _did_not_start(self, part: str) -> ServerFault:
        log = self._program(part).log
        try:
            lines = [line for line in state.read(log).splitlines() if re.search(r"(?i)error|fail|fatal", line)]
        except NotFound:
            lines = []
        return ServerFault(
            f"{TITLES[part]} of {self.name} did not come up: {lines[-1].strip() if lines else 'it said nothing'}",
            system=self._system,
            subject=log,
            hint=f"read {log}, then: warden dev up",
        )


def _ports_of(part: str) -> tuple[str, ...]:
    return ("etcd", "peer") if part == "etcd" else (part,)


def _healthy(part: str, port: int, place: Place, admin: Access | None) -> bool:
    """What the part's own health endpoint says."""
    if part == "eso":
        return _plain_health(port)
    pki = place.authority
    if part == "etcd":
        certificate, key = state.read(pki.certificate), Secret(state.read(pki.key))
        admin = Access(server="", ca=state.read(pki.ca_file), certificate=certificate, key=key)
    access = admin or Access(server="", ca=state.read(pki.ca_file))
    path = {"etcd": "/health", "api": "/readyz", "controllers": "/healthz?verbose"}[part]
    told = Kube(msgspec.structs.replace(access, server=f"https://127.0.0.1:{port}")).health(path)
    # kube-controller-manager is well before it has begun with any controller, and ends where one cannot begin.
    begun = [f"[+]{name} ok" for name in CONTROLLERS] if part == "controllers" else []
    return told is not None and all(each in told for each in begun)


def _plain_health(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
