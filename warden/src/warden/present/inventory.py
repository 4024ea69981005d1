"""The inventory for people and as JSON: every actor with what the file leaves out."""

from typing import Any

from warden.core.inventory.inventory import Inventory, NamedActor
from warden.core.remedies import warden
from warden.present import terminal
from warden.present.commands import to_paste
from warden.present.durations import DAY, span


def as_json(inventory: Inventory) -> dict[str, Any]:
    """``actors[], hosts[], host_groups{}, authorities{}``."""
    return {
        "actors": [_actor(inventory, each) for each in inventory.named_actors],
        "hosts": [
            {"name": name, "names": inventory.names_of(name), "public_keys": host.public_keys, "ttl": host.ttl}
            for name, host in sorted(inventory.hosts.items())
        ],
        "host_groups": inventory.host_groups,
        "authorities": terminal.plain(inventory.authorities),
    }


def _actor(inventory: Inventory, actor: NamedActor) -> dict[str, Any]:
    declared = actor.declared
    return {
        "name": actor.name,
        "type": actor.kind,
        "description": declared.description,
        "identities": [{"identity": each.label, "role": str(actor.role_of(each))} for each in declared.identities],
        "principals": actor.principals,
        "ttl": actor.ttl,
        "source_addresses": declared.source_addresses,
        "force_command": declared.force_command,
        "extensions": actor.extensions,
        "public_keys": declared.public_keys,
        "hosts": inventory.hosts_of(actor),
    }


def show(inventory: Inventory) -> None:
    """One row for each actor and for each host, and what comes next."""
    first = _show_actors(inventory)
    if inventory.hosts:
        terminal.line("")
        terminal.table(("HOST", "NAMES", "VALID", "GROUPS"), [_host_row(inventory, each) for each in inventory.hosts])
    if first:
        terminal.sentence(f"Next: {to_paste(warden('sign', first, pubkey='FILE'))}")


def _host_row(inventory: Inventory, host: str) -> tuple[str, ...]:
    ttl = inventory.hosts[host].ttl
    groups = [name for name, members in inventory.host_groups.items() if host in members]
    valid = span(ttl) if ttl % DAY else f"{ttl // DAY} d"
    return (host, ", ".join(inventory.names_of(host)), valid, ", ".join(groups) or "-")


def _show_actors(inventory: Inventory) -> str:
    """The rows of the actors; answers the first one's name."""
    rows = [
        (
            actor.name,
            span(actor.ttl),
            ", ".join(actor.principals),
            ", ".join(actor.declared.hosts) or "-",
            ", ".join(actor.declared.source_addresses) or "any",
            ", ".join(actor.extensions) or "-",
        )
        for actor in inventory.named_actors
    ]
    if not rows:
        terminal.sentence("inventory.yaml declares no actors.")
        return ""
    terminal.table(("ACTOR", "VALID", "PRINCIPALS", "HOSTS", "FROM", "EXTENSIONS"), rows)
    return rows[0][0]


def show_added(name: str, file: str, *, for_nobody: bool = False) -> None:
    """Where it was added, and what makes it work; `for_nobody`: an actor without identities."""
    terminal.sentence(f"{name} is in {file}.")
    if for_nobody:
        terminal.note(f"warning: {name} has no identities; nobody can have a certificate signed for it")
    terminal.sentence(f"Next: {to_paste(warden('plan', name))}")
