import sys
from importlib.metadata import entry_points

import pytest

from warden.adapters.sources import loader
from warden.adapters.sources.loader import InstalledSources
from warden.core.errors import Missing
from warden.core.rotation.provider import SourceBroken, SourceNotInstalled
from warden.ports.provider import ENTRY_POINTS


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package `acme` that is installed and registers sources: ``package("name = module:OBJECT", code)``."""

    def install(registered: str, code: str) -> InstalledSources:
        (tmp_path / "acme_sources.py").write_text(code)
        info = tmp_path / "acme-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{ENTRY_POINTS}]\n{registered}\n")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "acme_sources", raising=False)
        return InstalledSources()

    return install


def test_what_warden_brings_is_registered_as_any_other_packages_sources():
    assert {"gitea", "manual", "openai", "openrouter", "prompt", "random"} <= set(InstalledSources().names())
    assert {each.name for each in entry_points(group=ENTRY_POINTS)} == set(InstalledSources().names())
    for name in InstalledSources().names():
        plugin = InstalledSources().plugin(name)
        assert plugin.needs_management in {True, False}
        assert "no-such-setting" in [each.key for each in plugin.faults({"no-such-setting": "x"})]


def test_a_source_that_is_not_installed_is_named_with_those_that_are():
    with pytest.raises(Missing) as error:
        InstalledSources().plugin("acme")
    assert isinstance(error.value.problem, SourceNotInstalled)
    assert error.value.problem.name == "acme"
    assert "random" in error.value.problem.installed


def test_a_package_of_a_team_brings_a_source(package):
    code = "class P:\n needs_management = True\n faults = source = None\nPLUGIN = P()\n"
    found = package("acme = acme_sources:PLUGIN", code)
    assert "acme" in found.names()
    assert found.plugin("acme").needs_management


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("raise RuntimeError('no config sk-or-v1-" + "0123456789abcdef" * 4 + "')", "RuntimeError: no config"),
        ("import no_such_module", "ModuleNotFoundError"),
        ("OTHER = 1", "AttributeError"),
        ("class P:\n needs_management = True\nPLUGIN = P()", "it has no faults, source"),
        ("def broken(:", "SyntaxError"),
    ],
)
def test_a_broken_plug_in_is_named_with_its_package_and_hides_nothing_else(package, code, why):
    found = package("acme = acme_sources:PLUGIN", code)
    with pytest.raises(Missing) as error:
        found.plugin("acme")
    problem = error.value.problem
    assert isinstance(problem, SourceBroken)
    assert (problem.name, problem.package, problem.target) == ("acme", "acme", "acme_sources:PLUGIN")
    assert problem.why.startswith(why)
    assert "0123456789abcdef" not in problem.why
    assert found.plugin("random") is not None
    assert loader.ENTRY_POINTS == "warden.sources"
