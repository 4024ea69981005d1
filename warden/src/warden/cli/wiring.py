"""The only file that builds adapters: each function imports what it builds, so that a command pays for its own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from warden.domain.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from datetime import date

    import click

    from warden.adapters.address import Endpoint
    from warden.adapters.audit import AuditCommand, AuditFiles
    from warden.adapters.caller import EnvironmentCaller
    from warden.adapters.embedded import Embedded
    from warden.adapters.journal import SqliteJournal
    from warden.adapters.openbao import OpenBao
    from warden.adapters.pages import Checkouts
    from warden.adapters.policy import CedarPolicy
    from warden.adapters.process import Exec
    from warden.adapters.words import English
    from warden.domain.catalog import Catalog, Entry
    from warden.domain.errors import Fault
    from warden.domain.lane import Lane
    from warden.domain.plan import Plan
    from warden.domain.route import Route
    from warden.domain.secret import Secret
    from warden.ports import Identities
    from warden.verbs.doctor import Surroundings


def platform_flag(ctx: click.Context) -> str | None:
    """What ``--platform`` said."""
    found: str | None = ctx.find_root().obj.get("platform")
    return found


def state_directory() -> str:
    """Where warden keeps its own state: WARDEN_STATE, else ``$XDG_STATE_HOME/warden``."""
    if named := os.environ.get("WARDEN_STATE"):
        return named
    base = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(base, "warden")


def platform_dir(ctx: click.Context) -> str:
    """The platform directory of this call."""
    return platform_at(platform_flag(ctx))


def platform_at(flag: str | None) -> str:
    """The platform directory where ``--platform`` said `flag`."""
    from warden.adapters.discovery import find_platform

    return find_platform(flag)


def catalog(platform: str) -> Catalog:
    """The catalog of a platform directory."""
    from warden.adapters.index import load

    return load(platform)


def parsed_catalog(platform: str) -> Catalog:
    """The same with every file parsed anew: it knows the line of each field."""
    from warden.adapters.files import load_catalog

    return load_catalog(platform)


def drawn(platform: str, entry_id: str) -> Route:
    """One entry's route as its file says, without the journal."""
    from warden.adapters.index import show

    return show(platform, entry_id)


def pages(platform: str, found: Catalog) -> Checkouts:
    """The pages that entries point at."""
    from warden.adapters.pages import Checkouts

    return Checkouts(platform, found.platform.repos)


def scaffold(directory: str, today: date) -> tuple[list[str], list[str]]:
    """The first files of a platform directory: those made, and those kept."""
    from warden.adapters.scaffold import scaffold as make

    return make(directory, today)


def quoted(text: str) -> str:
    """The text as one word of a shell."""
    import shlex

    return shlex.quote(text)


def entries(platform: str, need: str) -> list[Entry]:
    """The entry of that id, else those that a need in words may mean. Raises `Unowned` where nobody owns it."""
    from warden.adapters.index import entry

    try:
        return [entry(platform, need)]
    except NotFound:
        found = catalog(platform)
        return [found.entry(each) for each in meant(found, need)]


def meant(catalog: Catalog, need: str) -> list[str]:
    """The ids of the active entries that a need in words may mean. Raises `Unowned` where nobody owns it."""
    from warden.domain.search import answer, meant

    return meant(answer(catalog.entries, need, words()))


def words() -> English:
    """What is known of the language that needs are written in."""
    from warden.adapters.words import English

    return English()


def openbao() -> OpenBao:
    """The OpenBao that the environment names, spoken to as the caller.

    The token is BAO_TOKEN, VAULT_TOKEN or the token file of ``bao login``.
    """
    from warden.adapters import address
    from warden.adapters import openbao as adapter
    from warden.adapters.caller import own_token

    return adapter.OpenBao(address.endpoint(os.environ), own_token(os.environ), namespace=address.namespace(os.environ))


def journal() -> SqliteJournal:
    """The journal: WARDEN_JOURNAL, else ``journal.db`` in warden's state directory."""
    from warden.adapters.journal import SqliteJournal, journal_path

    return SqliteJournal(journal_path(os.environ))


def policy(platform_dir: str) -> CedarPolicy:
    """The policy gate on the platform's policies, or on the default."""
    from warden.adapters.policy import CedarPolicy

    return CedarPolicy(os.path.join(platform_dir, "policies", "access"))


def policy_faults(platform_dir: str) -> list[Fault]:
    """What is wrong with the platform's access policies."""
    from warden.adapters.policy import policy_faults as look

    return look(os.path.join(platform_dir, "policies", "access"))


def caller(token_file: str | None) -> EnvironmentCaller:
    """Who calls, found in the environment and in the file that ``--token-file`` names."""
    from warden.adapters import address
    from warden.adapters import openbao as adapter
    from warden.adapters.caller import EnvironmentCaller

    def connect(token: Secret | None) -> OpenBao:
        return adapter.OpenBao(address.endpoint(os.environ), token, namespace=address.namespace(os.environ))

    return EnvironmentCaller(os.environ, token_file, connect)


