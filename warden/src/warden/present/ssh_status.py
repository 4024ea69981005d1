"""What certificates are out there, the issue log, the scorecard and what was cleaned up: as text and as JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from warden.core.journal.record import Record
from warden.core.quoting import name
from warden.core.remedies import warden
from warden.core.ssh.held_here import HeldHere, StatusLine, Why
from warden.core.ssh.issue_log import (
    ABANDONED,
    ACKNOWLEDGED,
    BEGIN,
    DECISION,
    DISCARDED,
    EMERGENCY,
    FAILED,
    ISSUED,
    REFUSED,
    REVOKED,
)
from warden.core.ssh.scorecard import Mark, Score
from warden.present import errors, terminal
from warden.present.commands import to_paste
from warden.present.durations import about
from warden.present.emergency import emergency_json, show_emergencies
from warden.present.issue import held_by, holder_word
from warden.usecases.ssh_cleanup import Removed
from warden.usecases.ssh_status import SshStatus

# -- status -----------------------------------------------------------------------------------------------------------


def status_json(found: SshStatus, now: float) -> dict[str, Any]:
    """``certificates[], others[], emergencies[]``; serials are texts, since JSON's numbers do not hold 64 bits."""
    return {
        "certificates": [_certificate(each, now) for each in found.lines],
        "others": [_here(each, now) for each in found.others],
        "emergencies": [emergency_json(each) for each in found.emergencies],
    }


def _certificate(line: StatusLine, now: float) -> dict[str, Any]:
    one = line.certificate.issued
    return {
        "subject": one.subject,
        "type": one.type,
        "condition": line.certificate.condition,
        "serial": str(one.serial),
        "fingerprint": one.fingerprint,
        "authority": one.authority,
        "key_id": one.key_id,
        "principals": one.principals,
        "valid_after": terminal.iso(one.valid_after),
        "valid_before": terminal.iso(one.valid_before),
        "handed": one.handed,
        "path": one.path,
        "who": line.certificate.who,
        "reason": line.certificate.reason,
        "record": one.record,
        "here": _here(line.here, now) if line.here else None,
    }


def _here(each: HeldHere, now: float) -> dict[str, Any]:
    kept = each.kept
    return {
        "subject": kept.actor,
        "serial": str(kept.serial),
        "presence": each.presence,
        "standing": kept.standing(now),
        "held_by": holder_word(kept.holder),
        "where": kept.holder.where,
        "renew_at": terminal.iso(kept.renew_at),
        "valid_before": terminal.iso(kept.valid_before),
    }


def show_status(found: SshStatus, now: float) -> None:
    """What waits for somebody, one row for each certificate, and what this machine holds beside them."""
    show_emergencies(found.emergencies)
    if found.lines:
        head = ("SUBJECT", "SERIAL", "STATUS", "UNTIL", "HERE", "WHO")
        terminal.table(head, [_row(each, now) for each in found.lines])
    else:
        terminal.sentence("The journal has no certificate that is valid.")
    for each in found.others:
        where = held_by(each.kept.holder, each.kept.actor)
        terminal.sentence(f"Of another platform or journal: {each.kept.actor}, serial {each.kept.serial}, {where}.")
    if any(_useless(line, now) for line in found.lines):
        terminal.sentence(f"Next: {to_paste(warden('ssh cleanup'))}")


def _useless(line: StatusLine, now: float) -> bool:
    """Whether this machine holds it although no host takes it: ssh would go on showing it."""
    here = line.here
    if here is None or here.presence == "gone":
        return False
    return line.certificate.condition == "revoked" or here.kept.standing(now) == "expired"


def _row(line: StatusLine, now: float) -> tuple[str, ...]:
    one, condition = line.certificate.issued, line.certificate.condition
    shown = {"valid": "valid", "revoked": terminal.styled("REVOKED", "bad")}.get(condition, condition)
    if condition == "valid" and line.here and line.here.kept.standing(now) == "due":
        shown = "renew"
    return (one.subject, str(one.serial), shown, _until(one.valid_before, now), _where(line), line.certificate.who)


def _until(end: int, now: float) -> str:
    return terminal.ago(end) if end <= now else f"in {about(int(end - now))}"


def _where(line: StatusLine) -> str:
    here = line.here
    if here is None:
        return "-"
    held = holder_word(here.kept.holder)
    return {"held": held, "gone": f"not in {held}", "unknown": f"{held} does not answer"}[here.presence]


# -- log --------------------------------------------------------------------------------------------------------------

_EVENTS: Mapping[str, str] = {
    BEGIN: "asked",
    ISSUED: "signed",
    REFUSED: "REFUSED",
    DECISION: "DENIED",
    FAILED: "failed",
    ABANDONED: "killed",
    DISCARDED: "discarded",
    REVOKED: "REVOKED",
    EMERGENCY: "BREAK-GLASS",
    ACKNOWLEDGED: "acknowledged",
}


