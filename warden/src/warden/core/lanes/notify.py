"""Who is told what happens to lanes, as ``platform.yaml`` says: a command or a webhook, and the State Hub."""

import re
from collections.abc import Iterator

import msgspec

_URL = re.compile(r"https?://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?(?:[/?][!-~]*)?")
"""Scheme, host, port, and a path and query in visible ASCII (RFC 3986, 3); no user, no password."""
_WITH_USER = re.compile(r"https?://[^/?#]*@")


class NotifyCommand(msgspec.Struct, frozen=True, kw_only=True):
    """A program and its arguments, run in the platform directory without a shell. Each notice is JSON on its stdin."""

    command: tuple[str, ...]


class NotifyWebhook(msgspec.Struct, frozen=True, kw_only=True):
    """A URL that each notice is posted to as JSON."""

    webhook: str


def url_fault(url: str, instead: str = "name a file with a token in the environment instead") -> str:
    """Why nothing can be sent to that URL, as a clause; empty where it can. ``instead``: of a user or a password."""
    if _WITH_USER.match(url):
        return f"has a user or a password in it; {instead}"
    return "" if _URL.fullmatch(url) else "is not a valid http or https URL"


def command_fault(command: tuple[str, ...]) -> str:
    """Why that command cannot be run, as a clause; empty where it can."""
    if not command:
        return "is empty; write a program and its arguments: [notify-team, --channel, platform]"
    if any("\0" in word for word in command):
        return "has a NUL byte in a word"
    return ""


def of_notices(notify: NotifyCommand | NotifyWebhook | None, state_hub: str | None) -> Iterator[tuple[str, str]]:
    """Everything that is wrong with ``notify`` and ``state_hub``: the field, and a clause."""
    if isinstance(notify, NotifyCommand) and (fault := command_fault(notify.command)):
        yield "notify.command", fault
    if isinstance(notify, NotifyWebhook) and (fault := url_fault(notify.webhook)):
        yield "notify.webhook", fault
    if state_hub is not None and (fault := url_fault(state_hub)):
        yield "state_hub", fault
