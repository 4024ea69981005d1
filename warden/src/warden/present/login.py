"""A login with a browser: the page to open, and who one is afterwards."""

from typing import Any

from warden.core.login.choice import LoggedIn, PersonLogin
from warden.core.quoting import name
from warden.core.remedies import RunWarden, access, warden
from warden.ports.person_logins import LoginPage
from warden.present import terminal
from warden.present.commands import to_paste, unbroken
from warden.present.durations import span

_SHOWN = 5
"""Lanes and actors that are listed; all of them with --json."""


class PageShown:
    """Says on stderr which page has to be opened, and from where."""

    def __init__(self, ask: PersonLogin, host: str) -> None:
        self._ask = ask
        self._host = host

    def __call__(self, page: LoginPage) -> None:
        """The page, or the code to type there."""
        if page.code:
            terminal.note(f"Enter the code {page.code} there.")
            return
        terminal.note(self._lead())
        terminal.note(f"    {page.url}")
        if self._ask.callback == "client" and self._ask.headless:
            terminal.note(f"From another machine, first: {unbroken(self._tunnel())}")
        terminal.note("Waiting for the login there; Ctrl-C ends it.")

    def _lead(self) -> str:
        if not self._ask.headless:
            return "Log in on the page that your browser opens:"
        if self._ask.callback == "client":
            return "Open this page in a browser on this machine, and log in:"
        return "Open this page in a browser, on any machine, and log in:"

    def _tunnel(self) -> str:
        """Brings the browser's answer from the other machine to this one."""
        port = self._ask.port
        return f"ssh -N -L {port}:localhost:{port} {self._host}"


def as_json(done: LoggedIn) -> dict[str, Any]:
    """``identity, policies [], until, ttl, lanes [], actors []``."""
    return {
        "identity": done.who.as_json(),
        "policies": list(done.who.policies),
        "until": done.until,
        "ttl": done.who.ttl,
        "lanes": list(done.lanes),
        "actors": list(done.actors),
    }


def show(done: LoggedIn) -> None:
    """Who one is, until when, what that is for, and the next command."""
    who = done.who
    terminal.line(f"logged in as {name(who.display_name)} · auth/{name(who.mount)} role {name(who.role)}")
    terminal.line(f"  until    {f'{done.until} (for {span(who.ttl)})' if done.until else 'it is revoked'}")
    for lead, found in (("lanes    ", done.lanes), ("actors   ", done.actors)):
        if found:
            more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            terminal.hanging(f"  {lead}", f"{', '.join(found[:_SHOWN])}{more}")
    terminal.sentence(f"Next: {to_paste(_next(done))}")


def _next(done: LoggedIn) -> RunWarden:
    if done.lanes:
        return access(done.lanes[0])
    return warden("sign", done.actors[0], pubkey="FILE") if done.actors else warden("route list")
