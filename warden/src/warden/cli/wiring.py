"""The only file that builds adapters: each function imports what it builds, so that a command pays for its own."""

import os
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from warden.adapters.openbao import OpenBao


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


def openbao() -> "OpenBao":
    """The OpenBao that the environment names, spoken to as the caller.

    The token is BAO_TOKEN, VAULT_TOKEN or the token file of ``bao login``.
    """
    from warden.adapters import openbao as adapter  # noqa: PLC0415 - only commands that ask OpenBao pay for it
    from warden.adapters.caller import token  # noqa: PLC0415

    return adapter.OpenBao(adapter.endpoint(os.environ), token(os.environ), namespace=adapter.namespace(os.environ))
