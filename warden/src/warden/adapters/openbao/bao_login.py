"""The port PersonLogins, by ``bao login -method=oidc``, which listens for the browser and stores the token.

``bao login -help`` and ``bao auth help oidc`` (2.7.2). What it says on stderr is read: the page to open stands on a
line of its own, a code behind "enter code", and what it says besides is why it failed. With ``-no-print`` it says
nothing on stdout; where it cannot store the token it would, so stdout is thrown away. In the callback modes ``direct``
and ``device`` it takes no notice of Ctrl-C (measured), so it is ended with SIGTERM.
"""

import secrets
import subprocess
from collections.abc import Generator, Mapping

from warden.adapters.machine import child
from warden.adapters.openbao.variables import named
from warden.core.login.answers import failed
from warden.core.login.choice import PersonLogin
from warden.core.proofs.probes import HEADER
from warden.ports.person_logins import LoginPage

_OVERRIDE = ("WARDEN_SA_TOKEN_FILE", "WARDEN_ID_TOKEN", "WARDEN_SECRET_ID_FILE")
"""What is looked at, besides BAO_TOKEN, before the token that ``bao login`` stores (`caller`)."""
_WHERE_TOKENS_ARE = ("BAO_TOKEN_PATH", "VAULT_TOKEN_PATH")
_PROXIES = ("BAO_PROXY_ADDR", "BAO_HTTP_PROXY", "VAULT_PROXY_ADDR", "VAULT_HTTP_PROXY")
"""``bao`` sends plain http to this machine through them as well, with the token in clear (measured)."""
_CODE = "enter code "
_ENDING = 5.0
"""Seconds that ``bao`` gets to end by itself."""


class BaoLogin:
    """Implements the port PersonLogins with the program ``bao``; `proxied`: warden itself asks through a proxy."""

    def __init__(self, program: str, environ: Mapping[str, str], *, proxied: bool) -> None:
        self._program = program
        self._environ = environ
        self._proxied = proxied

    @property
    def in_the_way(self) -> tuple[str, ...]:
        """The variables that are set and would be used before the new token."""
        names = (named(self._environ, "TOKEN"), *_OVERRIDE)
        return tuple(name for name in names if self._environ.get(name, "").strip())

    def login(self, ask: PersonLogin) -> Generator[LoginPage]:
        """The page to open; see the port."""
        audit = f"wl-{secrets.token_hex(8)}"
        process = subprocess.Popen(
            [self._program, *_words(ask, audit)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=self._variables(),
            text=True,
            errors="replace",
        )
        try:
            said = yield from _pages(process)
            if process.wait():
                raise failed(ask, said, audit)
        finally:
            _end(process)

    def _variables(self) -> dict[str, str]:
        kept = {name: self._environ[name] for name in _WHERE_TOKENS_ARE if name in self._environ}
        found = child.environment(self._environ) | kept
        return {name: value for name, value in found.items() if self._proxied or name not in _PROXIES}


def _words(ask: PersonLogin, audit: str) -> list[str]:
    """The arguments; nothing in them is secret."""
    settings = {
        "role": ask.role,
        "callbackmode": ask.callback,
        "port": str(ask.port) if ask.callback == "client" else "",
        "skip_browser": "true" if ask.headless else "",
    }
    options = ("-method=oidc", f"-path={ask.mount}", "-no-print", f"-header={HEADER}={audit}")
    return ["login", *options, *(f"{name}={value}" for name, value in settings.items() if value)]


def _pages(process: "subprocess.Popen[str]") -> Generator[LoginPage, None, str]:
    """Yields the page as soon as it is known, again with its code; answers what was said besides."""
    assert process.stderr is not None  # noqa: S101 - it is a pipe
    url, rest = "", []
    for line in process.stderr:
        word = line.strip()
        if word.startswith(("http://", "https://")) and not url:
            url = word
            yield LoginPage(url=url)
        elif _CODE in word:
            yield LoginPage(url=url, code=word.rpartition(_CODE)[2])
        else:
            rest.append(line)
    return "".join(rest)


def _end(process: "subprocess.Popen[str]") -> None:
    """Have it ended, and its pipe closed, however this one ends."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_ENDING)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stderr is not None:
        process.stderr.close()
