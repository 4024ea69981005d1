import pytest

from warden.adapters.catalog.discovery import find_platform
from warden.core.errors import UsageError
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
    assert find_platform(None) == far
    deep = tmp_path / "work" / "x" / "y"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert find_platform(None) == near
    monkeypatch.setenv("WARDEN_PLATFORM", variable)
    assert find_platform(None) == variable
    assert find_platform(flag) == flag


def test_the_folder_itself_and_the_folder_that_holds_it_are_understood(tmp_path, monkeypatch):
    inner = made(tmp_path / "team" / "platform")
    assert find_platform(str(tmp_path / "team")) == inner
    monkeypatch.chdir(tmp_path / "team" / "platform" / "catalog")
    assert find_platform(None) == inner


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
    assert find_platform(None) == str(tmp_path / "empty" / "platform")
