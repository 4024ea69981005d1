"""The only file that builds adapters: each function imports what it builds, so that a command pays for its own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from warden.core.errors import NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    import click

    from warden.adapters.catalog.pages import Checkouts
    from warden.adapters.catalog.search_index import Searchable
    from warden.adapters.dev import Embedded
    from warden.adapters.kubernetes.client import Kubernetes
    from warden.adapters.openbao.audit_log import AuditCommand, AuditFiles
    from warden.adapters.openbao.caller import EnvironmentCaller
    from warden.adapters.openbao.client import OpenBao
    from warden.adapters.openbao.endpoint import Endpoint
    from warden.adapters.process import Exec
    from warden.core.clusters.manifests import Manifest
    from warden.core.errors import Fault, WardenError
    from warden.core.findings import JournalFile
    from warden.core.lanes.catalog import Catalog, Entry
    from warden.core.proofs.machine_probes import OwnCredentials
    from warden.core.routes.route import Route
    from warden.core.secret import Secret
    from warden.ports.access_index import SnapshotReader
    from warden.ports.cluster import Cluster
    from warden.ports.identities import Identities
    from warden.ports.policy import Policy
    from warden.usecases.doctor import DeclaredHere, Machine
    from warden.usecases.doctor.policy import PointToExamine


def platform_flag(ctx: click.Context) -> str | None:
    """What ``--platform`` said."""
    found: str | None = ctx.find_root().obj.get("platform")
    return found


def state_directory() -> str:
    """Where warden keeps its own state: WARDEN_STATE, else ``$XDG_STATE_HOME/warden``."""
    from warden.adapters.machine import directories

    return directories.state()


def platform_dir(ctx: click.Context) -> str:
    """The platform directory of this call. A command with effects looks here last, and says which one it uses."""
    from warden.adapters.catalog.discovery import find_platform
    from warden.cli.wiring_files import enter_environment

    root = ctx.find_root()
    reads = root.invoked_subcommand in READING
    found = find_platform(platform_flag(ctx), configured_first=not reads)
    if found.source in {"here", "config"} and not reads and not ctx.params.get("as_json") and not root.obj.get("told"):
        from warden.present.platform import show_used

        show_used(found.directory, configured=found.source == "config", passed_over=found.passed_over)
    enter_environment(ctx, found.directory, at_embedded)
    root.obj["told"] = True
    return found.directory


READING = frozenset({"can-reach", "catalog", "doctor", "next", "playbook", "render", "route", "status", "who-can"})
"""The commands that look for the platform directory here first; every other one where the user configured it."""


def catalog(platform: str) -> Catalog:
    """The catalog of a platform directory."""
    from warden.adapters.catalog.files import load_catalog

    return load_catalog(platform)


def has_file(platform: str, entry_id: str) -> bool:
    """Whether the catalog has a file of that id, in whatever state."""
    from warden.adapters.catalog.files import catalog_files

    return any(os.path.basename(path) == f"{entry_id}.yaml" for path in catalog_files(platform))


def entry(platform: str, entry_id: str) -> Entry:
    """One entry, from its file alone. Raises `Invalid`, `NotFound`."""
    from warden.adapters.catalog.entry_cache import entry as read

    return read(platform, entry_id)


def entry_route(platform: str, entry_id: str) -> Route:
    """One entry's route as its file says, without the journal."""
    from warden.adapters.catalog.entry_cache import entry
    from warden.core.routes.route import declared_route

    return declared_route(entry(platform, entry_id))


def pages(platform: str, found: Catalog) -> Checkouts:
    """The pages that entries point at."""
    from warden.adapters.catalog.pages import Checkouts

    return Checkouts(platform, found.platform.repos)


def entry_ids(platform: str) -> list[str]:
    """The ids of every entry that has a file, in whatever state."""
    from warden.adapters.catalog.files import catalog_files

    return [os.path.basename(path).rpartition(".")[0] for path in catalog_files(platform)]


def entries(platform: str, need: str) -> tuple[list[Entry], bool]:
    """The entry of that id, else those that a need in words may mean; whether that is sure.

    Raises `Unowned` where nobody owns it.
    """
    from warden.core.lanes.search import expect_words

    try:
        return [entry(platform, expect_words(need, "need"))], True
    except NotFound:
        from warden.core.lanes.search import NotOwned, unowned
        from warden.usecases.find import meant

        catalog = searchable(platform)
        found = meant(catalog, need)
        if isinstance(found, NotOwned):
            raise unowned(found) from None
        return [catalog.entry(hit.id) for hit in found.hits], found.answer == "found"


