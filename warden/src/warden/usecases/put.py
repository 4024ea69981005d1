"""put: bring one value into a field of a lane, without the right to read any."""

import re

import msgspec

from warden.core.access.value_check import doubts
from warden.core.errors import Missing, UsageError, WardenError
from warden.core.lanes.lane import Lane
from warden.core.openbao.resources import expect_concrete
from warden.core.secret import Secret
from warden.ports.journal import Journal
from warden.ports.vault import Vault
from warden.usecases.recorded import although

_PLAIN = re.compile(r"[A-Z_]{1,40}")


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """Where the value is now: path, field and the version that holds it.

    ``missing`` are the lane's other fields that this version has no value for, as far as the caller may see that.
    """

    lane: str
    path: str
    field: str
    version: int
    record: int
    missing: tuple[str, ...] = ()


def put(
    lane: Lane, field: str, value: Secret, vault: Vault, journal: Journal, *, as_is: bool = False, typed: bool = False
) -> Written:
    """Write `value` into `field` with PATCH and check-and-set: siblings and foreign metadata survive.

    One line break at the end is taken off, as ``echo`` adds it, unless `as_is`. `typed`: it came from a terminal.

    Raises:
        Missing: the lane declares no such field.
        UsageError: the value looks truncated, empty, masked or has several lines, and `as_is` was not given.
        Held: another writer was faster.
        JournalUnwritable: nothing was written, unless the message says that it was.
    """
    expect_concrete(lane)
    _expect_declared(lane, field)
    meant = value if as_is else Secret(value.reveal().removesuffix("\n").removesuffix("\r"))
    _expect_whole(meant, field, as_is=as_is, typed=typed)
    custody = lane.custody
    _expect_versioned(lane, vault)
    who = vault.identity().as_json()
    what = {"system": vault.address, "identity": who, "path": custody.path, "field": field}
    journal.record("put.begin", lane.id, what)
    version = vault.put_field(custody.mount, custody.key, field, meant)
    with although(f"{field} is in version {version} of {custody.path}"):
        record = journal.record("put.done", lane.id, what | {"version": version})
    missing = _missing(lane, vault)
    return Written(lane=lane.id, path=custody.path, field=field, version=version, record=record, missing=missing)


def _missing(lane: Lane, vault: Vault) -> tuple[str, ...]:
    """The value is in: what keeps the caller from seeing its siblings' names is no fault of the write."""
    custody = lane.custody
    if len(custody.fields) == 1:
        return ()
    try:
        present = vault.field_names(custody.mount, custody.key)
    except WardenError:
        return ()
    return tuple(each for each in custody.fields if each not in present)


def _expect_declared(lane: Lane, field: str) -> None:
    """A name that is none of the lane's is quoted only if it can be no value: ``FIELD=value`` is soon typed."""
    if field not in lane.custody.fields:
        named = f"no field {field}" if _PLAIN.fullmatch(field) else "no such field"
        raise Missing(
            f"{lane.id} declares {named}, but {', '.join(lane.custody.fields)}. Nothing was written.",
            subject=lane.id,
            hint=f"warden put {lane.id} {lane.custody.fields[0]}",
        )


def _expect_whole(value: Secret, field: str, *, as_is: bool, typed: bool) -> None:
    found = doubts(value, from_terminal=typed)
    if found and not as_is:
        raise UsageError(
            f"the value for {field} is probably not the one that was meant: {'; '.join(found)}. Nothing was written.",
            subject=field,
            hint="if it is meant exactly so, give it on standard input with --as-is",
        )


def _expect_versioned(lane: Lane, vault: Vault) -> None:
    """On a KV version 1 mount a write to the same path would replace the whole secret."""
    mount = vault.mount(lane.custody.mount)
    if mount is None or mount.type != "kv" or mount.version != 2:  # noqa: PLR2004 - KV v2
        raise Missing(
            f"{vault.address} has no KV version 2 mount {lane.custody.mount}/. Nothing was written.",
            system=f"OpenBao {vault.address}",
            subject=lane.custody.mount,
            hint=f"warden apply {lane.id}",
        )
