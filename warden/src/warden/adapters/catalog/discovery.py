"""Where the platform directory is: by option, by variable, around here, or by configuration; in that order.

A platform directory is one that holds ``catalog/``. The error names all four places that were tried.
"""

import os

from warden.adapters.machine import directories
from warden.core.errors import Effect, UsageError
from warden.core.remedies import warden

PLACES = "--platform, WARDEN_PLATFORM, the current directory and those above it, and the user's config file"


def find_platform(flag: str | None = None) -> str:
    """The absolute path of the platform directory. Raises `UsageError` where none is found, or a wrong one is named."""
    if flag:
        return _named(flag, "--platform")
    set_to = os.environ.get("WARDEN_PLATFORM", "")
    if set_to:
        return _named(set_to, "WARDEN_PLATFORM")
    found = _around(os.path.abspath(os.curdir)) or _configured()
    if found:
        return found
    raise UsageError(
        "no platform directory was found. Tried, in this order: --platform (not given),"
        f" WARDEN_PLATFORM (not set), {os.path.abspath(os.curdir)} and the directories above it"
        f" (no platform/catalog there), {config_file()} (no key `platform`)",
        system="platform",
        hint="name one with --platform DIR, or make one",
        remedy=(warden("init", "DIR"),),
    )


def config_file() -> str:
    """The user's configuration: TOML, ``$XDG_CONFIG_HOME/warden/config.toml``."""
    return os.path.join(directories.config(), "config.toml")


def _is_platform(path: str) -> bool:
    return os.path.isdir(os.path.join(path, "catalog"))


def _named(path: str, by: str) -> str:
    full = os.path.abspath(os.path.expanduser(path))
    for candidate in (full, os.path.join(full, "platform")):
        if _is_platform(candidate):
            return candidate
    raise UsageError(
        f"{by} names {full}, which is not a platform directory (it has no catalog/)",
        effect=Effect.NOTHING_READ,
        system="platform",
        subject=full,
        hint="make it one",
        remedy=(warden("init", full),),
    )


def _around(start: str) -> str | None:
    here = start
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
    if not os.path.isfile(path):
        return None
    import tomllib  # only where nothing nearer was found

    try:
        with open(path, "rb") as file:  # no pathlib on the hot path
            named = tomllib.load(file).get("platform")
    except (OSError, ValueError):
        raise UsageError(
            f"{path} is not valid TOML",
            effect=Effect.NOTHING_READ,
            system="platform",
            subject=path,
            hint='write: platform = "/path/to/platform"',
        ) from None
    if named is None:
        return None
    if not isinstance(named, str):
        raise UsageError(
            f"{path}: platform: expected a text",
            effect=Effect.NOTHING_READ,
            system="platform",
            subject=path,
            hint='write: platform = "/path/to/platform"',
        )
    return _named(os.path.join(os.path.dirname(path), os.path.expanduser(named)), path)
