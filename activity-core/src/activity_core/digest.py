"""The digest: read whole, judged candidate by candidate, made harmless and free of secret material.

A digest that is no digest is refused. A candidate that cannot be used, and what is over a limit, is dropped and said;
the rest goes on. Limits and forms: schemas/digest.schema.json.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from activity_core import berlin, schemas, strict_json
from activity_core.faults import AnswerIsNo
from activity_core.text import clean as clean_text
from activity_core.text import cut, whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_OCTETS = 5 * 1024 * 1024
KINDS = {"workstreams": "workstream", "next_steps": "next_step", "messages": "message"}
"""The lists of a digest, in the order that decides the last tie, and what their candidates are called."""

_SHOWN_ID = 80
SCHEMA = "activity-core schema digest"


@dataclass(frozen=True)
class Candidate:
    """One workstream, next step or message.

    Attributes:
        id: unique in the digest.
        kind: a value of `KINDS`.
        title: one harmless line.
        fields: the other fields, harmless, in the schema's order, without `id`, `title` and `workstream`.
        workstream: the id of the workstream it belongs to, or empty.
        masked: the kinds of secret material that were masked in it.
        uncut: the texts that were cut, as long as they are read, for the rules that read all of it.
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
    """A digest that can go on.

    Attributes:
        sha256: of the octets as they came, in hex.
        generated_at: when it was made, UTC.
        source: who made it, or empty.
        candidates: in the digest's order; ids are unique.
        dropped: what was left out or cut: a list of id (or place) and reason.
        beside: texts of the dropped workstreams to which candidates belong, by id: they call a person all the same.
    """

    sha256: str
    generated_at: datetime
    source: str
    candidates: tuple[Candidate, ...]
    dropped: tuple[tuple[str, str], ...] = field(default=())
    beside: Mapping[str, str] = field(default_factory=dict)

    def candidate(self, wanted: str) -> Candidate | None:
        """The candidate of that id."""
        return next((candidate for candidate in self.candidates if candidate.id == wanted), None)


def read(octets: bytes, where: str = "") -> Digest:
    """The digest in these octets.

    Args:
        octets: as they came.
        where: from, as it may be shown in a fault.

    Raises:
        AnswerIsNo: too large, not UTF-8, no JSON, or no digest; all faults at once.
    """
    document = _document(octets, where)
    dropped: list[tuple[str, str]] = []
    candidates = tuple(_candidates(document, dropped))
    source = clean_text(str(document.get("source", "")), 80)[0]
    made = datetime.fromisoformat(document["generated_at"]).astimezone(UTC)
    beside = _beside(document, candidates)
    return Digest(hashlib.sha256(octets).hexdigest(), made, source, candidates, tuple(dropped), beside)


def _document(octets: bytes, where: str) -> dict[str, Any]:
    if len(octets) > MAX_OCTETS:
        raise _no_digest(f"is larger than {MAX_OCTETS} octets (5 MiB)", where)
    try:
        document = strict_json.loads(strict_json.decoded(octets))
    except strict_json.NotJson as fault:
        page = octets.lstrip().startswith(b"<")  # what an address gives to those who have not logged in
        raise _no_digest("is no JSON but a page of HTML or XML" if page else f"is no JSON: {fault}", where) from None
    if found := _faults(document):
        raise _no_digest("is none by its schema", where, found)
    return dict(document)


def _faults(document: Any) -> list[str]:
    """Faults of the document itself; its candidates are judged one by one, its lists cut to their limits."""
    rules = dict(schemas.schema("digest"))
    lenient = {"source": {"type": "string"}} | {name: {"type": "array"} for name in KINDS}
    rules["properties"] = rules["properties"] | lenient
    found = schemas.faults(rules, document)
    if not found and not _is_moment(document["generated_at"]):
        found = ["generated_at: is no moment that exists"]
    return found


def _no_digest(said: str, where: str, found: list[str] | None = None) -> AnswerIsNo:
    return AnswerIsNo(
        "faulty-digest",
        f"the digest {said}. Nothing was asked and there is no report.",
        system="digest",
        subject=where,
        hint=f"mend what makes it; its form: {SCHEMA}",
        faults=found or (),
    )


