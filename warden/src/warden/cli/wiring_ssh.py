"""What builds adapters for SSH certificates; see `wiring`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from warden.core.errors import Effect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Literal

    from warden.adapters.ssh.certificates import SshCertificates
    from warden.core.errors import Fault, Invalid
    from warden.core.inventory.inventory import DeclaredAuthority, Inventory
    from warden.core.lanes.catalog import Catalog
    from warden.core.openbao.api import Identity
    from warden.ports.certificate_authority import CertificateAuthority
    from warden.ports.journal import Journal
    from warden.ports.notices import Notices
    from warden.ports.vault import Vault
    from warden.usecases.sign import SignTools


def inventory(platform: str) -> Inventory:
    """The inventory of a platform directory. Raises `Invalid`."""
    from warden.adapters.catalog.inventory import load_inventory

    return load_inventory(platform)


def read(platform: str) -> Inventory | Invalid:
    """The inventory, or what is wrong with its file."""
    from warden.core.errors import Invalid

    try:
        return inventory(platform)
    except Invalid as fault:
        return fault


def add_to_inventory(platform: str, what: Literal["actor", "host"], name: str, entry: Mapping[str, object]) -> str:
    """Add an actor or a host, as the file has it, to the inventory; answers the file."""
    from warden.adapters.catalog.inventory_edit import add

    return add(platform, what, name, entry)


def as_entry(text: str) -> dict[str, object] | None:
    """What a text like ``approle: backup, ttl: 5m`` says; ``None`` where it says nothing so."""
    from warden.adapters.catalog.inventory_edit import as_entry

    return as_entry(text)


def inventory_files(platform: str) -> list[str]:
    """The inventory's file, as people name it; none where there is no such file."""
    from warden.adapters.catalog.files import shown
    from warden.adapters.catalog.inventory import inventory_file

    path = inventory_file(platform)
    return [shown(path)] if os.path.lexists(path) else []


def inventory_faults(platform: str, catalog: Catalog) -> Sequence[Fault]:
    """Everything that is wrong with the inventory, by itself and beside the catalog."""
    from warden.adapters.catalog.inventory import inventory_faults as look

    return look(platform, catalog)


def certificates() -> SshCertificates:
    """What reads certificates and keys."""
    from warden.adapters.ssh.certificates import SshCertificates

    return SshCertificates()


def tools(platform: str, *, offline: bool = False) -> SignTools:
    """What certificates are signed with, but for the authority. Offline no server is asked for anything."""
    from warden.cli import wiring, wiring_journal
    from warden.cli.clock import now
    from warden.usecases.sign import SignTools

    return SignTools(
        policy=wiring.local_policy(platform) if offline else wiring.policy(platform),
        journal=wiring_journal.journal(platform, asks=not offline),
        certificates=certificates(),
        clock=now,
    )


def authority(declared: DeclaredAuthority) -> Callable[[Vault], CertificateAuthority]:
    """The authority that the inventory declares, as the caller's session at OpenBao reaches it."""
    return lambda vault: _at_openbao(declared.openbao, vault) if declared.openbao else local_authority(declared)


def _at_openbao(mount: str, vault: Vault) -> CertificateAuthority:
    from warden.adapters.openbao.sender import Sender
    from warden.adapters.openbao.ssh_engine import SshEngine

    assert isinstance(vault, Sender)  # noqa: S101 - the one adapter of the port Vault
    return SshEngine(vault, mount)


def reached(declared: DeclaredAuthority, patience: float | None = None) -> CertificateAuthority:
    """The authority, to be asked for its public keys; where that is at OpenBao, within `patience` seconds."""
    from warden.cli import wiring

    return _at_openbao(declared.openbao, wiring.openbao(patience)) if declared.openbao else local_authority(declared)


