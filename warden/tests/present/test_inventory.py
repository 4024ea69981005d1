"""The inventory as a person reads it."""

from warden.core.inventory.inventory import Actor, Host, Inventory
from warden.core.lanes.readers import Seconds
from warden.present import inventory


def test_the_hosts_are_listed_with_their_names_and_groups(capsys):
    declared = Inventory(
        actors={"adm-ada": Actor(hosts=("all",))},
        hosts={"web": Host(names=("web", "web.example.com")), "db": Host(ttl=Seconds(3600))},
        host_groups={"all": ("web", "db"), "front": ("web",)},
    )
    inventory.show(declared)
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["web", "web,", "web.example.com", "30", "d", "all,", "front"] in rows
    assert ["db", "db", "1", "h", "all"] in rows
    assert rows[-1] == ["Next:", "warden", "sign", "adm-ada", "--pubkey", "FILE"]


def test_hosts_are_listed_where_there_is_no_actor_yet(capsys):
    inventory.show(Inventory(hosts={"web": Host()}))
    said = capsys.readouterr().out
    assert "declares no actors" in said
    assert "web" in said
