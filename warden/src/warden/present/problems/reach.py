"""What `can-reach` does not find, and what `who-can` cannot be asked about, in words."""

from collections.abc import Mapping

from warden.present.problems import describe
from warden.usecases.can_reach import UnknownIdentity
from warden.usecases.who_can import NoPath, NotAPath

_NO_PATHS: Mapping[NoPath, str] = {
    "pattern": "{path} is a pattern; name one key (MOUNT/KEY) or a lane",
    "segments": "{path} is not a valid path; expected MOUNT/KEY, without empty parts, . and ..",
    "no-mount": "{path} is not on a KV mount",
    "no-key": "{path} names a mount but no key; expected MOUNT/KEY",
    "api": "{path} is a path of OpenBao's API; expected the path of a key, MOUNT/KEY",
}


@describe.register
def _(problem: UnknownIdentity) -> str:
    return f"{problem.identity} not found in OpenBao"


@describe.register
def _(problem: NotAPath) -> str:
    there = f"; the KV mounts here are {', '.join(problem.mounts)}" if problem.mounts else "; no KV mount was found"
    words = _NO_PATHS[problem.why].format(path=problem.path)
    return words + (there if problem.why == "no-mount" else "")
