"""Secret material in a text: found by its known forms and by its randomness, and never repeated.

Names, paths, URLs, digests (40 or 64 hex digits, ``sha256:…``), UUIDs and dates look long and are no secrets; what
tells a random string from them is that it cannot be read as words. A key that is exactly 40 or 64 bare hex digits
looks like a digest and is not found.
"""

import math
import re
from collections.abc import Iterator

BLANK = "secret-removed"
"""What stands in a redacted text where the material was."""

_START = r"(?<![A-Za-z0-9_])"
_SAID = r"(?i:(?<![a-z])(?:{})[\"']?\s*[:=]\s*[\"']?)"
_MIXED = r"(?=[A-Za-z]{0,99}[0-9][A-Za-z0-9]{0,99}[A-Za-z])[A-Za-z0-9]{10,}(?![A-Za-z0-9/_-])"
# Bounded throughout: a megabyte of hyphens is read in the time of a megabyte of text.
_KNOWN = (
    ("a PEM block", r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)"),
    ("a JSON web token", _START + r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){1,3}"),
    (
        "an OpenRouter key",
        _START + r"sk-or-(?:v[0-9]{1,3}-[A-Za-z0-9]{6,}|(?=[a-z]{0,99}[0-9])[A-Za-z0-9]{8,})[A-Za-z0-9-]*",
    ),
    (
        "an API key (sk-…)",
        _START + r"sk-(?:[a-z]{1,20}[0-9]{0,4}-){0,4}(?=[A-Za-z_]{0,99}[0-9])[A-Za-z0-9_]{16,}[A-Za-z0-9_-]*",
    ),
    ("a Stripe key", _START + r"(?:sk|rk|whsec)_(?:live_|test_)?[A-Za-z0-9]{16,}"),
    ("a GitHub token", _START + r"(?:gh[opusr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})"),
    ("a GitLab token", _START + r"gl(?:pat|dt|rt|ptt|soat|cbt)-[A-Za-z0-9_-]{16,}"),
    ("an npm token", _START + r"npm_(?=[A-Za-z]{0,99}[0-9])[A-Za-z0-9]{24,}"),
    ("a PyPI token", _START + r"pypi-[A-Za-z0-9_-]{40,}"),
    ("an AWS access key", _START + r"(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ("a Google key", _START + r"(?:AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,})"),
    ("an OpenBao token", _START + r"(?:hv[sbr]|[sbr])\.(?=[A-Za-z_-]{0,99}[0-9])[A-Za-z0-9_-]{20,}(?:\.[A-Za-z0-9]+)?"),
    ("a Slack token", _START + r"(?:xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,})"),
    ("a Slack web hook", r"hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]+"),
    ("a Hugging Face token", _START + r"hf_[A-Za-z0-9]{30,}"),
    ("a Docker Hub token", _START + r"dckr_pat_[A-Za-z0-9_-]{20,}"),
    ("a DigitalOcean token", _START + r"do[opr]_v1_[a-f0-9]{32,}"),
    ("an age key", r"AGE-SECRET-KEY-1[A-Z0-9]{20,}"),
    ("a SendGrid key", _START + r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    ("a password in a URL", r"(?<=://)[^\s/:@<>$]{0,200}:(?![A-Z_]{1,200}@)[^\s/@<>${]{3,200}(?=@)"),
    ("a password", _SAID.format("password|passwd|passphrase|pwd") + r"(?!(?i:in|of|for|see|is)\b)[^\s\"'<>$\[{,]{6,}"),
    ("a key or token", _SAID.format("api[_-]?key|token|secret") + _MIXED),
)
_PATTERN = re.compile(
    "|".join(f"(?P<k{number}>{form})" for number, (_, form) in enumerate(_KNOWN)), re.ASCII | re.DOTALL
)

_HARMLESS = re.compile(
    r"(?:sha(?:1|256|384|512):[0-9a-f]{40,128}"  # an image or file digest
    r"|SHA256:[A-Za-z0-9+/]{43}"  # the fingerprint of an SSH key
    r"|sha(?:256|384|512)-[A-Za-z0-9+/]{43,88}=*"  # W3C subresource integrity
    r"|(?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp[0-9]+) AAAA[A-Za-z0-9+/]+=*"  # a public key
    r"|(?<![0-9A-Za-z])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9A-Za-z])"  # a UUID
    r"|(?<![0-9A-Za-z])(?:[0-9a-f]{40}|[0-9a-f]{64})(?![0-9A-Za-z])"  # a Git or SHA-256 digest
    r"|(?<![0-9A-Za-z])0[0-7][0-9A-HJKMNP-TV-Z]{24}(?![0-9A-Za-z]))",  # a ULID
    re.ASCII,
)
_CANDIDATE = re.compile(r"[A-Za-z0-9+/_.~-]{20,}={0,2}", re.ASCII)
_HUMP = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", re.ASCII)

_RANDOM_CHARS = 16  # fewer unreadable characters than this are a version, a hash suffix, an abbreviation
_RANDOM_BITS = 3.0  # Shannon entropy per character; English words in kebab case reach more, so it only rules out xxxx…


def redact(text: str) -> tuple[str, list[tuple[int, str]]]:
    """The text with `BLANK` for each piece of material, lines kept; and (line, kind) of each piece, in order."""
    pieces, at, told = [], 0, []
    for start, end, kind in sorted(_spans(text), key=lambda span: span[0]):
        if start < at:
            continue
        told.append((text.count("\n", 0, start) + 1, kind))
        pieces += [text[at:start], BLANK, "\n" * text.count("\n", start, end)]
        at = end
    return "".join([*pieces, text[at:]]), told


QUOTED = 200
"""Characters of another system's words that are quoted."""


def quoted(text: str) -> str:
    """Another system's words: on one line, bounded, and without anything that looks like a value."""
    line = " ".join(redact(text)[0].split())
    return line if len(line) <= QUOTED else f"{line[:QUOTED]}…"


def _spans(text: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, kind) of what looks like material; the known forms first, so that they name what both find."""
    for match in _PATTERN.finditer(text):
        yield match.start(), match.end(), _KNOWN[int(str(match.lastgroup)[1:])][0]
    blanked = _HARMLESS.sub(lambda match: " " * len(match[0]), text)
    for match in _CANDIDATE.finditer(blanked):
        if is_random(match[0]):
            yield match.start(), match.end(), "a random string (a key or a token, by its looks)"


def is_random(word: str) -> bool:
    """Whether a long word cannot be read: too much of it is neither words nor numbers."""
    parts = re.split(r"[/_.~+=-]+", word)
    unreadable = "".join(part for part in parts if not _readable(part))
    return len(unreadable) >= _RANDOM_CHARS and entropy(unreadable) >= _RANDOM_BITS


def _readable(part: str) -> bool:
    """Words in a row (``ClusterSecretStore``), perhaps with a number; or a number."""
    humps = _HUMP.findall(part)
    words = [hump for hump in humps if not hump.isdigit()]
    if len(humps) - len(words) > 1 or not words:
        return part.isdigit() and len(part) <= _RANDOM_CHARS
    # The bounds here and in _word were chosen on the labelled set (tests/domain/material.toml).
    return (len(words) == 1 or sum(map(len, words)) >= 3.5 * len(words)) and all(map(_word, words))


def _word(hump: str) -> bool:
    vowels = sum(char in "aeiouyAEIOUY" for char in hump)
    return len(hump) <= 4 or (len(hump) <= 20 and 0.15 <= vowels / len(hump) <= 0.7)  # noqa: PLR2004  # as above


def entropy(text: str) -> float:
    """Shannon entropy in bits per character."""
    counts = [text.count(char) for char in set(text)]
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts)
