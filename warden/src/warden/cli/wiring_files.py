"""What builds adapters of the platform directory's files that are written, or published; see `wiring`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence
    from contextlib import AbstractContextManager
    from datetime import date, timedelta
    from types import ModuleType

    import click

    from warden.adapters.catalog.change_requests import ChangeRequestFiles
    from warden.adapters.catalog.lane_files import CatalogLaneFiles
    from warden.adapters.catalog.playbook_pages import PlaybookFiles
    from warden.core.errors import Fault
    from warden.core.evidence.statements import TextFile
    from warden.core.lanes.catalog import Catalog, Platform
    from warden.core.lanes.lane import Lane
    from warden.core.secret import Secret
    from warden.ports.audit_history import AuditHistory
    from warden.ports.change_requests import Signatures
    from warden.ports.http import HttpClient
    from warden.ports.journal import Journal
    from warden.ports.notices import NoticeChannel, Notices
    from warden.ports.provider import Sources
    from warden.usecases.change import Shown
    from warden.usecases.steps.notifier import Notifier
    from warden.usecases.steps.rotation_run import RotateTools, Told, Unanswered

ANYWHERE = frozenset({"catalog", "route", None})
"""The commands that say what is declared, in whatever environment; ``None`` where a word is completed."""


def enter_environment(ctx: click.Context, platform: str, at_embedded: Callable[[], bool]) -> None:
    """Have everything from here on be for the environment of this call. Raises `UsageError` where it is not clear."""
    from warden.adapters.catalog.environments import enter
    from warden.present import platform as present
    from warden.present.surroundings import entered

    root = ctx.find_root()
    found = enter(platform, os.environ, at_embedded, required=root.invoked_subcommand not in ANYWHERE)
    entered(found.name)
    if found.name and root.invoked_subcommand not in {"access", *ANYWHERE} and not root.obj.get("told"):
        present.show_environment(found.name, found.address)


def enter_environment_if_found(ctx: click.Context, at_embedded: Callable[[], bool]) -> None:
    """As `enter_environment`, for a command that goes on where no platform directory is found."""
    from warden.adapters.catalog.discovery import find_platform
    from warden.core.errors import UsageError

    try:
        platform = find_platform(ctx.find_root().obj.get("platform")).directory
    except UsageError:
        return
    enter_environment(ctx, platform, at_embedded)


def faults_elsewhere(platform: str, found: Catalog) -> list[Fault]:
    """What is wrong with the catalog as it is in each environment, and not as it was found."""
    from warden.adapters.catalog.files import load_catalog

    chosen, known, faults = os.environ.get("WARDEN_ENV", ""), set(found.faults), []
    try:
        for name in found.platform.environments:
            os.environ["WARDEN_ENV"] = name
            faults += [fault for fault in load_catalog(platform).faults if fault not in known]
            known.update(faults)
    finally:
        os.environ["WARDEN_ENV"] = chosen
    return faults


def provider_http() -> HttpClient:
    """What sources speak to their providers with."""
    from warden.adapters.sources.http import ProviderHttp

    return ProviderHttp()


def sources() -> Sources:
    """The sources of new values that are installed."""
    from warden.adapters.sources.loader import InstalledSources

    return InstalledSources()


def rotate_tools(
    alone: Callable[[str], AbstractContextManager[None]],
    ask: Callable[[str], Secret | None],
    told: Told,
    unanswered: Unanswered,
) -> RotateTools:
    """What rotations are done with."""
    from warden.adapters.sources.http import ProviderHttp
    from warden.cli.clock import now
    from warden.usecases.steps.rotation_run import RotateTools

    return RotateTools(
        sources=sources(),
        http=ProviderHttp(),
        clock=now,
        alone=alone,
        ask=ask,
        told=told,
        unanswered=unanswered,
    )


def scaffold(directory: str, today: date, clusters: Sequence[str]) -> tuple[list[str], list[str]]:
    """The first files of a platform directory: those made, and those kept."""
    from warden.adapters.catalog.scaffold import scaffold as make

    return make(directory, today, clusters)


def declare_delivered(path: str, lane: Lane, cluster: str, platform: Platform) -> bool:
    """Say in the lane's file that the Secret made by hand is delivered now; false where that is not possible."""
    from warden.adapters.catalog.lane_file import declare_delivered as declare

    return declare(path, lane, cluster, platform)


def lane_files(platform: str) -> CatalogLaneFiles:
    """The files that lanes are declared in, to be edited."""
    from warden.adapters.catalog.lane_files import CatalogLaneFiles

    return CatalogLaneFiles(platform)


def authority(platform: str, file: str) -> str:
    """PEM of the authority that a reader's certificates are of; empty where the file cannot be used for that."""
    from warden.adapters.catalog.authorities import authority_of_readers

    return authority_of_readers(platform, file)


def catalog_to_check(platform: str) -> Catalog:
    """The catalog of a platform directory, whatever is wrong in there."""
    from warden.adapters.catalog.files import load_to_check

    return load_to_check(platform)


def schemas() -> ModuleType:
    """The JSON Schemas of the platform directory's files."""
    from warden.adapters.catalog import json_schema

    return json_schema


def counts_for(platform: str) -> timedelta:
    """How long a proof counts, without reading ``platform.yaml`` as YAML."""
    from warden.adapters.catalog.platform_name import counts_for as read

    return read(platform)


