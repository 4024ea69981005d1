"""How a command has a certificate signed: as the caller at OpenBao, or without it (--break-glass)."""

import functools
from typing import TYPE_CHECKING

import click

from warden.cli import wiring, wiring_ssh
from warden.cli.unused import expect_unused

if TYPE_CHECKING:
    from collections.abc import Callable

    from warden.core.ssh.inventory import Inventory
    from warden.usecases.sign import Signed, SignRequest

break_glass_option = click.option(
    "--break-glass", is_flag=True, help="Sign without OpenBao, in an emergency; needs --reason, and others are told."
)


def signer(
    ctx: click.Context, platform: str, inventory: "Inventory", *identity: str | None, break_glass: bool
) -> "Callable[[SignRequest], Signed]":
    """What signs one request: as the caller, who logs in with `identity` (see `wiring.caller`), or without OpenBao."""
    if break_glass:
        expect_unused(ctx, "--break-glass", "token_file", "role_id", "secret_id_file")
        return _without_openbao(platform, inventory)
    from warden.usecases.sign import sign

    return functools.partial(
        sign,
        caller=wiring.caller(*identity),
        authority=wiring_ssh.authority(inventory.authorities.users),
        tools=wiring_ssh.tools(platform),
    )


def _without_openbao(platform: str, inventory: "Inventory") -> "Callable[[SignRequest], Signed]":
    """As the user of this machine. Raises `UsageError` where no authority is declared for it."""
    from warden.core.ssh.emergency import authority_of
    from warden.usecases.break_glass import break_glass

    declared = authority_of(inventory)
    tools = wiring_ssh.tools(platform, offline=True)
    return functools.partial(
        break_glass,
        who=wiring_ssh.local_user(),
        authority=wiring_ssh.local_authority(declared),
        tools=tools,
        notices=wiring_ssh.notices(platform, tools.journal),
    )
