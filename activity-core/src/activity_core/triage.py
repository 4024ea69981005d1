"""`triage`: the order of steps.

1. The record says that a run begins, or the day's report is there already and is given again.
2. The digest is loaded, judged, masked. Without a candidate there is an honest empty report, and nobody is asked.
3. llm-connect is asked once; the answer is salvaged, ranked, marked.
4. The report is recorded before it is shown, so that what was paid for is not lost with a terminal or a disk.

Whatever ends a run is recorded. Printing, writing to --out and posting come after, in the command.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from activity_core import answer, berlin, digest, gateway, prompt, report, source
from activity_core.faults import Fault, NoAnswer
from activity_core.record import INTERRUPTED, Record, held

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from activity_core.lock import Place

    Tell = Callable[[str], None]


@dataclass(frozen=True)
class Asked:
    """What a caller wants.

    Attributes:
        digest: a file, - or an address.
        digest_token_file: a bearer token for that address, or None.
        gateway: where and how llm-connect is asked.
        place: of the record.
        again: a new run, though the day has its report.
    """

    digest: str
    digest_token_file: str | None
    gateway: gateway.Gateway
    place: Place
    again: bool


@dataclass(frozen=True)
class Made:
    """The report, whether it was made before (and of another digest), and what could not be kept."""

    report: dict[str, Any]
    replayed: bool
    of_another: bool = False
    unrecorded: Fault | None = None


def triage(asked: Asked, clock: Callable[[], datetime], tell: Tell) -> Made:
    """The day's report.

    Args:
        asked: what is wanted.
        clock: this moment, aware.
        tell: takes one line of progress.

    Raises:
        Fault: there is no report; recorded as far as the record can be written.
    """
    began = clock()
    day = berlin.day(began)
    with held(asked.place) as record:
        if not asked.again and (before := record.of_day(day)):
            return Made(before, replayed=True, of_another=source.differs(asked.digest, before["digest"]["sha256"]))
        run = report.Run(_new_id(began), began, asked.gateway.profile, record.before(day))
        record.begin(run.id, day, berlin.iso(began), run.profile)
        try:
            made = _report(asked, run, tell)
        except BaseException as fault:
            _record_end(record, run.id, clock, fault)
            raise
        return _kept(record, run.id, clock, made)


def _new_id(began: datetime) -> str:
    """``20261124T062000Z-3f9a1c``: sorts by time, differs within a second."""
    return f"{berlin.iso(began).replace('-', '').replace(':', '')}-{secrets.token_hex(3)}"


def _report(asked: Asked, run: report.Run, tell: Tell) -> dict[str, Any]:
    where = source.named(asked.digest)
    tell(f"digest: reading {where}")
    found = digest.read(source.load(asked.digest, asked.digest_token_file), where)
    tell(f"digest: {len(found.candidates)} candidates, {len(found.dropped)} dropped")
    if not found.candidates:
        return report.of_nothing(run, found)
    tell(f"llm-connect: asked for {asked.gateway.profile}, waiting up to {asked.gateway.seconds:g} s")
    served = gateway.execute(asked.gateway, prompt.prompt(found), prompt.answer_schema(found), run.id)
    read = answer.read(served.content, {candidate.id for candidate in found.candidates})
    tell(f"llm-connect: {served.model or 'a model'} answered, {len(read.recommendations)} usable")
    return report.of_answer(run, found, read, served)


def _record_end(record: Record, run: str, clock: Callable[[], datetime], fault: BaseException) -> None:
    """Record why a run ended without a report; what is not ours to name is an interruption or a fault of our own."""
    if isinstance(fault, Fault):
        told, state = fault.as_json(), "failed"
    elif isinstance(fault, KeyboardInterrupt | SystemExit):
        told, state = {"kind": "interrupted", "system": "activity-core", "message": "interrupted"}, INTERRUPTED
    else:
        told = {
            "kind": "own-fault",
            "system": "activity-core",
            "message": f"a fault of its own ({type(fault).__name__})",
        }
        state = "failed"
    try:
        record.fail(run, berlin.iso(clock()), told, state=state)
    except NoAnswer:
        return  # the fault itself is on its way to the caller, and the row says `running`, which reads as interrupted


def _kept(record: Record, run: str, clock: Callable[[], datetime], made: dict[str, Any]) -> Made:
    try:
        record.end(run, berlin.iso(clock()), made)
    except NoAnswer as fault:
        return Made(made, replayed=False, unrecorded=fault)
    return Made(made, replayed=False)
