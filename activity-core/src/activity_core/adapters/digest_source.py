"""Load the octets of a digest: from a file, standard input (-) or a URL."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import sys

from activity_core.adapters.http import Target, checked_url, display_url, exchange
from activity_core.adapters.tokens import bearer
from activity_core.core.digest import MAX_OCTETS
from activity_core.core.errors import Refused, Unavailable, UsageError
from activity_core.core.text import plain

SECONDS = 30.0
"""For a digest at a URL, in total."""

TOKEN_FILE = "ACTIVITY_CORE_DIGEST_TOKEN_FILE"  # noqa: S105 - the name of a variable
_OK = 200
_EFFECT = "The model was not asked."
_HINT = "see what it answers: curl -i URL"
_REDIRECT_HINT = "use the URL it redirects to, the Location header of: curl -i URL"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def checked(source: str) -> str:
    """`source`, if it can name a digest. Nothing is opened.

    Raises:
        UsageError: a URL of another scheme, not a valid URL, or one with a user or password.
    """
    if _URL.match(source):
        checked_url(source, option="--digest")  # its result is not used: without the slash it may be another digest
    return source


def display_name(source: str) -> str:
    """`source` as it may be shown: a URL without parts that could be secret."""
    return display_url(source) if _URL.match(source) else "standard input" if source == "-" else source


def load(source: str, token_file: str | None = None) -> bytes:
    """The octets. If a file is too large, one more than is allowed, so that the reader can tell.

    Args:
        source: as `checked` returns it.
        token_file: a bearer token for a URL, or None.

    Raises:
        UsageError: the file does not exist, or is not a regular file.
        Unavailable: the URL gave no digest.
        Refused: the server denied access.
    """
    if _URL.match(source):
        return _fetch(source, token_file)
    try:
        if source == "-":
            return sys.stdin.buffer.read(MAX_OCTETS + 1)
        with open(source, "rb", opener=_open_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _unreadable(source, "not a regular file; pass a pipe as -")
            return file.read(MAX_OCTETS + 1)
    except OSError as error:
        raise _unreadable(source, (error.strerror or "unreadable").lower()) from None


def differs(source: str, sha256: str) -> bool:
    """Whether a file contains another digest than the one with this hash. A URL or standard input is not read."""
    if source == "-" or _URL.match(source):
        return False
    return hashlib.sha256(load(source)).hexdigest() != sha256


def _open_without_waiting(path: str, flags: int) -> int:
    """Opening a named pipe would otherwise wait for a writer."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _unreadable(source: str, reason: str) -> UsageError:
    message = f"the digest {plain(source)} cannot be read ({reason}). {_EFFECT}"
    hint = "give a file, - for standard input, or an http or https URL"
    return UsageError("no-digest", message, system="digest", subject=source, hint=hint)


def _fetch(url: str, token_file: str | None) -> bytes:
    target = Target("the digest's server", url, SECONDS, MAX_OCTETS)
    headers = {"accept": "application/json", **bearer(token_file, variable=TOKEN_FILE)}
    try:
        reply = exchange(target, headers=headers)
    except Unavailable as error:
        hint = _REDIRECT_HINT if error.kind == "redirect" else _HINT
        message = f"{error.message} {_EFFECT}"
        raise Unavailable(error.kind, message, system="digest", subject=error.subject, hint=hint) from None
    if reply.status == _OK:
        return reply.body
    if reply.status in {401, 403}:
        message = f"the digest's server denied access ({reply.status}). {_EFFECT}"
        hint = f"give a token that it accepts: {TOKEN_FILE}=FILE"
        raise Refused("digest-refused", message, system="digest", subject=display_url(url), hint=hint)
    message = f"the digest's server answered {reply.status} instead of a digest. {_EFFECT}"
    raise Unavailable("digest-status", message, system="digest", subject=display_url(url), hint=_HINT)
