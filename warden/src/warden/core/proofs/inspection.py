"""A value that was read to be looked at -> what its form says, and nothing of itself.

What is kept is typed: kinds of doubt by field, keys of metadata. Who calls `inspected` forgets the value then.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from warden.core.access.value_check import Doubt, form_doubts
from warden.core.clusters.clear_text import exposed_in
from warden.core.lanes.lane import Lane
from warden.core.openbao.closed_mark import CLOSED, REOPENED
from warden.core.openbao.refill import put_values
from warden.core.openbao.resources import CHANGES
from warden.core.openbao.values import text_of
from warden.core.proofs.details import AcceptedAsIs, FieldDoubts, NotCompared, ValueInMetadata, ValuesDoubtful
from warden.core.proofs.verdict import Verdict
from warden.core.quoting import name, placeholder
from warden.core.remedies import Remedy, RunBao, warden


class Copies(msgspec.Struct, frozen=True, kw_only=True):
    """Where in a path's metadata a value is: keys of texts that hold it, and how many keys hold it themselves."""

    keys: tuple[str, ...] = ()
    unnamed: int = 0


class Inspection(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of a value: its version, what is doubtful about each field, and where metadata holds it."""

    version: int
    doubts: Mapping[str, tuple[Doubt, ...]]
    copies: Copies = Copies()


def inspected(found: Mapping[str, Any], lane: Lane, foreign: Mapping[str, str]) -> Inspection:
    """Look at what ``<mount>/data/<key>`` answered; `foreign` is the metadata that is not our own."""
    values = found.get("data") or {}
    present = {field: values[field] for field in lane.custody.fields if field in values}
    return Inspection(
        version=int((found.get("metadata") or {}).get("version") or 0),
        doubts={field: form_doubts(value, field) for field, value in present.items()},
        copies=_copies(foreign, list(map(text_of, present.values()))),
    )


def _copies(foreign: Mapping[str, str], values: list[str]) -> Copies:
    in_keys = exposed_in({"annotations": {key: key for key in foreign}}, values)
    in_texts = exposed_in({"annotations": dict(foreign)}, values)
    return Copies(keys=tuple(sorted(set(in_texts) - set(in_keys))), unnamed=len(in_keys))


_MARK = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z [\w.@ -]{0,80}")
"""When a lane was closed, and by whom (`closed_mark`)."""
_REQUESTS = re.compile(r"CCR-\d{4}-\d{4}( CCR-\d{4}-\d{4})*")
_HISTORY = {CLOSED: _MARK, REOPENED: _MARK, CHANGES: _REQUESTS}
"""What warden writes at a path beside what the lane's file declares, and what it looks like."""


def foreign_metadata(custom: Mapping[str, str], marks: Mapping[str, str]) -> dict[str, str]:
    """The custom metadata of a path beside our own marks; a mark with another text than ours is not our own."""
    return {
        key: text
        for key, text in custom.items()
        if marks.get(key) != text and not (key in _HISTORY and _HISTORY[key].fullmatch(text))
    }


class Hashed(msgspec.Struct, frozen=True, kw_only=True):
    """The keyed hashes of what in a metadata text, and in its key, may be a value."""

    text: frozenset[str]
    key: frozenset[str]


def copies_by_hash(texts: Mapping[str, Hashed], logged: Iterable[Mapping[str, str]]) -> Copies:
    """Where a hash is that of a field in one of these audit lines."""
    sought = {each for line in logged for each in line.values() if each}
    in_keys = {key for key, each in texts.items() if each.key & sought}
    in_texts = {key for key, each in texts.items() if each.text & sought}
    return Copies(keys=tuple(sorted(in_texts - in_keys)), unnamed=len(in_keys))


# -- verdicts ---------------------------------------------------------------------------------------------------------


def doubtful(doubts: Mapping[str, tuple[Doubt, ...]]) -> ValuesDoubtful | None:
    """The fields that something is doubtful about; ``None`` where there is none."""
    fields = tuple(FieldDoubts(field, each) for field, each in sorted(doubts.items()) if each)
    return ValuesDoubtful(fields) if fields else None


def put_again(lane: Lane, detail: ValuesDoubtful) -> Remedy:
    """Write those fields anew."""
    return (warden("put", lane.id, *(each.field for each in detail.fields)),)


AsIs = Mapping[str, tuple[int, frozenset[str]]]
"""For each field the record of its last put, and the doubts that were accepted then."""


def accepted_versions(puts: Iterable[tuple[int, Mapping[str, Any]]]) -> Mapping[int, AsIs]:
    """What was put with ``--as-is``, by the version that holds it; `puts` are numbers and bodies of ``put.done``.

    A put leaves the other fields as they are, so what was accepted of them holds for the next version too; after a
    version that somebody else wrote it does not.
    """
    found: dict[int, AsIs] = {}
    before = 0
    as_is: AsIs = {}
    for record, body in puts:
        version, known = int(body.get("version") or 0), body.get("as_is") or {}
        written = {field: (record, frozenset(known.get(field) or ())) for field in body.get("fields") or ()}
        as_is = {**(as_is if version == before + 1 else {}), **written}
        found[version] = as_is
        before = version
    return found


def accepted(verdict: Verdict, by_version: Mapping[int, AsIs]) -> Verdict:
    """The verdict on a form, where what is doubtful was known when this very version was put with ``--as-is``."""
    as_is = by_version.get(verdict.version) or {}
    detail = verdict.detail
    if verdict.result != "wrong" or not isinstance(detail, ValuesDoubtful):
        return verdict
    records = []
    for each in detail.fields:
        record, known = as_is.get(each.field, (0, frozenset()))
        if not {doubt.value for doubt in each.doubts} <= known:
            return verdict
        records.append(record)
    remark = AcceptedAsIs(tuple(each.field for each in detail.fields), max(records))
    return msgspec.structs.replace(verdict, result="ok", observed="as-declared", detail=remark, remedy=())


def metadata_verdict(lane: Lane, foreign: Mapping[str, str], copies: Copies | None) -> Verdict:
    """Whether the metadata beside our marks holds a value; `copies` is ``None`` where that was not compared."""
    if copies is None:
        return Verdict(
            probe="value-in-metadata",
            result="inconclusive",
            observed="not-compared",
            detail=NotCompared(len(foreign)),
            remedy=(warden("prove", lane.id, inspect=True),),
        )
    if copies == Copies():
        return Verdict(probe="value-in-metadata", result="ok", observed="none")
    custody = lane.custody
    names = (*map(placeholder, map(name, copies.keys)), *(("NAME",) if copies.unnamed else ()))
    remove = RunBao(action="remove-custom-metadata", mount=custody.mount, path=custody.key, names=names)
    return Verdict(
        probe="value-in-metadata",
        result="wrong",
        observed="in-clear",
        detail=ValueInMetadata(copies.keys, copies.unnamed),
        remedy=(remove, put_values(lane)),
    )