def runner() -> Exec:
    """What becomes the command behind ``--``."""
    from warden.adapters.process import Exec

    return Exec(os.environ)


def embedded() -> Embedded:
    """The embedded platform in warden's state directory."""
    from warden.adapters.embedded import Embedded

    return Embedded(state_directory())


def write_private(path: str, content: str) -> None:
    """Put something at a path that the caller named, for nobody else to read."""
    from warden.adapters.embedded.state import write

    write(path, content)


def surroundings(ctx: click.Context, where: Endpoint) -> Surroundings:
    """What doctor sees of this machine."""
    from warden.adapters.journal import journal_path
    from warden.adapters.surroundings import journal_fault, readable
    from warden.domain.errors import Usage
    from warden.verbs.doctor import Surroundings

    path = journal_path(os.environ)
    try:
        platform, fault = platform_dir(ctx), ""
    except Usage as found:
        platform, fault = "", found.message
    return Surroundings(
        source=where.source,
        tls=where.scheme == "https",
        journal=path,
        journal_fault=journal_fault(path),
        platform=platform,
        platform_fault=fault,
        audit=os.environ.get("WARDEN_AUDIT", ""),
        readable=readable,
    )


class Bench:
    """What plan, apply, put and prove work with: the catalog, the server as the caller sees it, and the journal."""

    def __init__(self, platform: str) -> None:
        self.platform = platform
        self.catalog = catalog(platform)
        self.vault = openbao()
        self.journal = journal()
        self.address = self.vault.address
        self.system = f"OpenBao {self.vault.address} ({self.vault.endpoint.source})"

    @property
    def closed(self) -> frozenset[str]:
        """The lanes that the journal says are closed."""
        return frozenset(lane for lane, state in self.journal.states().items() if state.closed)

    def another_vault(self) -> OpenBao:
        """The same server as the same caller, over a connection of its own."""
        return self.vault.twin()

    def chosen(self, lane: str | None, *, every: bool) -> list[Lane]:
        """The lane that was named, or every active one. Raises `Usage` where neither or both were asked for."""
        from warden.domain.errors import Usage

        if bool(lane) == every:
            raise Usage("name one lane, or give --all. Nothing was done.", hint="warden route list")
        if lane:
            return [self.catalog.lane(lane)]
        return [each for each in self.catalog.lanes.values() if each.status == "active"]

    def plan(self, lane: Lane, *, take_over: bool = False, opened: bool = False) -> Plan:
        """The lane's plan against the server; `opened`: as if the journal did not say that it is closed."""
        from warden.verbs.plan import plan

        return plan(
            lane,
            tuple(self.catalog.lanes.values()),
            self.vault,
            logins=self.catalog.platform.logins,
            closed=self.closed - {lane.id} if opened else self.closed,
            take_over=take_over,
        )

    def alone(self, what: str) -> AbstractContextManager[None]:
        """Hold this machine's lock for changing that server."""
        import hashlib

        from warden.adapters.lock import held

        name = hashlib.sha256(self.address.encode()).hexdigest()[:16]
        return held(os.path.join(state_directory(), "locks", f"{name}.lock"), what)

    def audit_files(self) -> tuple[str, ...]:
        """Where the audit lines are: beside the embedded platform, or where the server says (which needs sudo)."""
        from warden.domain.errors import Refused, Usage

        embedded = _embedded_at(self.address)
        if embedded:
            return (embedded.layout.audit_file,)
        try:
            found = self.vault.audit_files()
        except Refused:
            found = ()
        if not found:
            raise Usage(
                f"where {self.address} writes its audit lines is not known here. Nothing was asked.",
                hint="name it: --audit FILE, --audit-command COMMAND, or export WARDEN_AUDIT=FILE",
            )
        return found


def bench(ctx: click.Context) -> Bench:
    """The bench of this call."""
    return Bench(platform_dir(ctx))


def _embedded_at(address: str) -> Embedded | None:
    """This machine's embedded platform, if it is the server at that address."""
    from warden.adapters.embedded import Embedded

    found = Embedded(state_directory())
    return found if found.status().up and found.status().address == address else None


def identities(bench: Bench) -> Identities:
    """Who can be played on that server."""
    from warden.adapters.unplayed import Unplayed

    embedded = _embedded_at(bench.address)
    return embedded.issuer if embedded else Unplayed(bench.address)


def audit_files(paths: Sequence[str]) -> AuditFiles:
    """The audit log in files or directories."""
    from warden.adapters.audit import AuditFiles

    return AuditFiles(paths)


def audit_command(command: str) -> AuditCommand:
    """The audit log as a command prints it; the words are split as a shell would, and no shell is used."""
    import shlex

    from warden.adapters.audit import AuditCommand
    from warden.domain.errors import Usage

    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    if not words:
        raise Usage("--audit-command is no command: a quote is left open, or it is empty. Nothing was asked.")
    return AuditCommand(words)
