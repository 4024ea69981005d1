"""Read the digest: candidate by candidate, clean and without secret material.

A document that is not a digest is rejected. A candidate that cannot be used, and whatever exceeds a limit, is dropped
and reported, and the rest is used. Limits and formats: schemas/digest.schema.json.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from activity_core.core import dates, schemas, strict_json
from activity_core.core.errors import InvalidInput
from activity_core.core.text import clean, clean_uncut, cut

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_OCTETS = 5 * 1024 * 1024
KINDS = {"workstreams": "workstream", "next_steps": "next_step", "messages": "message"}
"""The lists of a digest, in the order that breaks the last tie, and the kind of their candidates."""

SCHEMA_COMMAND = "activity-core schema digest"
_LONGEST_ID = 80


@dataclass(frozen=True)
class Candidate:
    """One workstream, next step or message.

    Attributes:
        id: unique in the digest.
        kind: a value of `KINDS`.
        title: one clean line.
        fields: the other fields, clean, in the schema's order, without `id`, `title` and `workstream`.
        workstream: the id of the workstream it belongs to, or empty.
        masked: the kinds of secret material that were masked in it.
        uncut: the texts that were cut, as far as they were read, for rules that read all of it.
    """

    id: str
    kind: str
    title: str
    fields: Mapping[str, str]
    workstream: str = ""
    masked: tuple[str, ...] = ()
    uncut: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Digest:
    """A usable digest.

    Attributes:
        sha256: of the octets as they came, in hex.
        generated_at: when it was made, UTC.
        source: who made it, or empty.
        candidates: in the digest's order; ids are unique.
        dropped: what was left out or cut: pairs of an id (or position) and the reason.
        dropped_workstreams: by id, the texts of dropped workstreams that candidates belong to, for needs-human rules.
    """

    sha256: str
    generated_at: datetime
    source: str
    candidates: tuple[Candidate, ...]
    dropped: tuple[tuple[str, str], ...] = field(default=())
    dropped_workstreams: Mapping[str, str] = field(default_factory=dict)

    def candidate(self, wanted: str) -> Candidate | None:
        """The candidate with that id."""
        return next((candidate for candidate in self.candidates if candidate.id == wanted), None)


def read(octets: bytes, where: str = "") -> Digest:
    """The digest in these octets.

    Args:
        octets: as they came.
        where: they came from, as it may be shown in an error.

    Raises:
        InvalidInput: too large, not UTF-8, not JSON, or not a digest; with all errors at once.
    """
    document = _document(octets, where)
    dropped: list[tuple[str, str]] = []
    candidates = tuple(_candidates(document, dropped))
    return Digest(
        hashlib.sha256(octets).hexdigest(),
        generated_at=datetime.fromisoformat(document["generated_at"]).astimezone(UTC),
        source=clean(str(document.get("source", "")), 80)[0],
        candidates=candidates,
        dropped=tuple(dropped),
        dropped_workstreams=_dropped_workstreams(document, candidates),
    )


def _document(octets: bytes, where: str) -> dict[str, Any]:
    if len(octets) > MAX_OCTETS:
        raise _invalid(f"is larger than {MAX_OCTETS} bytes (5 MiB)", where)
    try:
        document = strict_json.loads(strict_json.decoded(octets))
    except strict_json.NotJson as error:
        is_page = octets.lstrip().startswith(b"<")  # what a server sends to those who are not logged in
        raise _invalid("is an HTML or XML page, not JSON" if is_page else f"is not JSON: {error}", where) from None
    if errors := _document_errors(document):
        raise _invalid("does not match its schema", where, errors)
    return dict(document)


def _document_errors(document: Any) -> list[str]:
    """Errors of the document itself. Its candidates are checked one by one, its lists cut to their limits."""
    rules = dict(schemas.schema("digest"))
    lenient = {"source": {"type": "string"}} | {name: {"type": "array"} for name in KINDS}
    rules["properties"] = rules["properties"] | lenient
    errors = schemas.errors(rules, document)
    if not errors and not _is_moment(document["generated_at"]):
        errors = ["generated_at: no such date or time"]
    return errors


def _invalid(problem: str, where: str, errors: list[str] | None = None) -> InvalidInput:
    return InvalidInput(
        "faulty-digest",
        f"the digest {problem}. The model was not asked and there is no report.",
        system="digest",
        subject=where,
        hint=f"correct the program that makes it; the schema: {SCHEMA_COMMAND}",
        details=errors or (),
    )


def _candidates(document: dict[str, Any], dropped: list[tuple[str, str]]) -> Iterator[Candidate]:
    seen: set[str] = set()
    for name, kind in KINDS.items():
        limit = schemas.schema("digest")["properties"][name]["maxItems"]
        entries = document[name]
        for index, entry in enumerate(entries[:limit]):
            candidate = _candidate(kind, f"{name}[{index}]", entry, dropped)
            if candidate and candidate.id in seen:
                dropped.append((candidate.id, "duplicate id; the first one counts"))
            elif candidate:
                seen.add(candidate.id)
                yield candidate
        if len(entries) > limit:
            dropped.append((f"{name}[{limit}:]", f"{len(entries) - limit} more than the {limit} {name} that are read"))


def _dropped_workstreams(document: dict[str, Any], candidates: tuple[Candidate, ...]) -> dict[str, str]:
    """The texts of workstreams that were dropped (over the limit, or invalid) and that candidates belong to.

    A step of a contract's workstream stays a legal matter even if that workstream has an invalid date.
    """
    wanted = {each.workstream for each in candidates} - {each.id for each in candidates} - {""}
    found: dict[str, str] = {}
    for entry in document["workstreams"] if wanted else ():
        if isinstance(entry, dict) and isinstance(entry.get("id"), str) and entry["id"] in wanted - found.keys():
            texts = (clean_uncut(entry[name])[0] for name in _limits("workstream") if _is_text(entry, name))
            found[entry["id"]] = " ".join(texts)
    return found


def _is_text(entry: dict[str, Any], name: str) -> bool:
    return name not in {"id", "due"} and isinstance(entry.get(name), str)


def _candidate(kind: str, position: str, entry: Any, dropped: list[tuple[str, str]]) -> Candidate | None:
    """The candidate, or None if it cannot be used; then `dropped` says why."""
    if not isinstance(entry, dict):
        dropped.append((position, "not an object"))
        return None
    name, id_is_secret = _display_name(entry.get("id"), position)
    values, masked, uncut = _clean_fields(entry, kind)
    limits = _limits(kind)
    dropped += [(name, f"{field}: cut to {limits[field]} characters") for field in uncut]
    errors = schemas.errors(_rules(kind), {"id": entry.get("id"), **values} if "id" in entry else values)
    errors += [f"{field}: no such date or time" for field in ("due", "received_at") if not _exists(values, field)]
    if id_is_secret:
        errors.append("id: contains secret material")
    if errors:
        dropped.append((name, "; ".join(errors)))
        return None
    rest = {field: values[field] for field in limits if values.get(field)}
    title, workstream = rest.pop("title"), rest.pop("workstream", "")
    return Candidate(entry["id"], kind, title, rest, workstream, tuple(sorted(masked)), uncut)


def _clean_fields(entry: dict[str, Any], kind: str) -> tuple[dict[str, Any], list[str], dict[str, str]]:
    """The fields other than the id with clean texts, the kinds of what was masked, and the texts that were cut."""
    values: dict[str, Any] = {}
    masked: list[str] = []
    uncut: dict[str, str] = {}
    for name, limit in _limits(kind).items():
        if name == "id" or name not in entry:
            continue
        values[name] = entry[name]
        if isinstance(entry[name], str):
            line, kinds, was_cut = clean_uncut(entry[name])
            values[name] = cut(line, limit)
            masked += kinds
            if was_cut or values[name] != line:
                uncut[name] = line
    return values, masked, uncut


def _display_name(given: Any, position: str) -> tuple[str, bool]:
    """What a dropped entry is called: its id if that can be shown, or else its position; and whether it is a secret."""
    text, masked, _ = clean(given, _LONGEST_ID) if isinstance(given, str) else ("", [], False)
    return (position if masked else text or position), bool(masked)


def _rules(kind: str) -> dict[str, Any]:
    rules = schemas.schema("digest")
    return {"$defs": rules["$defs"], "$ref": f"#/$defs/{kind}"}


def _limits(kind: str) -> dict[str, int]:
    """Each field of this kind and how many characters of it are kept."""
    definitions = schemas.schema("digest")["$defs"]
    properties = definitions[kind]["properties"]
    return {
        name: definitions[rule["$ref"].rpartition("/")[2]].get("maxLength", _LONGEST_ID)
        for name, rule in properties.items()
    }


def _exists(fields: Mapping[str, Any], name: str) -> bool:
    value = fields.get(name)
    if not isinstance(value, str):
        return True  # absent, or reported by the schema
    return _is_moment(value) if name == "received_at" else _is_day(value)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_moment(text: str) -> bool:
    try:
        dates.day(datetime.fromisoformat(text).astimezone(UTC))  # in Berlin it may be a day that no calendar has
    except (ValueError, OverflowError):
        return False
    return True
