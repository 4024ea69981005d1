"""Looks for planted secrets, in every form that a careless program might give them."""

import base64
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TALKATIVE = {
    "PYTHONDEVMODE": "1",
    "PYTHONFAULTHANDLER": "1",
    "BAO_LOG_LEVEL": "trace",
    "HTTPX_LOG_LEVEL": "trace",
    "DEBUG": "1",
    "WARDEN_DEBUG": "1",
}
"""Variables that make Python and its libraries say as much as they can."""


class Canary:
    """What must not be seen."""

    def __init__(self, *secrets: str) -> None:
        self.forms = {form: secret[:4] for secret in secrets for form in forms(secret)}

    def look(self, where: str, content: bytes) -> None:
        """Fail where the content holds a secret in one form or another."""
        for form, secret in self.forms.items():
            assert form not in content, f"{where} holds {secret}… as {len(form)} bytes"

    def look_below(self, folder: Path, *, but: tuple[str, ...] = ()) -> int:
        """Look at every file below the folder, but for those below folders of these names; answers how many."""
        seen = 0
        for file in folder.rglob("*"):
            apart = set(but) & set(file.relative_to(folder).parts)
            if file.is_file() and not file.is_symlink() and not apart:
                self.look(str(file), content(file))
                seen += 1
        return seen

    @contextmanager
    def watching_arguments(self) -> Iterator[None]:
        """Look at the arguments of all processes, over and over."""
        stop, found = threading.Event(), []

        def look() -> None:
            while not stop.is_set():
                for line in Path("/proc").glob("[0-9]*/cmdline"):
                    try:
                        self.look(str(line), content(line))
                    except AssertionError as fault:
                        found.append(str(fault))
                stop.wait(0.1)

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
        assert not found, found[0]


def forms(secret: str) -> set[bytes]:
    """The secret as it is, cut, turned round, and as common encodings write it."""
    raw = secret.encode()
    plain = {raw, raw[4:], raw[::-1], raw.hex().encode(), urllib.parse.quote(secret).encode()}
    return plain | {base64_inside(raw, before) for before in range(3)}


def base64_inside(raw: bytes, before: int) -> bytes:
    """What `raw` gives wherever it stands `before` bytes (mod 3) from the start of something longer."""
    whole = base64.b64encode(b"x" * before + raw).rstrip(b"=")
    return whole[2 * before : -1]


def content(path: Path) -> bytes:
    """A file's bytes; none where it is gone or may not be read."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
