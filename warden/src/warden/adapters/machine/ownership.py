"""Who can change what a path leads to: every link, directory and file on the way, as OpenSSH's StrictModes looks at it.

Trusted are the caller and root, and, where root was reached by sudo, who called it (as Git does). A group that is the
caller's own (same name, no other member) is the caller; so is root's. A sticky directory on the way (``/tmp``) keeps
others from renaming what is in it. A read-only file system is written by nobody. Access control lists are not read.
"""

import os
import stat
from collections.abc import Iterable, Iterator

from warden.core.lanes.trust import Weakness

_LINKS = 40
"""Symbolic links that are followed on one way (path_resolution(7))."""


def weaknesses(paths: Iterable[str], trusted: Iterable[str] = ()) -> list[Weakness]:
    """What somebody else could change of these paths, but for what lies in or above a `trusted` directory."""
    inspection = _Inspection()
    for path in paths:
        inspection.look(os.path.abspath(path))
    believed = [os.path.realpath(os.path.expanduser(each)) for each in trusted]
    return [each for each in inspection.found.values() if not any(_related(each.path, one) for one in believed)]


def _related(path: str, trusted: str) -> bool:
    real = os.path.realpath(path)
    return any(_holds(trusted, each) or _holds(each, trusted) for each in (path, real))


def _holds(directory: str, path: str) -> bool:
    return path == directory or path.startswith(f"{directory.rstrip(os.sep)}{os.sep}")


class _Inspection:
    """Looks at each path once, however many lead through it."""

    def __init__(self) -> None:
        self.found: dict[str, Weakness] = {}
        self._stats: dict[str, os.stat_result | None] = {}
        self._trusted = _trusted_users()

    def look(self, path: str) -> None:
        """Look at everything on the way to the path; what does not exist is for others to say."""
        on_the_way = list(self._visited(path))
        for number, each in enumerate(on_the_way, 1):
            status = self._status(each)
            if status is not None:
                self._judge(each, status, content=number == len(on_the_way))

    def _judge(self, path: str, status: os.stat_result, *, content: bool) -> None:
        foreign = status.st_uid not in self._trusted
        kept = not content and status.st_mode & stat.S_ISVTX and stat.S_ISDIR(status.st_mode)
        writable = not stat.S_ISLNK(status.st_mode) and not kept and self._by_others(status)
        if foreign or (writable and not _read_only(path)):
            own = os.geteuid() in {0, status.st_uid}
            self.found[path] = Weakness(path, "foreign" if foreign else "writable", _name(status.st_uid), own)

    def _by_others(self, status: os.stat_result) -> bool:
        by_group = status.st_mode & stat.S_IWGRP and not _is_own_group(status.st_gid, self._trusted)
        return bool(status.st_mode & stat.S_IWOTH or by_group)

    def _visited(self, path: str) -> Iterator[str]:
        """Every path on the way, as the kernel resolves it."""
        here, rest, links = os.sep, path.split(os.sep)[::-1], 0
        yield here
        while rest:
            name = rest.pop()
            if name in {"", "."}:
                continue
            if name == "..":
                here = os.path.dirname(here)
                continue
            full = os.path.join(here, name)
            yield full
            status = self._status(full)
            if status is None or links > _LINKS:
                return
            if not stat.S_ISLNK(status.st_mode):
                here = full
                continue
            target = os.readlink(full)
            here, links = os.sep if os.path.isabs(target) else here, links + 1
            rest += target.split(os.sep)[::-1]

    def _status(self, path: str) -> os.stat_result | None:
        if path not in self._stats:
            try:
                self._stats[path] = os.lstat(path)
            except (OSError, ValueError):
                self._stats[path] = None
        return self._stats[path]


def _trusted_users() -> frozenset[int]:
    caller = os.geteuid()
    by_sudo = os.environ.get("SUDO_UID", "") if caller == 0 else ""
    return frozenset({0, caller} | ({int(by_sudo)} if by_sudo.isascii() and by_sudo.isdigit() else set()))


def _is_own_group(gid: int, users: frozenset[int]) -> bool:
    """Whether it is the private group of one of the users: of the same name, and with nobody else in it."""
    import grp
    import pwd

    try:
        group = grp.getgrgid(gid)
        names = {pwd.getpwuid(each).pw_name for each in users}
    except KeyError:
        return gid in users  # a container's user, who is in no database
    return group.gr_name in names and names.issuperset(group.gr_mem)


def _name(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _read_only(path: str) -> bool:
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return False
