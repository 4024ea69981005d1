"""Rendering answers: the one place where bytes leave the gateway, so the one place that removes the key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_connect.faults import GatewayError
    from llm_connect.secret import Redactor


class Answer(Response):
    """A JSON answer without the key's value in it."""

    media_type = "application/json"

    def __init__(
        self, body: Mapping[str, Any], redactor: Redactor, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        kept = {"cache-control": "no-store"} | dict(headers or {})
        super().__init__(redactor.text(text).encode("utf-8", "replace"), status, kept)


def error_answer(error: GatewayError, redactor: Redactor) -> Answer:
    """The answer to an error; Retry-After is passed on."""
    headers = {"retry-after": redactor.text(error.retry_after)} if error.retry_after else {}
    return Answer(error.body(), redactor, error.status, headers)
