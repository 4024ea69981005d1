"""Certificates of security tokens' keys (``sk-``), as ``ssh-keygen -L`` lists them: the library does not know these.

ssh-keygen verifies the signature when it reads one (cert_parse in sshkey.c). Its listing has one form (print_cert in
ssh-keygen.c), and is read as a whole: text in a key id that imitates other lines leaves lines that do not fit.
"""

import os
import re
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from warden.adapters.ssh.programs import NotRun, run

FOREVER = 2**64 - 1
_FIELD, _ITEM = " " * 8, " " * 16
_LISTING = re.compile(
    rf"[^\n]*:\n"
    rf"{_FIELD}Type: [a-z0-9-]+@openssh\.com (?P<type>user|host) certificate\n"
    rf"{_FIELD}Public key: [^\n]*\n"
    rf"{_FIELD}Signing CA: [A-Z0-9-]+ (?P<authority>SHA256:[A-Za-z0-9+/]+) \(using (?P<signed>[^\n)]+)\)\n"
    rf'{_FIELD}Key ID: "(?P<key_id>.*)"\n'
    rf"{_FIELD}Serial: (?P<serial>[0-9]+)\n"
    rf"{_FIELD}Valid: (?P<valid>[^\n]+)\n"
    rf"{_FIELD}Principals: (?P<principals>[^\n]*(?:\n{_ITEM}[^\n]+)*)\n"
    rf"{_FIELD}Critical Options: (?P<options>[^\n]*(?:\n{_ITEM}[^\n]+)*)\n"
    rf"{_FIELD}Extensions: (?P<extensions>[^\n]*(?:\n{_ITEM}[^\n]+)*)\n",
    re.DOTALL,
)


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """What the listing says; ``signed`` is the signature's type."""

    type: str
    authority: str
    signed: str
    key_id: str
    serial: int
    principals: tuple[str, ...]
    valid_after: int
    valid_before: int
    critical_options: dict[str, str]
    extensions: dict[str, str]


def listed(text: str) -> Listed | None:
    """The certificate in this line; ``None`` where ssh-keygen reads none in it, or its signature is wrong."""
    try:
        done = run(["ssh-keygen", "-L", "-f", "-"], {**os.environ, "TZ": "UTC"}, f"{text}\n".encode())
    except NotRun:
        return None
    found = _LISTING.fullmatch(done.out.decode("utf-8", "backslashreplace"))
    window = _window(found["valid"]) if found else None
    if done.code or found is None or window is None:
        return None
    return Listed(
        type=found["type"],
        authority=found["authority"],
        signed=found["signed"],
        key_id=found["key_id"],
        serial=int(found["serial"]),
        principals=tuple(_items(found["principals"])),
        valid_after=window[0],
        valid_before=window[1],
        critical_options=_options(_items(found["options"])),
        extensions=_options(_items(found["extensions"])),
    )


def _items(text: str) -> list[str]:
    """One a line; ``(none)`` stands on the line of the heading."""
    return [line.removeprefix(_ITEM) for line in text.split("\n")[1:]]


def _options(lines: Iterable[str]) -> dict[str, str]:
    parts = (line.partition(" ") for line in lines)
    return {name: value for name, _, value in parts}


def _window(text: str) -> tuple[int, int] | None:
    """``forever``, ``from X to Y``, ``after X`` or ``before Y``, in UTC."""
    if text == "forever":
        return 0, FOREVER
    words = text.split()
    given = dict(zip(words[::2], words[1::2], strict=False))
    try:
        start = _seconds(given.get("from") or given.get("after"), 0)
        return start, _seconds(given.get("to") or given.get("before"), FOREVER)
    except ValueError:
        return None


def _seconds(text: str | None, otherwise: int) -> int:
    return otherwise if text is None else int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
