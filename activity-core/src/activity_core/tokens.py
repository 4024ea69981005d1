"""Bearer tokens: read from a file for each use, held in no attribute, shown nowhere."""

from __future__ import annotations

from activity_core.faults import WrongUsage

_LONGEST = 16384  # service-account tokens have about 1,000 characters
_VISIBLE = range(0x21, 0x7F)


def bearer(path: str | None, *, of: str) -> dict[str, str]:
    """The authorization header with the token in a file; no header where no file is named.

    The file is read for each use: a projected token is renewed in place.

    Raises:
        WrongUsage: the file cannot be read, or holds no token; `of` names where it was given.
    """
    if not path:
        return {}
    try:
        with open(path, "rb") as file:
            octets = file.read(_LONGEST + 1)
    except OSError as fault:
        raise _unusable(of, path, f"cannot be read ({(fault.strerror or 'unreadable').lower()})") from None
    token = octets.removesuffix(b"\n").removesuffix(b"\r")
    if not token or len(token) > _LONGEST or not all(octet in _VISIBLE for octet in token):
        raise _unusable(of, path, "holds no token: one line of printable ASCII without spaces")
    return {"authorization": f"Bearer {token.decode('ascii')}"}


def _unusable(of: str, path: str, said: str) -> WrongUsage:
    message = f"the file of {of} {said}. Nothing was asked."
    return WrongUsage("token-file", message, system="activity-core", subject=path, hint=f"correct {of}")
