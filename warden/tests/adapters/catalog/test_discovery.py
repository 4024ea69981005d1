import os
import subprocess

import pytest

from warden.adapters.catalog.discovery import Found, find_platform
from warden.adapters.catalog.entry_cache import entry as cached_entry
from warden.adapters.catalog.files import load_catalog
from warden.core.errors import Invalid, UsageError
from warden.present.errors import hint, message


def made(path):
    (path / "catalog").mkdir(parents=True)
    (path / "platform.yaml").write_text("")
    return str(path)


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    monkeypatch.delenv("WARDEN_PLATFORM", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def config(tmp_path, text):
    path = tmp_path / "config" / "warden" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def test_the_order_is_flag_variable_folders_configuration(tmp_path, monkeypatch):
    flag, variable, near, far = (made(tmp_path / name) for name in ("a", "b", "work/platform", "d"))
    config(tmp_path, f'platform = "{far}"\n')
    assert find_platform(None).directory == far
    deep = tmp_path / "work" / "x" / "y"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert find_platform(None).directory == near
    monkeypatch.setenv("WARDEN_PLATFORM", variable)
    assert find_platform(None).directory == variable
    assert find_platform(flag).directory == flag


def test_the_folder_itself_and_the_folder_that_holds_it_are_understood(tmp_path, monkeypatch):
    inner = made(tmp_path / "team" / "platform")
    assert find_platform(str(tmp_path / "team")).directory == inner
    monkeypatch.chdir(tmp_path / "team" / "platform" / "catalog")
    assert find_platform(None).directory == inner


def test_the_error_names_all_four_places(tmp_path):
    with pytest.raises(UsageError) as caught:
        find_platform(None)
    said = message(caught.value)
    places = ("--platform", "WARDEN_PLATFORM", str(tmp_path / "empty"), str(tmp_path / "config/warden/config.toml"))
    for place in places:
        assert place in said
    assert "warden init" in hint(caught.value)


def test_a_place_that_was_named_is_not_passed_over(tmp_path, monkeypatch):
    made(tmp_path / "empty" / "platform")
    with pytest.raises(UsageError, match="--platform names"):
        find_platform(str(tmp_path / "missing"))
    monkeypatch.setenv("WARDEN_PLATFORM", str(tmp_path / "missing"))
    with pytest.raises(UsageError, match="WARDEN_PLATFORM names"):
        find_platform(None)


@pytest.mark.parametrize("text", ["platform = ", "platform = 1\n", "platform = 'missing'\n", "\xff"])
def test_a_configuration_that_cannot_be_followed_is_told_with_its_path(tmp_path, text):
    path = config(tmp_path, "")
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError) as caught:
        find_platform(None)
    assert str(path) in message(caught.value)


def test_any_folder_called_catalog_is_no_platform(tmp_path):
    (tmp_path / "empty" / "catalog").mkdir(parents=True)
    with pytest.raises(UsageError):
        find_platform(None)
    (tmp_path / "empty" / "platform" / "catalog").mkdir(parents=True)
    assert find_platform(None).directory == str(tmp_path / "empty" / "platform")


# -- whose files they are ----------------------------------------------------------------------------------------------

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


def refused(*args, **how):
    with pytest.raises(UsageError) as caught:
        find_platform(*args, **how)
    return message(caught.value), hint(caught.value)


def test_for_a_command_with_effects_the_configuration_comes_before_the_current_directory(tmp_path, monkeypatch):
    near, far = made(tmp_path / "work/platform"), made(tmp_path / "d")
    monkeypatch.chdir(tmp_path / "work")
    assert find_platform(configured_first=True) == Found(near, "here")
    config(tmp_path, f'platform = "{far}"\n')
    assert find_platform() == Found(near, "here")
    assert find_platform(configured_first=True) == Found(far, "config", passed_over=near)
    monkeypatch.chdir(tmp_path)
    assert find_platform(configured_first=True) == Found(far, "config")
    monkeypatch.setenv("WARDEN_PLATFORM", near)
    assert find_platform(configured_first=True) == Found(near, "WARDEN_PLATFORM")


