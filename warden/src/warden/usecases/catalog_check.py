"""catalog check: every error in the declared files, and every warning."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from warden.core.errors import Fault
from warden.core.lanes.catalog import Catalog, Entry
from warden.core.lanes.lane import Lane
from warden.core.lanes.rules import Complaint, docs, line_of, located, of_age, unreported
from warden.core.search.findability import Weakness
from warden.ports.provider import Sources
from warden.usecases.steps.rotation_settings import rotation_complaints


class Pages(Protocol):
    """Looks for the pages that entries point at."""

    def has(self, repo: str, path: str) -> bool | None:
        """Whether the repository has the page; ``None`` where it is not checked out here."""

    def has_playbook(self, path: str) -> bool:
        """Whether the page exists, relative to the folder above the platform directory."""


class HardToFind(msgspec.Struct, frozen=True, kw_only=True):
    """A warning: what makes an entry hard to find, and where that stands."""

    file: str
    line: int
    weakness: Weakness


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: faults and warnings in the order of files and lines; how many files and pages there are.

    ``hard_to_find`` are warnings about how `route find` answers.
    ``unchecked`` counts those of the ``pages`` whose repositories are not checked out here.
    """

    faults: tuple[Fault, ...]
    hard_to_find: tuple[HardToFind, ...]
    files: int
    pages: int
    unchecked: int

    @property
    def wrong(self) -> tuple[Fault, ...]:
        """The faults that are not warnings."""
        return tuple(fault for fault in self.faults if not fault.warning)


def check(
    catalog: Catalog,
    pages: Pages,
    today: dt.date,
    *,
    sources: Sources,
    also: Sequence[Fault] = (),
    weak: Iterable[Weakness] = (),
    others: Iterable[str] = (),
) -> Report:
    """Check the whole catalog: its own faults, the pages and sources it names, and how long ago it was reviewed.

    `also` are the faults of other files (access policies, files in the catalog that are not read), `weak` what makes
    entries hard to find; `others` are further files that were checked.
    """
    faults = [*catalog.faults, *also]
    pointers = unchecked = 0
    for entry_id, entry in catalog.declared.items():
        reported = [fault.field for fault in catalog.faults if fault.file == catalog.files[entry_id]]
        complaints = [*of_age(entry.reviewed, today), *_playbook(entry, pages)]
        complaints += rotation_complaints(entry, sources) if isinstance(entry, Lane) else ()
        for field, doc in docs(entry):
            repo, _, path = doc.partition(" ")
            found = pages.has(repo, path)
            pointers += 1
            unchecked += found is None
            if found is False:
                complaints.append(Complaint(field, f"{path} is not in the checkout of {repo}"))
        lines = catalog.lines.get(entry_id, {})
        faults += located(catalog.files[entry_id], lines, unreported(complaints, reported))
    return Report(
        faults=tuple(sorted(faults)),
        hard_to_find=tuple(
            HardToFind(
                file=catalog.files[each.entry],
                line=line_of(catalog.lines.get(each.entry, {}), each.field),
                weakness=each,
            )
            for each in weak
        ),
        files=len({*catalog.files.values(), *others, *(fault.file for fault in also)}),
        pages=pointers,
        unchecked=unchecked,
    )


def _playbook(entry: Entry, pages: Pages) -> list[Complaint]:
    if entry.playbook is None or pages.has_playbook(entry.playbook):
        return []
    return [Complaint("playbook", "does not exist; write its path relative to the folder above the platform directory")]
