"""What sshd writes to its log of a login with a certificate, at ``LogLevel VERBOSE`` (sshd_config(5); auth.c).

    Connection from 10.1.2.3 port 40022 on 10.0.0.7 port 22
    Certificate invalid: expired
    Failed publickey for deploy from … ssh2: ED25519-CERT SHA256:… ID agt-deploy … (serial 77) CA ED25519 SHA256:…
    Accepted publickey for deploy from … ssh2: ED25519-CERT SHA256:… ID agt-deploy … (serial 77) CA ED25519 SHA256:…

The serial ties a line to a certificate of the issue log. The reason stands in a line of its own before: of the same
process where the log names processes (``sshd[421]:``, ``sshd-session[421]:``), otherwise of the same connection.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

import msgspec

Reason = Literal[
    "principal",
    "expired",
    "not-yet-valid",
    "source-address",
    "command-differs",
    "revoked",
    "not-a-user-certificate",
    "option",
    "account",
    "not-listed",
]
"""``not-listed``: sshd gives no reason, as for a CA that it does not trust, or a key that it does not know."""

WORDS: Mapping[str, Reason] = {
    "does not contain an authorized principal": "principal",
    "name is not a listed principal": "principal",
    "Certificate lacks principal list": "principal",
    "Certificate invalid: expired": "expired",
    "Certificate invalid: not yet valid": "not-yet-valid",
    "not from a permitted source address": "source-address",
    "forced command options do not match": "command-differs",
    "revoked by file": "revoked",
    "Certificate invalid: not a user certificate": "not-a-user-certificate",
    "critical option": "option",
    "Invalid user ": "account",
    " not allowed because ": "account",
    "ROOT LOGIN REFUSED": "account",
}

LONGEST = 400
"""Characters of a line that are kept: who logs in can choose some of them."""

_PROCESS = re.compile(r"\bsshd(?:-session|-auth)?\[(\d+)\]: ")
_PREFIX = re.compile(r"^.*?\bsshd(?:-session|-auth)?(?:\[\d+\])?: (?:error: )?")
_DECISION = re.compile(r"\b(Accepted|Failed) publickey for ")
_SERIALS = re.compile(r"\(serial (\d+)\)")
_BEGINS = "Connection from "


class SeenLogin(msgspec.Struct, frozen=True, kw_only=True):
    """What the log has of one login. ``said`` are sshd's words: the reason, or the line of its decision."""

    accepted: bool
    reason: Reason | None = None
    said: str = ""


def logins(log: str, serial: int) -> list[SeenLogin]:
    """The logins in which a certificate of that serial was shown and decided on, in the order of the log."""
    return [found for lines in _connections(log.splitlines()) if (found := _login(lines, serial)) is not None]


def _connections(lines: Iterable[str]) -> Iterator[list[str]]:
    """The lines of each connection."""
    found: dict[str, list[str]] = {}
    nameless = 0
    for line in lines:
        process = _PROCESS.search(line)
        if process is None and _BEGINS in line:
            nameless += 1
        found.setdefault(process[1] if process else f"connection {nameless}", []).append(line)
    yield from found.values()


def _login(lines: list[str], serial: int) -> SeenLogin | None:
    if not any(_is_of(serial, line) for line in lines):
        return None
    decided = [number for number, line in enumerate(lines) if _DECISION.search(line) and _is_of(serial, line)]
    if not decided:  # the certificate was taken, and whoever showed it could not sign: what was decided is of the key
        decided = [number for number, line in enumerate(lines) if "Failed publickey for " in line][:1]
    if not decided:
        return None
    line = lines[decided[0]]
    decision = _DECISION.search(line)
    if decision and decision[1] == "Accepted":
        return SeenLogin(accepted=True, said=_without_prefix(line))
    why, words = _reason(lines[: decided[0]]) or ("not-listed", line)
    return SeenLogin(accepted=False, reason=why, said=_without_prefix(words))


def _reason(before: Sequence[str]) -> tuple[Reason, str] | None:
    """Why sshd refused what it decided on next: the last reason since its decision before."""
    for line in reversed(before):
        if _DECISION.search(line):
            return None
        for words, why in WORDS.items():
            if words in line:
                return why, line
    return None


def _is_of(serial: int, line: str) -> bool:
    """Whether the line is of that certificate: the last serial in it counts, since a key id may look like one."""
    return _SERIALS.findall(line)[-1:] == [str(serial)]


def _without_prefix(line: str) -> str:
    return _PREFIX.sub("", line).strip()[:LONGEST]
