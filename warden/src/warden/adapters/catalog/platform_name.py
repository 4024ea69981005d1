"""What ``platform.yaml`` says that `access` and `route show` need: a few lines, read without YAML.

Those commands must not wait for a parser. `files` refuses a name or a duration that is written in another way, so that
both always read the same.

``platform`` is which platform a directory is, for the journal; without one it is the directory's real path.
``proofs_count_for`` is how long a proof counts. ``journal`` is the database of the journal, where it is not a file.
Whether it names policy points at all is seen here; they are read by `files`.
"""

import datetime as dt
import errno
import os
import re

from warden.core.errors import Effect, UsageError

_NAME = re.compile(rb"^platform:[ \t]+([a-z0-9][a-z0-9.-]{0,62})[ \t]*(?:#.*)?\r?$", re.MULTILINE)
_COUNTS_FOR = re.compile(rb"^proofs_count_for:[ \t]+([0-9]{1,9})([smhd])[ \t]*(?:#.*)?\r?$", re.MULTILINE)
_JOURNAL = re.compile(rb"^journal:[ \t]+([!-~]+)[ \t]*(?:#.*)?\r?$", re.MULTILINE)
_SECONDS = {b"s": 1, b"m": 60, b"h": 3600, b"d": 86400}
_LARGEST = 1024 * 1024


def platform_name(platform_dir: str) -> str | None:
    """The platform's name or path; ``None`` where ``platform.yaml`` is there and cannot be read."""
    try:
        return name_in(_text(platform_dir)) or os.path.realpath(platform_dir)
    except OSError:
        return None


def counts_for(platform_dir: str) -> dt.timedelta:
    """How long a proof counts; the default where ``platform.yaml`` does not say, or cannot be read."""
    from warden.core.routes.freshness import FRESH  # those who ask have it; who asks for the name does not

    try:
        return counts_for_in(_text(platform_dir)) or FRESH
    except OSError:
        return FRESH


def journal_of(platform_dir: str) -> str:
    """The URL of the journal; empty where ``platform.yaml`` names none.

    Raises `UsageError` where it cannot be read: another journal would not know which lanes are closed.
    """
    try:
        return journal_in(_text(platform_dir))
    except OSError as fault:
        raise _unreadable(platform_dir, fault, "which journal is meant") from None


def may_have_policy_points(platform_dir: str) -> bool:
    """Whether ``platform.yaml`` has to be parsed to know who decides: it has the key, or a text with an escape in it.

    Raises `UsageError` where it cannot be read: whoever else has to permit something would not be asked.
    """
    try:
        text = _text(platform_dir)
    except OSError as fault:
        raise _unreadable(platform_dir, fault, "who decides about access") from None
    return b"policy_points" in text or b"\\" in text


def is_named(platform_dir: str) -> bool:
    """Whether ``platform.yaml`` gives the platform a name."""
    try:
        return bool(name_in(_text(platform_dir)))
    except OSError:
        return False


def name_in(text: bytes) -> str:
    """The name on the line ``platform: NAME``; empty where there is no such line."""
    found = _NAME.search(text)
    return found[1].decode("ascii") if found else ""


def counts_for_in(text: bytes) -> dt.timedelta | None:
    """The duration on the line ``proofs_count_for: 24h``; ``None`` where there is no such line."""
    found = _COUNTS_FOR.search(text)
    return dt.timedelta(seconds=int(found[1]) * _SECONDS[found[2]]) if found else None


def journal_in(text: bytes) -> str:
    """The URL on the line ``journal: postgresql://…``; empty where there is no such line."""
    found = _JOURNAL.search(text)
    return found[1].decode("ascii") if found else ""


def _unreadable(platform_dir: str, fault: OSError, unknown: str) -> UsageError:
    path = os.path.join(platform_dir, "platform.yaml")
    return UsageError(
        f"{path} cannot be read ({os.strerror(fault.errno or 0).lower()}), so {unknown} is not known",
        effect=Effect.NOTHING_DONE,
        system="platform",
        subject=path,
    )


def _text(platform_dir: str) -> bytes:
    """The file; empty where there is none. Raises `OSError`, also for UTF-16 and for more than the parser takes."""
    try:
        # Never wait for a pipe; it says nothing.
        handle = os.open(os.path.join(platform_dir, "platform.yaml"), os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        return b""
    try:
        text = os.read(handle, _LARGEST + 1)
    finally:
        os.close(handle)
    if len(text) > _LARGEST or b"\0" in text:  # what it says would be overlooked here
        fault = errno.EILSEQ if b"\0" in text else errno.EFBIG
        raise OSError(fault, os.strerror(fault))
    return text
