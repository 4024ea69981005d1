"""Wildcards for documents that are compared as a whole: times, hashes and ids differ from run to run."""

import re


class Like:
    """Equals every text that matches a pattern as a whole; every number, too, where it is written as a number."""

    __hash__ = None

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str | int | float) and re.fullmatch(self._pattern, str(other)) is not None

    def __repr__(self) -> str:
        return f"Like({self._pattern!r})"


NUMBER = Like(r"\d+(\.\d+)?")
TIME = Like(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
UUID = Like(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
