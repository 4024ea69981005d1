"""How a command has a certificate signed: as the caller at OpenBao, or without it (--break-glass)."""

import functools
from typing import TYPE_CHECKING

import click

from warden.cli import wiring, wiring_ssh
from warden.cli.unused import expect_unused

if TYPE_CHECKING:
    from collections.abc import Callable

    from warden.core.ssh.inventory import Inventory
    from warden.usecases.sign import Signed, SignRequest, SignTools

break_glass_option = click.option(
    "--break-glass", is_flag=True, help="Sign without OpenBao, in an emergency; needs --reason, and others are told."
)


def expect_no_login(ctx: click.Context) -> None:
    """Raise `UsageError` where --break-glass stands beside something to log in with."""
    if ctx.params["break_glass"]:
        expect_unused(ctx, "--break-glass", "token_file", "role_id", "secret_id_file")


def signer(
    platform: str, inventory: "Inventory", tools: "SignTools", *identity: str | None, break_glass: bool
) -> "Callable[[SignRequest], Signed]":
    """What signs one request: as the caller, who logs in with `identity` (see `wiring.caller`), or without OpenBao.

    Raises `UsageError` where no authority is declared that signs without it.
    """
    if break_glass:
        return _without_openbao(platform, inventory, tools)
    from warden.usecases.sign import sign

    return functools.partial(
        sign,
        caller=wiring.caller(*identity),
        authority=wiring_ssh.authority(inventory.authorities.users),
        tools=tools,
    )


def _without_openbao(platform: str, inventory: "Inventory", tools: "SignTools") -> "Callable[[SignRequest], Signed]":
    from warden.core.ssh.emergency import authority_of
    from warden.usecases.break_glass import break_glass

    return functools.partial(
        break_glass,
        who=wiring_ssh.local_user(),
        authority=wiring_ssh.local_authority(authority_of(inventory)),
        tools=tools,
        notices=wiring_ssh.notices(platform, tools.journal),
    )
