"""The port ChangeRequests on ``change-requests/CCR-YYYY-NNNN.yaml`` of the platform directory.

Files of people: warden writes a whole one once, and afterwards adds to it (`yaml_edit`). What it writes is read again
before it takes the file's place, and has to be the request that was meant.
"""

import contextlib
import fcntl
import os
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from warden.adapters.catalog.change_request_text import Parsed, document, parse_request, plain
from warden.adapters.catalog.discovery import expect_trusted
from warden.adapters.catalog.files import read_bytes, shown
from warden.adapters.catalog.yaml_edit import edited
from warden.adapters.catalog.yaml_tree import Refusal
from warden.adapters.machine.whole_file import replace, whole_file
from warden.core.changes.errors import edited_meanwhile, invalid, unknown
from warden.core.changes.request import ID, Application, ChangeRequest, Status
from warden.core.errors import Effect, Fault, Held, Invalid, NotFound, UsageError

FOLDER = "change-requests"
_HEAD = "# yaml-language-server: $schema=../schema/change-request.json\n"
_MOST = 9999
"""Requests in a year: an id has four digits."""


class ChangeRequestFiles:
    """The requests of one platform directory; `lanes` are the catalog's ids."""

    def __init__(self, platform_dir: str, lanes: Container[str] = ()) -> None:
        self._platform = platform_dir
        self._folder = os.path.join(platform_dir, FOLDER)
        self._lanes = lanes
        self._read: Mapping[str, Parsed] | None = None

    def all(self) -> Sequence[ChangeRequest]:
        """Those without errors, by id."""
        return [each.request for each in self._files().values() if each.request is not None and not each.wrong]

    def faults(self) -> Sequence[Fault]:
        """Everything that is wrong with the files, by file and line."""
        return sorted(fault for each in self._files().values() for fault in each.faults)

    @property
    def files(self) -> Sequence[str]:
        """All of them, as people name them."""
        return [self.path(name) for name in self._names()]

    def lines(self, request_id: str) -> Mapping[str, int]:
        """Dotted field -> its line."""
        return self._files()[request_id].lines

    def get(self, request_id: str) -> ChangeRequest:
        """The request of that id. Raises `NotFound`, `Invalid`."""
        if request_id not in self._files():
            raise unknown(request_id, list(self._files()))
        found = self._files()[request_id]
        if found.request is None or found.wrong:
            raise invalid(request_id, found.wrong)
        return found.request

    def path(self, request_id: str) -> str:
        """Its file."""
        return shown(self._path(request_id))

    # -- writing ------------------------------------------------------------------------------------------------------

    def add(self, make: Callable[[str], ChangeRequest], year: int) -> ChangeRequest:
        """Write it whole under the first number that is free after the last one of the year."""
        try:
            os.makedirs(self._folder, exist_ok=True)
            taken = [int(found[2]) for name in self._names() if (found := ID.fullmatch(name)) and found[1] == str(year)]
            for number in range(max(taken, default=0) + 1, _MOST + 1):
                request = make(f"CCR-{year}-{number:04}")
                if self._made(request):
                    self._read = None
                    return request
        except OSError as fault:
            raise _unwritable(self._folder, fault) from None
        raise UsageError(f"{year} has {_MOST} change requests already", effect=Effect.NOTHING_DONE, system="platform")

    def _made(self, request: ChangeRequest) -> bool:
        """Whether it got that file: one that somebody else made meanwhile is left to them. Raises `OSError`."""
        text = _HEAD + document(request)
        self._expect(text, request)
        try:
            with whole_file(self._path(request.id), new=True) as file:
                file.write(text.encode())
        except FileExistsError:
            return False
        return True

    def decide(self, before: ChangeRequest, after: ChangeRequest) -> None:
        """Add the decision; whoever changed the file meanwhile has to be read first."""
        decision = after.decisions[-1]

        def add(tree: Any) -> None:
            tree["status"] = after.status
            if "requester" in tree:
                tree["requester"] = after.requester
            elif after.requester:
                tree.insert(list(tree).index("status") + 1, "requester", after.requester)
            tree.setdefault("decisions", []).append(plain(decision))
            tree.setdefault("scopes", {}).setdefault(decision.digest, list(after.scopes[decision.digest]))

        self._edit(before, after, add)

    def follow(self, request_id: str, status: Status, applied: Application | None = None) -> bool:
        """Write the status, and that it was applied."""

        def add(tree: Any) -> None:
            tree["status"] = status
            if applied is not None:
                tree["applied"] = plain(applied)

        try:
            before = self.get(request_id)
            wanted = msgspec.structs.replace(before, status=status, applied=applied or before.applied)
            self._edit(before, wanted, add)
        except (UsageError, NotFound, Invalid, Held):
            return False
        return True

    def _edit(self, before: ChangeRequest, wanted: ChangeRequest, change: Callable[[Any], None]) -> None:
        path = self._path(before.id)
        try:
            with _locked(path):
                text = edited(read_bytes(path).decode(), change)
                self._expect(text, wanted)
                replace(path, text)
        except OSError as fault:
            raise _unwritable(path, fault) from None
        except Refusal as fault:
            raise UsageError(
                f"{shown(path)} cannot be edited: {fault.why}", effect=Effect.NOTHING_WRITTEN, subject=path
            ) from None
        finally:
            self._read = None

    def _expect(self, text: str, wanted: ChangeRequest) -> None:
        """Raise `Held` where the file's text does not say what is wanted."""
        if parse_request(text.encode(), wanted.id, wanted.id, self._lanes).request != wanted:
            raise edited_meanwhile(wanted.id)

    # -- reading ------------------------------------------------------------------------------------------------------

    def _files(self) -> Mapping[str, Parsed]:
        if self._read is None:
            names = self._names()
            paths = [self._path(name) for name in names]
            expect_trusted(self._platform, [each for each in (self._folder, *paths) if os.path.lexists(each)])
            self._read = {name: self._parsed(path, name) for name, path in zip(names, paths, strict=True)}
        return self._read

    def _parsed(self, path: str, name: str) -> Parsed:
        file = shown(path)
        try:
            return parse_request(read_bytes(path), file, name, self._lanes)
        except Refusal as fault:
            return Parsed(None, (Fault(file, fault.line, "", fault.why),))
        except OSError as fault:
            return Parsed(None, (Fault(file, 0, "", f"cannot be read: {(fault.strerror or '').lower()}"),))

    def _names(self) -> list[str]:
        """The files' names without their ending. Raises `UsageError` where the folder cannot be read."""
        try:
            names = os.listdir(self._folder)
        except FileNotFoundError:
            return []
        except OSError as fault:
            raise UsageError(
                f"{self._folder} cannot be read: {(fault.strerror or '').lower()}",
                effect=Effect.NOTHING_READ,
                system="platform",
                subject=self._folder,
            ) from None
        return sorted(name.removesuffix(".yaml") for name in names if name[0] != "." and name.endswith(".yaml"))

    def _path(self, name: str) -> str:
        return os.path.join(self._folder, f"{name}.yaml")


@contextlib.contextmanager
def _locked(path: str) -> Iterator[None]:
    """Hold the file that is at the path now (flock(2)): whoever waited for it may find another one in its place."""
    while True:
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(file.fileno()).st_ino == os.stat(path).st_ino:
                yield
                return


def _unwritable(path: str, fault: OSError) -> UsageError:
    return UsageError(
        f"{path} cannot be written ({(fault.strerror or '').lower()})",
        effect=Effect.NOTHING_WRITTEN,
        system="platform",
        subject=path,
        hint="change requests are files of the platform directory; write in a checkout of yours",
    )
