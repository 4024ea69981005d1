"""What a path may lead to: files, pipes with and without a writer, devices; nothing is waited for without end."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
from free_ports import refusing_port

from llm_connect.common import files, tls
from llm_connect.common.errors import ConfigurationError
from llm_connect.common.secret import Redactor
from llm_connect.config.config_file import MAX_FILE_BYTES as LARGEST
from llm_connect.config.config_file import load_configuration
from llm_connect.config.settings import VERSION_KEY_FILE, load_settings
from llm_connect.keys.keyring import Keyring, Versions
from llm_connect.keys.sources import KEY, FileKey


@pytest.fixture
def pipe(tmp_path):
    """A FIFO that nobody has opened."""
    os.mkfifo(tmp_path / "pipe")
    return str(tmp_path / "pipe")


@pytest.fixture
def little_patience(monkeypatch):
    monkeypatch.setattr(files, "WAIT_SECONDS", 0.3)


def written(path, *parts, pause=0.1):
    """A thread that writes the parts, one after the other."""

    def write():
        with open(path, "wb", buffering=0) as file:
            for part in parts:
                file.write(part)
                time.sleep(pause)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    return thread


def test_a_pipe_is_read_to_its_end_however_late_it_comes(pipe):
    thread = written(pipe, b"a", b"b" * 100_000, b"c")
    assert files.read(pipe, 200_000) == (b"a" + b"b" * 100_000 + b"c", False)
    thread.join(5)


@pytest.mark.parametrize("begun", [False, True])
def test_a_pipe_that_nobody_finishes_is_given_up(pipe, begun):
    holding = os.open(pipe, os.O_RDWR) if begun else None
    started = time.monotonic()
    with pytest.raises(files.Unreadable, match=r"a pipe or terminal that did not end within 0\.2 s"):
        files.read(pipe, 100, 0.2)
    assert 0.2 <= time.monotonic() - started < files.WAIT_SECONDS
    if holding is not None:
        os.close(holding)


def test_what_has_no_end_is_read_no_further_than_allowed():
    assert files.read("/dev/zero", 100_000) == (b"\0" * 100_001, False)


def test_a_file_of_the_disk_is_not_waited_for(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert files.read(tmp_path / "a", 3, 0) == (b"abc", True)
    assert files.read(tmp_path / "a", 1, 0) == (b"ab", True)


@pytest.mark.parametrize(
    ("path", "kind", "expected"),
    [
        ("none", files.Missing, "No such file or directory"),
        (".", files.Unreadable, "Is a directory"),
        ("a\0b", files.Unreadable, "not a valid path"),
        ("socket", files.Unreadable, "No such device or address"),
    ],
)
def test_what_cannot_be_read_is_reported(tmp_path, monkeypatch, path, kind, expected):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        with pytest.raises(kind, match=expected):
            files.read(path, 100)


@pytest.mark.usefixtures("little_patience")
def test_every_file_that_is_named_has_a_time(pipe):
    with pytest.raises(ConfigurationError, match=r"^--config: .*pipe cannot be read \(a pipe or terminal that did not"):
        load_configuration(pipe, "--config")
    for variable in (f"{KEY}_FILE", VERSION_KEY_FILE):
        with pytest.raises(ConfigurationError, match=rf"{variable}: cannot be read \(a pipe or terminal that did not"):
            load_settings({variable: pipe})


@pytest.mark.usefixtures("little_patience")
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("pipe", "a pipe or terminal that did not"),
        ("endless", f"more than {tls.MAX_AUTHORITIES_BYTES} bytes"),
        ("none", "No such file"),
    ],
)
def test_authorities_are_read_within_bounds_and_reported_with_every_other_fault(pipe, tmp_path, kind, expected):
    path = {"pipe": pipe, "endless": "/dev/zero", "none": "/nowhere/ca.pem"}[kind]
    config = tmp_path / "llm-connect.toml"
    config.write_text(f'[providers.local]\nkind = "openai"\nbase_url = "https://llm.example/v1"\nca_file = "{path}"\n')
    with pytest.raises(ConfigurationError) as caught:
        load_settings({VERSION_KEY_FILE: "/nowhere/key"}, config=str(config))
    faults = {fault.field: fault.problem for fault in caught.value.faults}
    assert set(faults) == {"providers.local.ca_file", VERSION_KEY_FILE}
    assert faults["providers.local.ca_file"].startswith(f"{path} cannot be read ({expected}")


def test_with_authorities_that_cannot_be_read_it_does_not_start(run, tmp_path, key):
    config = tmp_path / "llm-connect.toml"
    table = '[providers.local]\nkind = "openai"\nbase_url = "https://llm.example/v1"\nca_file = "/dev/zero"\n'
    config.write_text(table)
    found = run("serve", "--port", "0", "--config", str(config), environment={KEY: key})
    assert (found.returncode, found.stdout) == (2, "")
    assert "providers.local.ca_file: /dev/zero cannot be read (more than" in found.stderr


def test_a_file_without_a_certificate_is_a_fault_with_every_other(run, tmp_path, key):
    config, authorities = tmp_path / "llm-connect.toml", tmp_path / "ca.pem"
    authorities.write_text("-----BEGIN CERTIFICATE-----\nnone\n")
    table = f'[providers.local]\nkind = "openai"\nbase_url = "https://llm.example/v1"\nca_file = "{authorities}"\n'
    config.write_text(table)
    environment = {KEY: key, VERSION_KEY_FILE: "/nowhere/key"}
    found = run("serve", "--port", "0", "--config", str(config), environment=environment)
    assert (found.returncode, found.stdout) == (2, "")
    assert f"providers.local.ca_file: {authorities} holds no certificate in PEM" in found.stderr
    assert VERSION_KEY_FILE in found.stderr


def test_a_configuration_has_a_largest_size(tmp_path):
    path = tmp_path / "large.toml"
    path.write_bytes(b"#" * (LARGEST + 1))
    with pytest.raises(ConfigurationError, match=f"larger than {LARGEST} bytes"):
        load_configuration(str(path))
    with pytest.raises(ConfigurationError, match=f"larger than {LARGEST} bytes"):
        load_configuration("/dev/zero")


def test_a_key_from_a_pipe_is_kept_and_the_pipe_is_not_waited_for_again(pipe):
    thread = written(pipe, b"sk-piped-0123456789\n", pause=0)
    ring = Keyring(FileKey(pipe, f"{KEY}_FILE"), Versions(), Redactor())
    thread.join(5)
    started = time.monotonic()
    ring.refresh()
    assert ring.reload() is False
    assert time.monotonic() - started < files.WAIT_SECONDS
    assert ring.current.secret.reveal() == "sk-piped-0123456789"


def test_a_key_file_that_becomes_a_pipe_holds_nobody_up(tmp_path):
    path = tmp_path / "key"
    path.write_text("sk-first-0123456789")
    ring = Keyring(FileKey(path, f"{KEY}_FILE"), Versions(), Redactor())
    path.unlink()
    os.mkfifo(path)
    started = time.monotonic()
    ring.refresh()
    assert time.monotonic() - started < files.WAIT_SECONDS
    assert ring.current.secret.reveal() == "sk-first-0123456789"


@pytest.mark.parametrize("command", ["cat llm-connect.toml", "sleep 0.5; cat llm-connect.toml"])
def test_the_output_of_a_command_is_a_configuration(tmp_path, command):
    (tmp_path / "llm-connect.toml").write_text('[profiles.piped]\nprovider = "simulate"\nmodel = "a/b"\n')
    program = Path(os.sys.executable).parent / "llm-connect"
    line = f"{program} profiles --config <({command})"
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=20)
    assert (done.returncode, "piped\n" in done.stdout) == (0, True), done.stderr


TOKENS = [
    ("x\n", True),
    ("short", True),
    ('a"b\\c', True),
    ("e" * 16_000, True),
    ("", False),
    ("\n", False),
    ("a b", False),
]


@pytest.mark.parametrize(("text", "is_one"), TOKENS)
def test_a_callers_token_is_called_a_token_and_may_be_short(run, tmp_path, text, is_one):
    path = tmp_path / "token"
    path.write_text(text)
    with refusing_port() as port:
        done = run("smoke", "--url", f"http://127.0.0.1:{port}", "--token-file", str(path))
    assert "key" not in done.stderr
    assert done.returncode == (3 if is_one else 2)
    if not is_one:
        assert "the token cannot be used; no check was made" in done.stderr
        assert "--token-file: is not a valid token; allowed: 1 to 16000 printable ASCII" in done.stderr