def local_authority(declared: DeclaredAuthority) -> CertificateAuthority:
    """An authority that is not at OpenBao: in a file, in ssh-agent, or in a PKCS#11 token."""
    if declared.key is not None:
        from warden.adapters.ssh.key_file_authority import KeyFileAuthority

        return KeyFileAuthority(declared.key, declared.also_trusted)
    if declared.agent is not None:
        from warden.adapters.ssh.agent_authority import AgentAuthority

        return AgentAuthority(declared.agent, os.environ, declared.also_trusted)
    from warden.adapters.ssh.pkcs11_authority import Pkcs11Authority

    assert declared.pkcs11 is not None  # noqa: S101 - the rules see to it that one of them is declared
    return Pkcs11Authority(declared.pkcs11, os.environ, declared.also_trusted)


def notices(platform: str, journal: Journal) -> Notices:
    """Who is told, as ``platform.yaml`` says; no file of the catalog is read."""
    from warden.adapters.catalog.files import load_platform
    from warden.cli import wiring_files

    return wiring_files.notices(platform, load_platform(platform), journal)


def local_user() -> Identity:
    """The caller as this machine knows it."""
    import socket

    from warden.adapters.journal.errors import os_user
    from warden.core.ssh.emergency import local_identity

    return local_identity(os_user(), socket.gethostname())


def read_public_key(path: str) -> bytes:
    """The content of a public key's file. Raises `UsageError`."""
    from warden.adapters.machine.regular_file import NotUsable, read_bytes
    from warden.core.errors import UsageError

    try:
        return read_bytes(path, 1 << 16)
    except NotUsable as fault:
        problem = f"{path} cannot be read ({fault})"
        raise UsageError(problem, effect=Effect.NOTHING_SIGNED, system="public key", subject=path) from None


def public_key_line(path: str) -> str:
    """The public key in a file, without its comment. Raises `UsageError`, which names the file."""
    from warden.core.errors import UsageError
    from warden.core.ssh.errors import BadPublicKey

    text = read_public_key(path).decode("utf-8", "replace")
    try:
        return certificates().public_key(text)
    except UsageError as fault:
        if isinstance(fault.problem, BadPublicKey):
            fault.problem, fault.subject = BadPublicKey(fault.problem.fault, path), path
        raise


def certificate_path(path: str) -> str:
    """The whole path. Raises `UsageError` where nothing can be written, or something else would be lost."""
    from warden.adapters.machine.regular_file import NotUsable, read_bytes
    from warden.core.errors import UsageError
    from warden.core.inventory.public_keys import certified_type

    _expect_folder(os.path.dirname(os.path.realpath(path)))
    if not os.path.exists(path):
        return os.path.abspath(path)
    try:
        there = read_bytes(path, 1 << 16).decode("ascii", "replace").split()
    except NotUsable as fault:
        there, why = ["?"], str(fault)
    else:
        why = "it is not a certificate"
    if there and not certified_type(there[0]):
        problem = f"{path} is not replaced ({why})"
        hint = "move that file away, or have this certificate written to another one with --out"
        raise UsageError(problem, effect=Effect.NOTHING_SIGNED, system="file", subject=path, hint=hint)
    return os.path.abspath(path)


def _expect_folder(folder: str) -> None:
    """Raise `UsageError` where no file can be made in it."""
    from warden.core.errors import UsageError

    if not os.path.isdir(folder) or not os.access(folder, os.W_OK | os.X_OK):
        why = "is not a directory that can be written" if os.path.exists(folder) else "does not exist"
        problem, hint = f"{folder} {why}", "name a file in another directory with --out"
        raise UsageError(problem, effect=Effect.NOTHING_SIGNED, system="file", subject=folder, hint=hint)


def write_certificate(path: str, line: str) -> None:
    """Put a certificate in a file's place, whole or not at all: if this raises `Inconclusive`, the old one is there."""
    from warden.adapters.machine.whole_file import replace
    from warden.core.errors import Inconclusive
    from warden.core.ssh.errors import Discarded

    try:
        replace(path, f"{line}\n")
    except OSError as fault:
        problem = f"{path} cannot be written ({os.strerror(fault.errno or 0).lower()})"
        hint = "make room, or name another file with --out"
        raise Inconclusive(problem, effect=Discarded(), system="file", subject=path, hint=hint) from None
