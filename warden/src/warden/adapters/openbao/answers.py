"""What OpenBao's statuses and values mean, and the headers of inline authentication.

2xx done; 404 no such object; 400 for a mount that does not exist; 403 refused, or a token that is not accepted, which
only a second question tells apart; 412/429/5xx and 503 the server itself.
"""

import base64
import datetime as dt
import json
import re
from collections.abc import Mapping
from typing import Any

from warden.core.errors import Effect, Held, Refused, Sealed, ServerFault, WardenError
from warden.core.openbao.api import (
    Answer,
    AuditDevice,
    Entered,
    Identity,
    KvConfig,
    KvMetadata,
    Login,
    Mount,
    PolicyText,
    Stored,
    role_in,
    said_by,
)
from warden.core.openbao.values import text_of
from warden.core.quoting import quoted
from warden.core.remedies import RunBao, warden
from warden.core.secret import Secret

OK, NO_CONTENT = 200, 204
BAD_REQUEST, FORBIDDEN, NOT_FOUND, INTERNAL, UNAVAILABLE = 400, 403, 404, 500, 503
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LONGEST_NAME = 1024
"""Characters; names that people and systems give are far shorter."""
_LONGEST_TIME = 10_000_000_000
"""Seconds; OpenBao counts nanoseconds in 64 bits, which are fewer."""
IN_BETWEEN = "check what stands between here and OpenBao"


def error_of(answer: Answer, system: str, what: str) -> WardenError:
    """What a status other than 2xx and 403 means."""
    reason = quoted(said_by(answer))
    if is_openbao(answer, UNAVAILABLE):
        return Sealed(
            f"{system} is sealed or not initialised (503), so it did not do {what}",
            system=system,
            hint="unseal it, then run this again",
            remedy=(RunBao(action="unseal"),),
        )
    if is_openbao(answer, BAD_REQUEST):
        return Refused(f"{system} refused {what}: {reason or 'bad request'}", system=system)
    problem = f"{system} answered {answer.status} to {what}{f': {reason}' if reason else ''}; not counted as an answer"
    if answer.status >= INTERNAL:
        hint = "read the server's own log; a full audit disk makes every request fail with 500"
        return ServerFault(problem, system=system, hint=hint)
    return ServerFault(problem, system=system, hint=IN_BETWEEN, remedy=(warden("doctor"),))


def overtaken(system: str, what: str, cas: int) -> Held:
    """The error for a check-and-set that did not match."""
    return Held(
        f"{what} was changed by someone else meanwhile (check-and-set {cas})",
        effect=Effect.NOTHING_WRITTEN,
        system=system,
        subject=what,
        hint="run the same command again",
    )


def is_openbao(answer: Answer, *statuses: int) -> bool:
    """Whether OpenBao itself answered so: a proxy's 403 refuses nothing, and its 404 knows of nothing."""
    return answer.status in statuses and not answer.is_page


def inline_headers(login: Login) -> dict[str, str]:
    """The headers that log in for one request (OpenBao, "Inline authentication")."""
    encoded = {
        f"X-Vault-Inline-Auth-Parameter-{name}": base64.urlsafe_b64encode(
            json.dumps({"key": name, "value": value}).encode()
        )
        .decode()
        .rstrip("=")
        for name, value in login.revealed.items()
    }
    return {"X-Vault-Inline-Auth-Path": f"auth/{login.mount}/login", **encoded}


def secret_of(value: object) -> Secret:
    """A field's value, as it is delivered."""
    return Secret(text_of(value))


def time_of(text: str | None) -> dt.datetime | None:
    """RFC 3339 with nanoseconds, as OpenBao writes it; ``None`` where it is empty."""
    if not text:
        return None
    return dt.datetime.fromisoformat(f"{text[:19]}+00:00")


def answered_at(answer: Answer) -> dt.datetime | None:
    """When the server answered, by its own clock (``Date``, RFC 9110, 5.6.7); ``None`` where it does not say."""
    parts = answer.headers.get("date", "").split()
    try:
        _, day, month, year, clock, _ = parts
        return dt.datetime.fromisoformat(f"{year}-{_MONTHS.index(month) + 1:02}-{day}T{clock}+00:00")
    except ValueError:
        return None


def is_past(text: str | None, now: dt.datetime | None) -> bool:
    """Whether a deletion time is set and over. Both times are the server's; one that is not known is not over."""
    at = time_of(text)
    return at is not None and now is not None and at <= now


def identity_in(token: Mapping[str, Any]) -> Identity:
    """What ``lookup-self`` says of a token. Which role it logged in by, each type of mount says under its own name."""
    meta: dict[str, str] = token.get("meta") or {}
    policies = {*(token.get("policies") or ()), *(token.get("identity_policies") or ())}
    return Identity(
        display_name=_name(token.get("display_name") or ""),
        path=_name(token.get("path") or ""),
        role=_name(role_in(meta)),
        entity=_name(token.get("entity_id") or ""),
        policies=tuple(sorted(map(_name, policies))),
        ttl=_seconds(token.get("ttl") or 0),
    )


