"""Quote what another system said: one bounded line without secret material."""

LONGEST = 200
"""Characters of another system's text that are quoted."""


def quoted(text: str) -> str:
    """The text on one line, redacted and cut."""
    from secret_scan import redact  # imported here, since the hot paths import modules that only might quote

    line = " ".join(redact(text).split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"