def notices(directory: str, platform: Platform, journal: Journal) -> Notices:
    """Who is told what happens, as ``platform.yaml`` says; nobody where it names nobody.

    At the end of the command that is running it is said, once, who could not be told; not with ``--json``, where an
    error has to be the one object on stderr.
    """
    from warden.ports.notices import NoNotices

    if platform.notify is None and platform.state_hub is None:
        return NoNotices()
    import click

    from warden.present.notices import show_undelivered

    found = notifier(directory, platform, journal)
    running = click.get_current_context(silent=True)
    if running is not None and not running.params.get("as_json"):
        running.call_on_close(lambda: show_undelivered(found.undelivered))
    return found


def notifier(directory: str, platform: Platform, journal: Journal) -> Notifier:
    """The same with what is queued, which may be nothing on no channel."""
    from warden.adapters.catalog.platform_name import platform_name
    from warden.cli.clock import now
    from warden.present.notices import document
    from warden.usecases.steps.notifier import Notifier

    name, channels = platform_name(directory) or "", list(_channels(directory, platform))
    return Notifier(channels, journal, now, document=document, platform=name)


def _channels(directory: str, platform: Platform) -> Iterator[NoticeChannel]:
    from warden.core.lanes.notify import NotifyCommand

    if isinstance(platform.notify, NotifyCommand):
        from warden.adapters.notices.command import NoticeCommand

        yield NoticeCommand(platform.notify.command, directory)
    from warden.adapters.notices.http import HUB_TOKEN, NOTIFY_TOKEN, Posted

    if platform.notify is not None and not isinstance(platform.notify, NotifyCommand):
        yield Posted("notify", platform.notify.webhook, NOTIFY_TOKEN)
    if platform.state_hub is not None:
        yield Posted("state-hub", platform.state_hub, HUB_TOKEN)


def change_requests(directory: str, lanes: Container[str]) -> ChangeRequestFiles:
    """The change requests of a platform directory; `lanes` are the catalog's ids."""
    from warden.adapters.catalog.change_requests import ChangeRequestFiles

    return ChangeRequestFiles(directory, lanes)


def every_request(directory: str, found: Catalog) -> Sequence[Shown]:
    """Every change request that can be read, and what its decisions add up to now."""
    from warden.usecases.change import every

    requests = change_requests(directory, {*found.declared, *found.elsewhere})
    return every(requests, signatures(directory, found.platform))


def request_faults(directory: str, found: Catalog) -> list[Fault]:
    """What is wrong with the change requests of a platform directory, their signatures among it."""
    from warden.usecases.change_check import request_faults as look

    requests = change_requests(directory, {*found.declared, *found.elsewhere})
    return look(requests, signatures(directory, found.platform), found)


def signatures(directory: str, platform: Platform, key: str | None = None, name: str | None = None) -> Signatures:
    """The signatures by the keys of WARDEN_ALLOWED_SIGNERS, else of the file that ``platform.yaml`` names.

    Raises `UsageError` where others can change that file.
    """
    from warden.adapters.catalog.discovery import expect_trusted
    from warden.adapters.ssh.decisions import Named, SshSignatures

    allowed = _allowed_signers(directory, platform)
    if os.path.lexists(allowed):
        expect_trusted(directory, [allowed])
    return SshSignatures(allowed, os.environ, Named(key=key, name=name))


def _allowed_signers(directory: str, platform: Platform) -> str:
    named = os.environ.get("WARDEN_ALLOWED_SIGNERS", "")
    return os.path.abspath(named) if named else os.path.join(directory, platform.allowed_signers)


def allowed_signers(directory: str, platform: Platform) -> str:
    """The text of that file; empty where there is none. Raises `UsageError` where it cannot be read."""
    path = _allowed_signers(directory, platform)
    return text_file(directory, path).text if os.path.lexists(path) else ""


def text_file(directory: str, path: str) -> TextFile:
    """A file of the platform directory as it is. Raises `UsageError` where it cannot be read."""
    from warden.adapters.catalog.text_file import text_file as read

    return read(directory, path)


def files_history(files: Sequence[str]) -> AuditHistory:
    """The whole audit log in these files and the rotated ones beside them."""
    from warden.adapters.openbao.audit_history import AuditFilesHistory

    return AuditFilesHistory(files)


def command_history(command: str) -> AuditHistory:
    """The whole audit log as this command prints it."""
    from warden.adapters.openbao.audit_history import AuditCommandHistory

    return AuditCommandHistory(command)


def no_history(why: str) -> AuditHistory:
    """Nothing of an audit log, and why."""
    from warden.adapters.openbao.audit_history import NoHistory

    return NoHistory(why)


def playbooks(platform: str, found: Catalog, file: str | None) -> PlaybookFiles:
    """The pages of lanes, or the one page to use instead; an environment has a folder of its own."""
    from warden.adapters.catalog.playbook_pages import PlaybookFiles

    return PlaybookFiles(platform, os.path.join(found.platform.playbooks, found.environment), file)


def declared_in(platform: str, found: Catalog, lane: str) -> str:
    """The lane's file, as the page of it names it: relative to the repository of the platform directory."""
    return os.path.relpath(os.path.abspath(found.files[lane]), os.path.dirname(os.path.abspath(platform)))
