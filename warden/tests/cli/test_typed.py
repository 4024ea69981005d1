"""Letters that a keyboard composes in one way and a file in another are the same letters."""

import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
import yaml
from byte_server import serving

from warden.adapters.catalog.files import load_catalog
from warden.adapters.kubernetes import kubeconfig

ENTRY = """\
pointer: waehrung
title: Schlüssel für die Währung
status: active
reviewed: 2026-11-01
needs: [Währungskurse abrufen]
tags: [Größe]
owner: {repo: finanz, doc: README.md}
subsystem: other
auth_method: none
next: Frag das Team Währung.
"""
BIN = str(Path(sys.executable).parent / "warden")
FORMS = ["NFC", "NFD"]


def catalog(folder, form):
    (folder / "catalog").mkdir(parents=True)
    text = unicodedata.normalize(form, ENTRY)
    (folder / "catalog" / "waehrung.yaml").write_text(text, encoding="utf-8")
    return str(folder)


def warden(platform, *argv):
    environ = {**os.environ, "WARDEN_STATE": f"{platform}-state", "HOME": platform}
    done = subprocess.run(
        [BIN, "--platform", platform, *argv], capture_output=True, text=True, check=False, env=environ
    )
    return done.returncode, done.stdout, done.stderr


def test_a_file_of_either_form_reads_the_same(tmp_path):
    found = [load_catalog(catalog(tmp_path / form, form)) for form in FORMS]
    assert [fault.message for fault in found[0].faults] == [fault.message for fault in found[1].faults]
    assert found[0].declared == found[1].declared
    assert found[0].declared["waehrung"].tags == ("Größe",)


@pytest.mark.parametrize("written", FORMS)
@pytest.mark.parametrize("asked", FORMS)
def test_whoever_asks_in_whatever_form_is_answered(tmp_path, written, asked):
    platform = catalog(tmp_path / "platform", written)
    code, shown, _ = warden(platform, "route", "list", "--tag", unicodedata.normalize(asked, "Größe"))
    assert (code, "waehrung" in shown) == (0, True)
    code, shown, told = warden(platform, "route", "find", unicodedata.normalize(asked, "Währungskurse abrufen"))
    assert (code, "waehrung" in shown) == (0, True), told


@pytest.mark.parametrize("written", FORMS)
def test_a_context_is_found_by_its_name_in_whatever_form(tmp_path, written):
    name = unicodedata.normalize(written, "münchen")
    with serving() as (address, _):
        content = {
            "clusters": [{"name": name, "cluster": {"server": address.replace("http", "https")}}],
            "users": [{"name": name, "user": {"token": "t"}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        }
        (tmp_path / "config").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        for asked in FORMS:
            context = unicodedata.normalize(asked, "münchen")
            assert kubeconfig.connect("c", context, {"KUBECONFIG": str(tmp_path / "config")}).address.startswith(
                "https"
            )
