"""The environment of ``bao``: what each variable means here.

https://openbao.org/docs/commands/#environment-variables and the api package's `ReadEnvironment`. Each name may begin
with VAULT_ in place of BAO_, unless the BAO_ one is set, also to nothing (measured with bao 2.7.2).

What warden cannot honour is refused by its name. What changes nothing is not read: BAO_FORMAT, BAO_DETAILED,
BAO_CLI_NO_COLOR and BAO_LOG_LEVEL (output of ``bao``), BAO_MAX_RETRIES and BAO_DISABLE_REDIRECTS (warden neither
repeats what failed nor follows redirects), BAO_API_ADDR, BAO_CLUSTER_ADDR and BAO_REDIRECT_ADDR (the server's own),
BAO_WRAP_TTL (``bao`` wraps what it prints; warden prints no value).
"""

import re
from collections.abc import Iterator, Mapping

from warden.core.errors import Effect, UsageError
from warden.core.secret import Secret

_TRUE, _FALSE = {"1", "t", "T", "TRUE", "true", "True"}, {"0", "f", "F", "FALSE", "false", "False"}
"""Go's `strconv.ParseBool`."""
_CANNOT = {
    "AGENT_ADDR": "an agent may answer from its cache, or as somebody else; warden asks OpenBao itself",
    "MFA": "warden sends no MFA credentials",
    "RATE_LIMIT": "warden does not limit how fast it asks",
}
_CANNOT_IF_TRUE = {
    "SKIP_VERIFY": "warden verifies every server; name its authorities in BAO_CACERT",
    "SRV_LOOKUP": "warden looks up no SRV records; name host and port",
}
_UNIT = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS = {"host", "connection", "content-length", "content-type", "transfer-encoding", "x-lane-probe"}


def named(environ: Mapping[str, str], name: str) -> str:
    """The variable that is read for `name`: ``BAO_ADDR`` or ``VAULT_ADDR`` for ``ADDR``."""
    return f"BAO_{name}" if f"BAO_{name}" in environ else f"VAULT_{name}"


def variable(environ: Mapping[str, str], name: str) -> str:
    """Its value; empty where it is not set."""
    return environ.get(named(environ, name), "")


def refuse_what_cannot_be_honoured(environ: Mapping[str, str], *, tls: bool) -> None:
    """Raises `UsageError` that names every variable of ``bao`` that warden would have to ignore.

    Without TLS there is nothing to verify.
    """
    found = [(name, why) for name, why in _faults(environ) if tls or not name.endswith("_SKIP_VERIFY")]
    if found:
        names = " ".join(name for name, _ in found)
        raise UsageError(
            "; ".join(f"{name} cannot be honoured: {why}" for name, why in found),
            effect=Effect.NOTHING_ASKED,
            hint=f"take it out of the environment: unset {names}",
        )


def _faults(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, why in _CANNOT.items():
        if variable(environ, name):
            yield named(environ, name), why
    for name, why in _CANNOT_IF_TRUE.items():
        value = variable(environ, name)
        if value and value not in _FALSE:
            yield named(environ, name), why if value in _TRUE else "it is neither true nor false"


def seconds(environ: Mapping[str, str]) -> float:
    """CLIENT_TIMEOUT in seconds: ``45``, ``45s``, ``1m30s``; 20 where it is not set or 0 (`bao` waits 60)."""
    text = variable(environ, "CLIENT_TIMEOUT")
    if not text:
        return 20.0
    if not text.isdecimal() and not _DURATION.fullmatch(text):
        raise _invalid(environ, "CLIENT_TIMEOUT", f"is not a number of seconds: {text!r}", "write seconds: 45 or 45s")
    parts = re.findall(r"([\d.]+)(ms|s|m|h|d)", text if not text.isdecimal() else f"{text}s")
    return sum(float(number) * _UNIT[unit] for number, unit in parts) or 20.0


def headers(environ: Mapping[str, str]) -> dict[str, Secret]:
    """HEADERS: what is sent with every request, for a proxy in front of OpenBao. X-Vault-… are OpenBao's own."""
    text = variable(environ, "HEADERS")
    if not text:
        return {}
    import json  # hardly anybody has it

    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise _invalid(environ, "HEADERS", "is not a JSON object of texts", """write {"Name": "value"}""")
    for name, value in found.items():
        taken = name.lower() in _OURS or name.lower().startswith("x-vault-")
        if taken or not _TOKEN.fullmatch(name) or not value.isprintable() or not value.isascii():
            raise _invalid(environ, "HEADERS", "has a header that cannot be sent", "leave out X-Vault-… and HTTP's own")
    return {name: Secret(value) for name, value in found.items()}


def _invalid(environ: Mapping[str, str], name: str, why: str, hint: str) -> UsageError:
    return UsageError(f"{named(environ, name)} {why}", effect=Effect.NOTHING_ASKED, hint=hint)
