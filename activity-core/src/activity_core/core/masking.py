"""Mask secret material in a text before the text goes anywhere.

`secret_scan` searches the text's ASCII shadow, in which look-alikes of ASCII characters (a typographic hyphen,
full-width letters) are replaced, so that they cannot hide a key (docs/adr/0025).
"""

from __future__ import annotations

from activity_core.core.lookalikes import ascii_shadow
from secret_scan import redact, scan

MASK = "[secret masked]"


def mask(text: str) -> tuple[str, list[str]]:
    """The text with `MASK` in place of each piece of secret material, and the kind of each piece, in order."""
    findings = scan(ascii_shadow(text))  # as long as the text, so that the indexes fit
    return redact(text, findings, replacement=MASK), [finding.kind for finding in findings]
