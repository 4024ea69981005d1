"""Files under the user's cache: what was written whole can be read back; anything else counts as missing."""

import os
import zlib

_CHECKSUM = 8


def read(path: str) -> bytes:
    """What was written there. Raises `OSError` or `ValueError` where there is nothing, or something else."""
    with open(path, "rb") as file:
        checksum, content = file.read(_CHECKSUM), file.read()
    if checksum != _checksum(content):
        raise ValueError
    return content


def write(path: str, content: bytes) -> None:
    """Put it there, whole or not at all. Of two processes at once either may win: they write the same."""
    fresh = f"{path}.new"
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as file:
            file.write(_checksum(content) + content)
        os.replace(fresh, path)
    except OSError:
        return


def _checksum(content: bytes) -> bytes:
    return b"%08x" % zlib.crc32(content)
