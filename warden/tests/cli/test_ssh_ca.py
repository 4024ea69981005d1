"""``warden ssh ca`` as a person types it: the keys, and a whole rotation."""

import json

import pytest


@pytest.fixture
def ca(engineer):
    """Run as the platform engineer, with an actor on the mount ``ssh``."""
    inventory = "actors: {adm-ada: {}}\n"
    (engineer.world.folder / "platform" / "inventory.yaml").write_text(inventory)
    done = engineer("apply", "adm-ada", "--take-over", "--yes")
    assert done.returncode == 0, done.stderr
    return engineer


def test_the_keys_are_lines_that_sshd_reads(ca, tmp_path):
    done = ca("ssh", "ca", "show")
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert line.startswith("ssh-ed25519 AAAA")
    assert line.endswith("(signs now; OpenBao ssh/)")
    (key,) = json.loads(ca("ssh", "ca", "show", "--json").stdout)
    assert (key["purpose"], key["standing"]) == ("users", "signs")
    assert key["public_key"] in line


def test_a_key_is_replaced_in_three_steps(ca):
    made = ca("ssh", "ca", "rotate")
    assert made.returncode == 0, made.stderr
    assert "It does not sign yet" in made.stdout
    assert len(ca("ssh", "ca", "show").stdout.splitlines()) == 2
    refused = ca("ssh", "ca", "rotate")
    assert refused.returncode == 2
    assert "warden ssh ca rotate --for users --yes" in refused.stderr
    switched = json.loads(ca("ssh", "ca", "rotate", "--yes", "--json").stdout)
    assert (switched["step"], switched["until"][-1]) == ("switch", "Z")
    held = ca("ssh", "ca", "rotate", "--yes")
    assert held.returncode == 5
    assert "is needed until" in held.stderr
    removed = ca("ssh", "ca", "rotate", "--yes", "--now")
    assert removed.returncode == 0, removed.stderr
    assert "deleted" in removed.stdout
    assert len(ca("ssh", "ca", "show").stdout.splitlines()) == 1


def test_a_key_that_is_not_in_openbao_is_replaced_by_hand(ca):
    inventory = "authorities: {users: {key: /etc/warden/ca}}\nactors: {}\n"
    (ca.world.folder / "platform" / "inventory.yaml").write_text(inventory)
    done = ca("ssh", "ca", "rotate")
    assert done.returncode == 2
    assert "also_trusted" in done.stderr
