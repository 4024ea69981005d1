"""What is to be signed follows from the inventory alone; what it does not allow is refused, not adjusted."""

import datetime as dt

import pytest

from warden.core.errors import Refused, UsageError
from warden.core.inventory.inventory import CLOCK_SKEW, Actor, Host, Inventory
from warden.core.inventory.public_keys import public_key
from warden.core.openbao.api import Identity
from warden.core.ssh.decision import actor, decide, expect_listed, host, ttl_of
from warden.present.problems import described

KEY = public_key("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDeg3ZvVYyh0Zk5Cz3T5mAKzKL6fDpr6YUyVRcH+Nk0Z")
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGmEqzGYFsFw3rQC2uQg5xTkqYzAFgwHMhUEtaw/nVyZ"
NOW = dt.datetime(2026, 11, 30, tzinfo=dt.UTC)
INVENTORY = Inventory(
    actors={
        "adm-ada": Actor(),
        "agt-ci": Actor(principals=("deploy",), source_addresses=("10.0.0.0/8", "fd00::/8"), force_command="run it"),
        "atm-x": Actor(ttl_hours=8, extensions=("permit-pty", "permit-X11-forwarding"), public_keys=(OTHER,)),
    },
    hosts={"web": Host(names=("web", "web.example.com"), public_keys=(OTHER,)), "db": Host()},
)


def who(display_name: str = "kubernetes-ci") -> Identity:
    return Identity(display_name=display_name, path="", role="", entity="", policies=(), ttl=0)


def spec(name: str, display_name: str = "kubernetes-ci"):
    named = actor(INVENTORY, name)
    return decide(named, KEY, who(display_name), NOW, ttl_of(named, None))


@pytest.mark.parametrize(
    ("name", "principals", "options", "extensions", "ttl"),
    [
        ("adm-ada", ("adm-ada",), {}, ("permit-pty",), 8 * 3600),
        ("agt-ci", ("deploy",), {"force-command": "run it", "source-address": "10.0.0.0/8,fd00::/8"}, (), 900),
        ("atm-x", ("atm-x",), {}, ("permit-X11-forwarding", "permit-pty"), 8 * 3600),
    ],
)
def test_an_actors_certificate(name, principals, options, extensions, ttl):
    found = spec(name)
    assert (found.type, found.subject, found.serial) == ("user", name, 0)
    assert (found.principals, found.critical_options, found.extensions) == (principals, options, extensions)
    assert found.valid_after == NOW.timestamp() - CLOCK_SKEW
    assert found.valid_before == NOW.timestamp() + ttl
    assert found.public_key == KEY.line


def test_a_hosts_certificate_has_no_options():
    named = host(INVENTORY, "web")
    found = decide(named, KEY, who(), NOW, ttl_of(named, None))
    assert (found.type, found.principals, found.critical_options, found.extensions) == (
        "host",
        ("web", "web.example.com"),
        {},
        (),
    )
    assert found.valid_before - NOW.timestamp() == 30 * 86400
    assert host(INVENTORY, "db").principals == ("db",)


def test_the_key_id_says_for_whom_who_asked_and_which_key():
    subject, name, digest = spec("agt-ci").key_id.split()
    assert (subject, name) == ("agt-ci", "kubernetes-ci")
    assert len(digest) == 64


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[2Jb", "a\u202eb", "a\tb"])
def test_a_name_that_would_write_into_logs_is_refused(name):
    with pytest.raises(Refused) as caught:
        spec("agt-ci", name)
    assert "\n" not in described(caught.value.problem)
    assert "\x1b" not in described(caught.value.problem)


def test_a_shorter_validity_is_given_and_a_longer_one_is_refused():
    named = actor(INVENTORY, "agt-ci")
    assert (ttl_of(named, 1), ttl_of(named, 900), ttl_of(named, None)) == (1, 900, 900)
    with pytest.raises(Refused) as caught:
        ttl_of(named, 901)
    assert "certificates of at most 15 min, and 901 s was asked for" in described(caught.value.problem)


def test_listed_keys_are_the_only_ones():
    expect_listed(actor(INVENTORY, "agt-ci"), KEY)
    expect_listed(actor(INVENTORY, "atm-x"), public_key(f"{OTHER} with a comment"))
    for named in (actor(INVENTORY, "atm-x"), host(INVENTORY, "web")):
        with pytest.raises(Refused) as caught:
            expect_listed(named, KEY)
        assert KEY.fingerprint in described(caught.value.problem)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UsageError) as caught:
        actor(INVENTORY, "adm-eda")
    assert described(caught.value.problem).startswith("adm-eda is not an actor of inventory.yaml; nearest: adm-ada")
    with pytest.raises(UsageError) as caught:
        host(INVENTORY, "wep")
    assert described(caught.value.problem) == "wep is not a host of inventory.yaml; nearest: web"
