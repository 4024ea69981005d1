"""What must hold of ``inventory.yaml`` beyond its shape. Pure: no file is read here.

As in `warden.core.lanes.rules`, a rule and its wording are one line of code.
"""

import ipaddress
import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

from warden.core.inventory.authority_rules import of_authorities
from warden.core.inventory.inventory import (
    EXTENSIONS,
    LONGEST,
    LONGEST_OF_HOST,
    Actor,
    ActorIdentity,
    Host,
    Inventory,
    NamedActor,
    PersonIdentity,
)
from warden.core.inventory.public_keys import public_key
from warden.core.lanes.catalog import Entry, Platform
from warden.core.lanes.lane import Lane
from warden.core.lanes.rules import ID, Complaint, of_name, of_reader

_ACTOR = re.compile(r"(adm|agt|atm)(-[a-z0-9]+)+", re.ASCII)
_LONGEST_NAME = 64
_PRINCIPAL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@+-]{0,127}", re.ASCII)
"""Without comma, star and white space, which OpenSSH has given a meaning of their own; see docs/inventory.md."""
_MOST_PRINCIPALS = 256
"""SSHKEY_CERT_MAX_PRINCIPALS of OpenSSH (sshkey.c)."""
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)
_HOST_NAME = re.compile(r"[A-Za-z0-9:]([A-Za-z0-9._:-]{0,251}[A-Za-z0-9])?", re.ASCII)
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_COMMAND = re.compile(r"[ -~]{1,1024}", re.ASCII)


def of_inventory(inventory: Inventory, platform: Platform) -> Iterator[Complaint]:
    """Everything that is wrong with it."""
    yield from of_authorities(inventory.authorities)
    for name, actor in inventory.actors.items():
        yield from _of_actor(name, actor, inventory, platform)
    yield from _of_roles(inventory)
    for name, host in inventory.hosts.items():
        yield from _of_host(name, host)
    yield from _of_host_names(inventory)
    for name, members in inventory.host_groups.items():
        yield from _of_group(name, members, inventory)


# -- actors ---------------------------------------------------------------------------------------------------------


def _of_actor(name: str, actor: Actor, inventory: Inventory, platform: Platform) -> Iterator[Complaint]:
    field = f"actors.{name}"
    if not _ACTOR.fullmatch(name) or len(name) > _LONGEST_NAME:
        clause = f"adm-, agt- or atm-, then a-z, 0-9, single hyphens inside, at most {_LONGEST_NAME} characters"
        yield Complaint(field, f"is not the name of an actor; allowed: {clause}")
        return
    named = NamedActor(name=name, declared=actor)
    if actor.type is not None and actor.type != named.kind:
        yield Complaint(f"{field}.type", f"is not the prefix of its name, {named.kind}; remove it, or rename the actor")
    yield from _principals(named, field)
    yield from _validity(named, field)
    yield from _addresses(named, field)
    if actor.force_command is not None and not _COMMAND.fullmatch(actor.force_command):
        yield Complaint(f"{field}.force_command", "is not a command; write one line of printable ASCII")
    yield from _extensions(actor.extensions or (), field)
    yield from _keys(actor.public_keys, field)
    yield from _hosts(actor.hosts, inventory, field)
    yield from _identities(named, field, platform)


def _principals(actor: NamedActor, field: str) -> Iterator[Complaint]:
    if not actor.principals:
        yield Complaint(f"{field}.principals", "is empty; leave it out for the actor's own name")
    if len(actor.principals) > _MOST_PRINCIPALS:
        yield Complaint(f"{field}.principals", f"has more than {_MOST_PRINCIPALS}, and OpenSSH refuses the certificate")
    clause = "is not a principal; allowed: letters, digits, . _ @ + - inside, and no comma, star or space"
    yield from _each(actor.principals, f"{field}.principals", _PRINCIPAL.fullmatch, clause)
    if actor.kind != "adm" and len(actor.principals) > 1:
        clause = "has several; an agent or automation is easier to judge with one for each actor"
        yield Complaint(f"{field}.principals", clause, warning=True)


