"""One embedded cluster: the life of its components, and what every cluster has before any lane.

    Cluster(files).up(report, threading.Event())  -> etcd, API server, controllers, accounts, CRDs, operator

Every step can be repeated: a component that answers is left alone, objects are applied and not created.
"""

import hashlib
import os
import re
import secrets
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

import msgspec

from warden.adapters.dev import bootstrap, components, process, state
from warden.adapters.dev.authority import signing_key
from warden.adapters.dev.components import COMPONENTS, CONTROLLERS, TITLES, ClusterFiles, Ports
from warden.adapters.dev.process import Program
from warden.core.errors import (
    Effect,
    Missing,
    NotFound,
    Refused,
    ServerFault,
    Unidentified,
    UsageError,
    WardenError,
)
from warden.core.lanes.lane import Workload
from warden.core.remedies import warden
from warden.core.secret import Secret

if TYPE_CHECKING:
    from warden.adapters.kubernetes.client import Kubernetes
    from warden.adapters.kubernetes.kubeconfig_format import Access

READY_SECONDS = 60.0
PORTS_TRIED = 5
_TAKEN = "address already in use"
_T = TypeVar("_T")

Report = Callable[[str], None]


class Kept(msgspec.Struct, kw_only=True):
    """What a cluster remembers: its ports, and a digest of the definitions that it was given."""

    ports: Ports = msgspec.field(default_factory=Ports)
    crds: str = ""


class ComponentStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How one program is. ``pid`` 0 and an empty address mean that there is none."""

    name: str
    pid: int
    address: str
    answers: bool


class Interrupted(Exception):
    """The whole bring-up was called off; nothing is wrong with this cluster."""


class Cluster:
    """One cluster in one directory. Methods raise only `WardenError`, and `up` also `Interrupted`."""

    COMPONENTS: ClassVar[tuple[str, ...]] = COMPONENTS

    def __init__(self, files: ClusterFiles) -> None:
        self._files = files
        self._kept = f"{files.root}/cluster.json"
        self._off = threading.Event()

    @property
    def name(self) -> str:
        """Its name, which is that of its context, too."""
        return self._files.name

    @property
    def address(self) -> str:
        """``https://127.0.0.1:PORT`` of the API server; empty before the first time."""
        port = self._read().ports.api
        return f"https://127.0.0.1:{port}" if port else ""

    def status(self) -> tuple[ComponentStatus, ...]:
        """How each component is, measured now."""
        return tuple(self._status(component) for component in self.COMPONENTS)

    def up(self, report: Report, off: threading.Event) -> bool:
        """Bring all of it up; answers whether that took anything. Ends with `Interrupted` soon after `off` is set."""
        self._off = off
        self._prepare()
        started = [self.start(component, report) for component in self.COMPONENTS if component != "eso"]
        self._bootstrap(report)
        return any([*started, self.start("eso", report)])

    def running(self) -> tuple[str, ...]:
        """The components that run now, whether they answer or not."""
        return tuple(component for component in self.COMPONENTS if self._program(component).pid is not None)

    def down(self, but: Sequence[str] = ()) -> bool:
        """End all components but those, the last started first; answers whether any ran."""
        return any([self.stop(component) for component in reversed(self.COMPONENTS) if component not in but])  # noqa: C419  # all of them

    def stop(self, component: str) -> bool:
        """End one component; answers whether it ran."""
        return self._program(component).stop()

    def start(self, component: str, report: Report) -> bool:
        """Start one component and wait until it answers; answers whether that took anything.

        Raises:
            ServerFault: it ends, or does not answer.
        """
        is_up = self._answers(component)
        if not is_up:
            self.stop(component)
            if component == "etcd":
                self._discard_half_made(report)
            self._bring_up(component, report)
        if component == "etcd" and state.remove(self._files.initialising):
            state.sync(self._files.root)
        return not is_up

    def _discard_half_made(self, report: Report) -> None:
        """Take away the data of an etcd that never answered.

        One that is ended between making its log and writing itself down as a member has nobody to elect ever after.
        """
        if not Path(self._files.data).exists():
            state.write(self._files.initialising, "a first start is under way\n")
        elif Path(self._files.initialising).exists():
            state.remove(self._files.data)
            report(f"{self.name}: an earlier first start was cut short before etcd held anything: starting anew")

    def _bring_up(self, component: str, report: Report) -> None:
        for _ in range(PORTS_TRIED):
            self._choose_ports(component)
            program = self._program(component)
            report(f"{self.name}: {TITLES[component]} starting on {self._listens_on(component)}")
            if self._run(component, program):
                return
            if _TAKEN not in state.read(program.log):
                break
            self._forget_ports(component)
        raise self._did_not_start(component)

    def admin(self) -> "Kubernetes":
        """The API as its administrator (group ``system:masters``)."""
        from warden.adapters.kubernetes.client import Kubernetes  # 0.3 s, only where a cluster is asked

        return Kubernetes(self.name, self.admin_access(), field_manager=bootstrap.MANAGER)

    def admin_access(self) -> "Access":
        """How the administrator reaches it."""
        return self._as(f"{self.name}-admin", Secret(state.read(self._files.callers).partition(",")[0]))

    def warden_access(self) -> "Access":
        """How the account ``warden/warden`` reaches it."""
        return self._as(self.name, self.account_token("warden", "warden"))

    def account_token(self, namespace: str, account: str) -> Secret:
        """The token that does not end of an account of ours, as soon as the controllers have made it."""
        admin = self.admin()

        def made() -> Secret | None:
            found = admin.secret(namespace, f"{account}-token")
            return found.values.get("token") if found else None

        if token := self._wait(made):
            return token
        log = self._program("controllers").log
        raise ServerFault(
            f"no token of {namespace}/{account} was made: the controllers do not work",
            system=self._system,
            subject=f"{namespace}/{account}",
            hint=f"read {log}, then",
            remedy=(warden("dev down"), warden("dev up")),
        )

    def mint(self, workload: Workload, audience: str, ttl: int) -> Secret:
        """A token of that account for that audience, `ttl` in seconds, as the cluster makes it (TokenRequest).

        Raises:
            NotFound: there is no such account.
            UsageError: the API server makes no token that is good for so short or so long.
        """
        try:
            return self.admin().token(workload, audience, ttl)
        except Missing:
            raise NotFound(
                f"{self.name} has no service account {workload}",
                effect=Effect.NOTHING_DONE,
                system=self._system,
                subject=str(workload),
                hint=f"make it: it is kubectl's create serviceaccount, in the context {self.name}-admin",
            ) from None
        except Unidentified:
            raise
        except Refused as fault:
            raise UsageError(
                f"{self.name} made no token of {workload}: {fault.problem}",
                effect=Effect.NOTHING_DONE,
                system=self._system,
                subject=str(workload),
                hint="a cluster's tokens are good for 10 minutes at least: --ttl 10m",
            ) from None

    @property
    def ca(self) -> str:
        """PEM of the authority that signed the API server's certificate."""
        return state.read(self._files.authority.ca_file)

    @property
    def _system(self) -> str:
        return f"embedded cluster {self.name}"

    def _as(self, context: str, token: Secret) -> "Access":
        from warden.adapters.kubernetes import kubeconfig_writer  # as in `admin`

        return kubeconfig_writer.config(context, self.address, self.ca, token=token)

    def _prepare(self) -> None:
        state.make_private(os.path.dirname(self._files.root))
        state.make_private(self._files.root)
        self._files.authority.certify(self.name)
        if not Path(self._files.signing_key).exists():
            state.write(self._files.signing_key, signing_key())
        if not Path(self._files.callers).exists():
            admin, controllers = secrets.token_hex(24), secrets.token_hex(24)
            lines = f'{admin},admin,admin,"system:masters"\n{controllers},system:kube-controller-manager,controllers\n'
            state.write(self._files.callers, lines)

    def _choose_ports(self, component: str) -> None:
        """Keep ports that are still free; a component that gets another one takes those down that call it."""
        kept = self._read()
        chosen = {name: process.free_port(getattr(kept.ports, name)) for name in _ports_of(component)}
        if any(getattr(kept.ports, name) != port for name, port in chosen.items()):
            for later in reversed(COMPONENTS[COMPONENTS.index(component) + 1 :]):
                self.stop(later)
        self._write(msgspec.structs.replace(kept, ports=msgspec.structs.replace(kept.ports, **chosen)))
        self._write_kubeconfig(component)

    def _write_kubeconfig(self, component: str) -> None:
        if component == "controllers":
            token = state.read(self._files.callers).splitlines()[1].partition(",")[0]
            self._put_kubeconfig(self._files.controllers_kubeconfig, Secret(token))
        elif component == "eso":
            self._put_kubeconfig(self._files.eso_kubeconfig, self.account_token("external-secrets", "external-secrets"))

    def _put_kubeconfig(self, path: str, token: Secret) -> None:
        from warden.adapters.kubernetes import kubeconfig_writer  # as in `admin`

        state.write(path, kubeconfig_writer.document({self.name: self._as(self.name, token)}, self.name))

    def _forget_ports(self, component: str) -> None:
        kept = self._read()
        nothing = dict.fromkeys(_ports_of(component), 0)
        self._write(msgspec.structs.replace(kept, ports=msgspec.structs.replace(kept.ports, **nothing)))

    def _run(self, component: str, program: Program) -> bool:
        return program.bring_up(lambda pid: self._wait(lambda: self._settled(component, pid)) == "ready")

    def _settled(self, component: str, pid: int) -> str | None:
        if process.ended(pid):
            return "ended"
        return "ready" if self._answers(component, pid) else None

    def _wait(self, attempt: Callable[[], _T | None]) -> _T | None:
        def unless_called_off() -> _T | None:
            if self._off.is_set():
                raise Interrupted
            return attempt()

        return process.wait_for(unless_called_off, READY_SECONDS)

    def _answers(self, component: str, pid: int | None = None) -> bool:
        """Whether our process, and no other, listens there and says that it is well."""
        pid = pid or self._program(component).pid
        port = getattr(self._read().ports, component)
        if not pid or not port or not process.listens(pid, port):
            return False
        try:
            return self._healthy(component, port)
        except WardenError:
            return False

    def _healthy(self, component: str, port: int) -> bool:
        """What the component's own health endpoint says."""
        if component == "eso":
            return _answers_plain(port)
        if component == "api":
            return self.admin().health("/readyz") is not None
        if component == "etcd":
            return self._reached_as_server(port).health("/health") is not None
        # kube-controller-manager is well before it has begun with any controller, and ends where one cannot begin.
        answer = self._reached_as_server(port).health("/healthz?verbose")
        return answer is not None and all(f"[+]{name} ok" in answer for name in CONTROLLERS)

    def _reached_as_server(self, port: int) -> "Kubernetes":
        """A component other than the API server, called with the certificate that all of them share."""
        from warden.adapters.kubernetes import client, kubeconfig_writer  # as in `admin`

        pki = self._files.authority
        ca, certificate, key = (state.read(each) for each in (pki.ca_file, pki.certificate, pki.key))
        address = f"https://127.0.0.1:{port}"
        access = kubeconfig_writer.config(self.name, address, ca, certificate=certificate, key=Secret(key))
        return client.Kubernetes(self.name, access)

    def _status(self, component: str) -> ComponentStatus:
        pid = self._program(component).pid
        answers = pid is not None and self._answers(component, pid)
        return ComponentStatus(
            name=TITLES[component], pid=pid or 0, address=self._listens_on(component), answers=answers
        )

    def _listens_on(self, component: str) -> str:
        port = getattr(self._read().ports, component)
        scheme = "http" if component == "eso" else "https"
        return f"{scheme}://127.0.0.1:{port}" if port else ""

    def _program(self, component: str) -> Program:
        return components.program(component, self._files, self._read().ports)

    def _bootstrap(self, report: Report) -> None:
        kube = self.admin()
        bootstrap.accounts_and_rights(kube, self._wait)
        crds = Path(self._files.programs.crds).read_text(encoding="utf-8")
        digest = hashlib.sha256(crds.encode()).hexdigest()
        if self._read().crds != digest:
            count = bootstrap.definitions(kube, crds, self._wait)
            self._write(msgspec.structs.replace(self._read(), crds=digest))
            report(f"{self.name}: accounts, rights and {count} definitions of External Secrets Operator are there")

    def _read(self) -> Kept:
        try:
            return msgspec.json.decode(Path(self._kept).read_bytes(), type=Kept)
        except (OSError, msgspec.MsgspecError):
            return Kept()

    def _write(self, kept: Kept) -> None:
        state.write(self._kept, msgspec.json.encode(kept))

    def _did_not_start(self, component: str) -> ServerFault:
        log = self._program(component).log
        try:
            lines = [line for line in state.read(log).splitlines() if re.search(r"(?i)error|fail|fatal", line)]
        except NotFound:
            lines = []
        return ServerFault(
            f"{TITLES[component]} of {self.name} did not come up: {lines[-1].strip() if lines else 'it wrote nothing'}",
            system=self._system,
            subject=log,
            hint=f"read {log}, then",
            remedy=(warden("dev up"),),
        )


def _ports_of(component: str) -> tuple[str, ...]:
    return ("etcd", "peer") if component == "etcd" else (component,)


def _answers_plain(port: int) -> bool:
    """Whether the operator's liveness endpoint says that all is well."""
    import httpx2  # as in `Cluster.admin`

    try:
        # plain http on loopback: to load authorities would only take time
        return httpx2.get(f"http://127.0.0.1:{port}/healthz", timeout=5, verify=False, trust_env=False).is_success
    except httpx2.HTTPError:
        return False
