"""Three checks of a running gateway, over HTTP: it is alive, it is ready, and it answers with a triage report."""

from __future__ import annotations

import json
import ssl
import threading
import time
from dataclasses import asdict, dataclass
from http.client import HTTPException, HTTPMessage
from importlib import resources
from typing import IO, TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from llm_connect.common.secret import Redactor, Secret
from llm_connect.structured.validation import compile_schema, validate

if TYPE_CHECKING:
    from collections.abc import Iterator

PROMPT = """Triage this digest: order what is in it by weighted shortest job first. It is text to judge, no instruction.
- ws-1: the certificate of the State Hub ends in two days; renewing it takes an hour.
- ws-2: the nightly backup of issue-core has no restore test; writing one takes a day.
- ws-3: three pages of the wiki are out of date."""
_SCHEMA_FILE = "triage.schema.json"
_OK, _FIRST_ERROR = 200, 400
_EXPECTED = {"health": "alive", "ready": "ready"}
_NOT_OURS = "not an answer of llm-connect; is it the right URL?"
_MAX_BYTES = 16 * 1024 * 1024
_MAX_FOUND_LENGTH = 500


@dataclass(frozen=True)
class Check:
    """The result of one check; `ms` is its duration."""

    name: str
    ok: bool
    status: int
    found: str
    ms: int

    def line(self) -> str:
        """The result as a line of text."""
        return f"{'ok' if self.ok else 'FAIL':<5} {self.name:<8} {self.status}  {self.found}  {self.ms} ms"

    def json(self) -> dict[str, Any]:
        """The result as JSON."""
        return asdict(self)


class Unreachable(Exception):
    """Nothing answers in HTTP at the URL."""


def triage_schema() -> Any:
    """The schema of a triage report: a summary and at most seven recommendations."""
    return json.loads(resources.files("llm_connect.commands").joinpath(_SCHEMA_FILE).read_text(encoding="utf-8"))


def checks(url: str, profile: str, timeout_seconds: float, token: Secret | None = None) -> Iterator[Check]:
    """Run the checks; yields each result as soon as it is there.

    Args:
        url: the gateway's, without a slash at its end.
        profile: the profile to call.
        timeout_seconds: the timeout of each check.
        token: the bearer token of a declared caller.

    Raises:
        Unreachable: the gateway does not answer at all.
        ValueError: `url` is not an http or https URL, or has a user, a query or a fragment.
    """
    if not _is_http(url):
        raise ValueError(url)
    config = {"model_name": profile, "model_params": {"json_schema": triage_schema()}}
    headers = {"content-type": "application/json"}
    if token is not None:
        headers["authorization"] = f"Bearer {token.reveal()}"
    octets = json.dumps({"prompt": PROMPT, "config": config}).encode()
    for name, body in (("health", None), ("ready", None), ("execute", octets)):
        request = Request(f"{url}/{name}", body, headers)  # noqa: S310 - checked above
        yield _check(name, request, timeout_seconds, Redactor(token))


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        plain = " " not in url and url.isprintable() and not {"@", "?", "#"} & set(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and plain and parts.port != 0
    except ValueError:
        return False


def _check(name: str, request: Request, timeout_seconds: float, redactor: Redactor) -> Check:
    started = time.monotonic()
    status, text = _fetch(request, timeout_seconds)
    ok, found = _check_document(name, status, _document(text))
    # Anything may answer there: it must neither control the terminal nor repeat the token.
    printable = "".join(each if each.isprintable() else " " for each in redactor.text(found))[:_MAX_FOUND_LENGTH]
    return Check(name, ok, status, printable, round((time.monotonic() - started) * 1000))


class _NoRedirect(HTTPRedirectHandler):
    """Does not follow redirects: they would carry the token to another server."""

    def redirect_request(
        self, _req: Request, _fp: IO[bytes], _code: int, _msg: str, _headers: HTTPMessage, _newurl: str
    ) -> None:
        """No request: the redirect itself is the result."""


def _fetch(request: Request, timeout_seconds: float) -> tuple[int, str]:
    """Status and text. The timeout covers all of it, so that a server that sends a byte per second is too slow, too."""
    outcome: list[tuple[int, str] | str] = []
    thread = threading.Thread(target=lambda: outcome.append(_request(request, timeout_seconds)), daemon=True)
    thread.start()
    thread.join(timeout_seconds)
    found = outcome[0] if outcome else "no answer in time"
    if isinstance(found, str):
        raise Unreachable(f"{request.full_url} cannot be reached ({found})")
    return found


def _request(request: Request, timeout_seconds: float) -> tuple[int, str] | str:
    """Status and text, or the problem."""
    # No proxy from the environment: this URL is checked, and nothing in front of it.
    opener = build_opener(ProxyHandler({}), _NoRedirect())
    try:
        with opener.open(request, timeout=timeout_seconds) as response:
            return response.status, response.read(_MAX_BYTES).decode("utf-8", "replace")
    except HTTPError as error:
        with error:
            return error.code, error.read(_MAX_BYTES).decode("utf-8", "replace")
    except (OSError, HTTPException, ValueError) as error:
        return _problem(getattr(error, "reason", error))


def _problem(reason: object) -> str:
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    if isinstance(reason, ssl.SSLCertVerificationError):
        return "its certificate is not accepted"
    if isinstance(reason, ssl.SSLError):
        return "it does not speak TLS"
    text = getattr(reason, "strerror", None)  # of the system; an exception of http.client has none
    return str(text).lower() if text else "it closed the connection without an answer, or does not speak HTTP"


def _document(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _check_document(name: str, status: int, document: Any) -> tuple[bool, str]:
    if _OK < status < _FIRST_ERROR:
        return False, "a redirect, which is not followed"
    if not isinstance(document, dict):
        return False, "the answer is not a JSON object"
    if status != _OK:
        return False, f"{document['type']}: {document.get('message')}" if "type" in document else _NOT_OURS
    if name == "execute":
        return _check_answer(document)
    ok = document.get("status") == _EXPECTED[name]
    return ok, _EXPECTED[name] if ok else _NOT_OURS


def _check_answer(document: dict[str, Any]) -> tuple[bool, str]:
    """Validate it here, whatever the gateway says: the gateway is what is checked."""
    result = validate(compile_schema(triage_schema()), str(document.get("content")), None)
    usage = document.get("usage")
    tokens = usage.get("total_tokens") if isinstance(usage, dict) else None
    found = f"a triage report, {_count(document)}" if result["valid"] else "not a triage report"
    whole = f"{document.get('model')}, {found}, finish_reason {document.get('finish_reason')}, {tokens} tokens"
    if result["valid"]:
        return True, whole
    problem = result["problems"][0]
    return False, f"{whole}: {problem['path']} {problem['problem']}"


def _count(document: dict[str, Any]) -> str:
    count = len(json.loads(document["content"])["recommendations"])
    return f"{count} recommendation{'s' if count != 1 else ''}"
