"""Three checks of a running gateway, from outside, over HTTP: alive, ready, one real answer."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

if TYPE_CHECKING:
    from collections.abc import Iterator

PROMPT = "Two services wait for a new certificate and one for more disk. Say in one sentence which goes first, and why."
FIELDS = {
    "first": {"type": "string"},
    "why": {"type": "string"},
    "confidence": {"type": "number", "minimum": 0, "maximum": 1},
}
SCHEMA = {"type": "object", "properties": FIELDS, "required": list(FIELDS), "additionalProperties": False}
_OK = 200


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


def checks(url: str, profile: str, timeout_seconds: float) -> Iterator[Check]:
    """The checks, each as soon as it is done.

    Raises:
        Unreachable: the gateway does not answer at all.
        ValueError: `url` is no http or https URL.
    """
    if not _is_http(url):
        raise ValueError(url)
    config = {"model_name": profile, "model_params": {"json_schema": SCHEMA}}
    octets = json.dumps({"prompt": PROMPT, "config": config}).encode()
    for name, body in (("health", None), ("ready", None), ("execute", octets)):
        request = Request(f"{url}/{name}", body, {"content-type": "application/json"})  # noqa: S310 - checked above
        yield _check(name, request, timeout_seconds)


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and " " not in url and parts.port != 0
    except ValueError:
        return False


def _check(name: str, request: Request, timeout_seconds: float) -> Check:
    started = time.monotonic()
    status, text = _fetch(request, timeout_seconds)
    ok, found = _judge(name, status, _document(text))
    return Check(name, ok, status, found, round((time.monotonic() - started) * 1000))


def _fetch(request: Request, timeout_seconds: float) -> tuple[int, str]:
    # No proxy from the environment: what is checked is this address and nothing in front of it.
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout_seconds) as response:
            return response.status, response.read().decode("utf-8", "replace")
    except HTTPError as error:
        with error:
            return error.code, error.read().decode("utf-8", "replace")
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        why = getattr(reason, "strerror", None) or type(reason).__name__
        raise Unreachable(f"{request.full_url} gives no answer ({str(why).lower()})") from None


def _document(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _judge(name: str, status: int, document: Any) -> tuple[bool, str]:
    if not isinstance(document, dict):
        return False, "the answer is no JSON object"
    if status != _OK:
        return False, f"{document.get('type')}: {document.get('message')}"
    return _judge_answer(document) if name == "execute" else (True, str(document.get("status")))


def _judge_answer(document: dict[str, Any]) -> tuple[bool, str]:
    content = _document(str(document.get("content")))
    present = [field for field in FIELDS if isinstance(content, dict) and field in content]
    tokens = (document.get("usage") or {}).get("total_tokens")
    found = f"{len(present)} of {len(FIELDS)} fields"
    if not isinstance(content, dict):
        found = "content is no JSON object"
    whole = f"{document.get('model')}, {found}, finish_reason {document.get('finish_reason')}, {tokens} tokens"
    return len(present) == len(FIELDS), whole
