"""What is found and what is left alone, on labelled lines; the figures of docs/adr/0022 are those asserted here."""

import time
import tomllib
from pathlib import Path

import pytest

from activity_core.material import MASK, holds, mask

LABELLED = tomllib.loads((Path(__file__).parent / "material.toml").read_text())
SECRETS = [line.replace("~", "") for line in LABELLED["secret"]]


@pytest.mark.parametrize("line", SECRETS)
def test_a_labelled_secret_is_masked_and_not_repeated(line):
    masked, kinds = mask(f"before {line} after")
    assert kinds
    assert MASK in masked
    longest = max(line.replace("/", " ").split(), key=len)
    assert longest not in masked


@pytest.mark.parametrize("line", LABELLED["plain"])
def test_a_labelled_name_or_path_is_left_alone(line):
    assert mask(line) == (line, [])


CURL = [
    ("curl -s -u ", "adm" + "in:geheim", " https://hub.example/"),
    ("curl --user=", "deploy:" + "wald$meister", " -o out.json https://hub.example/"),
    ("curl https://hub.example/?a=1&b=2 -x p:3128 --proxy-user '", "proxy:" + "geheim", "' -v"),
]


@pytest.mark.parametrize(("before", "secret", "after"), CURL)
def test_of_a_call_of_curl_the_call_stays_readable(before, secret, after):
    assert mask(before + secret + after) == (f"{before}{MASK}{after}", ["user and password of curl"])


def test_a_masked_text_is_stable():
    once, _ = mask(" ".join(SECRETS))
    assert mask(once) == (once, [])
    assert not holds(once)


def test_a_cut_private_key_is_masked_to_the_end():
    masked, kinds = mask("title\n-----BEGIN RSA " + "PRIVATE KEY-----\nTUlJRXZRSUJBREFO")
    assert (masked, kinds) == (f"title\n{MASK}", ["private key"])


@pytest.mark.parametrize(
    "piece",
    [
        "a1",
        "sk-",
        "-",
        "://a:",
        "eyJ",
        "eyJaaaaaaaa.",
        "password:",
        "-----BEGIN A-----",
        "curl ",
        "curl -u ",
        "curl -u a",
    ],
)
def test_a_megabyte_of_anything_is_read_in_time(piece):
    began = time.process_time()
    mask(piece * (1_000_000 // len(piece)))
    assert time.process_time() - began < 4