def _name(found: str) -> str:
    """A name in an answer. Raises `AttributeError` or `ValueError` for what could not be shown as one."""
    if len(_text(found)) > _LONGEST_NAME:
        raise ValueError
    return found


def _text(found: str) -> str:
    """Raises `AttributeError` for what is not a text, `ValueError` for one that nobody can write."""
    found.encode()
    return found


def _seconds(found: int) -> int:
    """Raises `OverflowError`, `TypeError` or `ValueError` for what cannot be added to the time."""
    if int(found) > _LONGEST_TIME:
        raise ValueError
    return int(found)


def metadata_in(found: Mapping[str, Any], asked: dt.datetime | None) -> KvMetadata:
    """What ``<mount>/metadata/<key>`` says of a path; `asked` is when, by the server's clock."""
    current = int(found["current_version"])
    version = (found.get("versions") or {}).get(str(current)) or {}
    over = is_past(version.get("deletion_time"), asked)
    return KvMetadata(
        current=current,
        live=bool(version) and not version.get("destroyed") and not over,
        written=time_of(version.get("created_time")),
        custom=found.get("custom_metadata") or {},
        asked=asked,
        created=time_of(found.get("created_time")),
        expires=time_of(version.get("deletion_time")) if not version.get("destroyed") and not over else None,
        delete_after=seconds_of(found.get("delete_version_after")),
        max_versions=int(found.get("max_versions") or 0),
        cas_required=bool(found.get("cas_required")),
        revision=int(found.get("current_metadata_version") or 0),
        deleted=current if over and not version.get("destroyed") else 0,
        kept=tuple(
            sorted(int(n) for n, each in (found.get("versions") or {}).items() if not (each or {}).get("destroyed"))
        ),
    )


def kv_config_in(found: Mapping[str, Any]) -> KvConfig:
    """What ``<mount>/config`` says of a KV v2 mount."""
    return KvConfig(
        max_versions=int(found.get("max_versions") or 0), delete_after=seconds_of(found.get("delete_version_after"))
    )


def policy_in(found: Mapping[str, Any]) -> PolicyText:
    """What ``sys/policies/acl/<name>`` says."""
    return PolicyText(str(found["policy"]), str(found.get("expiration") or ""))


def mount_in(found: Mapping[str, Any]) -> Mount:
    """What ``sys/mounts/<name>`` says; a list of keys that was emptied by the command line holds one empty text."""
    tuning = found.get("config") or {}
    return Mount(
        type=found["type"],
        version=int((found.get("options") or {}).get("version", 1)) if found["type"] == "kv" else 0,
        requests_in_clear=tuple(filter(None, map(str, tuning.get("audit_non_hmac_request_keys") or ()))),
        responses_in_clear=tuple(filter(None, map(str, tuning.get("audit_non_hmac_response_keys") or ()))),
    )


def devices_in(found: Mapping[str, Any]) -> tuple[AuditDevice, ...]:
    """What ``sys/audit`` says; options are texts, of which ``log_raw`` is read as Go's `strconv.ParseBool` does."""
    return tuple(
        AuditDevice(
            name=name.strip("/"),
            type=str(device.get("type") or ""),
            file=str(options.get("file_path") or "") if device.get("type") == "file" else "",
            raw=str(options.get("log_raw") or "").lower() in {"1", "t", "true"},
        )
        for name, device in sorted(found.items())
        for options in (device.get("options") or {},)
    )


_DURATION = re.compile(r"(\d+(?:\.\d+)?)(h|m|s)(?![a-z])")
_SECONDS = {"h": 3600, "m": 60, "s": 1}


def seconds_of(duration: object) -> int:
    """The seconds of a duration as Go writes it (``3h25m19s``); 0 for one that is negative, which switches it off."""
    text = str(duration or "")
    if text.startswith("-"):
        return 0
    return int(sum(float(number) * _SECONDS[unit] for number, unit in _DURATION.findall(text)))


def stored_in(found: Mapping[str, Any]) -> Stored:
    """What ``<mount>/data/<key>`` holds."""
    metadata = found["metadata"]
    fields = {name: secret_of(value) for name, value in (found.get("data") or {}).items()}
    return Stored(int(metadata["version"]), fields, metadata.get("custom_metadata") or {})


def entered_in(accepted: Mapping[str, Any]) -> Entered:
    """An accepted login, by the part ``auth`` of its answer."""
    return Entered(
        token=Secret(_text(accepted["client_token"])),
        entity=_name(accepted.get("entity_id") or ""),
        revocable=accepted.get("token_type") != "batch",
        accessor=str(accepted.get("accessor") or ""),
        ttl=_seconds(accepted.get("lease_duration") or 0),
        identity_policies=tuple(sorted(map(str, accepted.get("identity_policies") or ()))),
    )
