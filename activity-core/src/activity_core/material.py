"""Secret material in a text, found and masked before the text goes anywhere.

Two ways to find it: by the forms that issuers give their keys, and by looks (a long part that is no word, number,
digest or identifier). Names and paths are no secrets, though vault paths are long and full of the word "secret". What
it finds and what it leaves alone is measured on labelled lines: tests/material.toml, docs/adr/0022. It is looked for in
the text's shadow, in which look-alikes of ASCII (the hyphen of a word processor, full-width letters) are ASCII: 0025.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from activity_core.lookalikes import shadow

if TYPE_CHECKING:
    from collections.abc import Callable

MASK = "[secret masked]"

_BEFORE = r"(?<![A-Za-z0-9])"
_KEY = r"[A-Za-z0-9_\-]"
# Repetitions are bounded, or cannot fail (a private key ends where the text does): a megabyte is read in linear time.
_FORMS = {
    "private key": r"-----BEGIN [A-Z0-9 ]{1,40}-----.*?(?:-----END [A-Z0-9 ]{1,40}-----|\Z)",
    "JSON web token": _BEFORE + rf"eyJ{_KEY}{{8,4000}}\.{_KEY}{{8,8000}}\.{_KEY}{{0,2000}}",
    "API key": _BEFORE + rf"sk-(?=[a-z\-]{{0,40}}[A-Z0-9]){_KEY}{{10,300}}",
    "token": _BEFORE
    + r"(?:gh[a-z]_|github_pat_|gl[a-z]{2,6}-|npm_|pypi-|hf_|dckr_pat_|do[a-z]_v1_|xox[a-z]-|xapp-|AIza|ya29\."
    + r"|SG\.|rk_live_|sk_live_)(?=[a-z_\-.]{0,40}[A-Z0-9])[A-Za-z0-9_\-.]{16,300}",
    "access key": _BEFORE + r"(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])",
    "OpenBao token": _BEFORE + rf"(?:hv[sbr]|[sbr])\.(?=[A-Za-z_\-]{{0,99}}[0-9]){_KEY}{{20,300}}",
    "age key": r"AGE-SECRET-KEY-1[A-Z0-9]{20,100}",
    "web hook": r"hooks\.slack\.com/services/[A-Z0-9]{5,20}/[A-Z0-9]{5,20}/[A-Za-z0-9]{10,40}",
    "password in an address": r"(?<=://)[^\s/:@<>$]{0,100}:(?![A-Z_]{1,99}@)[^\s/@<>${]{3,200}(?=@)",
    "password": r"(?i:\b(?:password|passwort|passwd|passphrase|kennwort|pwd)\b[\"']?\s{0,3}[:=]\s{0,3}[\"']?)"
    r"(?=[^\s\"'<>]{0,60}[0-9!#%&*+])[^\s\"'<>$\[{,(]{6,200}",
    "key or token": r"(?i:(?:api[_ -]?key|token|secret|bearer)[\"']?(?:\s{0,3}[:=]|\s)\s{0,3}[\"']?)"
    r"(?=[A-Za-z]{0,60}[0-9][A-Za-z0-9]{0,60}[A-Za-z])[A-Za-z0-9]{10,200}(?![A-Za-z0-9/_\-])",
    # Within one command: `--user 1000:1000` after `&&` is another program's. Capitals and $NAME are placeholders.
    "user and password of curl": r"(?P<kept>\bcurl\b(?:(?!\bcurl\b|&&|\|\||\s[|;&]|;\s)[^\n]){0,300}?"
    r"\s(?:-[A-Za-z]{0,8}[uU]|--(?:proxy-)?user(?=[\s=]))[\s=]{0,3}[\"']?)(?!\d{1,9}:\d{1,9}\b)"
    r"[^\s:\"'$<>{}\[]{1,100}:(?!//|[$<{\[*…]|\.{3}|[A-Z_]{2,99}(?![^\s\"'`,;.)]))[^\s\"'`]{1,200}",
}
_FORM = re.compile("|".join(f"(?P<f{at}>{form})" for at, form in enumerate(_FORMS.values())), re.DOTALL)
_KINDS = tuple(_FORMS)

_IDENTIFIER = re.compile(
    r"(?:sha(?:1|256|384|512)[:\-][A-Za-z0-9+/]{27,128}=*"  # digests of images, files, web resources
    r"|SHA256:[A-Za-z0-9+/]{43}"  # fingerprints of SSH keys
    r"|(?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp[0-9]{3}) AAAA[A-Za-z0-9+/]{20,2000}=*"  # public keys
    r"|\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"  # UUIDs
    r"|\b(?:[0-9a-f]{40}|[0-9a-f]{64})\b"  # commits, SHA-256
    r"|\b0[0-7][0-9A-HJKMNP-TV-Z]{24}\b)"  # ULIDs
)
_LONG = re.compile(r"[A-Za-z0-9+/_.~\-]{16,}={0,2}", re.ASCII)
_PART = re.compile(r"[/_.~+=\-]+")
_HUMP = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_VOWELS = set("aeiouyAEIOUY")
_SHORTEST = 16  # characters of a part that looks random; a hash suffix of a pod has 5, of a release 10
# The bounds of what reads as a word were set on the labelled lines; the longest one is German.
_LONGEST_WORD, _SHORT_WORD, _ABBREVIATION = 40, 3, 4
_FEWEST_VOWELS, _MOST_VOWELS = 0.15, 0.7
_CONSONANTS = re.compile(r"[^aeiouyAEIOUY]{7}")
_MOST_CHANGES = 2  # between letters and digits, or lower and upper case: `llmConnect2`, `v1beta1`, `OAuth2Client`


def mask(text: str) -> tuple[str, list[str]]:
    """The text with `MASK` for each piece of secret material, and the kind of each piece, in order."""
    kinds: list[tuple[int, str]] = []

    def kept(match: re.Match[str]) -> int:
        kinds.append((match.start(), _KINDS[int(str(match.lastgroup)[1:])]))
        return len(match["kept"] or "")

    return _mask_random(*_masked(_FORM, text, shadow(text), kept), kinds)


def _masked(
    pattern: re.Pattern[str], text: str, seen: str, kept: Callable[[re.Match[str]], int | None]
) -> tuple[str, str]:
    """Text and shadow with `MASK` for each match of the shadow; `kept` says how much of it stays, None for all."""
    done, texts, shadows = 0, [], []
    for match in pattern.finditer(seen):
        if (stays := kept(match)) is None:
            continue
        end = match.start() + stays
        texts += [text[done:end], MASK]
        shadows += [seen[done:end], MASK]
        done = match.end()
    return "".join([*texts, text[done:]]), "".join([*shadows, seen[done:]])


def holds(text: str) -> bool:
    """Whether there is secret material in the text."""
    return bool(mask(text)[1])


def _mask_random(text: str, seen: str, kinds: list[tuple[int, str]]) -> tuple[str, list[str]]:
    spared = [match.span() for match in _IDENTIFIER.finditer(seen)]

    def kept(match: re.Match[str]) -> int | None:
        inside = any(start < match.end() and match.start() < end for start, end in spared)
        if inside or not _random(match[0]):
            return None
        kinds.append((match.start(), "random string"))
        return 0

    return _masked(_LONG, text, seen, kept)[0], [kind for _, kind in kinds]


def _random(word: str) -> bool:
    """Whether some separated part is long and no row of words."""
    return sum(len(part) for part in _PART.split(word) if not _readable(part)) >= _SHORTEST


def _readable(part: str) -> bool:
    """A number, words in camel case, or an abbreviation; perhaps with digits at few places."""
    humps = _HUMP.findall(part)
    words = [hump for hump in humps if not hump.isdigit()]
    if not words:
        return len(part) <= _SHORTEST
    if len(humps) - len(words) > _MOST_CHANGES or _choppy(words):
        return False
    return all(_word(word) for word in words)


def _choppy(words: list[str]) -> bool:
    """Whether case changes so often that these are no words in camel case."""
    short = sum(len(word) < _SHORT_WORD for word in words)
    return len(words) > 1 and (sum(map(len, words)) < _SHORT_WORD * len(words) or short * 2 >= len(words) > short)


def _word(hump: str) -> bool:
    share = sum(each in _VOWELS for each in hump) / len(hump)
    if len(hump) <= _ABBREVIATION:
        return True
    return len(hump) <= _LONGEST_WORD and _FEWEST_VOWELS <= share <= _MOST_VOWELS and not _CONSONANTS.search(hump)