@pytest.mark.parametrize("part", [".", "catalog", "policies", "policies/access", "platform.yaml", "clusters.yaml"])
def test_what_others_can_write_is_refused_with_the_command_that_mends_it(tmp_path, part):
    platform = made(tmp_path / "empty" / "platform")
    os.makedirs(f"{platform}/policies/access")
    (tmp_path / "empty/platform/clusters.yaml").write_text("")
    full = os.path.normpath(os.path.join(platform, part))
    os.chmod(full, 0o777)
    problem, fix = refused()
    assert f"{platform} is not trusted: {full} can be changed by others. Nothing was read." in problem
    assert fix == f"chmod go-w {full}"
    subprocess.run(fix, shell=True, check=True)
    assert find_platform().directory == platform


@as_root
@pytest.mark.parametrize("part", [".", "catalog", "policies", "platform.yaml"])
@pytest.mark.parametrize("how", ["here", "named"])
def test_what_belongs_to_somebody_else_is_refused_even_when_it_is_named(tmp_path, monkeypatch, part, how):
    platform = made(tmp_path / "empty" / "platform")
    os.makedirs(f"{platform}/policies")
    os.chown(os.path.join(platform, part), NOBODY, NOBODY)
    named = platform if how == "named" else None
    problem, fix = refused(named)
    assert "belongs to nobody" in problem
    assert fix == f"if you trust who can change it: export WARDEN_TRUSTED={platform}"
    monkeypatch.setenv("WARDEN_TRUSTED", fix.partition("=")[2])
    assert find_platform(named).directory == platform
    monkeypatch.setenv("WARDEN_TRUSTED", f"{tmp_path}/another:{tmp_path}/empty/plat")
    refused(named)


@as_root
def test_the_configuration_can_trust_and_has_to_be_the_users_own(tmp_path):
    platform = made(tmp_path / "empty" / "platform")
    os.chown(platform, NOBODY, NOBODY)
    path = config(tmp_path, f'trusted = ["{tmp_path}/empty"]\n')
    assert find_platform().directory == platform
    path.chmod(0o666)
    problem, fix = refused()
    assert f"{path} can be changed by others" in problem
    assert fix == f"chmod go-w {path}"
    path.chmod(0o644)
    path.write_text("trusted = 'all'\n")
    assert "trusted: expected a list of texts" in refused()[0]


@as_root
def test_a_link_of_somebody_else_does_not_choose_among_the_callers_own(tmp_path):
    made(tmp_path / "old" / "platform")
    link = tmp_path / "empty" / "platform"
    link.symlink_to(tmp_path / "old" / "platform")
    assert find_platform().directory == str(link)
    os.chown(link, NOBODY, NOBODY, follow_symlinks=False)
    assert f"{link} belongs to nobody" in refused()[0]


def test_one_file_that_others_can_write_keeps_the_catalog_from_being_read(tmp_path):
    platform = made(tmp_path / "empty" / "platform")
    for name in ("one", "two"):
        (tmp_path / f"empty/platform/catalog/{name}.yaml").write_text("lane: x\n")
    (tmp_path / "empty/platform/platform.yaml").unlink()
    bad = tmp_path / "empty/platform/catalog/two.yaml"
    bad.chmod(0o646)
    with pytest.raises(UsageError, match=r"NotTrusted.*two\.yaml"):
        load_catalog(platform)
    with pytest.raises(UsageError, match=r"NotTrusted.*two\.yaml"):
        cached_entry(platform, "two")
    with pytest.raises(Invalid):
        cached_entry(platform, "one")


@pytest.mark.parametrize("name", ["platform.yaml", "clusters.yaml"])
def test_a_link_to_nothing_is_not_the_default(tmp_path, name):
    platform = made(tmp_path / "empty" / "platform")
    link = tmp_path / "empty" / "platform" / name
    link.unlink(missing_ok=True)
    link.symlink_to("gone")
    with pytest.raises(Invalid) as caught:
        load_catalog(platform)
    assert any(each.file.endswith(name) and "cannot be read" in each.message for each in caught.value.faults)


def test_an_option_that_names_nothing_is_an_error(tmp_path):
    made(tmp_path / "empty" / "platform")
    assert "--platform names nothing" in refused("")[0]
