"""Secret material in disguise: look-alike letters and invisible ones. Plain samples: secret-scan/tests."""

import time

import pytest

from activity_core.core.masking import MASK, mask
from activity_core.core.text import clean

KEY = "5b0e7c21d94fa3668e1077bb42c9d3f0" * 2
LOOKS_ALIKE = [
    (f"before s\u0440-\u043er {'sk' + chr(0x2011) + 'or' + chr(0x2011) + 'v1' + chr(0x2011) + KEY} after", KEY),
    (f"the key {'sk' + chr(0x2013) + 'or' + chr(0x2013) + 'v1' + chr(0x2013) + KEY}", KEY),
    (f"it is {''.join(chr(ord(each) + 0xFEE0) for each in 'sk-or-v1-77be01d2aa')}", "\uff57\uff17"),
    ("p\u0430ssword: Som" + "mer2026!", "mer2026"),
    ("Passwort\uff1a Som" + "mer2026!", "mer2026"),
    ("curl \u2013u registry-adm" + "in:geheim https://hub.example/", "geheim"),
]


@pytest.mark.parametrize(("line", "secret"), LOOKS_ALIKE)
def test_a_secret_with_look_alikes_is_masked_and_the_rest_stays_as_it_was(line, secret):
    masked, kinds = mask(line)
    assert len(kinds) == 1
    assert secret not in masked
    before, _, after = masked.partition(MASK)
    assert line.startswith(before)
    assert line.endswith(after)


@pytest.mark.parametrize(
    "line",
    [
        "token \u043e\u0431\u0440\u0430\u0431\u043e\u0442\u043a\u0430\u0445",  # looks like o6pa6otkax
        "\u043e\u0431\u0440\u0430\u0431\u043e\u0442\u043a\u0430-\u043e\u0431\u0440\u0430\u0431\u043e\u0442\u043a\u0430",
        "Zugangsdaten\u2013Verwaltung 2026\u201311\u201324 \u2026 \u201eSchl\u00fcssel\u201c",
    ],
)
def test_words_of_other_scripts_make_no_key(line):
    assert mask(line) == (line, [])


def test_an_invisible_letter_hides_no_key():
    line, kinds, _ = clean("the key sk-\u034for-v1-\u316477be\ufe0f01d2aa leaked", 200)
    assert (line, kinds) == (f"the key {MASK} leaked", ["API key"])


@pytest.mark.parametrize("piece", ["\u0430\u2013a", "\uff50", "curl -u a"])
def test_a_megabyte_of_anything_is_read_in_time(piece):
    mask("a1b2c3d4e5f6g7h8")  # loads the scanner
    began = time.process_time()
    mask(piece * (1_000_000 // len(piece)))
    assert time.process_time() - began < 4
