"""The pages that entries point at, in the checkouts that ``platform.yaml`` names."""

import os
from collections.abc import Mapping, Sequence


class Checkouts:
    """The port `Pages` on folders: ``repos`` maps a repository to folders relative to the platform directory."""

    def __init__(self, platform_dir: str, repos: Mapping[str, Sequence[str]]) -> None:
        self._base = platform_dir
        self._repos = repos

    def has(self, repo: str, path: str) -> bool | None:
        """Whether one of the repository's folders has the page; ``None`` where none of them is there."""
        folders = [os.path.join(self._base, folder) for folder in self._repos.get(repo, ())]
        there = [folder for folder in folders if os.path.isdir(folder)]
        return any(_inside(folder, path) for folder in there) if there else None

    def has_playbook(self, path: str) -> bool:
        """Whether the page is there, seen from the folder that holds the platform directory."""
        return _inside(os.path.dirname(self._base), path)


def _inside(folder: str, path: str) -> bool:
    """Whether the file is there and inside the folder: a pointer does not lead out of its repository."""
    full = os.path.realpath(os.path.join(folder, path.partition("#")[0]))
    return full.startswith(os.path.realpath(folder) + os.sep) and os.path.isfile(full)
