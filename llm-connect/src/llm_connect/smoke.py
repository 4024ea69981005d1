"""Three checks of a running gateway, from outside, over HTTP: alive, ready, one real answer."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

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


async def checks(url: str, profile: str, timeout_seconds: float) -> AsyncIterator[Check]:
    """The checks, each as soon as it is done.

    Raises:
        Unreachable: the gateway does not answer at all.
    """
    timeout = aiohttp.ClientTimeout(total=timeout_seconds)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield await _check(session, "health", "GET", f"{url}/health")
        yield await _check(session, "ready", "GET", f"{url}/ready")
        config = {"model_name": profile, "model_params": {"json_schema": SCHEMA}}
        yield await _check(session, "execute", "POST", f"{url}/execute", {"prompt": PROMPT, "config": config})


async def _check(session: aiohttp.ClientSession, name: str, method: str, url: str, body: Any = None) -> Check:
    started = time.monotonic()
    try:
        async with session.request(method, url, json=body) as response:
            status, text = response.status, await response.text(errors="replace")
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise Unreachable(f"{url} gives no answer ({type(error).__name__})") from None
    ok, found = _judge(name, status, _document(text))
    return Check(name, ok, status, found, round((time.monotonic() - started) * 1000))


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
