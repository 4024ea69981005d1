"""What builds adapters for KRLs; see `wiring`."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, get_args

from warden.cli import wiring, wiring_journal, wiring_ssh
from warden.cli.clock import now

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import click

    from warden.adapters.ssh.krl_folder import PublishedKrl
    from warden.adapters.ssh.krl_host import InstalledKrl
    from warden.adapters.ssh.krl_http import KrlAtUrl
    from warden.adapters.ssh.krl_server import KrlServer
    from warden.adapters.ssh.krl_tools import SshKeygenVerifier
    from warden.ports.journal import Journal
    from warden.usecases.krl import Publisher

LOCK_PATIENCE = 30.0
"""Seconds to wait for another process that publishes a KRL, or puts one in place."""


def krl_directory(named: str | None) -> str:
    """Where KRLs are published: the directory that was named, else ``krl`` in warden's state directory."""
    return os.path.abspath(named) if named else os.path.join(wiring.state_directory(), "krl")


def publisher(ctx: click.Context, directory: str) -> Publisher:
    """What a KRL is built, signed and published with. Raises `UsageError` where platform.yaml names no key."""
    from warden.adapters.ssh.krl_tools import SshKeygenKrl
    from warden.usecases.krl import Publisher

    signer = wiring_journal.required_signer(ctx)
    return Publisher(
        journal=wiring_journal.journal(wiring.platform_dir(ctx)),
        builder=SshKeygenKrl(),
        signer=signer,
        folder=krl_folder(directory),
        clock=now,
    )


def publishing() -> AbstractContextManager[None]:
    """One KRL is made at a time on this machine: the others wait for it."""
    return _alone(os.path.join(wiring.state_directory(), "krl.lock"), "publishing a KRL")


def known_authorities(platform: str, journal: Journal) -> dict[str, str]:
    """The public keys of the CAs that the inventory declares, and of those in earlier revocations, by fingerprint.

    One that cannot be asked now is left out.
    """
    from warden.core.inventory.inventory import Purpose
    from warden.usecases.revoke import authorities

    declared = filter(None, map(wiring_ssh.inventory(platform).authorities.of, get_args(Purpose)))
    each = [partial(wiring_ssh.reached, one, patience=3.0) for one in declared]
    return authorities(each, wiring_ssh.certificates(), journal)


def krl_folder(directory: str) -> PublishedKrl:
    """What is published there."""
    from warden.adapters.ssh.krl_folder import PublishedKrl

    return PublishedKrl(directory)


def krl_host(path: str) -> InstalledKrl:
    """The file that sshd reads."""
    from warden.adapters.ssh.krl_host import InstalledKrl

    return InstalledKrl(os.path.abspath(path))


def krl_source(url: str, patience: float) -> KrlAtUrl:
    """Where a KRL is fetched. Raises `UsageError` for a URL that is not of http or https."""
    from warden.adapters.ssh.krl_http import KrlAtUrl

    return KrlAtUrl(url, patience)


def krl_verifier(signers: str) -> SshKeygenVerifier:
    """Checks KRLs by a file of allowed signers."""
    from warden.adapters.ssh.krl_tools import SshKeygenVerifier

    return SshKeygenVerifier(os.path.abspath(signers))


def pulling(path: str) -> AbstractContextManager[None]:
    """One pull of that file at a time: the others wait for it. Raises `UsageError` where its folder does not exist."""
    from warden.adapters.ssh.krl_host import WRITABLE
    from warden.core.errors import Effect, UsageError

    path = os.path.abspath(path)
    if not os.path.isdir(folder := os.path.dirname(path)):
        raise UsageError(
            f"{folder} does not exist",
            effect=Effect.NOTHING_CHANGED,
            system="RevokedKeys",
            subject=path,
            hint="make it, or name with --file what sshd_config has as RevokedKeys",
        )
    return _alone(f"{path}.lock", "putting a KRL in place", hint=WRITABLE)


def krl_server(directory: str, host: str, port: int) -> KrlServer:
    """Publishes a directory over HTTP. Raises `UsageError` where it cannot listen there."""
    from warden.adapters.ssh.krl_server import KrlServer

    return KrlServer(directory, host, port)


def _alone(path: str, doing: str, hint: str = "") -> AbstractContextManager[None]:
    from warden.adapters.machine.lock import file_lock
    from warden.core.errors import Effect, Held

    problem = f"another warden is {doing} on this machine, and has been for {LOCK_PATIENCE:g} s"
    busy = Held(problem, effect=Effect.NOTHING_CHANGED, subject=path, hint="wait for it, then run this again")
    return file_lock(path, busy, patience=LOCK_PATIENCE, hint=hint)