def log_json(records: Sequence[Record], last: int = 0) -> list[dict[str, Any]]:
    """``record, at, event, subject``, and the record's body; serials are texts. ``last``: so many, 0 all."""
    return [
        {"record": each.seq, "at": each.at, "event": each.event, "subject": each.lane} | _texts(each.body)
        for each in records[-last:]
    ]


def _texts(body: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(body)
    if "serial" in found:
        found["serial"] = str(found["serial"])
    if isinstance(found.get("serials"), list):
        found["serials"] = list(map(str, found["serials"]))
    return found


def show_log(records: Sequence[Record], subject: str, last: int = 0) -> None:
    """One row for each record; that a certificate was asked for is left out where an end of it follows.

    ``last``: so many rows, 0 all.
    """
    ended = {each.body.get("begin") for each in records}
    rows = [_log_row(each) for each in records if each.event != BEGIN or each.seq not in ended]
    if rows:
        terminal.table(("RECORD", "WHEN", "EVENT", "SUBJECT", "SERIAL", "WHO", "WHAT"), rows[-last:])
    else:
        terminal.note(f"No certificate{f' of {name(subject)}' if subject else ''} was asked for.")


def _log_row(each: Record) -> tuple[str, ...]:
    body = each.body
    serials = [body["serial"]] if "serial" in body else list(body.get("serials", ()))
    shown = ", ".join(map(str, serials[:2])) + (f" and {len(serials) - 2} more" if len(serials) > 2 else "")  # noqa: PLR2004
    what = str(body.get("reason") or body.get("kind") or body.get("comment") or _denied_by(body))
    return (
        str(each.seq),
        f"{each.at[:19]}Z",
        _EVENTS[each.event],
        name(each.lane),
        shown or "-",
        each.who or "-",
        what,
    )


def _denied_by(body: Mapping[str, Any]) -> str:
    """Which policy point, or which policies, denied it; empty where none permits it."""
    points = [each["point"] for each in body.get("points", ()) if each["effect"] == "deny"]
    return ", ".join(map(name, points or body.get("policies", ())))


# -- scorecard --------------------------------------------------------------------------------------------------------

_MARKS: Mapping[Mark, str] = {
    "unacknowledged": "signed without OpenBao, and nobody has looked at it",
    "undeclared": "has valid certificates, and is not in inventory.yaml",
    "failing": "more failures than certificates",
    "any-address": "may log in from any address",
    "idle": "no certificate in this time",
}


def scorecard_json(scores: Sequence[Score], since: str) -> dict[str, Any]:
    """``since, actors[]``."""
    return {"since": since, "actors": [terminal.plain(each) for each in scores]}


def show_scorecard(scores: Sequence[Score], since: str) -> None:
    """One row for each actor."""
    if not scores:
        terminal.sentence("inventory.yaml declares no actors, and none has had a certificate.")
        return
    terminal.line(f"since {since}")
    head = ("ACTOR", "ISSUED", "VALID", "REVOKED", "REFUSED", "FAILED", "CALLERS", "LONGEST", "LAST", "MARKS")
    terminal.table(head, [_score_row(each) for each in scores])
    for mark in dict.fromkeys(mark for each in scores for mark in each.marks):
        terminal.sentence(f"{mark}: {_MARKS[mark]}")


def _score_row(each: Score) -> tuple[str, ...]:
    counts = (each.issued, each.valid, each.revoked, each.refused, each.failed, each.callers)
    last = terminal.ago(each.last) if each.last else "never"
    return (
        each.actor,
        *map(str, counts),
        about(each.longest) if each.issued else "-",
        last,
        ", ".join(each.marks) or "-",
    )


# -- cleanup ----------------------------------------------------------------------------------------------------------

_WHY: Mapping[Why, str] = {
    "expired": "expired",
    "revoked": "revoked",
    "asked": "still valid",
    "gone": "no longer there",
}


def cleanup_json(done: Sequence[Removed], *, plan: bool) -> dict[str, Any]:
    """``plan, removed[]``; ``error`` where one could not be removed."""
    return {"plan": plan, "removed": [_removed_json(each) for each in done]}


def _removed_json(each: Removed) -> dict[str, Any]:
    kept = each.what.kept
    return {
        "subject": each.what.subject,
        "serial": str(each.what.serial),
        "fingerprint": each.what.fingerprint,
        "why": each.what.why,
        "held_by": holder_word(kept.holder if kept else None),
        "where": kept.holder.where if kept else "",
        "error": errors.as_json(each.fault) if each.fault else None,
    }


def show_cleanup(done: Sequence[Removed], *, plan: bool) -> None:
    """One line for each."""
    for each in done:
        kept = each.what.kept
        where = held_by(kept.holder, kept.actor) if kept else "in ssh-agent"
        verb = "would remove" if plan else "NOT removed" if each.fault else "removed"
        terminal.line(f"{verb} {each.what.subject} · serial {each.what.serial} · {_WHY[each.what.why]} · {where}")
    if not done:
        terminal.sentence("Nothing of warden's has expired on this machine.")
