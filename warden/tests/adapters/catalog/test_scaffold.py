"""What `init` writes is read the same by us and by any reader of YAML."""

import datetime as dt

import pytest
import yaml

from warden.adapters.catalog.files import load_catalog
from warden.adapters.catalog.scaffold import scaffold


@pytest.mark.parametrize("name", ["25921e05", "no", "12", "0x1f", "007", "team-1"])
def test_a_cluster_of_any_name_keeps_it(tmp_path, name):
    scaffold(str(tmp_path), dt.date(2026, 11, 29), [name, "second"])
    assert list(load_catalog(str(tmp_path)).platform.clusters) == [name, "second"]
    found = yaml.safe_load((tmp_path / "clusters.yaml").read_text())
    assert (list(found), found[name]["context"]) == ([name, "second"], name)
    entry = yaml.safe_load((tmp_path / "catalog" / "example-api-key.yaml").read_text())
    assert list(entry["deliveries"]) == [name, "second"]
