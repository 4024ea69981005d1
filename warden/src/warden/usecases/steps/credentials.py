"""What probes log in with: tokens that are made, SecretIDs that OpenBao makes, and what the operator presents."""

import uuid
from collections.abc import Mapping

import msgspec

from warden.core.errors import WardenError
from warden.core.lanes.lane import RoleName
from warden.core.openbao.api import Login, MadeCertificate, SecretId, approle_login, certificate_login, jwt_login
from warden.core.proofs.probes import (
    Actor,
    Claims,
    Machine,
    MadeToken,
    OwnCredential,
    SecretIdSent,
    StrangersCertificate,
)
from warden.core.secret import Secret
from warden.ports.identities import Identities
from warden.ports.vault import Vault

TOKEN_TTL = 600
"""Seconds that a minted token lives: the least that Kubernetes' TokenRequest grants."""

SECRET_ID_TTL = 60
"""Seconds within which a SecretID is used, once; it is destroyed afterwards."""


class Presented(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator presents: a reader's label -> its token, or the PEM file with its certificate and key."""

    tokens: Mapping[str, Secret] = {}
    certificates: Mapping[str, str] = {}


class EndedSecretId(msgspec.Struct, frozen=True):
    """A SecretID that was made to probe with, and whether it is gone; else it ends after its seconds."""

    role: str
    accessor: str
    gone: bool
    ttl: int = SECRET_ID_TTL


class Credentials:
    """Makes each credential once."""

    def __init__(self, vault: Vault, identities: Identities, presented: Presented) -> None:
        self._vault = vault
        self._identities = identities
        self._presented = presented
        self._tokens: dict[object, Secret] = {}
        self._issued: list[tuple[RoleName, SecretId]] = []
        self._connections: dict[object, Vault] = {}

    def connection(self, actor: Actor) -> Vault:
        """The connection to log in over: who has a certificate shows it in the handshake."""
        if not isinstance(actor, Machine) or actor.role.folder != "certs":
            return self._vault
        if actor.credential not in self._connections:
            self._connections[actor.credential] = self._vault.showing(self._certificate(actor.credential))
        return self._connections[actor.credential]

    def login(self, actor: Claims | Machine) -> Login:
        """What is sent to log in. Raises what keeps a credential from being made."""
        if isinstance(actor, Claims):
            return jwt_login(actor.mount, actor.role, self._service_account(actor))
        role = actor.role
        match actor.credential:
            case MadeToken() as token:
                return jwt_login(role.mount, role.name, self._job(role.mount, token))
            case SecretIdSent() as sent:
                return approle_login(role.mount, self._vault.secret_ids().role_id(role), self._secret_id(role, sent))
            case OwnCredential() as own if role.folder != "certs":
                return jwt_login(role.mount, role.name, self._presented.tokens[own.of])
            case _:
                self.connection(actor)
                return certificate_login(role.mount, role.name)

    def end_secret_ids(self) -> tuple[EndedSecretId, ...]:
        """Destroy what was issued."""
        ended = tuple(EndedSecretId(str(role), each.accessor, self._gone(role, each)) for role, each in self._issued)
        self._issued.clear()
        return ended

    def _gone(self, role: RoleName, issued: SecretId) -> bool:
        try:
            self._vault.secret_ids().destroy(role, issued.accessor)
        except WardenError:
            return False
        return True

    def _service_account(self, claims: Claims) -> Secret:
        key = (claims.mount, str(claims.workload), claims.audience)
        if key not in self._tokens:
            self._tokens[key] = self._identities.mint(claims.mount, claims.workload, claims.audience, TOKEN_TTL)
        return self._tokens[key]

    def _job(self, mount: str, token: MadeToken) -> Secret:
        if (mount, token) not in self._tokens:
            claims = dict(token.claims)
            made = self._identities.job(mount, claims, token.audience, TOKEN_TTL, forged=token.forged)
            self._tokens[mount, token] = made
        return self._tokens[mount, token]

    def _secret_id(self, role: RoleName, sent: SecretIdSent) -> Secret | None:
        if sent.kind == "none":
            return None
        if sent.kind == "unknown":
            return Secret(str(uuid.uuid4()))
        issued = self._vault.secret_ids().issue(role, SECRET_ID_TTL)
        self._issued.append((role, issued))
        return issued.secret

    def _certificate(self, credential: object) -> str | MadeCertificate:
        if isinstance(credential, OwnCredential):
            return self._presented.certificates[credential.of]
        if isinstance(credential, StrangersCertificate) and credential.name:
            return self._identities.strangers_certificate(credential.name)
        return ""
