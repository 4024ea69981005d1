"""Where the caller's own identity comes from: the places where users of ``bao`` and pods keep it.

In this order, first that is there:

1. ``--token-file`` (a projected service-account token)
2. ``BAO_TOKEN``, ``VAULT_TOKEN``
3. ``WARDEN_SA_TOKEN_FILE`` (a projected service-account token)
4. what ``bao login`` left: the program named as ``token_helper`` in ``~/.bao`` or ``~/.vault`` (BAO_CONFIG_PATH,
   VAULT_CONFIG_PATH), else the file ``~/.vault-token`` (BAO_TOKEN_PATH, VAULT_TOKEN_PATH)
5. ``/var/run/secrets/openbao/token``, where a pod has its projected token mounted

A service-account token is only read here. Whether it may be sent at all is decided by `core.access.authorization`.
"""

import os
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping

import msgspec

from warden.adapters.machine import child
from warden.core.access.authorization import Projected
from warden.core.errors import Effect, Unidentified
from warden.core.remedies import RunBao, RunProgram
from warden.core.secret import Secret
from warden.ports.vault import Vault

POD_TOKEN_FILE = "/var/run/secrets/openbao/token"  # noqa: S105 - a path

_LARGEST = 65536
"""Bytes; no token comes near it, and a wrong path (a disk, a log) is not read to its end."""


class _Claims(msgspec.Struct):
    """The two claims that decide where a service-account token may go."""

    sub: str = ""
    aud: str | list[str] = ""


class EnvironmentCaller:
    """The port Caller on a process's environment, and the file of ``--token-file``."""

    def __init__(
        self, environ: Mapping[str, str], token_file: str | None, connect: Callable[[Secret | None], Vault]
    ) -> None:
        self._environ = environ
        self._token_file = token_file
        self._connect = connect
        self._projected: Projected | None = None

    def projected(self) -> Projected | None:
        """The service-account token that comes first, if it does."""
        self._projected = projected(self._environ, self._token_file)
        return self._projected

    def vault(self, token: Secret | None = None) -> Vault:
        """The server as the caller, or as the owner of `own_token`; nobody's token is sent along with a login."""
        return self._connect(token or (None if self._projected else own_token(self._environ)))


def own_token(environ: Mapping[str, str]) -> Secret | None:
    """The caller's OpenBao token (2 and 4 above); ``None`` where there is none.

    Raises:
        Unidentified: a token file or helper is named and cannot be used.
    """
    for name in ("BAO_TOKEN", "VAULT_TOKEN"):
        if value := environ.get(name, "").strip():
            return Secret(value)
    if helper := _token_helper(environ):
        return _token_from_helper(helper)
    return _read_token(_named(environ, "TOKEN_PATH") or _home(".vault-token"))


def projected(environ: Mapping[str, str], token_file: str | None) -> Projected | None:
    """The projected service-account token that comes first (1, 3 and 5 above); ``None``: use `own_token`.

    Raises:
        Unidentified: the file is named and holds no service-account token.
    """
    if token_file == "":
        raise _no_token("--token-file", "names no file")  # not the next in the order: that may be somebody else
    if token_file:
        return read_projected(token_file)
    if environ.get("BAO_TOKEN", "").strip() or environ.get("VAULT_TOKEN", "").strip():
        return None
    if named := environ.get("WARDEN_SA_TOKEN_FILE"):
        return read_projected(named)
    if not os.path.exists(POD_TOKEN_FILE) or own_token(environ) is not None:
        return None
    return read_projected(POD_TOKEN_FILE)


def read_projected(path: str) -> Projected:
    """Read a JWT and the two claims that say whom it is for. Its signature is OpenBao's to check."""
    secret = _read_token(path)
    if secret is None:
        raise _no_token(path, "is not there, or is empty")
    claims = _claims(secret)
    if claims is None or not claims.sub:
        raise _no_token(path, "holds no service-account token (a JWT with a subject)")
    audiences = (claims.aud,) if isinstance(claims.aud, str) else tuple(claims.aud)
    return Projected(path=path, jwt=secret, subject=claims.sub, audiences=tuple(filter(None, audiences)))


def _claims(jwt: Secret) -> _Claims | None:
    parts = jwt.reveal().split(".")
    if len(parts) != 3:  # noqa: PLR2004 - header, claims, signature (RFC 7519)
        return None
    try:
        return msgspec.json.decode(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)), type=_Claims)
    except ValueError:
        return None


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


def _no_token(path: str, what: str) -> Unidentified:
    from secret_scan import redact  # costs a start that goes well nothing

    path = redact(path)  # the token itself is soon given instead of its file
    return Unidentified(
        f"{path} {what}",
        effect=Effect.NOTHING_ASKED,
        system="token file",
        subject=path,
        hint="name the right file (--token-file FILE for a service-account token), or log in again",
        remedy=(RunBao(action="login-default"),),
    )


def _token_helper(environ: Mapping[str, str]) -> str:
    """The ``token_helper`` of the command line's configuration; empty where none is named."""
    named = _named(environ, "CONFIG_PATH")
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


def _named(environ: Mapping[str, str], name: str) -> str:
    return environ.get(f"BAO_{name}") or environ.get(f"VAULT_{name}") or ""


def _home(name: str) -> str:
    return os.path.join(os.path.expanduser("~"), name)
