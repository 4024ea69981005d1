"""The ports LoginHost and OwnHost: an sshd of this run, and a host far away whose log a command prints."""

import shlex
import time
from collections.abc import Callable, Mapping, Sequence

from warden.adapters.ssh.local_sshd import LocalSshd
from warden.adapters.ssh.logins import Logins
from warden.adapters.ssh.programs import NotRun, run
from warden.core.errors import Inconclusive
from warden.core.quoting import quoted
from warden.core.ssh.certificate import Certificate
from warden.core.ssh.fresh_key import FreshKey
from warden.core.ssh.login_verdicts import Attempted
from warden.core.ssh.sshd_log import logins

LATE = 2.0
"""Seconds to wait for lines of a log that are not there yet."""


class ThrowAwayHost:
    """An sshd of this run; see `LocalSshd`."""

    where = "throw-away sshd"

    def __init__(self, sshd: LocalSshd, logins: Logins) -> None:
        self.account = sshd.account
        self.trust, self.authorize, self.revoke = sshd.trust, sshd.authorize, sshd.revoke
        self._sshd = sshd
        self._logins = logins

    def attempt(self, key: FreshKey, certificate: Certificate, *, account: str = "", asks: str = "") -> Attempted:
        """See the port."""
        target = [*(("-l", account) if account else ()), *self._sshd.arguments(), self._sshd.host]
        return self._logins.attempt(target, key, certificate, asks)

    def log(self, serials: Sequence[int]) -> str:
        """See the port."""
        return _with_all(serials, self._sshd.log)


class FarHost:
    """A host that ssh reaches by its name.

    Args:
        name: what people write behind ``ssh``.
        account: whom to log in as.
        log_command: prints what the host's sshd has written lately; run without a shell.
        config: the file of ssh_config(5) that says how to reach the host; empty: none is read.
    """

    def __init__(
        self, name: str, account: str, logins: Logins, environ: Mapping[str, str], *, log_command: str, config: str
    ) -> None:
        self.where, self.account = name, account
        self._logins = logins
        self._environ = environ
        self._log_command = log_command
        self._config = config

    def attempt(self, key: FreshKey, certificate: Certificate, *, account: str = "", asks: str = "") -> Attempted:
        """See the port. The host's key has to be a known one, or certified by a CA that is."""
        target = ["-F", self._config or "none", "-o", "StrictHostKeyChecking=yes", "-l", account or self.account]
        return self._logins.attempt([*target, "--", self.where], key, certificate, asks)

    def log(self, serials: Sequence[int]) -> str:
        """See the port."""
        if not self._log_command:
            raise Inconclusive(f"the log of sshd on {self.where} was not named", system=self.where)
        return _with_all(serials, self._printed)

    def _printed(self) -> str:
        try:
            done = run(shlex.split(self._log_command), self._environ)
        except (NotRun, ValueError) as fault:
            raise Inconclusive(f"the log of sshd on {self.where} cannot be read: {fault}", system=self.where) from None
        if done.code:
            why = quoted(done.err.strip().splitlines()[-1]) if done.err.strip() else f"it ended with code {done.code}"
            raise Inconclusive(f"the log of sshd on {self.where} cannot be read: {why}", system=self.where)
        return done.out.decode("utf-8", "replace")


def _with_all(serials: Sequence[int], read: Callable[[], str]) -> str:
    """The log, once it has a decision about each certificate, or when the time is over."""
    end = time.monotonic() + LATE
    while True:
        found = read()
        if all(len(logins(found, each)) >= serials.count(each) for each in serials) or time.monotonic() > end:
            return found
        time.sleep(0.02)
