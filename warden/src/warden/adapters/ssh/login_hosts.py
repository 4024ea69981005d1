"""The ports LoginHost and OwnHost: an sshd of this run, and a host far away whose log a command prints."""

import re
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from warden.adapters.ssh.local_sshd import LocalSshd
from warden.adapters.ssh.logins import Logins
from warden.adapters.ssh.programs import NotRun, run
from warden.core.errors import Inconclusive
from warden.core.ssh.certificate import Certificate
from warden.core.ssh.fresh_key import FreshKey
from warden.core.ssh.login_verdicts import Attempted
from warden.core.ssh.sshd_log import logins

WAY = (
    "addressfamily",
    "bindaddress",
    "bindinterface",
    "ciphers",
    "globalknownhostsfile",
    "hostkeyalgorithms",
    "hostkeyalias",
    "hostname",
    "kexalgorithms",
    "macs",
    "port",
    "proxycommand",
    "userknownhostsfile",
)
"""The settings that say how to reach a host."""
_FILES = ("globalknownhostsfile", "userknownhostsfile")
"""Those of them that are several paths."""
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
        config: the file of ssh_config(5) that says how to reach the host; empty: none is read. Nothing else of it is
            taken: not the keys that it names, with one of which ssh could log in instead.
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
        target = ["-F", "none", "-o", "StrictHostKeyChecking=yes", *self._way, "-l", account or self.account]
        return self._logins.attempt([*target, "--", self.where], key, certificate, asks)

    @cached_property
    def _way(self) -> Sequence[str]:
        """How to reach the host, as options: what ``ssh -G`` makes of the file. Raises `Inconclusive`."""
        if not self._config:
            return ()
        try:
            done = run(["ssh", "-G", "-F", self._config, "--", self.where], self._environ)
        except NotRun as fault:
            raise Inconclusive(str(fault), system="ssh") from None
        if done.code:
            raise Inconclusive(f"{self._config} cannot be used: {done.last_words}", system="ssh")
        return _way(done.out.decode("utf-8", "replace"), self._config)

    def log(self, serials: Sequence[int]) -> str:
        """See the port."""
        if not self._log_command:
            raise Inconclusive(f"the log of sshd on {self.where} was not named (--log-command)", system=self.where)
        return _with_all(serials, self._printed)

    def _printed(self) -> str:
        problem = f"the log of sshd on {self.where} cannot be read"
        try:
            done = run(shlex.split(self._log_command), self._environ)
        except (NotRun, ValueError) as fault:
            raise Inconclusive(f"{problem}: {fault}", system=self.where) from None
        if done.code:
            raise Inconclusive(f"{problem}: {done.last_words}", system=self.where)
        return done.out.decode("utf-8", "replace")


def _way(settings: str, config: str) -> Sequence[str]:
    """Of all settings those that say how to reach a host. Jump hosts are logged in to as the file says."""
    found = dict(line.split(maxsplit=1) for line in settings.splitlines() if " " in line)
    kept = {name: found[name] for name in WAY if found.get(name, "none") != "none"}
    kept |= {name: _paths(kept[name]) for name in _FILES if name in kept}
    if jumps := found.get("proxyjump"):
        *before, last = jumps.split(",")
        over = ["-J", ",".join(before)] if before else []
        kept["proxycommand"] = shlex.join(["ssh", "-F", config, *over, "-W", "[%h]:%p", f"ssh://{last}"])
    return [word for name, text in kept.items() for word in ("-o", f"{name}={text}")]


def _paths(printed: str) -> str:
    """The paths, each in quotes: ``ssh -G`` prints them whole and without, with a space before the next one."""
    return " ".join(f'"{path}"' for path in re.split(r" (?=/)", printed))


def _with_all(serials: Sequence[int], read: Callable[[], str]) -> str:
    """The log, once it has a decision about each certificate, or when the time is over."""
    end = time.monotonic() + LATE
    while True:
        found = read()
        if all(len(logins(found, each)) >= serials.count(each) for each in serials) or time.monotonic() > end:
            return found
        time.sleep(0.02)