def _validity(actor: NamedActor, field: str) -> Iterator[Complaint]:
    declared, most = actor.declared, LONGEST[actor.kind]
    key = "ttl_hours" if declared.ttl_hours is not None else "ttl"
    if declared.ttl is not None and declared.ttl_hours is not None:
        yield Complaint(f"{field}.ttl_hours", "cannot stand beside ttl: both say the same; remove one")
    elif not 0 < actor.ttl <= most:
        yield Complaint(f"{field}.{key}", f"is not allowed for {actor.kind}-; at most {most // 3600}h, and not 0")


def _addresses(actor: NamedActor, field: str) -> Iterator[Complaint]:
    addresses = actor.declared.source_addresses
    if actor.kind != "adm" and not addresses:
        clause = "is missing; an agent or automation logs in from known addresses: [10.1.2.3/32]"
        yield Complaint(f"{field}.source_addresses", clause)
    yield from _each(
        addresses, f"{field}.source_addresses", _network, "is not a network; write 10.1.0.0/16 or fd00::/8"
    )
    if _is_everywhere(filter(None, map(_network, addresses))):
        yield Complaint(f"{field}.source_addresses", "covers every address; list those that it has")


def _is_everywhere(networks: Iterable[_Network]) -> bool:
    """Also in parts, as 0.0.0.0/1 and 128.0.0.0/1."""
    listed = list(networks)
    old = ipaddress.collapse_addresses(each for each in listed if isinstance(each, ipaddress.IPv4Network))
    new = ipaddress.collapse_addresses(each for each in listed if isinstance(each, ipaddress.IPv6Network))
    return any(each.prefixlen == 0 for each in old) or any(each.prefixlen == 0 for each in new)


def _network(text: str) -> _Network | None:
    if not text.partition("/")[2].isdigit() and "/" in text:
        return None  # a mask in place of its length, which sshd does not read
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None


def _extensions(names: Sequence[str], field: str) -> Iterator[Complaint]:
    clause = f"is not an extension; allowed: {', '.join(EXTENSIONS)}"
    yield from _each(names, f"{field}.extensions", lambda text: text in EXTENSIONS, clause)


def _keys(lines: Sequence[str], field: str) -> Iterator[Complaint]:
    clause = "is not a public key; write ssh-ed25519 AAAA… (the content of a .pub file)"
    yield from _each(lines, f"{field}.public_keys", public_key, clause)


def _hosts(names: Sequence[str], inventory: Inventory, field: str) -> Iterator[Complaint]:
    known = (*inventory.hosts, *inventory.host_groups)
    clause = f"is not in hosts or host_groups, which have {', '.join(known) or 'none yet'}"
    yield from _each(names, f"{field}.hosts", lambda name: name in known, clause)


def _identities(actor: NamedActor, field: str, platform: Platform) -> Iterator[Complaint]:
    if not actor.declared.identities:
        yield Complaint(f"{field}.identities", "is empty; nobody can have a certificate signed for it", warning=True)
    roles = []
    for index, identity in enumerate(actor.declared.identities):
        where = f"{field}.identities[{index}]"
        yield from _of_identity(identity, where, platform)
        role = actor.role_of(identity)
        if role in roles:
            yield Complaint(where, f"has the role of another identity of this actor, {role}; name another role")
        roles.append(role)


def _of_identity(identity: ActorIdentity, field: str, platform: Platform) -> Iterator[Complaint]:
    if not isinstance(identity, PersonIdentity):
        yield from of_reader(identity, field, platform)
        return
    yield from of_name(identity.role, f"{field}.role")
    if not identity.person.isprintable() or "*" in identity.person:
        yield Complaint(f"{field}.person", "is not one person; write the claim's text, without *")
    if platform.kv_mount and identity.login not in platform.logins:
        known = ", ".join(platform.logins) or "none yet"
        yield Complaint(f"{field}.login", f"is not a login mount of platform.yaml, which has {known}")


def _of_roles(inventory: Inventory) -> Iterator[Complaint]:
    """A role has the policies of one actor; an AppRole of two would sign for both."""
    owners: dict[object, str] = {}
    for name, actor in inventory.actors.items():
        if not _ACTOR.fullmatch(name):
            continue
        named = NamedActor(name=name, declared=actor)
        for index, identity in enumerate(actor.identities):
            role = named.role_of(identity)
            if owners.setdefault(role, name) != name:
                clause = f"has the role of an identity of {owners[role]}, {role}; name another role"
                yield Complaint(f"actors.{name}.identities[{index}]", clause)


