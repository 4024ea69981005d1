"""Where warden's own files are, by the XDG Base Directory Specification."""

import pytest

from warden.adapters.catalog.discovery import config_file
from warden.adapters.catalog.entry_cache import cache_file
from warden.adapters.dev.build import cache_directory
from warden.adapters.journal.located import location as journal_path
from warden.cli.wiring import state_directory

PLACES = {
    "configuration": ("XDG_CONFIG_HOME", ".config", config_file),
    "catalog": ("XDG_CACHE_HOME", ".cache", lambda: cache_file("/p")),
    "clusters": ("XDG_CACHE_HOME", ".cache", cache_directory),
    "state": ("XDG_STATE_HOME", ".local/state", state_directory),
    "journal": ("XDG_STATE_HOME", ".local/state", None),
}


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize(("given", "base"), [(None, ""), ("", ""), ("relative", ""), ("./r", ""), ("/abs", "/abs")])
def test_a_relative_directory_is_ignored_and_an_absolute_one_taken(monkeypatch, tmp_path, name, given, base):
    variable, otherwise, place = PLACES[name]
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("WARDEN_STATE", raising=False)
    if given is None:
        monkeypatch.delenv(variable, raising=False)
    else:
        monkeypatch.setenv(variable, given)
    found = journal_path({variable: given or ""}) if place is None else place()
    assert found.startswith(f"{base or tmp_path / otherwise}/warden")