def searchable(platform: str) -> Searchable:
    """The catalog of a platform directory, to be searched."""
    from warden.adapters.catalog.search_index import searchable as load

    return load(platform)


def openbao(patience: float | None = None) -> OpenBao:
    """The OpenBao that the environment names, spoken to as the caller; `patience` is in seconds.

    The token is BAO_TOKEN, VAULT_TOKEN or the token file of ``bao login``.
    """
    import msgspec

    from warden.adapters.openbao import client as adapter
    from warden.adapters.openbao import endpoint as address
    from warden.adapters.openbao.caller import own_token

    where = address.endpoint(os.environ)
    where = msgspec.structs.replace(where, timeout=min(where.timeout, patience or where.timeout))
    return adapter.OpenBao(where, own_token(os.environ), namespace=address.namespace(os.environ))


def namespace() -> str:
    """The namespace that the environment names; empty for the root."""
    from warden.adapters.openbao import endpoint as address

    return address.namespace(os.environ)


def authorities(where: Endpoint) -> str:
    """PEM of the authorities that the environment names for that server; empty: the system's."""
    from warden.adapters.catalog.authorities import only_certificates
    from warden.adapters.openbao import certificates
    from warden.core.errors import Effect

    try:
        found = certificates.authorities(where)
        return only_certificates(found) if found else ""
    except (OSError, ValueError):
        raise UsageError(
            "the authorities of OpenBao cannot be read as PEM",
            effect=Effect.NOTHING_DONE,
            hint="BAO_CACERT has to name a PEM file, or BAO_CAPATH a folder of them",
        ) from None


def declared_authorities(platform: str, named: str) -> str:
    """PEM of the certificates in a file that ``clusters.yaml`` names."""
    from warden.adapters.catalog.authorities import declared_authorities as read

    return read(platform, named)


def policy(platform_dir: str) -> Policy:
    """The policy gate: the platform's access policies, or the default, and each policy point."""
    from warden.adapters.policy.located import policy_of

    return policy_of(platform_dir, os.environ)


def local_policy(platform_dir: str) -> Policy:
    """The platform's access policies, or the default, alone: no policy point of another system is asked."""
    from warden.adapters.policy.cedar import CedarPolicy
    from warden.adapters.policy.located import policies_of

    return CedarPolicy(policies_of(platform_dir))


def policy_faults(platform_dir: str) -> list[Fault]:
    """What is wrong with the platform's access policies, and a warning for each that nobody reads."""
    from warden.adapters.policy.cedar import policy_faults as look
    from warden.adapters.policy.located import policies_of

    return [*look(policies_of(platform_dir)), *unread_policies(platform_dir)]


def unread_policies(platform_dir: str) -> list[Fault]:
    """The files that look like access policies and are read by nobody."""
    from warden.adapters.policy.located import unread_policies_of as look
    from warden.core.errors import Inconclusive

    try:
        return look(platform_dir)
    except Inconclusive:
        return []


def policy_points(platform_dir: str) -> tuple[PointToExamine, ...]:
    """The policy points beside the access policies, to be examined."""
    from warden.adapters.policy.located import points_of
    from warden.usecases.doctor.policy import PointToExamine

    found = points_of(platform_dir, os.environ)
    return tuple(PointToExamine(name=point.name, url=point.url, policy=policy) for point, policy in found)


def unread_files(platform_dir: str) -> list[Fault]:
    """What lies in the catalog's folder and is read by nobody. Raises `UsageError` where it cannot be read."""
    from warden.adapters.catalog.files import unread_files as look

    return look(platform_dir)


def caller(token_file: str | None, role_id: str | None = None, secret_id_file: str | None = None) -> EnvironmentCaller:
    """Who calls, found in the environment and in what the command line names."""
    from warden.adapters.openbao import client as adapter
    from warden.adapters.openbao import endpoint as address
    from warden.adapters.openbao.caller import EnvironmentCaller, Named

    def connect(token: Secret | None) -> OpenBao:
        return adapter.OpenBao(address.endpoint(os.environ), token, namespace=address.namespace(os.environ))

    return EnvironmentCaller(os.environ, Named(token_file, role_id, secret_id_file), connect)


def own_credentials(certificates: Sequence[str]) -> OwnCredentials:
    """What the operator can be a reader with. Raises `Unidentified` or `UsageError` for what is unusable."""
    from warden.adapters.own_credentials import own_credentials as found

    return found(os.environ, certificates)


