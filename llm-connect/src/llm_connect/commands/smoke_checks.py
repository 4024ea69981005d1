"""Three checks of a running gateway, from outside, over HTTP: alive, ready, one real answer that is a triage report."""

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
_ANOTHER = "no answer of llm-connect's; is it the right address?"
_LARGEST = 16 * 1024 * 1024
_LONGEST_FOUND = 500


@dataclass(frozen=True)
class Check:
    """One check; `ms` is its time on the wire."""

    name: str
    ok: bool
    status: int
    found: str
    ms: int

    def line(self) -> str:
        """The line for people: a word, never a symbol alone."""
        return f"{'ok' if self.ok else 'FAIL':<5} {self.name:<8} {self.status}  {self.found}  {self.ms} ms"

    def json(self) -> dict[str, Any]:
        """The check as JSON."""
        return asdict(self)


class Unreachable(Exception):
    """Nothing that speaks HTTP answers at the URL."""


def triage_schema() -> Any:
    """What a triage report is: a summary and at most seven recommendations."""
    return json.loads(resources.files("llm_connect.commands").joinpath(_SCHEMA_FILE).read_text(encoding="utf-8"))


def checks(url: str, profile: str, timeout_seconds: float, token: Secret | None = None) -> Iterator[Check]:
    """The checks, each as soon as it is done.

    Args:
        url: the gateway's, without a slash at its end.
        profile: the profile to ask for.
        timeout_seconds: for each check.
        token: the bearer token of a caller that the gateway knows.

    Raises:
        Unreachable: the gateway does not answer at all.
        ValueError: `url` is no http or https URL, or has more in it than an address: a user, a query, a fragment.
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
    ok, found = _judge(name, status, _document(text))
    # What answers may be anything: it neither steers the terminal nor repeats the token.
    told = "".join(each if each.isprintable() else " " for each in redactor.text(found))[:_LONGEST_FOUND]
    return Check(name, ok, status, told, round((time.monotonic() - started) * 1000))


class _Staying(HTTPRedirectHandler):
    """A redirect is not followed: the token would travel to whoever is named there."""

    def redirect_request(
        self, _req: Request, _fp: IO[bytes], _code: int, _msg: str, _headers: HTTPMessage, _newurl: str
    ) -> None:
        """No request; the redirect itself is the answer."""


def _fetch(request: Request, timeout_seconds: float) -> tuple[int, str]:
    """Status and text; the time is for all of it, so that a server that sends an octet a second is late, too."""
    outcome: list[tuple[int, str] | str] = []
    thread = threading.Thread(target=lambda: outcome.append(_asked(request, timeout_seconds)), daemon=True)
    thread.start()
    thread.join(timeout_seconds)
    found = outcome[0] if outcome else "no answer in time"
    if isinstance(found, str):
        raise Unreachable(f"{request.full_url} cannot be asked ({found})")
    return found


def _asked(request: Request, timeout_seconds: float) -> tuple[int, str] | str:
    """Status and text, or why there are none."""
    # No proxy from the environment: what is checked is this address and nothing in front of it.
    opener = build_opener(ProxyHandler({}), _Staying())
    try:
        with opener.open(request, timeout=timeout_seconds) as response:
            return response.status, response.read(_LARGEST).decode("utf-8", "replace")
    except HTTPError as error:
        with error:
            return error.code, error.read(_LARGEST).decode("utf-8", "replace")
    except (OSError, HTTPException, ValueError) as error:
        return _why(getattr(error, "reason", error))


def _why(reason: object) -> str:
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    if isinstance(reason, ssl.SSLCertVerificationError):
        return "its certificate is not accepted"
    if isinstance(reason, ssl.SSLError):
        return "no TLS is spoken there"
    told = getattr(reason, "strerror", None)  # what the system says; an exception of http.client has none
    return str(told).lower() if told else "closed without an answer, or no HTTP is spoken there"


def _document(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _judge(name: str, status: int, document: Any) -> tuple[bool, str]:
    if _OK < status < _FIRST_ERROR:
        return False, "no answer with a content; a redirect is not followed"
    if not isinstance(document, dict):
        return False, "the answer is no JSON object"
    if status != _OK:
        return False, f"{document['type']}: {document.get('message')}" if "type" in document else _ANOTHER
    if name == "execute":
        return _judge_answer(document)
    ok = document.get("status") == _EXPECTED[name]
    return ok, _EXPECTED[name] if ok else _ANOTHER


def _judge_answer(document: dict[str, Any]) -> tuple[bool, str]:
    """Judged here, whatever the gateway says of it: it is the gateway that is checked."""
    judgement = validate(compile_schema(triage_schema(), linear=True), str(document.get("content")), None)
    usage = document.get("usage")
    tokens = usage.get("total_tokens") if isinstance(usage, dict) else None
    found = f"a triage report, {_count(document)}" if judgement["valid"] else "no triage report"
    whole = f"{document.get('model')}, {found}, finish_reason {document.get('finish_reason')}, {tokens} tokens"
    if judgement["valid"]:
        return True, whole
    problem = judgement["problems"][0]
    return False, f"{whole}: {problem['path']} {problem['problem']}"


def _count(document: dict[str, Any]) -> str:
    count = len(json.loads(document["content"])["recommendations"])
    return f"{count} recommendation{'s' if count != 1 else ''}"