def _candidates(document: dict[str, Any], dropped: list[tuple[str, str]]) -> Iterator[Candidate]:
    seen: set[str] = set()
    for name, kind in KINDS.items():
        limit = schemas.schema("digest")["properties"][name]["maxItems"]
        values = document[name]
        for place, value in enumerate(values[:limit]):
            candidate = _candidate(kind, f"{name}[{place}]", value, dropped)
            if candidate and candidate.id in seen:
                dropped.append((candidate.id, "its id stands twice; the first one counts"))
            elif candidate:
                seen.add(candidate.id)
                yield candidate
        if len(values) > limit:
            dropped.append((f"{name}[{limit}:]", f"{len(values) - limit} more than the {limit} {name} that are read"))


def _beside(document: dict[str, Any], candidates: tuple[Candidate, ...]) -> dict[str, str]:
    """The texts of workstreams that were dropped (over the limit, or with a fault) and to which candidates belong.

    A step of a contract's workstream stays a legal matter though that workstream has a day that does not exist.
    """
    wanted = {each.workstream for each in candidates} - {each.id for each in candidates} - {""}
    found: dict[str, str] = {}
    for value in document["workstreams"] if wanted else ():
        if isinstance(value, dict) and isinstance(value.get("id"), str) and value["id"] in wanted - found.keys():
            texts = (whole(value[name])[0] for name in _limits("workstream") if _is_text(value, name))
            found[value["id"]] = " ".join(texts)
    return found


def _is_text(value: dict[str, Any], name: str) -> bool:
    return name not in {"id", "due"} and isinstance(value.get(name), str)


def _candidate(kind: str, place: str, value: Any, dropped: list[tuple[str, str]]) -> Candidate | None:
    """The candidate; None where it cannot be used, said in `dropped`."""
    if not isinstance(value, dict):
        dropped.append((place, "is no object"))
        return None
    shown, hidden = _shown(value.get("id"), place)
    clean, masked, uncut = {}, [], {}
    limits = _limits(kind)
    for name in (each for each in limits if each in value and each != "id"):
        clean[name] = value[name]
        if isinstance(value[name], str):
            line, kinds, was_cut = whole(value[name])
            clean[name] = cut(line, limits[name])
            masked += kinds
            if was_cut or clean[name] != line:
                dropped.append((shown, f"{name}: cut to {limits[name]} characters"))
                uncut[name] = line
    found = schemas.faults(_rules(kind), {"id": value.get("id"), **clean} if "id" in value else clean)
    found += [f"{name}: is no day or moment that exists" for name in ("due", "received_at") if not _exists(clean, name)]
    if hidden:
        found.append("id: holds secret material")
    if found:
        dropped.append((shown, "; ".join(found)))
        return None
    rest = {name: clean[name] for name in limits if clean.get(name) and name not in {"id", "title", "workstream"}}
    belongs = clean.get("workstream", "")
    return Candidate(value["id"], kind, clean["title"], rest, belongs, tuple(sorted(masked)), uncut)


def _shown(given: Any, place: str) -> tuple[str, bool]:
    """What the entry is called where it is dropped: its id where it can be shown, else its place; and what it hides."""
    text, masked, _ = clean_text(given, _SHOWN_ID) if isinstance(given, str) else ("", [], False)
    return (place if masked else text or place), bool(masked)


def _rules(kind: str) -> dict[str, Any]:
    rules = schemas.schema("digest")
    return {"$defs": rules["$defs"], "$ref": f"#/$defs/{kind}"}


def _limits(kind: str) -> dict[str, int]:
    """Each field of this kind and how many characters of it are kept."""
    definitions = schemas.schema("digest")["$defs"]
    properties = definitions[kind]["properties"]
    return {
        name: definitions[rule["$ref"].rpartition("/")[2]].get("maxLength", _SHOWN_ID)
        for name, rule in properties.items()
    }


def _exists(fields: Mapping[str, Any], name: str) -> bool:
    value = fields.get(name)
    if not isinstance(value, str):
        return True  # absent, or told by the schema
    return _is_moment(value) if name == "received_at" else _is_day(value)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_moment(text: str) -> bool:
    try:
        berlin.day(datetime.fromisoformat(text).astimezone(UTC))  # where it may be a day that no calendar has
    except (ValueError, OverflowError):
        return False
    return True
