"""The chat and model cases of the openai source distribution's own test suite, against a gateway.

Which of them are left out is in openai-deselected.txt, each with its reason. Their request bodies are kept as they are;
`model` there is a name of OpenAI's, so that a profile of that name is declared, which is what a team would do.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from llm_connect.config.profiles import CUSTODIAN_TRIAGE

FILES = ("tests/api_resources/chat/test_completions.py", "tests/api_resources/test_models.py")
LIST = Path(__file__).with_name("openai-deselected.txt")


def left_out():
    lines = LIST.read_text(encoding="utf-8").splitlines()
    return [line.partition("#")[0].strip() for line in lines if line.strip() and not line.startswith("#")]


@pytest.fixture
def suite(sources):
    (root,) = sources.glob("openai-*/pyproject.toml")
    return root.parent


def test_its_own_cases_pass(suite, simulator, gateway_to):
    names = set(re.findall(r'model="([^"]+)"|"(gpt-[^"]+)"', "".join((suite / file).read_text() for file in FILES)))
    models = {name for pair in names for name in pair if name and name != "model"}
    profiles = {name: replace(CUSTODIAN_TRIAGE, name=name) for name in models}
    unwanted = " or ".join(f"({each})" for each in left_out())
    with gateway_to(simulator, profiles) as url:
        environment = {**os.environ, "TEST_API_BASE_URL": f"{url}/v1"}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *FILES, "-q", "-p", "no:cacheprovider", "-p", "no:xdist",
             "-o", "addopts=", "-o", "filterwarnings=", "-k", f"not ({unwanted})"],
            cwd=suite, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
    last = done.stdout.strip().splitlines()[-1]
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    passed = int(re.search(r"(\d+) passed", last)[1])
    assert passed >= 40, last
