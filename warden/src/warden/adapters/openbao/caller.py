"""Where the caller's own identity comes from: the places where users of ``bao`` and pods keep it.

In this order, first that is there:

1. ``--token-file`` (a projected service-account token, or the token of a CI job); ``--secret-id-file``
2. ``BAO_TOKEN``, ``VAULT_TOKEN``
3. ``WARDEN_SA_TOKEN_FILE`` (a projected service-account token), ``WARDEN_ID_TOKEN`` (the token of a CI job itself),
   ``WARDEN_SECRET_ID_FILE`` with ``WARDEN_ROLE_ID`` (an AppRole)
4. what ``bao login`` left: the program named as ``token_helper`` in ``~/.bao`` or ``~/.vault`` (BAO_CONFIG_PATH,
   VAULT_CONFIG_PATH), else the file ``~/.vault-token`` (BAO_TOKEN_PATH, VAULT_TOKEN_PATH)
5. ``/var/run/secrets/openbao/token``, where a pod has its projected token mounted
6. the certificate in ``BAO_CLIENT_CERT``, VAULT_CLIENT_CERT

A service-account token is only read here. Whether it may be sent at all is decided by `core.access.authorization`.
"""

import os
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from warden.adapters.machine import child
from warden.adapters.openbao.variables import variable
from warden.core.access.identities import AppRoleCredential, Credential, Projected, ShownCertificate
from warden.core.errors import Effect, Unidentified, UsageError
from warden.core.remedies import RunBao, RunProgram
from warden.core.secret import Secret
from warden.ports.vault import Vault

ID_TOKEN = "WARDEN_ID_TOKEN"  # noqa: S105 - the name of a variable
POD_TOKEN_FILE = "/var/run/secrets/openbao/token"  # noqa: S105 - a path

_LARGEST = 65536
"""Bytes; no token comes near it, and a wrong path (a disk, a log) is not read to its end."""


class Named(msgspec.Struct, frozen=True):
    """What the command line names: a file with a token, or an AppRole's RoleID and the file with its SecretID."""

    token_file: str | None = None
    role_id: str | None = None
    secret_id_file: str | None = None


class EnvironmentCaller:
    """The port Caller on a process's environment, and on what the command line names."""

    def __init__(self, environ: Mapping[str, str], named: Named, connect: Callable[[Secret | None], Vault]) -> None:
        self._environ = environ
        self._named = named
        self._connect = connect
        self._credential: Credential | None = None

    def credential(self) -> Credential | None:
        """The credential that comes first, if one does."""
        self._credential = credential(self._environ, self._named)
        return self._credential

    def vault(self, token: Secret | None = None) -> Vault:
        """The server as the caller, or as the owner of `own_token`; nobody's token is sent along with a login."""
        return self._connect(token or (None if self._credential else own_token(self._environ)))


def credential(environ: Mapping[str, str], named: Named) -> Credential | None:
    """What to log in with (1, 3, 5 and 6 above); ``None``: use `own_token`.

    Raises:
        UsageError: two things to log in with are named, or a RoleID without a SecretID.
        Unidentified: the file is named and does not hold what it should.
    """
    if named.secret_id_file is not None or named.role_id is not None:
        if named.token_file is not None:
            raise UsageError("--token-file and --secret-id-file cannot be used together", effect=Effect.NOTHING_ASKED)
        return _approle(named.role_id or environ.get("WARDEN_ROLE_ID"), named.secret_id_file)
    found = projected(environ, named.token_file)
    if found or _has_token(environ):
        return found
    if environ.get("WARDEN_SECRET_ID_FILE"):
        return _approle(environ.get("WARDEN_ROLE_ID"), environ["WARDEN_SECRET_ID_FILE"])
    shown = variable(environ, "CLIENT_CERT")
    return ShownCertificate(shown) if shown and own_token(environ) is None else None


def _approle(role_id: str | None, secret_id_file: str | None) -> AppRoleCredential:
    if not role_id or not secret_id_file:
        raise UsageError(
            "an AppRole needs both its RoleID and the file with its SecretID",
            effect=Effect.NOTHING_ASKED,
            hint="give --role-id ID and --secret-id-file FILE, or set WARDEN_ROLE_ID and WARDEN_SECRET_ID_FILE",
        )
    secret_id = _read_token(secret_id_file)
    if secret_id is None:
        raise _no_token(
            secret_id_file, "is not there, or is empty", "name the file with the SecretID: --secret-id-file"
        )
    return AppRoleCredential(role_id=role_id, secret_id=secret_id, path=secret_id_file)


def _has_token(environ: Mapping[str, str]) -> bool:
    return bool(variable(environ, "TOKEN").strip())


def own_token(environ: Mapping[str, str]) -> Secret | None:
    """The caller's OpenBao token (2 and 4 above); ``None`` where there is none.

    Raises:
        Unidentified: a token file or helper is named and cannot be used.
    """
    if value := variable(environ, "TOKEN").strip():
        return Secret(value)
    if helper := _token_helper(environ):
        return _token_from_helper(helper)
    return _read_token(variable(environ, "TOKEN_PATH") or _home(".vault-token"))


