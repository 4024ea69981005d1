"""What a provider says in an error, whatever its shape: JSON of many kinds, text, HTML or XML, in many encodings.

Shapes that are in use, by who sends them: `{"error": {"message"}}` (OpenAI, Anthropic, Google), `{"error": "text"}`
(Ollama, text-generation-inference), `{"message"}` (Mistral, AWS), `{"detail"}` (FastAPI, RFC 9457), `{"errors": […]}`
(Cloudflare), `[{"error": …}]` (Google's streams), `{"fault": {"faultstring"}}` (Apigee); text and pages (proxies).
"""

from __future__ import annotations

import html
import json
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Redact = Callable[[str], str]

MAX_LENGTH = 1000
"""Of the words that are repeated, in characters."""
_MAX_READ = 16 * 1024
"""How many characters of the words are looked at."""
_MAX_DECODED = 4 * _MAX_READ
"""How many bytes of a text or a page are decoded: more, so that a key at their end is whole when keys are removed."""
_MAX_DEPTH = 6
_MAX_ENTRIES = 5
_WORDS = (
    "error", "errors", "fault", "title", "message", "Message", "error_message", "errorMessage", "error_description",
    "msg", "detail", "faultstring",
)  # fmt: skip
"""Fields that say what went wrong, in the order in which they are joined."""
_HINTS = ("reason", "description", "details", "text", "code", "type", "status")
"""Fields that say something of it, where there is none of the others."""
_CHARSET = re.compile(
    r'charset\s*=\s*"?((?:utf|us-ascii|iso|windows|cp|latin|gb|big5|euc|shift|koi)[\w.:-]*)', re.IGNORECASE
)
_UTF16 = (BOM_UTF16_LE, BOM_UTF16_BE)
_TOKENS = re.compile(r"<[^<>]*>|[^<>]+|[<>]")
_INLINE = re.compile(r"</?(a|b|code|em|font|i|kbd|mark|samp|small|span|strong|tt|u|var|wbr)\b", re.IGNORECASE)
"""Tags that do not end a word. A key that has some within it is one word for its reader, and for what removes keys."""
_TITLE = re.compile(r"<title[^<>]*>([^<>]*)<", re.IGNORECASE)
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a]")
_HIDDEN = re.compile(r"<(script|style|head)\b", re.IGNORECASE)


