"""Where the platform directory is: said, set, around, or configured; in that order.

A platform directory is one that holds ``catalog/``. The error names all four places that were tried.
"""

import os

from warden.adapters.machine import directories
from warden.core.errors import UsageError

PLACES = "--platform, WARDEN_PLATFORM, the current directory and those above it, and the user's config file"


def find_platform(flag: str | None = None) -> str:
    """The absolute path of the platform directory. Raises `UsageError` where none is found or a named one is none."""
    if flag:
        return _named(flag, "--platform")
    set_to = os.environ.get("WARDEN_PLATFORM", "")
    if set_to:
        return _named(set_to, "WARDEN_PLATFORM")
    found = _around(os.path.abspath(os.curdir)) or _configured()
    if found:
        return found
    raise UsageError(
        "No platform directory was found, so there is no catalog to read. Tried, in this order: --platform (not given),"
        f" WARDEN_PLATFORM (not set), {os.path.abspath(os.curdir)} and the directories above it"
        f" (no platform/catalog there), {config_file()} (no key `platform`).",
        system="platform",
        hint="warden --platform DIR …, or make one: warden init DIR",
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
        f"{by} names {full}, which is no platform directory (it holds no catalog/), so no catalog was read.",
        system="platform",
        subject=full,
        hint=f"warden init {full}",
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
            f"{path} cannot be read as TOML, so it was not asked for the platform directory.",
            system="platform",
            subject=path,
            hint='write: platform = "/path/to/platform"',
        ) from None
    if named is None:
        return None
    if not isinstance(named, str):
        raise UsageError(f"{path}: platform: is no text.", system="platform", subject=path, hint='platform = "/path"')
    return _named(os.path.join(os.path.dirname(path), os.path.expanduser(named)), path)
