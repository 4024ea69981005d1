"""``inventory.yaml`` of the platform directory -> the inventory, with every fault of the file."""

import os
import re
from collections.abc import Mapping

import msgspec

from warden.adapters.catalog.discovery import expect_trusted
from warden.adapters.catalog.files import Source, load_platform, shown, structured
from warden.core.errors import Effect, Fault, Invalid
from warden.core.inventory.inventory import Inventory
from warden.core.inventory.public_keys import public_key
from warden.core.inventory.rules import beside, of_empty_keys, of_inventory
from warden.core.lanes.catalog import Catalog, Platform
from warden.core.lanes.rules import located, unreported
from warden.core.remedies import warden

FILE = "inventory.yaml"
_PUBLIC_KEY = re.compile(r"\b(?:sk-)?(?:ssh|ecdsa)-[a-z0-9@.-]+[ \t]+AAAA[A-Za-z0-9+/]{40,8000}={0,2}")
"""What may be a public key: long and random, as a secret is."""


class Parsed(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says, everything that is wrong with it, and the line of each field.

    With errors the inventory is good for nothing but finding more of them.
    """

    inventory: Inventory
    file: str
    faults: tuple[Fault, ...] = ()
    lines: Mapping[str, int] = {}

    @property
    def wrong(self) -> tuple[Fault, ...]:
        """The faults that are not warnings."""
        return tuple(fault for fault in self.faults if not fault.warning)


def load_inventory(platform_dir: str) -> Inventory:
    """The inventory; an empty one where there is no such file.

    Raises `Invalid` where it, or ``platform.yaml``, has errors, `UsageError` where others can change it.
    """
    path = inventory_file(platform_dir)
    if not os.path.lexists(path):
        return Inventory()
    expect_trusted(platform_dir, [path])
    found = parse_inventory(path, load_platform(platform_dir))
    if found.wrong:
        raise errors_of(found)
    return found.inventory


def errors_of(found: Parsed) -> Invalid:
    """The error for a file that cannot be used."""
    return Invalid(
        found.wrong,
        f"{FILE} has errors",
        effect=Effect.NOTHING_DONE,
        subject=found.file,
        remedy=(warden("catalog check"),),
    )


def inventory_faults(platform_dir: str, catalog: Catalog) -> tuple[Fault, ...]:
    """Everything that is wrong with the file, beside the catalog's entries, too. Raises `UsageError`."""
    path = inventory_file(platform_dir)
    if not os.path.lexists(path):
        return ()
    expect_trusted(platform_dir, [path])
    found = parse_inventory(path, catalog.platform)
    complaints = unreported(beside(found.inventory, catalog.declared.values()), [each.field for each in found.faults])
    return tuple(sorted([*found.faults, *located(found.file, found.lines, complaints)]))


def inventory_file(platform_dir: str) -> str:
    """Where the file is, whether or not there is one."""
    return os.path.join(platform_dir, FILE)


def parse_inventory(path: str, platform: Platform) -> Parsed:
    """The file, read alone. `platform` has the login mounts that identities may name."""
    source = Source(file=shown(path), path=path, id=FILE)
    inventory = structured(path, source, lambda _: Inventory, _without_public_keys) or Inventory()
    found = (*of_inventory(inventory, platform), *of_empty_keys(inventory, source.lines))
    complaints = unreported(found, [fault.field for fault in source.faults])
    faults = sorted([*source.faults, *located(source.file, source.lines, complaints)])
    return Parsed(inventory=inventory, file=source.file, faults=tuple(faults), lines=source.lines)


def _without_public_keys(text: str) -> str:
    """With what is a public key by its form, and nothing else, out of a scanner's sight."""
    return _PUBLIC_KEY.sub(lambda found: "x" * len(found[0]) if public_key(found[0]) else found[0], text)
