import time
import tomllib
from pathlib import Path

import pytest

from warden.core.material import BLANK, quoted, redact

LABELLED = tomllib.loads((Path(__file__).parent / "material.toml").read_text())
SECRETS = [line.replace("~", "") for line in LABELLED["secret"]]


@pytest.mark.parametrize("line", SECRETS)
def test_every_labelled_secret_is_found_and_not_repeated(line):
    text, found = redact(f"lane: x\n{line}\n")
    assert [number for number, _ in found] == [2]
    assert BLANK in text
    kind = found[0][1]
    assert not any(word in kind for word in line.split() if len(word) > 12)


@pytest.mark.parametrize("line", LABELLED["plain"])
def test_no_labelled_name_path_or_digest_is_mistaken(line):
    assert redact(line) == (line, [])


def test_a_pem_block_is_blanked_to_its_end_and_lines_are_kept():
    pem = "-----BEGIN " + "PRIVATE KEY-----\nTUlJRXZRSUJBREFO\nQmdrcWhraUc5dzBC\n-----END PRIVATE KEY-----"
    text, found = redact(f"title: x\n# {pem}\nstatus: active\n")
    assert found == [(2, "a PEM block")]
    assert "TUlJRXZ" not in text
    assert text.split("\n")[5] == "status: active"


def test_a_pem_block_without_an_end_is_blanked_to_the_end_of_the_text():
    text, _ = redact("-----BEGIN " + "PRIVATE KEY-----\nTUlJRXZRSUJBREFO")
    assert "TUlJ" not in text


@pytest.mark.parametrize(
    "piece",
    ["a1", "sk-", "-", "sk-or-", "://a:", "eyJ", "eyJaaaaaaaa.", "password:", "s.", "npm_", "-----BEGIN A-----"],
)
def test_a_quarter_of_a_megabyte_of_anything_is_judged_in_time(piece):
    began = time.process_time()
    redact(piece * (250_000 // len(piece)))
    assert time.process_time() - began < 3


def test_another_systems_words_are_bounded_and_without_what_looks_like_a_value():
    key = "sk-or-v1-" + "8f2c4e6a1b3d5f7092a4c6e8b0d2f4a6"
    assert key[12:] not in quoted(f"could not read {key}")
    assert quoted("a\n  b\tc") == "a b c"
    assert len(quoted("word " * 200)) == 201
