"""Where the platform directory is, and whether its files can be believed.

Tried in this order: ``--platform``, ``WARDEN_PLATFORM``, the current directory and those above it, the user's
configuration. For a command with effects the configuration comes before the current directory: what happens there must
not depend on where somebody stands. A platform directory is one that holds ``catalog/``; one that others can change is
refused, however it was found.
"""

import os
from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from warden.adapters.machine import directories, ownership
from warden.core.errors import Effect, UsageError
from warden.core.lanes.trust import TRUSTED, not_trusted
from warden.core.remedies import warden

_CONTENTS = ("catalog", "policies", "policies/access", "platform.yaml", "clusters.yaml")
"""What decides, besides the files in them."""

Source = Literal["--platform", "WARDEN_PLATFORM", "here", "config"]


class Found(msgspec.Struct, frozen=True):
    """A platform directory, and where it was named; ``here``: in the current directory or above it.

    ``passed_over`` is another one that is here, and that the configuration came before.
    """

    directory: str
    source: Source
    passed_over: str = ""


def find_platform(flag: str | None = None, *, configured_first: bool = False) -> Found:
    """The absolute path of the platform directory.

    Raises `UsageError` where none is found, a wrong one is named, or others can change it.
    """
    found = _find(flag, configured_first=configured_first)
    contents = [found.directory, *(os.path.join(found.directory, each) for each in _CONTENTS)]
    expect_trusted(found.directory, contents)
    return found


def expect_trusted(platform: str, paths: Iterable[str]) -> None:
    """Raises `UsageError` where somebody but the caller and root can change what these paths of a platform say."""
    paths = list(paths)
    if ownership.weaknesses(paths) and (weak := ownership.weaknesses(paths, _trusted())):
        raise not_trusted(platform, weak)


def config_file() -> str:
    """The user's configuration: TOML, ``$XDG_CONFIG_HOME/warden/config.toml``."""
    return os.path.join(directories.config(), "config.toml")


def _find(flag: str | None, *, configured_first: bool) -> Found:
    if flag is not None:
        return Found(_named(flag, "--platform"), "--platform")
    if set_to := os.environ.get("WARDEN_PLATFORM", ""):
        return Found(_named(set_to, "WARDEN_PLATFORM"), "WARDEN_PLATFORM")
    here = _around()
    if (configured_first or here is None) and (configured := _configured()):
        other = here is not None and os.path.realpath(here) != os.path.realpath(configured)
        return Found(configured, "config", here if here and other else "")
    if here is not None:
        return Found(here, "here")
    raise UsageError(
        "no platform directory was found. Tried: --platform (not given),"
        f" WARDEN_PLATFORM (not set), {os.path.abspath(os.curdir)} and the directories above it"
        f" (no platform/catalog there), {config_file()} (no key `platform`)",
        system="platform",
        hint="name one with --platform DIR, or make one",
        remedy=(warden("init", "DIR"),),
    )


def _is_platform(path: str) -> bool:
    return os.path.isdir(os.path.join(path, "catalog"))


def _named(path: str, by: str) -> str:
    full = os.path.abspath(os.path.expanduser(path)) if path else ""
    for candidate in (full, os.path.join(full, "platform")) if full else ():
        if _is_platform(candidate):
            return candidate
    raise UsageError(
        f"{by} names {full or 'nothing'}, which is not a platform directory (it has no catalog/)",
        effect=Effect.NOTHING_READ,
        system="platform",
        subject=full,
        hint="make it one",
        remedy=(warden("init", full or "DIR"),),
    )


def _around() -> str | None:
    here = os.path.abspath(os.curdir)
    while True:
        beside = os.path.join(here, "platform")
        if _is_platform(beside):
            return beside
        # any folder may hold a `catalog`: platform.yaml tells a platform directory from it
        if _is_platform(here) and os.path.isfile(os.path.join(here, "platform.yaml")):
            return here
        above = os.path.dirname(here)
        if above == here:
            return None
        here = above


def _configured() -> str | None:
    path = config_file()
    named = _configuration(path).get("platform")
    if named is None:
        return None
    if not isinstance(named, str):
        raise _misconfigured(f"{path}: platform: expected a text", path, 'write: platform = "/path/to/platform"')
    return _named(os.path.join(os.path.dirname(path), os.path.expanduser(named)), path)


def _trusted() -> list[str]:
    """The directories that the user believes whoever can change them: WARDEN_TRUSTED, and ``trusted`` in the file."""
    path = config_file()
    listed = _configuration(path).get("trusted", [])
    if not isinstance(listed, list) or not all(isinstance(each, str) and each for each in listed):
        hint = 'write: trusted = ["/path/to/platform"]'
        raise _misconfigured(f"{path}: trusted: expected a list of texts", path, hint)
    base = os.path.dirname(path)
    return [*_by_variable(), *(os.path.join(base, os.path.expanduser(each)) for each in listed)]


def _by_variable() -> list[str]:
    return [os.path.abspath(each) for each in os.environ.get(TRUSTED, "").split(os.pathsep) if each]


def _configuration(path: str) -> dict[str, Any]:
    """What the user's file says; nothing where there is none. It decides whom to trust, so it must be the user's."""
    if not os.path.lexists(path):
        return {}
    if weak := ownership.weaknesses([path], _by_variable()):
        raise not_trusted(path, weak)
    import tomllib  # only where there is a file

    try:
        with open(path, "rb") as file:  # no pathlib on the hot path
            return tomllib.load(file)
    except (OSError, ValueError):
        raise _misconfigured(f"{path} is not valid TOML", path, 'write: platform = "/path/to/platform"') from None


def _misconfigured(problem: str, path: str, hint: str) -> UsageError:
    return UsageError(problem, effect=Effect.NOTHING_READ, system="platform", subject=path, hint=hint)
