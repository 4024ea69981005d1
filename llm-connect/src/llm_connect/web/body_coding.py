"""What the head of a request says of its body: media type and codings, and whether the body is only sent on demand.

Source: RFC 9110, 8.3 (media type), 8.4 (content coding), 10.1.1 (`Expect`), 15.5.16 (415); RFC 9112, 6.1 (transfer
coding); RFC 8259, 8.1 and 11 (JSON is UTF-8, and has no charset).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm_connect.common.content_coding import SUPPORTED, Decoder, UndecodableError, coding_of
from llm_connect.common.errors import BadRequest, Fault, TooLarge, UnsupportedMedia, UnsupportedTransfer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_connect.common.errors import GatewayError

_JSON = b"application/json"


def refusal(headers: Mapping[bytes, bytes]) -> GatewayError | None:
    """Why the body is refused before it is read; None if it is not."""
    if headers.get(b"transfer-encoding", b"chunked").strip().lower() != b"chunked":
        message = "Transfer-Encoding has to be chunked; nothing was called"
        return UnsupportedTransfer("transfer_coding", message)
    # Media types that need no preflight are what a web page could send here without asking.
    if headers.get(b"content-type", b"").partition(b";")[0].strip().lower() != _JSON:
        fault = Fault("header content-type", "is missing or not supported", _JSON.decode())
        return _accepting("accept", fault, UnsupportedMedia("content_type", _sentence(fault), faults=[fault]))
    if (coding := _coding(headers)) and coding not in SUPPORTED:
        fault = Fault("header content-encoding", f"is {coding}", ", ".join(SUPPORTED))
        return _accepting(
            "accept-encoding", fault, UnsupportedMedia("content_encoding", _sentence(fault), faults=[fault])
        )
    return None


def _sentence(fault: Fault) -> str:
    return f"1 fault in the request: {fault}"


def _accepting(header: str, fault: Fault, error: UnsupportedMedia) -> UnsupportedMedia:
    error.headers[header] = fault.allowed
    return error


def waits_for_continue(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the client sends the body only after `100 Continue`: then a refusal saves it."""
    return headers.get(b"expect", b"").strip().lower() == b"100-continue"


def is_encoded(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the body has a content coding."""
    return bool(_coding(headers))


def decode(octets: bytes, headers: Mapping[bytes, bytes], limit: int) -> bytes:
    """The body without its coding.

    Args:
        octets: the whole body.
        headers: say which coding it is.
        limit: how many bytes it may become. No more than one beyond it are ever made.

    Raises:
        TooLarge: it is more than that.
        BadRequest: it is not encoded so, ends too early, or has something behind its end.
    """
    decoder = Decoder(_coding(headers), limit + 1)
    try:
        decoded = decoder.decode(octets)
        if len(decoded) <= limit:
            decoder.finish()
    except UndecodableError as problem:
        raise BadRequest("undecodable", f"the body {problem}; nothing was called") from None
    if len(decoded) > limit:
        raise TooLarge("body_too_large", f"the decoded body is larger than {limit} bytes; nothing was called")
    return decoded


def _coding(headers: Mapping[bytes, bytes]) -> str:
    return coding_of([headers.get(b"content-encoding", b"").decode("latin-1")])
