"""playbook: the page that people read of a lane, from its file, the journal and a short look; and whether it is stale.

No value is read and nothing is changed but the page.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from warden.core.errors import Effect, Invalid, WardenError
from warden.core.journal.record import Record
from warden.core.lanes.lane import Lane
from warden.core.playbooks.checklist import LaneRequest, PlaybookFacts
from warden.core.playbooks.lines import Block, Difference, differences
from warden.core.playbooks.markers import Damage, Place, merged, places
from warden.core.routes.freshness import LastProof, last_proof
from warden.core.routes.proof_states import Result
from warden.core.routes.proof_summary import NotOk
from warden.core.routes.route import declaration, declared_route
from warden.ports.clock import Clock
from warden.ports.clusters import Clusters
from warden.ports.journal import Journal
from warden.ports.playbook_pages import PlaybookPages
from warden.ports.vault import Vault
from warden.usecases.change import Shown
from warden.usecases.next_actions import last_rotations, left_of
from warden.usecases.status import Observed, observe

Document = Callable[[Lane, PlaybookFacts, bool], Sequence[Block]]
"""Writes the generated parts of a lane's page; without `aged` (the last argument) a proof counts for ever."""

FOR_EVER = dt.timedelta(days=36525)


class DamagedPage(msgspec.Struct, frozen=True):
    """Markers of the page are damaged, so it cannot be told which of its lines are generated."""

    file: str
    damages: tuple[Damage, ...]


class PageResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one page.

    Attributes:
        state: ``written`` and ``unchanged`` when it was rendered; ``current``, ``stale`` and ``missing`` when checked.
        differences: the lines that are not as they should be; of a page that was written, those that were not.
        not_compared: the parts of which this run knows nothing.
    """

    lane: str
    file: str
    state: Literal["written", "unchanged", "current", "stale", "missing"]
    differences: tuple[Difference, ...] = ()
    not_compared: tuple[str, ...] = ()


class PlaybookReport(msgspec.Struct, frozen=True, kw_only=True):
    """The pages; as errors what did not answer (``faults``), and the pages that cannot be used (``damaged``)."""

    pages: tuple[PageResult, ...]
    faults: tuple[WardenError, ...] = ()
    damaged: tuple[WardenError, ...] = ()
    looked: bool = False

    @property
    def stale(self) -> tuple[PageResult, ...]:
        """The pages that are not as they should be."""
        return tuple(each for each in self.pages if each.state in {"stale", "missing"})


class Playbooks:
    """Renders and checks the pages of lanes, from one look at all of them."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        counts_for: dt.timedelta,
        document: Document,
        requests: Iterable[Shown] = (),
    ) -> None:
        self._requests = tuple(requests)
        self._journal = journal
        self._clock = clock
        self._counts_for = counts_for
        self._document = document

    def render(
        self,
        lanes: Sequence[Lane],
        vault: Vault | None,
        clusters: Clusters | None,
        pages: PlaybookPages,
        *,
        check: bool,
    ) -> PlaybookReport:
        """Write each lane's page, or with `check` only compare it. Without a `vault` nothing is looked at.

        A page whose markers are damaged is left as it is. Raises `JournalUnwritable`.
        """
        found, faults = observe(lanes, vault, clusters, self._journal)
        rotations = last_rotations(self._journal)
        done: list[PageResult] = []
        damaged: list[WardenError] = []
        for observed in found:
            try:
                done.append(self._page(observed, rotations, pages, check=check))
            except WardenError as fault:
                damaged.append(fault)
        looked = any(each.observation.reachable for each in found)
        return PlaybookReport(pages=tuple(done), faults=faults, damaged=tuple(damaged), looked=looked)

    def _page(
        self, observed: Observed, rotations: Mapping[str, Record], pages: PlaybookPages, *, check: bool
    ) -> PageResult:
        lane = observed.lane
        text, file = pages.read(lane.id), pages.path(lane.id)
        ends = "\r\n" if text is not None and "\r\n" in text else "\n"
        lines = [] if text is None else text.replace("\r\n", "\n").removesuffix("\n").split("\n")
        where, damages = places(lines)
        if damages:
            raise _damaged_page(file, damages)
        if check and text is None:
            return PageResult(lane=lane.id, file=file, state="missing")
        facts = self._facts(observed, rotations)
        blocks = self._document(lane, facts, True)
        if check:
            found = _stale(blocks, self._document(lane, facts, False), lines, where)
            return PageResult(
                lane=lane.id,
                file=file,
                state="stale" if found else "current",
                differences=found,
                not_compared=tuple(each.name for each in blocks if not _is_compared(each)),
            )
        new = ends.join([*merged(lines, {each.name: each.text for each in blocks}), ""])
        if new == text:
            return PageResult(lane=lane.id, file=file, state="unchanged")
        pages.write(lane.id, new, text)
        return PageResult(lane=lane.id, file=file, state="written")

    def _facts(self, observed: Observed, rotations: Mapping[str, Record]) -> PlaybookFacts:
        lane, state, now = observed.lane, observed.state, self._clock()
        declared = declaration(declared_route(lane))
        proof = last_proof(state, declared, now, self._counts_for)
        return PlaybookFacts(
            status=observed.status(now, self._counts_for),
            ageless=observed.status(now, FOR_EVER),
            today=now.date(),
            proof=proof,
            shown=tuple(_verdicts(self._journal, lane.id, state.proof, proof)),
            closed=state.closed,
            promoted=self._promoted(lane),
            rotation=rotations.get(lane.id),
            requests=tuple(
                LaneRequest(id=each.request.id, request_type=each.request.request_type, status=each.status)
                for each in sorted(self._requests, key=lambda each: each.request.id)
                if each.request.lane == lane.id
            ),
            left=left_of(observed, rotations, now, self._counts_for),
            left_ageless=left_of(observed, rotations, now, FOR_EVER),
        )

    def _promoted(self, lane: Lane) -> Record | None:
        """The record that made the lane active last; ``None`` where it was made a draft again."""
        found = self._journal.here(self._journal.log(lane=lane.id, events=("lane.promoted", "lane.demoted")))
        return found[-1] if found and found[-1].event == "lane.promoted" else None


