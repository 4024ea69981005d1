"""Makes the tokens that a cluster and a login service would make, for the embedded platform only.

Three key pairs lie in the state directory, for service accounts, for people and for jobs of CI systems; OpenBao holds
their public halves as static keys. The claims are those of a cluster's projected token (Kubernetes, *Managing Service
Accounts*, "Schema for service account private claims"), so that a role proven here is a role proven there.

Signed by hand with ``cryptography``, about 25 lines (RFC 7515, compact form; ES256 of RFC 7518 section 3.4): PyJWT
costs 270 ms of import, more than everything that the commands using this do themselves.
"""

import base64
import json
import os
import secrets
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warden.core.errors import Effect, NotFound
from warden.core.remedies import warden
from warden.core.secret import Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

    from warden.core.lanes.lane import Workload

ISSUER = "https://kubernetes.default.svc.cluster.local"
"""The ``iss`` of service-account tokens: a cluster's default."""

LOGIN_ISSUER = "https://login.platform.invalid"
"""The ``iss`` of people's tokens; no such service exists (RFC 2606), nothing is ever fetched from it."""

JOB_ISSUERS = {"github": "https://token.actions.githubusercontent.com", "gitlab": "https://gitlab.com"}
"""The mounts of CI systems, and the ``iss`` of their tokens; nothing is fetched from there, keys are static here."""

ALGORITHM = "ES256"
_HALF = 32  # bytes of each of r and s on P-256


def new_key(path: str) -> str:
    """Make a P-256 key pair: the private key to `path`, mode 0600; answers the public key as PEM."""
    from cryptography.hazmat.primitives import serialization as pem  # 80 ms, only where keys are used
    from cryptography.hazmat.primitives.asymmetric import ec  # as above

    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption())
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as file:
        file.write(private)
    return key.public_key().public_bytes(pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo).decode()


def _load(path: str) -> "EllipticCurvePrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey  # as in new_key
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # as in new_key

    try:
        key = load_pem_private_key(Path(path).read_bytes(), password=None)
    except (OSError, ValueError) as fault:
        raise NotFound(
            "the embedded platform's signing key does not exist or is not a key",
            effect=Effect.NOTHING_DONE,
            system="embedded platform",
            subject=path,
            remedy=(warden("dev up"),),
        ) from fault
    assert isinstance(key, EllipticCurvePrivateKey)  # noqa: S101  # new_key wrote it
    return key


def _b64(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def _sign(key: "EllipticCurvePrivateKey", claims: Mapping[str, Any]) -> Secret:
    from cryptography.hazmat.primitives.asymmetric import ec, utils  # as in new_key
    from cryptography.hazmat.primitives.hashes import SHA256  # as in new_key

    head = {"alg": ALGORITHM, "typ": "JWT"}
    signed = b".".join(_b64(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims))
    r, s = utils.decode_dss_signature(key.sign(signed, ec.ECDSA(SHA256())))
    raw = r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")
    return Secret((signed + b"." + _b64(raw)).decode())


def _times(ttl: int) -> dict[str, int]:
    now = int(time.time())
    return {"iat": now, "nbf": now, "exp": now + ttl}


class LocalIssuer:
    """Implements the port Identities with the embedded platform's own keys, in a cluster's place."""

    def __init__(self, keys: str) -> None:
        """`keys` is the directory with ``kubernetes.pem`` and ``netkingdom.pem``; they are read when first used."""
        self._keys = keys
        self._loaded: dict[str, EllipticCurvePrivateKey] = {}

    def mint(self, workload: "Workload", audience: str, ttl: int, **claims: object) -> Secret:
        """A token of that account for that audience, `ttl` in seconds; `claims` replace those that follow from them."""
        account = {"name": workload.account, "uid": str(uuid.uuid5(uuid.NAMESPACE_URL, workload.subject))}
        usual = {
            "iss": ISSUER,
            "sub": workload.subject,
            "aud": [audience],
            **_times(ttl),
            "jti": str(uuid.uuid4()),
            "kubernetes.io": {"namespace": workload.namespace, "serviceaccount": account},
        }
        return _sign(self._key("kubernetes"), usual | claims)

    def person(self, name: str, groups: Sequence[str], ttl: int = 600, **claims: object) -> Secret:
        """A person's token as the login service would give it: ``sub`` and ``groups``, for the audience ``openbao``."""
        usual = {
            "iss": LOGIN_ISSUER,
            "sub": name,
            "aud": ["openbao"],
            "groups": list(groups),
            **_times(ttl),
            "jti": secrets.token_hex(8),
        }
        return _sign(self._key("netkingdom"), usual | claims)

    @property
    def job_mounts(self) -> frozenset[str]:
        """The mounts of CI systems that this platform's keys sign for."""
        return frozenset(JOB_ISSUERS)

    def job(self, mount: str, claims: Mapping[str, str], audience: str, ttl: int) -> Secret:
        """A token of a job, as the CI system of that mount would give it."""
        return _sign(self._key("jobs"), _job(mount, claims, audience, ttl))

    def _key(self, name: str) -> "EllipticCurvePrivateKey":
        if name not in self._loaded:
            self._loaded[name] = _load(f"{self._keys}/{name}.pem")
        return self._loaded[name]


def forged_job(mount: str, claims: Mapping[str, str], audience: str, ttl: int) -> Secret:
    """A token of a job that says all that is right, signed with a key that nobody else has ever seen."""
    from cryptography.hazmat.primitives.asymmetric import ec  # as in new_key

    return _sign(ec.generate_private_key(ec.SECP256R1()), _job(mount, claims, audience, ttl))


def _job(mount: str, claims: Mapping[str, str], audience: str, ttl: int) -> dict[str, Any]:
    kind = next((each for each in JOB_ISSUERS if each in mount), "github")
    whole = claims.get("repository") or claims.get("project_path") or ""
    subject = f"repo:{whole}" if kind == "github" else f"project_path:{whole}"
    usual: dict[str, Any] = {
        "iss": JOB_ISSUERS[kind],
        "sub": f"{subject}:ref:{claims.get('ref', '')}",
        "aud": [audience],
    }
    return usual | _times(ttl) | {"jti": str(uuid.uuid4()), **claims}
