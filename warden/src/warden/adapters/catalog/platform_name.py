"""Which platform a directory is, for the journal: the name in ``platform.yaml``, else the directory's real path.

The line is read without YAML: `access` and `route show` must not wait for a parser. `files` refuses a name that is
written in another way, so both always read the same.
"""

import os
import re

_NAME = re.compile(rb"^platform:[ \t]+([a-z0-9][a-z0-9.-]{0,62})[ \t]*(?:#.*)?\r?$", re.MULTILINE)
_LARGEST = 1024 * 1024


def platform_name(platform_dir: str) -> str | None:
    """The platform's name or path; ``None`` where ``platform.yaml`` is there and cannot be read."""
    try:
        # Never wait for a pipe; it holds no name.
        handle = os.open(os.path.join(platform_dir, "platform.yaml"), os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        return os.path.realpath(platform_dir)
    except OSError:
        return None
    try:
        named = name_in(os.read(handle, _LARGEST))
    except OSError:
        return None
    finally:
        os.close(handle)
    return named or os.path.realpath(platform_dir)


def name_in(text: bytes) -> str:
    """The name on the line ``platform: NAME``; empty where there is no such line."""
    found = _NAME.search(text)
    return found[1].decode("ascii") if found else ""
