"""What must hold of ``authorities`` in ``inventory.yaml``."""

import re
from collections.abc import Iterator

from warden.core.inventory.inventory import Authorities, DeclaredAuthority
from warden.core.inventory.public_keys import public_key
from warden.core.lanes.rules import Complaint

_MOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*", re.ASCII)


def of_authorities(declared: Authorities) -> Iterator[Complaint]:
    """Everything that is wrong with them."""
    each = {"users": declared.users, "hosts": declared.hosts, "break_glass": declared.break_glass}
    for name, authority in each.items():
        if authority is not None:
            yield from _of_authority(authority, f"authorities.{name}")
    if declared.break_glass is not None and declared.break_glass.openbao is not None:
        clause = "is OpenBao, and break-glass is for when that does not answer; write key, agent or pkcs11"
        yield Complaint("authorities.break_glass.openbao", clause)
    if declared.hosts is not None and _key_of(declared.hosts) == _key_of(declared.users):
        yield Complaint("authorities.hosts", "is the authority of users, too; name another key or mount")


def _key_of(one: DeclaredAuthority) -> tuple[object, ...]:
    return (one.openbao, one.key, one.agent, one.pkcs11)


def _of_authority(one: DeclaredAuthority, field: str) -> Iterator[Complaint]:
    if sum(each is not None for each in _key_of(one)) != 1:
        yield Complaint(field, "needs exactly one of openbao, key, agent, pkcs11")
    if one.openbao is not None and not _MOUNT.fullmatch(one.openbao):
        yield Complaint(f"{field}.openbao", "is not a mount; write its segments, without slashes at the ends")
    if one.key is not None and not one.key.startswith(("/", "~/")):
        clause = "is not an absolute path; write /… or ~/…, outside the platform directory"
        yield Complaint(f"{field}.key", clause)
    if one.agent is not None and not public_key(one.agent):
        yield Complaint(f"{field}.agent", "is not a public key; write ssh-ed25519 AAAA…, as ssh-add -L prints it")
    if one.pkcs11 is not None and not one.pkcs11.library.startswith("/"):
        yield Complaint(f"{field}.pkcs11.library", "is not an absolute path")
    if one.pkcs11 is not None and not public_key(one.pkcs11.public_key):
        yield Complaint(f"{field}.pkcs11.public_key", "is not a public key; write ssh-rsa AAAA…")
    for index, line in enumerate(one.also_trusted):
        if not public_key(line):
            yield Complaint(f"{field}.also_trusted[{index}]", "is not a public key; write ssh-ed25519 AAAA…")
