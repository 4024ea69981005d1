"""What ssh itself makes of the Match blocks, beside what a user has configured."""

import shlex
import subprocess

import pytest

from warden.core.errors import UsageError
from warden.core.inventory.inventory import Actor, Host, Inventory, NamedActor
from warden.core.ssh.client_config import KnownAuthority, block, host_names
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

    def said(host: str, user: str = "", *, ready: bool = True, where: str = "behind", **changed):
        ensure = tmp_path / "ensure it %h"
        ensure.write_text(f'#!/bin/sh\necho "$@" >> {shlex.quote(str(ran))}\nexit {0 if ready else 1}\n')
        ensure.chmod(0o700)
        command = (str(ensure), "ssh", "ensure", "adm-ada")
        made.write_text(config_text([block(INVENTORY, ADA, command=command, **changed)]))
        include = f'Include "{made}"\n'
        config = tmp_path / "config"
        config.write_text(f"{user}\n{include}" if where == "behind" else f"{include}{user}\n")
        shown = subprocess.run(["ssh", "-T", "-G", "-F", config, host], capture_output=True, text=True, check=True)
        assert not shown.stderr
        return shown.stdout.lower().splitlines()

    said.ran = lambda: ran.read_text().splitlines() if ran.exists() else []
    said.folder = tmp_path
    return said


def test_for_a_host_of_the_inventory_a_certificate_is_made_ready(configured):
    configured("coulombcore.example")
    assert configured.ran() == ["ssh ensure adm-ada"]


def test_another_host_is_not_touched_and_nothing_is_run_for_it(configured):
    for host in ("github.com", "coulombcore.example.org", "other", "coulombcor"):
        assert not [line for line in configured(host, identity_file="/of ada", only=True) if "of ada" in line], host
    assert configured.ran() == []


def test_without_a_certificate_ssh_does_what_the_user_configured(configured):
    user = "Host coulombcore\n  User root\n  IdentityFile ~/.ssh/own\n"
    plain = configured("coulombcore", user, ready=False, identity_file="/of ada", only=True)
    assert not [line for line in plain if "of ada" in line]
    assert "user root" in plain
    assert "identitiesonly no" in plain
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
    assert configured("coulombcore", USERS, where=where) == without
    assert "serveraliveinterval 7" in without
    assert configured("github.com", USERS, where=where, only=True) == configured("github.com", USERS, ready=False)


def test_default_keys_are_still_tried(configured):
    assert "identityfile ~/.ssh/id_ed25519" in configured("coulombcore")


def test_a_certificate_that_is_named_is_added_to_what_the_user_named(configured):
    shown = configured("coulombcore", USERS, identity_file="/of ada", only=True)
    assert [line for line in shown if line.startswith("identit") and "agent" not in line] == [
        "identitiesonly yes",
        "identityfile ~/.ssh/own",
        "identityfile /of ada",
    ]


def test_the_first_line_is_for_every_host_and_below_a_host_line_it_is_for_that_host_alone(configured):
    for where, named in (("before", True), ("behind", False)):
        shown = configured("coulombcore", "Host other\n  User root\n", identity_file="/of ada", only=True, where=where)
        assert ("identityfile /of ada" in shown, "identitiesonly yes" in shown) == (named, named), where


def test_a_percent_sign_in_a_path_is_not_a_token(configured):
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
        block(INVENTORY, ADA, command=("warden",), identity_file=path)
    with pytest.raises(UsageError):
        block(INVENTORY, ADA, command=(path,))


def test_an_actor_without_hosts_has_no_block():
    bob = NamedActor(name="adm-bob", declared=INVENTORY.actors["adm-bob"])
    with pytest.raises(UsageError):
        block(INVENTORY, bob, command=("warden",))


def test_no_token_of_a_connection_is_in_a_command():
    text = config_text([block(INVENTORY, ADA, command=("/100%r/warden",), identity_file="/c%u")])
    assert "%r" not in text.replace("%%", "")
    assert "%u" not in text.replace("%%", "")


def test_each_key_of_an_authority_has_a_line():
    known = KnownAuthority(names=("a", "b"), public_keys=("ssh-ed25519 AAAA", "ssh-ed25519 BBBB"))
    assert known_hosts_text(known).splitlines() == [
        "@cert-authority a,b ssh-ed25519 AAAA",
        "@cert-authority a,b ssh-ed25519 BBBB",
    ]
    assert known_hosts_text(KnownAuthority(names=(), public_keys=("ssh-ed25519 AAAA",))) == ""
