"""Patterns for what the library leaves out: formats without a checksum or context, and passwords beside their name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_START = r"(?<![A-Za-z0-9])"
_KEY = r"[A-Za-z0-9_\-]"
_NAMED = r"(?i:\b(?:password|passwort|passwd|passphrase|kennwort|pwd)\b[\"']?\s{0,3}[:=]\s{0,3}[\"']?)"
_NOT_A_PLACEHOLDER = r"[^\s\"'<>$\[{,(]"

# Each repetition is bounded, or cannot fail: a private key ends where the text ends. A megabyte is read in linear time.
# What the group `kept` matches stays readable.
_PATTERNS = {
    "private key": r"-----BEGIN [A-Z0-9 ]{1,40}-----.*?(?:-----END [A-Z0-9 ]{1,40}-----|\Z)",
    "API key": _START + rf"sk-(?=[a-z\-]{{0,40}}[A-Z0-9]){_KEY}{{10,300}}",
    "token": _START
    + r"(?:gh[a-z]_|github_pat_|gl[a-z]{2,6}-|npm_|pypi-|hf_|dckr_pat_|do[a-z]_v1_|xox[a-z]-|xapp-|AIza|ya29\."
    + r"|SG\.|rk_live_|sk_live_)(?=[a-z_\-.]{0,40}[A-Z0-9])[A-Za-z0-9_\-.]{16,300}",
    "OpenBao token": _START + rf"(?:hv[sbr]|[sbr])\.(?=[A-Za-z_\-]{{0,99}}[0-9]){_KEY}{{20,300}}",
    "access key": _START + r"(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])",
    "password in a URL": r"(?<=://)[^\s/:@<>$]{0,100}:(?![A-Z_]{1,99}@)[^\s/@<>${]{3,200}(?=@)",
    "password": _NAMED
    + rf"(?:(?=[^\s\"'<>]{{0,60}}[0-9!#%&*+]){_NOT_A_PLACEHOLDER}{{6,200}}"
    + rf"|(?!secret-removed){_NOT_A_PLACEHOLDER}{{6,200}}(?=[\"']|\s{{0,9}}(?:\Z|\n|#)))",
    "key or token": r"(?i:(?:api[_ -]?key|token|secret|bearer)[\"']?(?:\s{0,3}[:=]|\s)\s{0,3}[\"']?)"
    r"(?=[A-Za-z]{0,60}[0-9][A-Za-z0-9]{0,60}[A-Za-z])[A-Za-z0-9]{10,200}(?![A-Za-z0-9/_\-])",
    # Within one command: `--user 1000:1000` after `&&` is another program's. Capitals and $NAME are placeholders.
    "user and password of curl": r"(?P<kept>\bcurl\b(?:(?!\bcurl\b|&&|\|\||\s[|;&]|;\s)[^\n]){0,300}?"
    r"\s(?:-[A-Za-z]{0,8}[uU]|--(?:proxy-)?user(?=[\s=]))[\s=]{0,3}[\"']?)(?!\d{1,9}:\d{1,9}\b)"
    r"[^\s:\"'$<>{}\[]{1,100}:(?!//|[$<{\[*…]|\.{3}|[A-Z_]{2,99}(?![^\s\"'`,;.)]))[^\s\"'`]{1,200}",
}
_ANY = re.compile("|".join(f"(?P<p{at}>{each})" for at, each in enumerate(_PATTERNS.values())), re.DOTALL)
_KINDS = tuple(_PATTERNS)


def find(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield (kind, start, end) for each match."""
    for match in _ANY.finditer(text):
        start = match.start() + len(match["kept"] or "")
        yield _KINDS[int(str(match.lastgroup)[1:])], start, match.end()
