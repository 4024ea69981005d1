"""What servers say: OpenBao's answers and its audit lines, and a cluster's Secrets, as plain values."""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from warden.core.quoting import name
from warden.core.secret import Secret


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """``sys/health``: how the server is, asked without a token."""

    version: str
    initialized: bool
    sealed: bool
    standby: bool


_ROLE_NAMES = ("role", "role_name", "cert_name")
"""How JWT and Kubernetes, AppRole, and TLS certificates name the role of a login in the metadata of its token."""


def role_in(meta: Mapping[str, Any]) -> str:
    """The role of a login, by the metadata of its token; empty where it has none, or is under several names.

    Whoever makes a SecretID gives it metadata of any name, which stand beside those of the login (measured, 2.7.2): a
    role that they name could be another's.
    """
    found = [str(meta[each]) for each in _ROLE_NAMES if meta.get(each)]
    return found[0] if len(found) == 1 else ""


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """What OpenBao says of a token (``auth/token/lookup-self``); never what the caller says of itself.

    ``path`` is where it logged in (``auth/kubernetes/login``), ``role`` the role it used there (empty where the
    mount names none), ``ttl`` the seconds it has left (0: does not expire).
    """

    display_name: str
    path: str
    role: str
    entity: str
    policies: tuple[str, ...]
    ttl: int

    def as_json(self) -> dict[str, str]:
        """Who acted, as the journal keeps it."""
        return {
            "display_name": name(self.display_name),
            "mount": name(self.mount),
            "role": name(self.role),
            "entity": self.entity,
        }

    @property
    def mount(self) -> str:
        """The auth mount: ``kubernetes`` for ``auth/kubernetes/login``, ``corp`` for ``auth/corp/oidc/callback``.

        Empty for a token that nobody logged in for (``auth/token/create``).
        """
        login = self.path.removeprefix("auth/")
        return login.rpartition("/login")[0] or login.rpartition("/oidc/")[0]


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """A secrets engine: its type and, for ``kv``, its version (1 or 2, otherwise 0).

    ``requests_in_clear`` and ``responses_in_clear`` are the keys whose texts its audit lines have in clear (tuning:
    ``audit_non_hmac_request_keys``, ``audit_non_hmac_response_keys``). On KV version 2 a field's name is such a key,
    ``data`` is not: only the innermost key of a text counts (measured, OpenBao 2.7.2).
    """

    type: str
    version: int
    requests_in_clear: tuple[str, ...] = ()
    responses_in_clear: tuple[str, ...] = ()


class KvConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a KV v2 mount that hold for each of its paths (``<mount>/config``).

    ``max_versions`` is 0 where it is not set, ``delete_after`` the seconds after which a version is deleted (0: never).
    """

    max_versions: int
    delete_after: int


class AuditDevice(msgspec.Struct, frozen=True, kw_only=True):
    """An audit device; ``file`` is where one of type file writes, ``raw`` whether it hashes nothing (``log_raw``)."""

    name: str
    type: str
    file: str = ""
    raw: bool = False


class PolicyText(NamedTuple):
    """An ACL policy as it was written, and when it ends (ISO 8601; empty where it does not)."""

    text: str
    expires: str = ""


class KvMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """The metadata of a KV v2 path; never a value.

    ``current`` is the newest version (0: nothing was ever written), ``live`` whether that version is neither
    deleted nor destroyed, ``written`` when it was, ``asked`` when the server answered; both by the server's own clock.
    ``expires`` is when the newest version will be deleted by itself, ``delete_after`` the seconds after which each new
    one is (0: never, as far as the path says), ``max_versions`` how many are kept (0: as the mount says).
    ``deleted`` is the newest version where it was deleted and not destroyed, so that it can be undeleted; otherwise 0.
    ``kept`` are the versions that are not destroyed, deleted ones included: their values are still there.
    ``created`` is when the path was made.
    ``revision`` counts the changes of the metadata itself, for a check-and-set on it (0: the server does not count).
    """

    current: int
    live: bool
    written: dt.datetime | None
    custom: Mapping[str, str]
    asked: dt.datetime | None = None
    created: dt.datetime | None = None
    expires: dt.datetime | None = None
    delete_after: int = 0
    max_versions: int = 0
    cas_required: bool = False
    deleted: int = 0
    kept: tuple[int, ...] = ()
    revision: int = 0


class Stored(NamedTuple):
    """A live version of a KV v2 path: its number, its fields, and the custom metadata that comes along with them."""

    version: int
    fields: dict[str, Secret]
    custom: Mapping[str, str]


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent to ``auth/<mount>/login``: names are texts, whatever gives access is a `Secret`.

    On a request it is a login that rides on it: no token is left behind (OpenBao, inline authentication).
    """

    mount: str
    parameters: Mapping[str, str | Secret]

    @property
    def whose(self) -> str:
        """`` as role NAME``, where the role is named."""
        role = self.parameters.get("role") or self.parameters.get("name")
        return f" as role {role}" if isinstance(role, str) else ""

    @property
    def revealed(self) -> dict[str, str]:
        """The parameters as they are sent, and for nothing else."""
        return {name: each if isinstance(each, str) else each.reveal() for name, each in self.parameters.items()}