def runner() -> Exec:
    """What becomes the command behind ``--``."""
    from warden.adapters.process import Exec

    return Exec(os.environ)


def embedded() -> Embedded:
    """The embedded platform in warden's state directory."""
    from warden.adapters.dev import Embedded

    return Embedded(state_directory())


def write_private(path: str, content: str) -> None:
    """Put something at a path that the caller named, for nobody else to read."""
    from warden.adapters.dev.state import write

    write(path, content)


def machine(
    ctx: click.Context,
    where: Endpoint | None,
    look: Callable[[str], DeclaredHere],
    journal: Callable[[str], JournalFile],
) -> Machine:
    """What doctor sees of this machine.

    `look` answers what a platform directory declares, `journal` what its journal is like; "" stands for no directory.
    """
    from warden.adapters.machine.checks import readable
    from warden.cli.wiring_doctor import ssh_to_examine
    from warden.present.problems import described
    from warden.usecases.doctor import Machine

    try:
        platform, fault = platform_dir(ctx), None
    except UsageError as found:
        platform, fault = "", found
    journal_file = journal(platform)
    return Machine(
        source=where.source if where else "",
        tls=where is not None and where.scheme == "https",
        journal=journal_file,
        platform=platform,
        platform_fault=described(fault.problem) if fault else "",
        platform_hint=fault.hint if fault else "",
        platform_remedy=fault.remedy if fault else (),
        unread_policies=tuple(each.file for each in unread_policies(platform)) if platform else (),
        policy_points=policy_points(platform) if platform else (),
        audit=os.environ.get("WARDEN_AUDIT", ""),
        readable=readable,
        declared=look(platform),
        ssh=ssh_to_examine(platform, journal_file),
    )


def lock(path: str, what: str, elsewhere: str) -> AbstractContextManager[None]:
    """Hold a lock file of this machine for as long as something is being done. See `machine.lock.held`."""
    from warden.adapters.machine.lock import held

    return held(path, what, elsewhere)


def cluster(name: str, context: str, environ: Mapping[str, str]) -> Kubernetes:
    """The cluster of that context of a kubeconfig. Raises `UsageError` where it cannot be asked."""
    from warden.adapters.kubernetes.kubeconfig import connect

    return connect(name, context, environ)


def embedded_at(address: str) -> Embedded | None:
    """This machine's embedded platform, if it is the server at that address."""
    from warden.adapters.dev import Embedded

    found = Embedded(state_directory())
    status = found.status()
    return found if (status.up or status.sealed) and status.address == address else None


def embedded_administrators(address: str) -> tuple[str, ...]:
    """Who administers this machine's embedded platform, if it is the server at that address."""
    from warden.adapters.dev.config import ADMINISTRATORS

    return ADMINISTRATORS if embedded_at(address) is not None else ()


def snapshots(vault: OpenBao) -> SnapshotReader:
    """Reads everybody who can reach something on that server, as the caller."""
    from warden.adapters.openbao.snapshot_reader import SnapshotReader
    from warden.usecases.steps.concurrency import at_once

    return SnapshotReader(vault, at_once)


def at_embedded() -> bool:
    """Whether the environment's OpenBao is this machine's embedded platform."""
    from warden.adapters.openbao import endpoint as address

    try:
        return embedded_at(str(address.endpoint(os.environ))) is not None
    except UsageError:
        return False


def identities(address: str, by_mount: Mapping[str, Cluster | WardenError]) -> Identities:
    """Who can be played on that server: each mount's tokens come from its own cluster."""
    from warden.adapters.identities import ByMount, ClusterIssuer, NoIssuer

    embedded = embedded_at(address)
    issuers = {mount: ClusterIssuer(found) for mount, found in by_mount.items()}
    own = embedded.issuer if embedded else None
    return ByMount(issuers, own or NoIssuer(address), own)


def yaml_documents(manifests: Sequence[Manifest]) -> str:
    """Manifests as YAML, one document each."""
    from warden.adapters.kubernetes.yaml_documents import dump

    return dump(manifests)


def audit_files(paths: Sequence[str]) -> AuditFiles:
    """The audit log in files or directories."""
    from warden.adapters.openbao.audit_log import AuditFiles

    return AuditFiles(paths)


def audit_command(command: str) -> AuditCommand:
    """The audit log as a command prints it. Raises `UsageError` where that is not a command."""
    from warden.adapters.openbao.audit_log import audit_command as read

    return read(command)
