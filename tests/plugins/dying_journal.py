"""The journal of a process that is killed: for what has to be found and gone on with afterwards."""

import os

GONE = {"host": os.uname().nodename, "pid": 2**22 - 1}
"""A process of this machine that does not run."""


class Killed(BaseException):
    """kill -9: nothing after it is done, not even a record of it."""


class DyingJournal:
    """The journal of a process that is killed just before, or just after, its n-th record."""

    def __init__(self, journal, number: int, *, after: bool) -> None:
        self._journal, self._left, self._after = journal, number, after
        self.dead = False

    def record(self, event, lane, body):
        if self.dead:
            raise Killed
        self._left -= 1
        if self._left < 0 and not self._after:
            self.dead = True
            raise Killed
        done = self._journal.record(event, lane, body | {"process": GONE})
        if self._left < 0:
            self.dead = True
            raise Killed
        return done

    def record_all(self, records):
        if self.dead:
            raise Killed
        return self._journal.record_all(records)

    def __getattr__(self, name):
        return getattr(self._journal, name)
