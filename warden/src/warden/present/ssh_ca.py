"""Keys of authorities, and the steps of replacing one, as text and as JSON."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec

from warden.core.remedies import warden
from warden.core.ssh.ca import CaKey, Rotated
from warden.present import terminal
from warden.present.commands import to_paste

_STANDING = {
    "signs": "signs now",
    "incoming": "signs next",
    "outgoing": "signed before",
    "trusted": "trusted beside it",
}


def show_keys(keys: Sequence[CaKey]) -> None:
    """Lines for ``TrustedUserCAKeys``: each key with a comment, which OpenSSH passes over."""
    for each in keys:
        terminal.line(f"{each.public_key} {comment(each)}")


def comment(key: CaKey) -> str:
    """Whose key it is, and where: for the people who read the file."""
    name = f" {key.name}" if key.name else ""
    return f"{key.purpose}{name} ({_STANDING[key.standing]}; {key.where})"


def keys_json(keys: Sequence[CaKey]) -> list[Any]:
    """``purpose, where, standing, name, public_key, fingerprint`` of each."""
    return [msgspec.to_builtins(each) for each in keys]


def show_rotated(done: Rotated) -> None:
    """What was done, which keys there are now, and what comes next."""
    terminal.line(f"OpenBao {done.mount}/ · {_done(done)} · journal {done.record}")
    for each in done.keys:
        terminal.line(f"  {_STANDING[each.standing]:<15} {each.name:<14} {each.fingerprint}")
    for sentence in _next(done):
        terminal.sentence(sentence)


def _done(done: Rotated) -> str:
    said = {"make": "made", "switch": "signs from now on", "remove": "deleted"}
    return f"{done.key.name} {said[done.step]}"


def _next(done: Rotated) -> list[str]:
    show, again = warden("ssh ca show", for_=done.purpose), warden("ssh ca rotate", for_=done.purpose, yes=True)
    if done.step == "make":
        return [
            f"It does not sign yet. Have every host trust both keys first: {to_paste(show)}",
            f"When they do: {to_paste(again)}",
        ]
    if done.step == "switch":
        return [f"Hosts keep trusting the old key until {ended(done.until)}. Then delete it: {to_paste(again)}"]
    revoke = warden("ssh revoke", key=done.key.fingerprint, reason="TEXT")
    return [
        f"Hosts need it no longer. What they are to trust now: {to_paste(show)}",
        f"After a leak, have hosts that still trust it refuse it: {to_paste(revoke)}",
    ]


def ended(until: int) -> str:
    """When the last certificate of a key ends."""
    if not until:
        return "its last certificate ends"
    return f"{dt.datetime.fromtimestamp(until, dt.UTC):%Y-%m-%dT%H:%MZ}, when its last certificate ends"


def rotated_json(done: Rotated) -> dict[str, Any]:
    """``purpose, mount, step, key{}, keys[], record, until``."""
    found: dict[str, Any] = msgspec.to_builtins(done)
    return found | {"until": terminal.iso(done.until) if done.until else None}
