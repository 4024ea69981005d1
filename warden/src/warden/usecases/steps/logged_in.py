"""A session at OpenBao as one of the declared identities, for as long as a use case needs it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import msgspec

from warden.core.access.identities import Declaration, log_in, login_for
from warden.core.errors import Unidentified, WardenError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from warden.core.openbao.api import Entered, Identity
    from warden.ports.caller import Caller
    from warden.ports.vault import Vault

TokenEnd = Literal["", "revoked", "not-revoked", "expires"]
"""What became of a token that was obtained; empty until it has ended. A batch token, which OpenBao revokes for nobody,
``expires`` with its ttl."""


class Obtained(msgspec.Struct):
    """A token that was obtained by a login, and what became of it."""

    entered: Entered
    end: TokenEnd = ""


class Session(msgspec.Struct, frozen=True):
    """The server as the caller, who the caller is there, and its token, where it did not bring one."""

    vault: Vault
    who: Identity
    token: Obtained | None = None


@contextmanager
def logged_in(declaration: Declaration, caller: Caller) -> Iterator[Session]:
    """As one of the identities; a token obtained for this is revoked in every case.

    Whether that works decides nothing: what was asked is done, and a token that stays expires with its ttl.
    Raises `NotAReader`, `Refused`, `Unidentified`, and what the port Vault raises.
    """
    credential = None if declaration.roles is None else caller.credential()
    if credential is None:
        vault = caller.vault()
        yield Session(vault, _who(vault, declaration))
        return
    login = login_for(declaration, credential)
    vault = caller.vault()
    token = Obtained(vault.enter(login))
    try:
        mine = caller.vault(token.entered.token)
        yield Session(mine, mine.identity(), token)
    finally:
        token.end = _ended(token.entered, vault)


def _who(vault: Vault, declaration: Declaration) -> Identity:
    """The remedy of a caller without an identity is to log in as one of the declared ones."""
    try:
        return vault.identity()
    except Unidentified as fault:
        if remedy := log_in(declaration):
            fault.remedy, fault.hint = remedy, ""
        raise


def _ended(entered: Entered, vault: Vault) -> TokenEnd:
    if not entered.revocable:
        return "expires"
    try:
        vault.revoke_self(entered.token)
    except WardenError:
        return "not-revoked"
    return "revoked"
