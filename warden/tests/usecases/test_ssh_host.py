"""Who signs for hosts: only keys come out, whatever an authority calls one."""

import pytest

from warden.adapters.ssh.certificates import SshCertificates
from warden.core.errors import UsageError
from warden.core.inventory.inventory import Authorities, DeclaredAuthority, Host, Inventory
from warden.usecases.ssh_host import known_authority

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKjx0s4zJfFfF4hL8e6r2p5rZbq7LQnJk3o7W6J7Qm3H"
INVENTORY = Inventory(
    authorities=Authorities(hosts=DeclaredAuthority(openbao="ssh-hosts")),
    hosts={"web": Host(names=("web", "web.example.org")), "db": Host()},
)


class Saying:
    """An authority that says its keys are these."""

    where = "elsewhere"

    def __init__(self, *keys: str) -> None:
        self.keys = keys

    def public_keys(self) -> tuple[str, ...]:
        return self.keys

    def sign(self, spec) -> str:
        raise AssertionError(spec)


def known(*keys: str, hosts=()):
    return known_authority(INVENTORY, hosts, lambda _: Saying(*keys), SshCertificates())


def test_each_name_is_there_and_a_comment_is_not():
    found = known(f"{KEY} whatever it says")
    assert (found.names, found.public_keys) == (("web", "web.example.org", "db"), (KEY,))
    assert known(KEY, hosts=("db",)).names == ("db",)


@pytest.mark.parametrize("said", [f"{KEY}\n* ssh-ed25519 AAAA", "", "nonsense", f"@revoked {KEY}"])
def test_what_is_not_a_key_does_not_get_into_known_hosts(said):
    with pytest.raises(UsageError):
        known(said)
