"""Where a fault of the configuration file stands."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from llm_connect.common.errors import ConfigurationError
from llm_connect.config.config_file import load_configuration
from llm_connect.config.toml_lines import TomlLines

TEXT = """\
# a comment
[server]
max_concurrency = 4

[profiles.a]
# another
model = "m"
retries.of = 1
prices = {prompt = 1, completion = 2}
fallbacks = [
  "x",

  "y",
]
last = 1

[profiles."b/c.d"]
model = '''
[profiles.z]
model = 1
'''
[profiles.b]

[[budgets]]
period = "day"
[[budgets]]
usd = 1
[callers.static.one]
sha256 = "a"
[callers.static."one.two"]
sha256 = "b"
["odd \\" name"]
x = 1
"""


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("server", 2),
        ("server.max_concurrency", 3),
        ("server.missing", 2),
        ("profiles.a", 5),
        ("profiles.a.model", 7),
        ("profiles.a.retries", 8),
        ("profiles.a.retries.of", 8),
        ("profiles.a.prices.completion", 9),
        ("profiles.a.prices.missing", 9),
        ("profiles.a.fallbacks", 10),
        ("profiles.a.fallbacks[1]", 10),
        ("profiles.a.last", 15),
        ("profiles.b/c.d", 17),
        ('profiles."b/c.d".model', 18),
        ("profiles.b/c.d.model", 18),
        ("profiles.b", 22),
        ("profiles.b.model", 22),
        ("budgets", 24),
        ("budgets[0].period", 25),
        ("budgets[1]", 26),
        ("budgets[1].usd", 27),
        ("budgets[1].period", 26),
        ("budgets[2].period", 24),
        ("callers.static.one.sha256", 29),
        ("callers.static.one.two.sha256", 31),
        ('"odd \\" name".x', 33),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_field_is_found_at_its_line(field, line, end):
    assert TomlLines("f.toml", TEXT.replace("\n", end)).of(field) == f"f.toml:{line}"


@pytest.mark.parametrize("field", ["nothing", "the body", "", "serve", "LLM_CONNECT_STATE"])
def test_what_stands_nowhere_has_the_file_only(field):
    assert TomlLines("f.toml", TEXT).of(field) == "f.toml"


def test_every_line_of_a_long_file_is_found():
    text = "".join(f"[profiles.p{each}]\nprovider = 'x'\nmodel = [\n'a',\n]\n" for each in range(200))
    lines = TomlLines("f", text)
    found = [lines.of(f"profiles.p{each}.model") for each in range(200)]
    assert found == [f"f:{5 * each + 3}" for each in range(200)]


def test_a_file_whose_lines_would_take_long_is_named_without_them():
    assert TomlLines("f", "[server]\n" + "# x\n" * 20_000).of("server") == "f"


def test_each_fault_of_a_file_has_its_place(tmp_path):
    file = tmp_path / "llm-connect.toml"
    file.write_text('[profiles.x]\nprovider = "nope"\nmodel = 3\n\n[limits]\n[[budgets]]\nperiod = "year"\n')
    with pytest.raises(ConfigurationError) as caught:
        load_configuration(str(tmp_path))
    assert {fault.field: fault.place for fault in caught.value.faults} == {
        "limits": f"{file}:5",
        "profiles.x.provider": f"{file}:2",
        "profiles.x.model": f"{file}:3",
        "budgets[0].period": f"{file}:7",
        "budgets[0].tokens": f"{file}:6",
    }


def ran(*arguments):
    command = [Path(sys.executable).parent / "llm-connect", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_certificate_that_cannot_be_read_has_the_line_that_names_it(tmp_path):
    file = tmp_path / "c.toml"
    file.write_text('[providers.p]\nkind = "openai"\nbase_url = "https://p.example/v1"\nca_file = "/nowhere"\n')
    done = ran("profiles", "--config", str(file))
    assert done.returncode == 2
    assert f"  {file}:4: providers.p.ca_file: /nowhere cannot be read" in done.stderr


def test_faults_come_apart_in_json(tmp_path):
    file = tmp_path / "c.toml"
    file.write_text("\n[limits]\nfoo = 1\n")
    done = ran("profiles", "--json", "--config", str(file))
    assert done.returncode == 2
    (fault,) = json.loads(done.stderr)["faults"]
    assert fault["place"] == f"{file}:2"
    assert fault["field"] == "limits"
    assert fault["allowed"].startswith("server, callers")
