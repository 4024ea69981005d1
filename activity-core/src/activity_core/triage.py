"""`triage`: the order of steps.

1. Record that a run begins; or, if the day has its report already, return that one.
2. Load the digest, check it, mask it. Without a candidate, the report is empty and the model is not asked.
3. Ask llm-connect once; read the answer, rank it, mark what needs a person.
4. Record the report before it is shown, so that what was paid for is not lost with a terminal or a disk.

However a run ends, it is recorded. Printing, --out and --post come afterwards, in the command.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from activity_core.adapters import digest_source, llm_connect
from activity_core.adapters.record import FAILED, INTERRUPTED, Record, locked
from activity_core.core import answer, dates, digest, prompt, report
from activity_core.core.errors import TriageError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from activity_core.adapters.lock import RecordPath

    Progress = Callable[[str], None]


@dataclass(frozen=True)
class Request:
    """What a caller wants.

    Attributes:
        digest: a file, - or a URL.
        digest_token_file: a bearer token for that URL, or None.
        gateway: where and how llm-connect is asked.
        record: where the record is.
        again: make a new run even if the day has its report.
    """

    digest: str
    digest_token_file: str | None
    gateway: llm_connect.Gateway
    record: RecordPath
    again: bool


@dataclass(frozen=True)
class Result:
    """The report, whether it is an earlier one (and of another digest), and the error if it was not recorded."""

    report: dict[str, Any]
    replayed: bool
    of_another_digest: bool = False
    not_recorded: TriageError | None = None


def triage(request: Request, clock: Callable[[], datetime], progress: Progress) -> Result:
    """The day's report.

    Args:
        request: what is wanted.
        clock: returns this moment, aware.
        progress: takes one line of progress.

    Raises:
        TriageError: there is no report. It is recorded if the record can be written.
    """
    began = clock()
    day = dates.day(began)
    with locked(request.record) as record:
        if not request.again and (earlier := record.report_of_day(day)):
            differs = digest_source.differs(request.digest, earlier["digest"]["sha256"])
            return Result(earlier, replayed=True, of_another_digest=differs)
        run = report.Run(_new_id(began), began, request.gateway.profile, record.report_before(day))
        record.begin(run.id, day, dates.iso(began), run.profile)
        try:
            made = _make_report(request, run, progress)
        except BaseException as error:
            _record_failure(record, run.id, clock, error)
            raise
        return _record_report(record, run.id, clock, made)


def _new_id(began: datetime) -> str:
    """``20261124T062000Z-3f9a1c``: sorts by time, unique within a second."""
    return f"{dates.iso(began).replace('-', '').replace(':', '')}-{secrets.token_hex(3)}"


def _make_report(request: Request, run: report.Run, progress: Progress) -> dict[str, Any]:
    source, gateway = digest_source.display_name(request.digest), request.gateway
    progress(f"digest: reading {source}")
    found = digest.read(digest_source.load(request.digest, request.digest_token_file), source)
    progress(f"digest: {len(found.candidates)} candidates, {len(found.dropped)} dropped")
    if not found.candidates:
        return report.of_nothing(run, found)
    progress(f"llm-connect: asked for {gateway.profile}, waiting up to {gateway.seconds:g} s")
    completion = llm_connect.execute(gateway, prompt.prompt(found), prompt.answer_schema(found), run.id)
    read = answer.read(completion.content, {candidate.id for candidate in found.candidates})
    progress(f"llm-connect: {completion.model or 'a model'} answered, {len(read.recommendations)} usable")
    return report.of_answer(run, found, read, completion)


def _record_failure(record: Record, run: str, clock: Callable[[], datetime], error: BaseException) -> None:
    """Record why a run ended without a report: an error, an interruption, or a bug."""
    if isinstance(error, TriageError):
        described, state = error.as_json(), FAILED
    elif isinstance(error, KeyboardInterrupt | SystemExit):
        described, state = _description("interrupted", "interrupted"), INTERRUPTED
    else:
        described, state = _description("own-fault", f"a bug in activity-core ({type(error).__name__})"), FAILED
    try:
        record.fail(run, dates.iso(clock()), described, state=state)
    except Unavailable:
        return  # the caller gets the error itself, and the row in state `running` is read as interrupted


def _description(kind: str, message: str) -> dict[str, object]:
    return {"kind": kind, "system": "activity-core", "message": message}


def _record_report(record: Record, run: str, clock: Callable[[], datetime], made: dict[str, Any]) -> Result:
    try:
        record.end(run, dates.iso(clock()), made)
    except Unavailable as error:
        return Result(made, replayed=False, not_recorded=error)
    return Result(made, replayed=False)
