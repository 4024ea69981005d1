"""How commands have a certificate signed and hand it over: as the caller at OpenBao, or without it (--break-glass)."""

import functools
import sys
from typing import TYPE_CHECKING

import click

from warden.cli import wiring, wiring_ssh
from warden.cli.reason import journaled_reason
from warden.cli.signals import ends_recorded
from warden.cli.unused import expect_unused
from warden.core.errors import Effect
from warden.present import terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from warden.core.inventory.inventory import Inventory
    from warden.core.remedies import RunWarden
    from warden.core.ssh.decision import Subject
    from warden.ports.journal import Journal
    from warden.usecases.sign import Signed, SignRequest, SignTools

LARGEST = 1 << 16
"""Bytes of a public key's file."""

pubkey_option = click.option("--pubkey", required=True, metavar="FILE|-", help="The public key; - is standard input.")
certificate_out_option = click.option(
    "--out", metavar="FILE", help="Write the certificate to FILE, which only a good one replaces; default: stdout."
)
break_glass_option = click.option(
    "--break-glass", is_flag=True, help="Sign without OpenBao, in an emergency; needs --reason, and others are told."
)


def expect_no_login(ctx: click.Context) -> None:
    """Raise `UsageError` where --break-glass stands beside something to log in with."""
    if ctx.params["break_glass"]:
        expect_unused(ctx, "--break-glass", "token_file", "role_id", "secret_id_file")


def signer(
    platform: str,
    inventory: "Inventory",
    tools: "SignTools",
    *identity: str | None,
    break_glass: bool,
    emergency: "RunWarden | None",
) -> "Callable[[SignRequest], Signed]":
    """What signs one request: as the caller, who logs in with `identity` (see `wiring.caller`), or without OpenBao.

    `emergency` is the command that has it signed without OpenBao, to be named where that does not answer.
    Raises `UsageError` where no authority is declared that signs without it.
    """
    if break_glass:
        return _without_openbao(platform, inventory, tools)
    from warden.core.ssh.callers import has_emergency
    from warden.usecases.sign import sign

    return functools.partial(
        sign,
        caller=wiring.caller(*identity),
        authority=wiring_ssh.authority(inventory.authorities.users),
        tools=tools,
        emergency=emergency if emergency and has_emergency(emergency.arguments[0], inventory) else None,
    )


def _without_openbao(platform: str, inventory: "Inventory", tools: "SignTools") -> "Callable[[SignRequest], Signed]":
    from warden.core.ssh.ca import expect_authority
    from warden.usecases.break_glass import break_glass

    declared = expect_authority("break-glass", inventory, Effect.NOTHING_SIGNED)
    return functools.partial(
        break_glass,
        who=wiring_ssh.local_user(),
        authority=wiring_ssh.local_authority(declared),
        tools=tools,
        notices=wiring_ssh.notices(platform, tools.journal),
    )


def request(
    subject: "Subject", pubkey: str, out: str, ttl: float | None, reason: str, *, key_file: str = ""
) -> "SignRequest":
    """What the command line asks for. Raises `UsageError`."""
    from warden.usecases.sign import SignRequest

    return SignRequest(
        subject=subject,
        public_key=_read_key(pubkey),
        ttl=None if ttl is None else int(ttl),
        reason=journaled_reason(reason),
        handed="file" if out else "stdout",
        path=wiring_ssh.certificate_path(out) if out else "",
        key_file=key_file,
    )


def sign_and_show(
    signs: "Callable[[], Sequence[Signed]]", files: "Sequence[str]", journal: "Journal", *, as_json: bool
) -> None:
    """Have certificates signed, and write each to its file; one without a file is printed."""
    from warden.present import sign as present
    from warden.usecases.sign import hand_over

    with ends_recorded():
        done = signs()
        if files:
            hand_over(done, files, wiring_ssh.write_certificate, journal)
    shown = list(zip(done, files or [""], strict=True))
    if as_json:
        documents = [present.as_json(*each) for each in shown]
        terminal.document(documents if len(documents) > 1 else documents[0])
    else:
        for each in shown:
            present.show(*each)


def _read_key(named: str) -> str:
    """The key's line. Raises `UsageError`, which never repeats what was read."""
    if named != "-":
        return wiring_ssh.public_key_line(named)
    return sys.stdin.buffer.read(LARGEST + 1).decode("utf-8", "replace")
