"""Reading a request's body within its limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect

from llm_connect import strict_json
from llm_connect.faults import BadRequest, Fault, TooLarge, invalid_request

if TYPE_CHECKING:
    from starlette.requests import Request

# A client that is still sending does not read: past the limit its body is read and dropped up to here, so that
# it gets the answer instead of a reset.
_DROPPED_AT_MOST = 64 * 1024 * 1024


async def json_body(request: Request, limit: int) -> Any:
    """The JSON document in the body.

    Raises:
        BadRequest: another content type (which a web page could send here without asking), or no JSON.
        TooLarge: more than `limit` bytes.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        octets = await _read(request, limit)
    except ClientDisconnect:  # nobody reads this answer; it keeps the log from calling it a fault of ours
        raise BadRequest("body_cut", "the caller left before the body was whole") from None
    if content_type != "application/json":
        raise invalid_request([Fault("header content-type", "is another or missing", "application/json")])
    try:
        return strict_json.loads(octets)
    except strict_json.NotJson as found:
        raise BadRequest("invalid_json", f"the body cannot be read as JSON: {found}") from None


async def _read(request: Request, limit: int) -> bytes:
    kept = bytearray()
    size = 0
    async for part in request.stream():
        size += len(part)
        if size <= limit:
            kept += part
        if size > _DROPPED_AT_MOST:
            break
    if size > limit:
        raise TooLarge("body_too_large", f"the body is larger than {limit} bytes; nothing was called")
    return bytes(kept)
