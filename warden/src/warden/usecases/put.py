"""put: write values into fields of a lane, all in one version, without the right to read any."""

import re
from collections.abc import Iterable, Mapping

import msgspec

from warden.core.access.value_check import Doubt, doubts, form_doubts
from warden.core.errors import Effect, Missing, UsageError, WardenError
from warden.core.lanes.catalog import nearest
from warden.core.lanes.lane import Lane
from warden.core.openbao.resources import expect_concrete
from warden.core.remedies import warden
from warden.core.secret import Secret
from warden.ports.journal import Journal
from warden.ports.vault import Vault
from warden.usecases.steps.killed_operations import end_killed_put
from warden.usecases.steps.recorded import begun, effect_so_far

_QUOTABLE = re.compile(r"[A-Z_]{1,40}")


class FieldNotDeclared(msgspec.Struct, frozen=True, kw_only=True):
    """The lane declares no such field; ``field`` is empty where the name could be a value (``FIELD=value``)."""

    lane: str
    field: str
    fields: tuple[str, ...]


class Doubtful(msgspec.Struct, frozen=True):
    """The value for the field is probably not the one that was meant."""

    field: str
    doubts: tuple[Doubt, ...]


class SeveralDoubtful(msgspec.Struct, frozen=True):
    """The values for several fields are probably not those that were meant."""

    values: tuple[Doubtful, ...]


class NotKv2(msgspec.Struct, frozen=True):
    """The server has no KV version 2 engine at the mount."""

    address: str
    mount: str


class ValueWritten(msgspec.Struct, frozen=True, kw_only=True):
    """The effect: the values were written as this version."""

    path: str
    fields: tuple[str, ...]
    version: int


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """Where the values are now: path, fields and the version that holds them.

    ``missing`` are the lane's other fields that this version has no value for, as far as the caller may see that.
    """

    lane: str
    path: str
    fields: tuple[str, ...]
    version: int
    record: int
    missing: tuple[str, ...] = ()


def put(
    lane: Lane,
    values: Mapping[str, Secret],
    vault: Vault,
    journal: Journal,
    *,
    as_is: bool = False,
    typed: bool = False,
) -> Written:
    """Write `values` by field, as one version, with PATCH and check-and-set: siblings and foreign metadata survive.

    One line break at the end of each is removed, as ``echo`` adds it, unless `as_is`. `typed`: from a terminal.
    That a value was written `as_is`, and what is doubtful about it, is in the journal.

    Raises:
        Missing: the lane declares no such field, or its mount is not KV version 2.
        UsageError: a value is probably not the one that was meant, and `as_is` was not given.
        Held: another writer was faster.
        JournalUnwritable: nothing was written, unless the effect says that it was.
    """
    expect_concrete(lane)
    expect_declared(lane, values)
    meant = dict(values) if as_is else {field: _without_line_break(value) for field, value in values.items()}
    if not as_is:
        _expect_meant(lane, meant, typed=typed)
    custody, fields = lane.custody, tuple(meant)
    _expect_kv2(lane, vault)
    who = vault.identity().as_json()
    before = end_killed_put(lane, vault, journal)
    what = {"system": vault.address, "identity": who, "path": custody.path, "fields": list(fields), "before": before}
    what |= {"as_is": _accepted(meant)} if as_is else {}
    with begun("put", lane.id, what, journal) as done:
        version = vault.put_fields(custody.mount, custody.key, meant)
        with effect_so_far(ValueWritten(path=custody.path, fields=fields, version=version)):
            record = journal.record("put.done", lane.id, done | {"version": version})
    missing = _missing(lane, vault)
    return Written(lane=lane.id, path=custody.path, fields=fields, version=version, record=record, missing=missing)


def _without_line_break(value: Secret) -> Secret:
    return Secret(value.reveal().removesuffix("\n").removesuffix("\r"))


def _missing(lane: Lane, vault: Vault) -> tuple[str, ...]:
    """The value is in: an error that hides the names of its siblings is not an error of the write."""
    custody = lane.custody
    if len(custody.fields) == 1:
        return ()
    try:
        present = vault.field_names(custody.mount, custody.key)
    except WardenError:
        return ()
    return tuple(each for each in custody.fields if each not in present)


def expect_declared(lane: Lane, fields: Iterable[str]) -> None:
    """Raises `Missing` for a name that the lane does not declare.

    The name is only repeated if it cannot be a value: ``FIELD=value`` is easily typed.
    """
    for field in fields:
        if field not in lane.custody.fields:
            near = nearest(field, lane.custody.fields, 1)
            raise Missing(
                FieldNotDeclared(
                    lane=lane.id, field=field if _QUOTABLE.fullmatch(field) else "", fields=lane.custody.fields
                ),
                effect=Effect.NOTHING_WRITTEN,
                subject=lane.id,
                remedy=(warden("put", lane.id, *(near or lane.custody.fields)),),
            )


def _accepted(values: Mapping[str, Secret]) -> dict[str, list[str]]:
    """What is doubtful about each value that is written all the same: `prove` does not doubt it again."""
    return {field: [each.value for each in form_doubts(value.reveal(), field)] for field, value in values.items()}


def _expect_meant(lane: Lane, values: Mapping[str, Secret], *, typed: bool) -> None:
    found = [Doubtful(field, doubts(value, field, from_terminal=typed)) for field, value in values.items()]
    wrong = tuple(each for each in found if each.doubts)
    if wrong:
        raise UsageError(
            wrong[0] if len(wrong) == 1 else SeveralDoubtful(wrong),
            effect=Effect.NOTHING_WRITTEN,
            subject=wrong[0].field,
            hint="if it is right as it is, give it on standard input",
            remedy=(warden("put", lane.id, *values, as_is=True),),
        )


def _expect_kv2(lane: Lane, vault: Vault) -> None:
    """On a KV version 1 mount a write to the same path would replace the whole secret."""
    mount = vault.mount(lane.custody.mount)
    if mount is None or mount.type != "kv" or mount.version != 2:  # noqa: PLR2004 - KV v2
        raise Missing(
            NotKv2(vault.address, lane.custody.mount),
            effect=Effect.NOTHING_WRITTEN,
            system=f"OpenBao {vault.address}",
            subject=lane.custody.mount,
            remedy=(warden("apply", lane.id),),
        )