def jwt_login(mount: str, role: str, jwt: Secret) -> Login:
    """A login at a jwt or kubernetes mount."""
    return Login(mount=mount, parameters={"role": role, "jwt": jwt})


def approle_login(mount: str, role_id: str, secret_id: Secret | None) -> Login:
    """A login at an approle mount; without a SecretID, as nobody should be able to."""
    given: dict[str, str | Secret] = {"role_id": role_id}
    return Login(mount=mount, parameters=given | ({"secret_id": secret_id} if secret_id else {}))


def certificate_login(mount: str, role: str) -> Login:
    """A login at a cert mount, with the certificate that the connection shows."""
    return Login(mount=mount, parameters={"name": role})


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request to OpenBao as a probe sends it. ``headers`` never hold a secret; ``token`` and ``inline`` may.

    ``patience``, in seconds, shortens the timeout where nothing depends on the answer.
    """

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = {}
    token: Secret | None = None
    inline: Login | None = None
    patience: float | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came back: a status, the decoded body (empty where there is none) and the headers, names in lower case.

    ``is_page``: an error whose body is not a JSON object, as a proxy sends and OpenBao never does; it says nothing.
    """

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    is_page: bool = False


class Entered(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted login: a token to keep in memory, and the entity that OpenBao logs everything it does under.

    ``revocable``: false for a batch token, which ends by its ttl alone. ``accessor`` names the token without being
    one (empty for a batch token); ``ttl`` is in seconds. ``identity_policies`` are those that the entity and its groups
    give besides the login's own.
    """

    token: Secret
    entity: str
    revocable: bool = True
    accessor: str = ""
    ttl: int = 0
    identity_policies: tuple[str, ...] = ()


class MadeCertificate(msgspec.Struct, frozen=True):
    """A certificate that was made to probe with, and its key, both as PEM; nobody trusts them."""

    certificate: str
    key: Secret


class SecretId(msgspec.Struct, frozen=True, kw_only=True):
    """A SecretID of an AppRole, and the accessor by which it can be destroyed."""

    secret: Secret
    accessor: str


class AuditLine(msgspec.Struct, frozen=True, kw_only=True):
    """The part of an audit entry that is evidence: metadata only, every value in it was HMACed by the server.

    ``kind`` is ``request`` or ``response``, ``nonce`` the probe header's value, ``entity`` the id of the identity that
    asked (empty for tokens without one), ``granted_by`` the policies that let the request pass.
    """

    id: str
    kind: str
    at: str
    path: str
    nonce: str
    display_name: str
    entity: str = ""
    granted_by: tuple[str, ...] = ()


class Handed(msgspec.Struct, frozen=True, kw_only=True):
    """An audit line of a KV version 2 read that was answered: who got which version of what.

    ``account`` is the service account (``namespace/name``) and ``uid`` its uid, as the login's token named them, both
    empty for anybody else. ``hashes`` has the keyed hash of each field's value (``sys/audit-hash`` makes the same), a
    fingerprint of one that is not text (`core.openbao.values`), or an empty text for a text that is logged in clear.
    ``path`` is without ``/v1/``; ``at`` is OpenBao's own clock.
    """

    id: str
    at: str
    path: str
    display_name: str
    role: str
    account: str
    uid: str
    version: int
    hashes: Mapping[str, str]


_ROOT_ONLY = ("sys/health", "sys/init", "sys/audit", "sys/config/", "sys/host-info", "sys/raw/")
"""Measured with OpenBao 2.7.2: in a namespace they answer 400, "operation only available in root namespace"."""


def is_in_root(path: str) -> bool:
    """Whether what is asked for exists in the root namespace only, and is asked there whatever the caller's is."""
    return path.startswith(_ROOT_ONLY)


INLINE_REFUSAL = "failed to perform inline authentication"
"""How OpenBao 2.7 begins the answer of a login that a ``kubernetes`` mount refused (measured: 403, no header)."""


_POINT = "\n\t* "
_COUNT = re.compile(rf"\d+ errors? occurred:{re.escape(_POINT)}")


def refused_at_login(answer: Answer) -> bool:
    """Whether the login of an inline authentication was refused.

    OpenBao says so in the header X-Vault-Inline-Auth-Failed; where an auth mount answers 403 itself, in words alone.
    """
    flagged = answer.headers.get("x-vault-inline-auth-failed", "").lower() == "true"
    return flagged or said_by(answer).startswith(INLINE_REFUSAL)


def refused_for_address(problem: object) -> bool:
    """Whether a login was refused for the address that it came from (measured with OpenBao 2.7.2, of an AppRole)."""
    return isinstance(problem, str) and "unauthorized by CIDR restrictions" in problem


def said_by(answer: Answer) -> str:
    """The server's own words for an error, on one line; empty where it gave none."""
    errors = answer.body.get("errors")
    return "; ".join(_on_one_line(str(each)) for each in errors) if isinstance(errors, list) else ""


def _on_one_line(error: str) -> str:
    """OpenBao counts some errors and lists them, even a single one: ``1 error occurred:\\n\\t* permission denied``."""
    return " ".join(_COUNT.sub("", error).replace(_POINT, "; ").split())
