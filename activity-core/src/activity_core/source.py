"""Where the octets of a digest come from: a file, standard input (-) or an address."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import sys

from activity_core.digest import MAX_OCTETS
from activity_core.faults import NoAnswer, Refused, WrongUsage
from activity_core.http import Target, checked_url, exchange, shown
from activity_core.text import plain
from activity_core.tokens import bearer

SECONDS = 30.0
"""For a digest at an address, in all."""

TOKEN_FILE = "ACTIVITY_CORE_DIGEST_TOKEN_FILE"  # noqa: S105 - the name of a variable
_OK = 200
_THEREFORE = "Nothing was asked of llm-connect."
_HINT = "see what it answers: curl -i ADDRESS"
_REDIRECT_HINT = "give the address that it leads to, which is in the Location of: curl -i ADDRESS"
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def checked(where: str) -> str:
    """The same, if it can be one; nothing is opened.

    Raises:
        WrongUsage: it has a scheme that is not read, is no address, or has a user or password in it.
    """
    if _ADDRESS.match(where):
        checked_url(where, of="--digest")  # which takes the slash off the end: with it, it may be another digest
    return where


def named(where: str) -> str:
    """It as it may be shown: an address without what could be a secret in it."""
    return shown(where) if _ADDRESS.match(where) else "standard input" if where == "-" else where


def load(where: str, token_file: str | None = None) -> bytes:
    """The octets; of a file that is too large one more than is allowed, so that the reader can say so.

    Args:
        where: as `checked` gives it.
        token_file: a bearer token for an address, or None.

    Raises:
        WrongUsage: there is no such file, or it is no regular one.
        NoAnswer: the address gave no digest.
        Refused: it refused the caller.
    """
    if _ADDRESS.match(where):
        return _fetched(where, token_file)
    try:
        if where == "-":
            return sys.stdin.buffer.read(MAX_OCTETS + 1)
        with open(where, "rb", opener=_not_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _unreadable(where, "no regular file; a pipe goes in as -")
            return file.read(MAX_OCTETS + 1)
    except OSError as fault:
        raise _unreadable(where, (fault.strerror or "unreadable").lower()) from None


def _not_waiting(path: str, flags: int) -> int:
    """A named pipe that nobody writes to would be waited for."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _unreadable(where: str, reason: str) -> WrongUsage:
    message = f"the digest {plain(where)} cannot be read ({reason}). Nothing was asked."
    hint = "name a file, - for standard input, or an http or https address"
    return WrongUsage("no-digest", message, system="digest", subject=where, hint=hint)


def differs(where: str, sha256: str) -> bool:
    """Whether a file holds another digest than that of this hash; an address or standard input is not asked for it."""
    if where == "-" or _ADDRESS.match(where):
        return False
    return hashlib.sha256(load(where)).hexdigest() != sha256


def _fetched(url: str, token_file: str | None) -> bytes:
    target = Target("the digest's address", url, SECONDS, MAX_OCTETS)
    headers = {"accept": "application/json", **bearer(token_file, of=TOKEN_FILE)}
    try:
        reply = exchange(target, headers=headers)
    except NoAnswer as fault:
        message, hint = f"{fault.message} {_THEREFORE}", _REDIRECT_HINT if fault.kind == "redirect" else _HINT
        raise NoAnswer(fault.kind, message, system="digest", subject=fault.subject, hint=hint) from None
    if reply.status == _OK:
        return reply.body
    if reply.status in {401, 403}:
        message = f"the digest's address refused the caller ({reply.status}). {_THEREFORE}"
        hint = f"give a token that it accepts: {TOKEN_FILE}=FILE"
        raise Refused("digest-refused", message, system="digest", subject=shown(url), hint=hint)
    message = f"the digest's address answered {reply.status}, no digest. {_THEREFORE}"
    raise NoAnswer("digest-status", message, system="digest", subject=shown(url), hint=_HINT)