def decoded(octets: bytes) -> Any:
    """The JSON value in a body; None where it is not JSON. A byte order mark and UTF-16 are read, too."""
    try:
        return msgspec.json.decode(octets.removeprefix(BOM_UTF8))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    if b"\0" not in octets[:4]:
        return None
    try:
        return msgspec.json.decode(octets.decode(json.detect_encoding(octets)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def is_error(body: Any) -> bool:
    """Whether a JSON value inside a 200, or inside an event, is an error and not an answer."""
    if isinstance(body, list):
        return any(is_error(each) for each in body[:_MAX_ENTRIES] if isinstance(each, dict))
    if not isinstance(body, dict):
        return False
    if body.get("error") or "error" in (body.get("object"), body.get("type")):
        return True
    return not {"choices", "usage"} & body.keys() and any(body.get(name) for name in _WORDS)


def first_error(body: Any) -> Mapping[str, Any]:
    """The object that has the error: of a list its first one; empty where there is none."""
    if isinstance(body, list):
        body = next((each for each in body if isinstance(each, dict)), None)
    return body if isinstance(body, dict) else {}


def quoted(words: str, redact: Redact) -> str:
    """The provider's words for the end of a message: without keys, on one line, not too long; empty for no words.

    Keys are removed before anything is cut, so that no half of one is left. Control characters could forge lines where
    the message is shown.
    """
    clean = redact(words)[:_MAX_READ]
    flat = " ".join("".join(c if c.isprintable() else " " for c in clean).split())
    if not flat:
        return ""
    return f"; message: {flat if len(flat) <= MAX_LENGTH else flat[:MAX_LENGTH] + '…'}"


def words_of_body(octets: bytes, content_type: str) -> str:
    """The words in the body of an error."""
    if (value := decoded(octets)) is not None:
        return words_of(value)
    text = _text(octets[:_MAX_DECODED], content_type).strip()
    if text.startswith(("data:", "event:", ":")):
        lines = (line.removeprefix("data:").strip() for line in text.splitlines() if line.startswith("data:"))
        return words_of("\n".join(lines))
    return _visible(text) if text.startswith("<") else text


def words_of(value: Any, depth: int = _MAX_DEPTH) -> str:
    """The words in a JSON value."""
    if depth <= 0 or value is None:
        return ""
    if isinstance(value, str):
        return _words_of_text(value, depth)
    if isinstance(value, list):
        return "; ".join(_distinct(words_of(each, depth - 1) for each in value[:_MAX_ENTRIES]))
    return _words_of_object(value, depth) if isinstance(value, dict) else str(value)


def _words_of_text(text: str, depth: int) -> str:
    """Some pass on the body of another provider as a text."""
    text = text.strip()
    if text[:1] in ("{", "["):
        inner = decoded(text.encode("utf-8", "replace"))
        return words_of(inner, depth - 1) or text
    return text


def _words_of_object(value: Mapping[str, Any], depth: int) -> str:
    if isinstance(value.get("loc"), list) and isinstance(value.get("msg"), str):  # FastAPI's 422
        return f"{'.'.join(map(str, value['loc']))}: {value['msg']}"
    found = [words_of(value[name], depth - 1) for name in _WORDS if _says_something(value.get(name))]
    metadata = value.get("metadata")
    if isinstance(metadata, dict) and metadata.get("raw"):  # OpenRouter's, for what the endpoint behind it said
        found.append(words_of(metadata["raw"], depth - 1))
    if any(found):
        return ": ".join(_distinct(found))
    hints = [words_of(value[name], depth - 1) for name in _HINTS if _says_something(value.get(name))]
    return ": ".join(_distinct(hints)) if any(hints) else _entries(value, depth)


def _says_something(value: Any) -> bool:
    return isinstance(value, str | list | dict) and bool(value)


def _entries(value: Mapping[str, Any], depth: int) -> str:
    """An object of another kind, such as the faults by field: each name with what is said of it."""
    named = ((name, words_of(inner, depth - 1)) for name, inner in list(value.items())[:_MAX_ENTRIES])
    return "; ".join(f"{name}: {words}" for name, words in named if words)


def _distinct(texts: Any) -> Iterator[str]:
    """The texts that are not empty, and not within one of those before."""
    before: list[str] = []
    for text in texts:
        if text and not any(text in other for other in before):
            before.append(text)
            yield text


def _text(octets: bytes, content_type: str) -> str:
    """The text of a body: by its byte order mark or its charset, else UTF-8, else Latin-1; empty for binary data."""
    named = _CHARSET.search(content_type)
    encodings = ["utf-16"] if octets[:2] in _UTF16 else [named[1]] if named else []
    for encoding in encodings:
        with suppress(LookupError, UnicodeError):
            return octets.decode(encoding)
    if _BINARY.search(octets):
        return ""
    with suppress(UnicodeDecodeError):
        return octets[: _whole_letters(octets)].decode("utf-8-sig")
    return octets.decode("latin-1")


def _whole_letters(octets: bytes) -> int:
    """How many of them are whole letters in UTF-8, where the limit may have cut the last one."""
    if len(octets) < _MAX_DECODED:
        return len(octets)
    return next((len(octets) - back for back in (1, 2, 3, 4) if octets[-back] & 0xC0 != 0x80), len(octets))  # noqa: PLR2004


def _visible(page: str) -> str:
    """What a reader sees of an HTML page, or of XML: its title, and the text outside scripts, styles and comments."""
    title = _TITLE.search(page)
    shown = [title[1], "\n"] if title else []
    hidden = ""
    for token in _TOKENS.findall(page):
        if hidden:
            hidden = "" if token.lower().startswith(f"</{hidden}") else hidden
        elif found := _HIDDEN.match(token):
            hidden = found[1].lower()
        elif not token.startswith("<"):
            shown.append(" ".join(token.split("\n")))
        elif not _INLINE.match(token):
            shown.append("\n")
    return html.unescape(" ".join(_distinct(line.strip() for line in "".join(shown).split("\n"))))
