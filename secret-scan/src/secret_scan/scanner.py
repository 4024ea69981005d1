"""`scan` and `redact`, the public functions."""

from __future__ import annotations

from itertools import chain
from typing import NamedTuple

from secret_scan import known_formats, patterns, randomness

REDACTED = "secret-removed"
"""The default replacement; a plain scalar in YAML, so that a redacted file still parses."""


class Finding(NamedTuple):
    """Where secret material is, and what it looks like. It never holds the value.

    Attributes:
        kind: a short noun without an article: ``private key``, ``github pat``, ``random string``.
        start: index of its first character in the text.
        end: index after its last character.
    """

    kind: str
    start: int
    end: int


def scan(text: str) -> list[Finding]:
    """Return the secret material in `text`, in order and without overlaps.

    Overlapping findings are merged, so that no part of a value is left out. The most specific kind is kept.
    """
    by_specificity = chain(known_formats.find(text), patterns.find(text), randomness.find(text))
    ranked = sorted(enumerate(by_specificity), key=lambda found: found[1][1:])
    merged: list[tuple[int, Finding]] = []
    for rank, (kind, start, end) in ranked:
        if merged and start < merged[-1][1].end:
            best, last = merged[-1]
            merged[-1] = (min(best, rank), Finding(last.kind if best < rank else kind, last.start, max(last.end, end)))
        else:
            merged.append((rank, Finding(kind, start, end)))
    return [finding for _, finding in merged]


def redact(text: str, findings: list[Finding] | None = None, *, replacement: str = REDACTED) -> str:
    """Return `text` with each finding replaced. Line breaks inside a finding are kept, so that line numbers hold.

    Args:
        text: any text.
        findings: what `scan` found in it, or in a text of the same length; it is scanned here if None.
        replacement: what to put in place of each finding.
    """
    parts, done = [], 0
    for finding in scan(text) if findings is None else findings:
        parts += [text[done : finding.start], replacement, "\n" * text.count("\n", finding.start, finding.end)]
        done = finding.end
    return "".join([*parts, text[done:]])
