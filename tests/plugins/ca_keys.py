"""CA keys that no program can read: in a real ssh-agent, and in a PKCS#11 token of SoftHSM."""

import os
import subprocess
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ssh_agent import running
from ssh_keys import write_key

SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "493817"


@contextmanager
def agent(folder: Path) -> Iterator[dict[str, str]]:
    """An agent without keys; the environment that names it."""
    with running(folder) as found:
        yield {**os.environ, "SSH_AUTH_SOCK": found.socket}


def add(environ: dict[str, str], key: Path, *options: str) -> str:
    """Put the key into the agent; its public half."""
    subprocess.run(["ssh-add", "-q", *options, str(key)], env=environ, check=True)
    return key.with_suffix(".pub").read_text()


def program(path: Path, text: str) -> str:
    """A program that prints the text, for SSH_ASKPASS."""
    path.write_text(f"#!/bin/sh\necho '{text}'\n")
    path.chmod(0o700)
    return str(path)


def token(folder: Path, kind: str = "EC") -> tuple[dict[str, str], str]:
    """A SoftHSM token with one key and its PIN behind SSH_ASKPASS: the environment, and the public key."""
    if not os.path.exists(SOFTHSM):
        pytest.fail("SoftHSM is not installed: apt-get install softhsm2")
    (folder / "tokens").mkdir()
    settings = folder / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
    environ = {**os.environ, "SOFTHSM2_CONF": str(settings), "SSH_ASKPASS": program(folder / "askpass", PIN)}
    options = {"EC": "ec_paramgen_curve:P-256", "RSA": "rsa_keygen_bits:2048"}[kind]
    key = folder / "key.pem"
    steps = f"""
        softhsm2-util --init-token --free --label ca --pin {PIN} --so-pin 1111
        openssl genpkey -algorithm {kind} -pkeyopt {options} -out {key}
        softhsm2-util --import {key} --token ca --label ca --id 01 --pin {PIN}
    """
    for step in textwrap.dedent(steps).split("\n"):
        if step:
            subprocess.run(step.split(), env=environ, check=True, capture_output=True)
    key.unlink()
    listed = subprocess.run(["ssh-keygen", "-D", SOFTHSM], env=environ, check=True, capture_output=True, text=True)
    return environ, listed.stdout.splitlines()[0]


def key_file(folder: Path, name: str = "ca") -> Path:
    """A CA key in a file."""
    return write_key(folder / name)
