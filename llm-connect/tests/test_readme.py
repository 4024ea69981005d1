"""README.md lists what the code has."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from llm_connect.common.errors import GatewayError
from llm_connect.config.profiles import VARIABLES
from llm_connect.simulator.failures import FAILURES
from llm_connect.simulator.streaming import STREAM_FAILURES
from llm_connect.web import metrics
from llm_connect.web.openapi import TYPES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
SOURCE = "\n".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))


@pytest.mark.parametrize("name", [*FAILURES, *STREAM_FAILURES, *VARIABLES])
def test_every_failure_and_variable_is_listed(name):
    assert f"`{name}`" in README


def faults_of(kind):
    return [kind, *(each for below in kind.__subclasses__() for each in faults_of(below))]


def test_every_type_of_error_is_listed_and_exists():
    table = README.partition("## Errors")[2].partition("## Environment")[0]
    rows = [row.split("|") for row in table.splitlines() if re.match(r"\| \d{3} ", row)]
    listed = {word for row in rows for word in re.findall(r"`(\w+)`", row[3])}
    raised = set(re.findall(r'"(provider_[a-z_]+)"', SOURCE)) - {"provider_status", "provider_id", "provider_ms"}
    errors = "|".join(kind.__name__ for kind in faults_of(GatewayError))
    raised |= set(re.findall(rf'(?:{errors})\("([a-z_]+)"', SOURCE))
    shapes_of_the_simulator = {"provider_overloaded", "provider_name"}
    assert listed == raised - shapes_of_the_simulator
    assert listed == set(TYPES)


def test_every_metric_is_listed():
    section = README.partition("### /metrics")[2].partition("## Errors")[0]
    words = r"((?:llm_connect|gen_ai)_[a-z_]+)"
    listed = {name.removesuffix("_total") for name in re.findall(f"`{words}`", section)}
    assert listed == set(re.findall(f'"{words}"', inspect.getsource(metrics)))
