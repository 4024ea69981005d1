"""What `doctor` finds: one thing that was looked at, and what to do about it."""

from typing import Literal

import msgspec

Verdict = Literal["ok", "missing", "soon", "unknown"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at. ``hint`` is what to do; empty where there is nothing to do."""

    about: str
    verdict: Verdict
    text: str
    hint: str = ""
