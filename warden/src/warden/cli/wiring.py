"""The only file that builds adapters: each function imports what it builds, so that a command pays for its own."""

import os
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from warden.adapters.caller import EnvironmentCaller
    from warden.adapters.embedded import Embedded
    from warden.adapters.http import Endpoint
    from warden.adapters.journal import SqliteJournal
    from warden.adapters.openbao import OpenBao
    from warden.adapters.policy import CedarPolicy
    from warden.adapters.process import Exec
    from warden.domain.catalog import Catalog
    from warden.domain.secret import Secret
    from warden.verbs.doctor import Surroundings


def platform_flag(ctx: click.Context) -> str | None:
    """What ``--platform`` said."""
    found: str | None = ctx.find_root().obj.get("platform")
    return found


def state_directory() -> str:
    """Where warden keeps its own state: WARDEN_STATE, else ``$XDG_STATE_HOME/warden``."""
    if named := os.environ.get("WARDEN_STATE"):
        return named
    base = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")  # noqa: PTH111, PTH118 - pathlib costs start-up
    return os.path.join(base, "warden")  # noqa: PTH118 - as above


def platform_dir(ctx: click.Context) -> str:
    """The platform directory of this call."""
    from warden.adapters.discovery import find_platform  # noqa: PLC0415

    return find_platform(platform_flag(ctx))


def catalog(platform: str) -> "Catalog":
    """The catalog of a platform directory."""
    from warden.adapters.files import load_catalog  # noqa: PLC0415

    return load_catalog(platform)


def openbao() -> "OpenBao":
    """The OpenBao that the environment names, spoken to as the caller.

    The token is BAO_TOKEN, VAULT_TOKEN or the token file of ``bao login``.
    """
    from warden.adapters import openbao as adapter  # noqa: PLC0415 - only commands that ask OpenBao pay for it
    from warden.adapters.caller import own_token  # noqa: PLC0415

    return adapter.OpenBao(adapter.endpoint(os.environ), own_token(os.environ), namespace=adapter.namespace(os.environ))


def journal() -> "SqliteJournal":
    """The journal: WARDEN_JOURNAL, else ``journal.db`` in warden's state directory."""
    from warden.adapters.journal import SqliteJournal, journal_path  # noqa: PLC0415

    return SqliteJournal(journal_path(os.environ))


def policy(platform_dir: str) -> "CedarPolicy":
    """The policy gate on the platform's policies, or on the default."""
    from warden.adapters.policy import CedarPolicy  # noqa: PLC0415

    return CedarPolicy(os.path.join(platform_dir, "policies", "access"))  # noqa: PTH118 - as above


def caller(token_file: str | None) -> "EnvironmentCaller":
    """Who calls, found in the environment and in the file that ``--token-file`` names."""
    from warden.adapters import openbao as adapter  # noqa: PLC0415
    from warden.adapters.caller import EnvironmentCaller  # noqa: PLC0415

    def connect(token: "Secret | None") -> "OpenBao":
        return adapter.OpenBao(adapter.endpoint(os.environ), token, namespace=adapter.namespace(os.environ))

    return EnvironmentCaller(os.environ, token_file, connect)


def runner() -> "Exec":
    """What becomes the command behind ``--``."""
    from warden.adapters.process import Exec  # noqa: PLC0415

    return Exec(os.environ)


def embedded() -> "Embedded":
    """The embedded platform in warden's state directory."""
    from warden.adapters.embedded import Embedded  # noqa: PLC0415

    return Embedded(state_directory())


def write_private(path: str, content: str) -> None:
    """Put something at a path that the caller named, for nobody else to read."""
    from warden.adapters.embedded.state import write  # noqa: PLC0415

    write(path, content)


def surroundings(ctx: click.Context, where: "Endpoint") -> "Surroundings":
    """What doctor sees of this machine."""
    from warden.adapters.journal import journal_path  # noqa: PLC0415
    from warden.adapters.surroundings import journal_fault, readable  # noqa: PLC0415
    from warden.domain.errors import Usage  # noqa: PLC0415
    from warden.verbs.doctor import Surroundings  # noqa: PLC0415

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
