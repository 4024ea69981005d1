"""What `warden issue` and `warden ssh ensure` share: certificates that are handed over on this machine."""

from __future__ import annotations

import os
from contextlib import nullcontext
from typing import TYPE_CHECKING

import msgspec

from warden.cli import wiring_ssh
from warden.cli.clock import now
from warden.cli.signals import ends_recorded
from warden.cli.signing import signer

if TYPE_CHECKING:
    import click

    from warden.core.remedies import RunWarden
    from warden.ports.kept_certificates import KeptCertificates
    from warden.ports.key_place import KeyPlace
    from warden.usecases.issue import Handed


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line asks for; ``token_file``, ``role_id`` and ``secret_id_file`` are what to log in with.

    ``emergency`` is what to name where OpenBao does not answer.
    """

    actor: str
    ttl: int | None = None
    reason: str = ""
    fresh: bool = True
    token_file: str | None = None
    role_id: str | None = None
    secret_id_file: str | None = None
    break_glass: bool = False
    emergency: RunWarden | None = None


def address() -> str:
    """Where OpenBao is as the caller's variables say; asked before an environment is entered, which sets them."""
    return os.environ.get("BAO_ADDR") or os.environ.get("VAULT_ADDR") or ""


def environment() -> str:
    """The environment that is named, or was entered."""
    return os.environ.get("WARDEN_ENV", "")


def issued(
    platform: str,
    wanted: Wanted,
    *,
    place: KeyPlace,
    kept: KeptCertificates,
    at: str,
    environment: str,
    waits: bool = False,
) -> Handed:
    """Have a key certified and hand it over; `at` and `environment` are what is noted with it.

    `waits`: for another process that does the same; otherwise the caller has seen to that.
    """
    from warden.core.ssh.decision import actor as named
    from warden.usecases.issue import IssueRequest, issue
    from warden.usecases.ssh_ensure import PATIENCE

    inventory = wiring_ssh.inventory(platform)
    tools = wiring_ssh.tools(platform, offline=wanted.break_glass)
    ask = IssueRequest(
        actor=named(inventory, wanted.actor),
        platform=platform,
        environment=environment,
        address=at,
        ttl=wanted.ttl,
        reason=wanted.reason,
        fresh=wanted.fresh,
    )
    login = (wanted.token_file, wanted.role_id, wanted.secret_id_file)
    sign = signer(platform, inventory, tools, *login, break_glass=wanted.break_glass, emergency=wanted.emergency)
    alone = kept.alone(wanted.actor, place.holder, PATIENCE) if waits else nullcontext()
    with ends_recorded(), alone:
        return issue(
            ask,
            place=place,
            kept=kept,
            sign=sign,
            journal=tools.journal,
            clock=now,
        )


def quietly(ctx: click.Context) -> None:
    """Say nothing of platform and environment: ssh shows its users what is said."""
    ctx.find_root().obj["told"] = True
