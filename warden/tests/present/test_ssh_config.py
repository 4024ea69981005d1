"""What ssh itself makes of the Match blocks, beside what a user has configured."""

import shlex
import subprocess

import pytest

from warden.core.errors import UsageError
from warden.core.ssh.client_config import KnownAuthority, block, host_names
from warden.core.ssh.inventory import Actor, Host, Inventory, NamedActor
from warden.present.ssh_config import config_text, known_hosts_text

INVENTORY = Inventory(
    actors={"adm-ada": Actor(hosts=("servers",)), "adm-bob": Actor()},
    hosts={"coulombcore": Host(names=("coulombcore", "coulombcore.example")), "railiance01": Host(), "other": Host()},
    host_groups={"servers": ("coulombcore", "railiance01")},
)
ADA = NamedActor(name="adm-ada", declared=INVENTORY.actors["adm-ada"])


@pytest.fixture
def configured(tmp_path):
    """What ``ssh -G`` says of a host, under a user's configuration and ours behind it; `ready` decides of ours."""
    made = tmp_path / "warden.conf"
    ran = tmp_path / "ran"

    def said(host: str, user: str = "", *, ready: bool = True, where: str = "behind", **changed: str):
        ensure = tmp_path / "ensure it %h"
        ensure.write_text(f'#!/bin/sh\necho "$@" >> {shlex.quote(str(ran))}\nexit {0 if ready else 1}\n')
        ensure.chmod(0o700)
        command = (str(ensure), "ssh", "ensure", "adm-ada")
        files = {"certificate_file": str(tmp_path / "of ada-cert.pub")} | changed
        made.write_text(config_text([block(INVENTORY, ADA, command=command, **files)]))
        include = f'Include "{made}"\n'
        config = tmp_path / "config"
        config.write_text(f"{user}\n{include}" if where == "behind" else f"{include}{user}\n")
        shown = subprocess.run(["ssh", "-T", "-G", "-F", config, host], capture_output=True, text=True, check=True)
        assert not shown.stderr
        return shown.stdout.lower().splitlines()

    said.ran = lambda: ran.read_text().splitlines() if ran.exists() else []
    said.folder = tmp_path
    return said


def test_a_host_of_the_inventory_gets_the_certificate(configured):
    assert f"certificatefile {configured.folder}/of ada-cert.pub".lower() in configured("coulombcore.example")
    assert configured.ran() == ["ssh ensure adm-ada"]


def test_another_host_is_not_touched_and_nothing_is_run_for_it(configured):
    for host in ("github.com", "coulombcore.example.org", "other", "coulombcor"):
        assert not [line for line in configured(host) if line.startswith("certificatefile")], host
    assert configured.ran() == []


def test_without_a_certificate_ssh_does_what_the_user_configured(configured):
    user = "Host coulombcore\n  User root\n  IdentityFile ~/.ssh/own\n"
    plain = configured("coulombcore", user, ready=False)
    assert not [line for line in plain if line.startswith("certificatefile")]
    assert "user root" in plain
    assert configured.ran() == ["ssh ensure adm-ada"]


USERS = """
Host coulombcore
  HostName 10.0.0.7
  User ada
  Port 2222
  IdentityFile ~/.ssh/own
  ProxyJump bastion
Host *
  ServerAliveInterval 7
"""


@pytest.mark.parametrize("where", ["behind", "before"])
def test_what_the_user_configured_for_the_host_stays(configured, where):
    without = configured("coulombcore", USERS, ready=False, where=where)
    with_it = configured("coulombcore", USERS, where=where)
    assert [line for line in with_it if line not in without] == [
        f"certificatefile {configured.folder}/of ada-cert.pub".lower()
    ]
    assert [line for line in without if line not in with_it] == []
    assert "serveraliveinterval 7" in with_it


def test_default_keys_are_still_tried(configured):
    assert "identityfile ~/.ssh/id_ed25519" in configured("coulombcore")


def test_a_key_in_a_file_is_named_too(configured):
    shown = configured("railiance01", identity_file="/keys/100%/adm-ada")
    assert "identityfile /keys/100%%/adm-ada" in shown or "identityfile /keys/100%/adm-ada" in shown


@pytest.mark.parametrize(
    "name", ["a*", "!a", "a,b", "a b", "-oProxyCommand=x", "a\nHost *", "a;b", '"', "$(x)", "", "a/b"]
)
def test_a_name_that_means_something_to_ssh_or_a_shell_is_refused(name):
    wrong = Inventory(hosts={"bad": Host(names=(name,))})
    with pytest.raises(UsageError):
        host_names(wrong, ("bad",))


@pytest.mark.parametrize("path", ['/a"b', "/a'b", "/a\\b", "/a\nb", "/a${HOME}b"])
def test_a_path_that_cannot_be_quoted_is_refused(path):
    with pytest.raises(UsageError):
        block(INVENTORY, ADA, command=("warden",), certificate_file=path)
    with pytest.raises(UsageError):
        block(INVENTORY, ADA, command=(path,), certificate_file="/c")


def test_an_actor_without_hosts_has_no_block():
    bob = NamedActor(name="adm-bob", declared=INVENTORY.actors["adm-bob"])
    with pytest.raises(UsageError):
        block(INVENTORY, bob, command=("warden",), certificate_file="/c")


def test_no_token_of_a_connection_is_in_a_command():
    text = config_text([block(INVENTORY, ADA, command=("/100%r/warden",), certificate_file="/c%u")])
    assert "%r" not in text.replace("%%", "")
    assert "%u" not in text.replace("%%", "")


def test_each_key_of_an_authority_has_a_line():
    known = KnownAuthority(names=("a", "b"), public_keys=("ssh-ed25519 AAAA", "ssh-ed25519 BBBB"))
    assert known_hosts_text(known).splitlines() == [
        "@cert-authority a,b ssh-ed25519 AAAA",
        "@cert-authority a,b ssh-ed25519 BBBB",
    ]
    assert known_hosts_text(KnownAuthority(names=(), public_keys=("ssh-ed25519 AAAA",))) == ""
