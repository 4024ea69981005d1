"""The pages of lanes, in the folder that ``platform.yaml`` names."""

import os

from warden.adapters.machine.regular_file import NotUsable, read_bytes
from warden.adapters.machine.whole_file import replace
from warden.core.errors import Effect, Held, UsageError


class PlaybookFiles:
    """The port `PlaybookPages` on a folder below the repository of the platform directory.

    `folder` is relative to the directory that holds the platform directory. `file` is the one page to use instead.
    """

    def __init__(self, platform: str, folder: str, file: str | None = None) -> None:
        self._folder = os.path.join(os.path.dirname(platform), folder)
        self._file = file

    def path(self, lane: str) -> str:
        """Relative to the current directory where it lies below it."""
        found = self._file or os.path.join(self._folder, f"{lane}.md")
        relative = os.path.relpath(found)
        return found if relative.startswith(os.pardir) else relative

    def read(self, lane: str) -> str | None:
        """The page; ``None`` where there is none. Raises `UsageError`."""
        path = self.path(lane)
        if not os.path.lexists(path):
            return None
        try:
            return read_bytes(path).decode()
        except NotUsable as fault:
            raise _unusable(path, f"cannot be read ({fault})") from None
        except UnicodeDecodeError as fault:
            raise _unusable(path, f"is not valid UTF-8 (byte {fault.start})") from None

    def write(self, lane: str, text: str, before: str | None) -> None:
        """Put the page there at once, with the mode it has; a link to it stays a link. Raises `UsageError`, `Held`."""
        path = self.path(lane)
        if self.read(lane) != before:
            raise Held(
                f"{path} was changed while it was rendered",
                effect=Effect.NOTHING_WRITTEN,
                system="platform",
                subject=path,
                hint="run the command again",
            )
        try:
            os.makedirs(os.path.dirname(os.path.realpath(path)), exist_ok=True)
            replace(path, text)
        except OSError as fault:
            raise _unusable(path, f"cannot be written ({os.strerror(fault.errno or 0).lower()})") from None


def _unusable(path: str, why: str) -> UsageError:
    return UsageError(f"{path} {why}", effect=Effect.NOTHING_WRITTEN, system="platform", subject=path)