def _stale(
    blocks: Sequence[Block], ageless: Sequence[Block], lines: Sequence[str], where: Mapping[str, Place]
) -> tuple[Difference, ...]:
    """The lines that are not as they should be, even if the proof that the page names has only grown old."""
    found: list[Difference] = []
    for block, younger in zip(blocks, ageless, strict=True):
        place = where.get(block.name)
        inside = lines[place.begin + 1 : place.end] if place else ()
        first = place.begin + 2 if place else len(lines) + 1
        different = differences(inside, block, first)
        if different and (not place or differences(inside, younger, first)):
            found += different
    return tuple(sorted(found, key=lambda each: each.line))


def _is_compared(block: Block) -> bool:
    return block.compared and all(part.compared or not part.text.strip() for line in block.lines for part in line)


def _verdicts(
    journal: Journal, lane: str, record: Record | None, proof: LastProof | None
) -> list[tuple[NotOk, Result]]:
    """The verdicts that a proof measured, as the records before it have them."""
    if record is None or proof is None:
        return []
    begin = record.body.get("begin")
    after = begin if isinstance(begin, int) else record.seq
    found = []
    for each in journal.log(lane=lane, after=after, events=("probe",)):
        if each.seq < record.seq:
            probe, reader, cluster = (str(each.body.get(name) or "") for name in ("probe", "reader", "cluster"))
            result: Result = msgspec.convert(each.body.get("result"), Result)
            found.append((NotOk(probe=probe, reader=reader, cluster=cluster), result))
    return found


def _damaged_page(file: str, damages: tuple[Damage, ...]) -> Invalid:
    """The error for a page whose markers are damaged; nothing of it is changed."""
    return Invalid(
        (),
        DamagedPage(file, damages),
        effect=Effect.NOTHING_WRITTEN,
        subject=file,
        hint="restore each line that begins or ends a part, as the version in Git has it",
    )
