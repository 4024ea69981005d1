"""As one of an actor's identities, for as long as it takes to have a certificate signed.

The operator itself, where it is one of them. Otherwise an identity whose credential can be made here: a service
account's token by its cluster, the token of a CI job by the embedded platform, a SecretID by OpenBao.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec

from warden.core.access.identities import AppRoleCredential, Credential, Projected, login_for
from warden.core.errors import NotAReader, Refused, Unidentified, WardenError
from warden.core.inventory.inventory import ActorIdentity, NamedActor
from warden.core.lanes.lane import WorkloadReader
from warden.core.lanes.readers import AppRoleReader, GithubReader, GitlabReader, accepted_claims
from warden.core.secret import Secret
from warden.core.ssh.callers import callers_of
from warden.ports.caller import Caller
from warden.ports.identities import Identities
from warden.ports.vault import Vault
from warden.usecases.steps.credentials import SECRET_ID_TTL, TOKEN_TTL

_MADE = "made for this proof"
"""Where the credential comes from."""


class Played:
    """The port Caller: somebody who logs in with that credential."""

    def __init__(self, credential: Credential, connect: Callable[[Secret | None], Vault]) -> None:
        self._credential = credential
        self._connect = connect

    def credential(self) -> Credential:
        """What it logs in with."""
        return self._credential

    def vault(self, token: Secret | None = None) -> Vault:
        """The server as the owner of `token`."""
        return self._connect(token)


def announced(actor: NamedActor) -> dict[str, Any]:
    """What the journal says of it beforehand: the identities that may be played."""
    roles = [(each.label, actor.role_of(each)) for each in actor.declared.identities]
    return {"identities": [{"identity": label, "mount": role.mount, "role": role.name} for label, role in roles]}


@contextmanager
def as_identity(actor: NamedActor, caller: Caller, identities: Identities) -> Iterator[Caller | None]:
    """The first identity that can be had; ``None`` where none can."""
    if _is_one(actor, caller):
        yield caller
        return
    made = _first_credential(actor, caller, identities)
    if made is None:
        yield None
        return
    credential, destroy = made
    try:
        yield Played(credential, caller.vault)
    finally:
        destroy()


def _first_credential(
    actor: NamedActor, caller: Caller, identities: Identities
) -> tuple[Credential, Callable[[], None]] | None:
    """Of the first identity whose credential can be made."""
    for identity in actor.declared.identities:
        with suppress(Refused):  # the next one may be had
            if made := _credential(actor, identity, caller.vault, identities):
                return made
    return None


def _is_one(actor: NamedActor, caller: Caller) -> bool:
    credential, declaration = caller.credential(), callers_of(actor)
    try:
        if credential is None:
            return declaration.has(caller.vault().identity())
        login_for(declaration, credential)
    except (NotAReader, Refused, Unidentified):
        return False
    return True


def _credential(
    actor: NamedActor, identity: ActorIdentity, connect: Callable[[], Vault], identities: Identities
) -> tuple[Credential, Callable[[], None]] | None:
    """What that identity logs in with, and what destroys it. Raises `Refused` where it may not be made."""
    if isinstance(identity, WorkloadReader):
        jwt = identities.mint(identity.mount, identity.workload, identity.audience, TOKEN_TTL)
        return _token(jwt, identity.workload.subject, identity.audience), _nothing
    if isinstance(identity, GithubReader | GitlabReader) and identity.mount in identities.mints:
        claims = accepted_claims(identity)
        jwt = identities.job(identity.mount, claims, identity.audience, TOKEN_TTL)
        token = _token(jwt, claims.get("sub", identity.label), identity.audience)
        return msgspec.structs.replace(token, claims=claims), _nothing
    if isinstance(identity, AppRoleReader):
        role, ids = actor.role_of(identity), connect().secret_ids()
        issued = ids.issue(role, SECRET_ID_TTL)
        credential = AppRoleCredential(role_id=ids.role_id(role), secret_id=issued.secret, path=_MADE)
        return credential, lambda: _quietly(lambda: ids.destroy(role, issued.accessor))
    return None


def _token(jwt: Secret, subject: str, audience: str) -> Projected:
    return Projected(path=_MADE, jwt=jwt, subject=subject, audiences=(audience,))


def _nothing() -> None:
    """A token ends by itself after its ten minutes."""


def _quietly(act: Callable[[], None]) -> None:
    with suppress(WardenError):  # it lives for a minute
        act()
