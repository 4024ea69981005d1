"""What is found and what is left alone; docs/adr/0028 has the figures of the labelled lines."""

import base64
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from secret_scan import REDACTED, Finding, redact, scan

LABELLED = tomllib.loads((Path(__file__).parent / "samples.toml").read_text())
SECRETS = [line.replace("~", "") for line in LABELLED["secret"]]
GITHUB = "gh" + "p_16C7e42F292c6912E7710c838347Ae178B4a"
SNYK = "209ed02a-aed0-" + "3262-722d-72fcee35e1b6"


@pytest.mark.parametrize("line", SECRETS)
def test_a_labelled_secret_is_found_and_its_kind_does_not_repeat_it(line):
    text = f"before\n{line}\nafter\n"
    findings = scan(text)
    assert findings
    longest = max(reversed(line.replace("/", " ").split()), key=len)
    assert longest not in redact(text)
    assert all(longest not in finding.kind for finding in findings)


@pytest.mark.parametrize("line", SECRETS)
def test_a_labelled_secret_is_found_alone_on_its_line(line):
    assert scan(line)


@pytest.mark.parametrize("line", LABELLED["plain"])
def test_a_labelled_name_path_or_digest_is_left_alone(line):
    assert scan(line) == []
    assert redact(line) == line


def test_a_redacted_text_is_stable():
    once = redact("\n".join(SECRETS))
    assert redact(once) == once


def test_a_private_key_is_redacted_to_its_end_and_lines_are_kept():
    key = "-----BEGIN " + "PRIVATE KEY-----\nTUlJRXZRSUJBREFO\nQmdrcWhraUc5dzBC\n-----END PRIVATE KEY-----"
    text = f"title: x\n# {key}\nstatus: active\n"
    assert [finding.kind for finding in scan(text)] == ["private key"]
    assert redact(text) == f"title: x\n# {REDACTED}\n\n\n\nstatus: active\n"


def test_a_private_key_without_an_end_is_redacted_to_the_end_of_the_text():
    assert redact("title\n-----BEGIN RSA " + "PRIVATE KEY-----\nTUlJRXZRSUJBREFO").strip() == f"title\n{REDACTED}"


CURL = [
    ("curl -s -u ", "adm" + "in:geheim", " https://hub.example/"),
    ("curl --user=", "deploy:" + "wald$meister", " -o out.json https://hub.example/"),
    ("curl https://hub.example/?a=1&b=2 -x p:3128 --proxy-user '", "proxy:" + "geheim", "' -v"),
]


@pytest.mark.parametrize(("before", "secret", "after"), CURL)
def test_a_curl_command_stays_readable(before, secret, after):
    text = before + secret + after
    assert scan(text) == [Finding("user and password of curl", len(before), len(before + secret))]
    assert redact(text, replacement="[masked]") == f"{before}[masked]{after}"


def test_the_kind_names_the_issuer_where_the_format_is_known():
    assert [finding.kind for finding in scan(f"the token {GITHUB} leaked")] == ["github pat"]


def test_a_uuid_is_an_id_unless_it_stands_beside_the_name_of_an_issuer():
    assert scan(f"run {SNYK}") == []
    assert [finding.kind for finding in scan(f"snyk_token: {SNYK}")] == ["snyk api token"]


@pytest.mark.parametrize("before", ["Schlüssel „x“: ", "\ufeff", "a\0b\0", "\ud800 ", "🔑 "])
def test_indexes_are_those_of_the_text_whatever_stands_before(before):
    text = f"{before}{GITHUB} after"
    assert redact(text) == f"{before}{REDACTED} after"


@pytest.mark.parametrize("mark", ["gitleaks:allow", "kingfisher:ignore", "betterleaks:allow"])
def test_a_comment_does_not_switch_it_off(mark):
    assert scan(f"snyk_token: {SNYK} # {mark}")


def test_a_key_in_base64_is_found():
    text = f"data: {base64.b64encode(f'token {GITHUB}'.encode()).decode()}"
    assert redact(text) == f"data: {REDACTED}"


def test_the_library_is_loaded_only_for_a_text_that_may_hold_a_key():
    check = "import sys, secret_scan; secret_scan.scan(sys.argv[1]); print('kingfisher_sdk' in sys.modules)"

    def loads(text):
        return subprocess.run([sys.executable, "-c", check, text], capture_output=True, text=True, check=True).stdout

    assert loads("path: platform/workloads/activity-core/llm-connect-secrets, reviewed 2026-07-02") == "False\n"
    assert loads(f"the token {GITHUB}") == "True\n"


@pytest.mark.parametrize(
    "piece",
    [
        *("a1", "sk-", "-", "sk-or-", "://a:", "eyJ", "eyJaaaaaaaa.", "password:", "s.", "npm_", "-----BEGIN A-----"),
        *("curl ", "curl -u ", "curl -u a", "\u0430\u2013a", "\uff50", "password: a", "token 1"),
    ],
)
def test_a_megabyte_of_anything_is_read_in_time(piece):
    scan("a1b2c3d4e5f6g7h8")  # loads the rules
    began = time.process_time()
    scan(piece * (1_000_000 // len(piece)))
    assert time.process_time() - began < 4
