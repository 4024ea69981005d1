"""What `can-reach` does not find, and what `who-can` cannot be asked about, in words."""

from collections.abc import Mapping

from warden.present.problems import describe
from warden.usecases.can_reach import UnknownIdentity
from warden.usecases.who_can import NoPath, NotAPath

_NO_PATHS: Mapping[NoPath, str] = {
    "pattern": "{path} is a pattern; name one key, as MOUNT/KEY, or a lane",
    "segments": "{path} is not a path of a key; allowed is MOUNT/KEY, without empty parts, . and ..",
    "no-mount": "{path} is on no KV mount",
    "no-key": "{path} names a mount and no key; allowed is MOUNT/KEY",
    "api": "{path} is written as OpenBao's API has it, and the key's own path is without that part",
}


@describe.register
def _(problem: UnknownIdentity) -> str:
    return f"nobody is called {problem.identity} in OpenBao"


@describe.register
def _(problem: NotAPath) -> str:
    there = f"; the KV mounts here are {', '.join(problem.mounts)}" if problem.mounts else "; no KV mount was seen here"
    words = _NO_PATHS[problem.why].format(path=problem.path)
    return words + (there if problem.why == "no-mount" else "")
