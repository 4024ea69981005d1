"""Mask secret material in a text before the text goes anywhere.

`secret_scan` finds it, in the text's shadow: there, look-alikes of ASCII characters (a typographic hyphen, full-width
letters) are ASCII, so that they hide no key (docs/adr/0025).
"""

from __future__ import annotations

from activity_core.lookalikes import shadow
from secret_scan import redact, scan

MASK = "[secret masked]"


def mask(text: str) -> tuple[str, list[str]]:
    """Return the text with `MASK` in place of each piece of secret material, and the kind of each piece, in order."""
    findings = scan(shadow(text))  # as long as the text, so that the indexes fit
    return redact(text, findings, replacement=MASK), [finding.kind for finding in findings]