def projected(environ: Mapping[str, str], token_file: str | None) -> Projected | None:
    """The projected service-account token that comes first (1, 3 and 5 above); ``None``: use `own_token`.

    Raises:
        Unidentified: the file is named and holds no service-account token.
    """
    if token_file == "":
        raise _no_token("--token-file", "names no file")  # not the next in the order: that may be somebody else
    if token_file:
        return read_projected(token_file)
    if _has_token(environ):
        return None
    if named := environ.get("WARDEN_SA_TOKEN_FILE"):
        return read_projected(named)
    if (job := job_token(environ)) or environ.get("WARDEN_SECRET_ID_FILE"):
        return job
    if not os.path.exists(POD_TOKEN_FILE) or own_token(environ) is not None:
        return None
    return read_projected(POD_TOKEN_FILE)


def job_token(environ: Mapping[str, str]) -> Projected | None:
    """The token of the CI job that this process is. Raises `Unidentified` where the variable holds none."""
    jwt = environ.get(ID_TOKEN, "").strip()
    return _projected(ID_TOKEN, Secret(jwt)) if jwt else None


def read_projected(path: str) -> Projected:
    """Read a JWT and the two claims that say whom it is for. Its signature is OpenBao's to check."""
    secret = _read_token(path)
    if secret is None:
        raise _no_token(path, "is not there, or is empty")
    return _projected(path, secret)


def _projected(path: str, secret: Secret) -> Projected:
    claims = _claims(secret)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise _no_token(path, "holds no token of a service account or of a CI job (a JWT with a subject)")
    made_for = claims.get("aud")
    audiences = tuple(made_for) if isinstance(made_for, list) else (made_for,)
    return Projected(
        path=path,
        jwt=secret,
        subject=subject,
        audiences=tuple(each for each in audiences if isinstance(each, str) and each),
        claims={name: text for name, text in claims.items() if isinstance(text, str)},
    )


def _claims(jwt: Secret) -> dict[str, Any]:
    """The token's claims; none where it is not a JWT."""
    parts = jwt.reveal().split(".")
    if len(parts) != 3:  # noqa: PLR2004 - header, claims, signature (RFC 7519)
        return {}
    try:
        return msgspec.json.decode(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)), type=dict[str, Any])
    except ValueError:
        return {}


def _read_token(path: str) -> Secret | None:
    """The first bytes of a file as a token; ``None`` where it is not there or empty."""
    try:
        # Never wait for a pipe: a token file is a regular file.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise _no_token(path, f"cannot be read ({os.strerror(fault.errno or 0).lower()})") from None
    try:
        content = os.read(handle, _LARGEST)
    except OSError as fault:
        raise _no_token(path, f"cannot be read ({os.strerror(fault.errno or 0).lower()})") from None
    finally:
        os.close(handle)
    text = content.decode("latin-1").strip()
    if not text.isascii() or not text.isprintable() or " " in text or len(content) == _LARGEST:
        raise _no_token(path, "holds no token")
    return Secret(text) if text else None


def _no_token(path: str, what: str, hint: str = "") -> Unidentified:
    """``hint`` is for a file that no login writes."""
    from secret_scan import redact  # costs a start that goes well nothing

    path = redact(path)  # the token itself is soon given instead of its file
    return Unidentified(
        f"{path} {what}",
        effect=Effect.NOTHING_ASKED,
        system="token file",
        subject=path,
        hint=hint or "name the right file (--token-file FILE for a service-account token), or log in again",
        remedy=() if hint else (RunBao(action="login-default"),),
    )


def _token_helper(environ: Mapping[str, str]) -> str:
    """The ``token_helper`` of the command line's configuration; empty where none is named."""
    named = variable(environ, "CONFIG_PATH")
    for path in [named] if named else [_home(".bao"), _home(".vault")]:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                lines = file.read(_LARGEST).splitlines()
        except OSError:
            continue
        for line in lines:
            key, _, value = line.partition("=")
            if key.strip().strip('"') == "token_helper":
                return value.strip().strip('"')
    return ""


def _token_from_helper(helper: str) -> Secret | None:
    """``HELPER get``, as ``bao`` does it: the token on its standard output, nothing where there is none."""
    import subprocess

    program = os.path.expanduser(helper)
    try:
        # Standard input is not the helper's: a value for `put` may be on its way there.
        done = subprocess.run(
            [program, "get"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env=child.environment(os.environ),
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        raise _helper_fault(helper, "cannot be run, or did not answer") from None
    if done.returncode:
        raise _helper_fault(helper, f"ended with code {done.returncode}")
    text = done.stdout.decode("latin-1").strip()
    return Secret(text) if text else None


def _helper_fault(helper: str, what: str) -> Unidentified:
    return Unidentified(
        f"the token helper {helper} {what}",
        effect=Effect.NOTHING_ASKED,
        system="token helper",
        subject=helper,
        hint="try it (it prints the token), or set BAO_TOKEN",
        remedy=(RunProgram((os.path.expanduser(helper), "get")),),
    )


def _home(name: str) -> str:
    return os.path.join(os.path.expanduser("~"), name)