def of_empty_keys(inventory: Inventory, fields: Container[str]) -> Iterator[Complaint]:
    """A list of keys without any, among the `fields` of the file: it would be taken as one that was left out."""
    listed = [(f"actors.{name}", each.public_keys) for name, each in inventory.actors.items()]
    listed += [(f"hosts.{name}", each.public_keys) for name, each in inventory.hosts.items()]
    for field, keys in listed:
        if not keys and f"{field}.public_keys" in fields:
            yield Complaint(f"{field}.public_keys", "is empty; leave it out for any key, or list those that are signed")


def beside(inventory: Inventory, entries: Iterable[Entry]) -> Iterator[Complaint]:
    """What is wrong only together with the catalog: names and roles that are an entry's, too."""
    listed = list(entries)
    ids = {each.id for each in listed}
    roles = {
        (reader.mount, lane.role_of(reader)): lane.id
        for lane in listed
        if isinstance(lane, Lane)
        for reader in lane.readers
    }
    for name, actor in inventory.actors.items():
        if name in ids:
            yield Complaint(f"actors.{name}", "is the id of an entry of the catalog, too; rename the actor")
        named = NamedActor(name=name, declared=actor)
        for index, role in enumerate(map(named.role_of, actor.identities)):
            if owner := roles.get((role.mount, role.name)):
                clause = f"has the role of a reader of {owner}, {role}; name another role"
                yield Complaint(f"actors.{name}.identities[{index}]", clause)


# -- hosts ----------------------------------------------------------------------------------------------------------


def _of_host(name: str, host: Host) -> Iterator[Complaint]:
    field = f"hosts.{name}"
    if not _HOST.fullmatch(name):
        yield Complaint(field, "is not the name of a host; allowed: a-z, 0-9, . and - inside")
    if host.names is not None and not host.names:
        yield Complaint(f"{field}.names", "is empty; leave it out for the host's own name")
    clause = "is not the name or the address of a host; patterns are not allowed"
    yield from _each(host.names or (), f"{field}.names", _HOST_NAME.fullmatch, clause)
    if not 0 < host.ttl <= LONGEST_OF_HOST:
        yield Complaint(f"{field}.ttl", f"is not allowed for a host; at most {LONGEST_OF_HOST // 86400}d, and not 0")
    yield from _keys(host.public_keys, field)


def _of_host_names(inventory: Inventory) -> Iterator[Complaint]:
    """Whoever writes a name behind ``ssh`` means one host."""
    owners: dict[str, str] = {}
    for name in inventory.hosts:
        for each in inventory.names_of(name):
            if owners.setdefault(each.lower(), name) != name:
                yield Complaint(f"hosts.{name}.names", f"has {each}, which is a name of {owners[each.lower()]}")


def _of_group(name: str, members: Sequence[str], inventory: Inventory) -> Iterator[Complaint]:
    field = f"host_groups.{name}"
    if not ID.fullmatch(name):
        yield Complaint(field, "is not the name of a group; allowed: a-z, 0-9, single hyphens inside")
    if name in inventory.hosts:
        yield Complaint(field, "is the name of a host, too; rename the group")
    if not members:
        yield Complaint(field, "is empty; name at least one host")
    clause = f"is not in hosts, which has {', '.join(inventory.hosts) or 'none yet'}"
    yield from _each(members, field, lambda each: each in inventory.hosts, clause)


def _each(texts: Sequence[str], field: str, fits: Callable[[str], object], clause: str) -> Iterator[Complaint]:
    """A complaint for each text that does not fit, and for each that is there twice."""
    seen: Mapping[str, int] = {text: index for index, text in reversed(list(enumerate(texts)))}
    for index, text in enumerate(texts):
        if not fits(text):
            yield Complaint(f"{field}[{index}]", clause)
        elif seen[text] != index:
            yield Complaint(f"{field}[{index}]", "is listed twice")
