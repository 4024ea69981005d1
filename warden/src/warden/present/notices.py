"""Notices: as JSON for a hook and for the State Hub, with a sentence for people; and what did not go out, in words."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from warden.core.notices.notice import Fact, Kind, Notice
from warden.core.notices.outbox import Channel, ChannelQueue, Failure, Undelivered
from warden.core.remedies import warden
from warden.present import terminal
from warden.present.commands import commands, to_paste

_HAPPENED: Mapping[Kind, str] = {
    "lane.promoted": "is active: a fresh proof of all of it was made",
    "lane.demoted": "is a draft again",
    "lane.rotated": "was rotated: the new value is in use, the old one is refused",
    "rotation.unproven": "has a rotation that did not end in proof",
    "lane.closed": "was closed",
    "lane.opened": "is open again",
    "lane.compromised": "was closed as compromised",
    "proof.refuted": "was refuted by a proof",
    "change.requested": "has a change request that waits for approval",
    "change.decided": "has a change request that was decided",
    "access.requested": "has a read that waits for approval",
    "access.approved": "has a read that was approved",
    "certificate.emergency": "has an SSH certificate that was signed without OpenBao (break-glass)",
    "certificate.acknowledged": "has an SSH certificate without OpenBao that was acknowledged",
    "test": "warden can send notices here",
}
_CHANNELS: Mapping[Channel, str] = {"notify": "notify of platform.yaml", "state-hub": "the State Hub"}
_NAMES: Mapping[Channel, str] = {"notify": "notify", "state-hub": "State Hub"}
_WHY: Mapping[Failure, str] = {
    "no-answer": "it cannot be reached",
    "answered": "it answered {status}",
    "not-run": "the command cannot be run",
    "ended": "the command ended with code {status}",
    "timed-out": "it took too long",
    "token": "the file with its token cannot be used",
    "journal": "the journal could not be written",
    "secret": "{field} holds secret material",
    "interrupted": "it was not waited for",
    "earlier": "it failed before in this command",
}


def document(notice: Notice, channel: Channel) -> bytes:
    """The notice as it is sent on a channel, in JSON."""
    shown = as_event(notice) if channel == "state-hub" else as_hook(notice)
    return json.dumps(shown, ensure_ascii=False).encode("utf-8", "backslashreplace")


def as_hook(notice: Notice) -> dict[str, Any]:
    """``kind, id, platform, lane, who, record, at, facts{}, next, text``; chats take ``text`` as the message."""
    return {"kind": notice.kind, **_told(notice), "next": commands(notice.next), "text": text(notice)}


def as_event(notice: Notice) -> dict[str, Any]:
    """A progress event of the State Hub: ``event, id, platform, lane, who, record, at`` and each fact; no sentence."""
    return {"event": f"warden.{notice.kind}", **_told(notice)}


def _told(notice: Notice) -> dict[str, Any]:
    """What both have."""
    return {
        "id": notice.id,
        "platform": notice.platform,
        "lane": notice.lane,
        "who": notice.who,
        "record": notice.record,
        "at": notice.at,
        "facts": dict(notice.facts),
    }


def text(notice: Notice) -> str:
    """The notice as one sentence for people, with what to do next."""
    said = f"{notice.lane} {_HAPPENED[notice.kind]}" if notice.lane else _HAPPENED[notice.kind]
    by = f", by {notice.who}" if notice.who else ""
    # In an order of ours: what is sent again comes from the journal, which keeps none.
    ordered = sorted(notice.facts.items(), key=lambda each: (each[0] != "reason", each[0]))
    facts = "; ".join(_fact(name, fact) for name, fact in ordered)
    record = f" (journal {notice.record})" if notice.record else ""
    following = f" Next: {commands(notice.next)}" if notice.next else ""
    return f"{said}{by}{f' · {facts}' if facts else ''}{record}.{following}"


def _fact(name: str, fact: Fact) -> str:
    """A fact by its name; one whose name ends with its unit as ``refused after: 928 ms``."""
    unit = " ms" if name.endswith("_ms") else ""
    return f"{name.removesuffix('_ms').replace('_', ' ')}: {_shown(fact)}{unit}"


def _shown(fact: Fact) -> str:
    if isinstance(fact, bool):
        return "yes" if fact else "no"
    return ", ".join(fact) if isinstance(fact, tuple) else str(fact)


def show_queues(queues: Sequence[ChannelQueue]) -> None:
    """Each channel, where it leads, and what is queued for it."""
    if not queues:
        terminal.sentence("Nobody is told: platform.yaml has neither notify nor state_hub.")
        return
    rows = [(_NAMES[each.name], each.where, _waiting(each)) for each in queues]
    terminal.table(("CHANNEL", "WHERE", "QUEUED"), rows)
    for each in queues:
        for one in each.queued:
            terminal.sentence(f"  {_NAMES[each.name]}, {terminal.ago(one.notice.at)}: {text(one.notice)}")
    if any(each.queued for each in queues):
        terminal.sentence(f"Next: {to_paste(warden('notices', send=True))}")


def _waiting(queue: ChannelQueue) -> str:
    return f"{len(queue.queued)}, oldest {terminal.ago(queue.queued[0].notice.at)}" if queue.queued else "0"


def queues_json(queues: Sequence[ChannelQueue], sent: int, undelivered: Sequence[Undelivered]) -> dict[str, Any]:
    """``channels[] {channel, where, queued[] {kind, id, lane, at, journal}}, sent, undelivered[]``."""
    return {
        "channels": [
            {
                "channel": each.name,
                "where": each.where,
                "queued": [
                    {
                        "kind": one.notice.kind,
                        "id": one.notice.id,
                        "lane": one.notice.lane,
                        "at": one.notice.at,
                        "journal": one.record,
                    }
                    for one in each.queued
                ],
            }
            for each in queues
        ],
        "sent": sent,
        "undelivered": [{"channel": each.channel, "message": reason(each)} for each in undelivered],
    }


def show_undelivered(undelivered: Sequence[Undelivered]) -> None:
    """What did not go out, on stderr: one line for each channel and reason, however many notices it was."""
    for line in dict.fromkeys(reason(each) for each in undelivered if each.failure != "earlier"):
        terminal.note(line)


def reason(undelivered: Undelivered) -> str:
    """Why one notice did not go out, and what becomes of it."""
    why = _WHY[undelivered.failure].format(status=undelivered.status, field=undelivered.field)
    later = "a later command sends it" if undelivered.queued else "it is not sent"
    of = f" ({undelivered.kind} of {undelivered.lane})" if undelivered.lane else f" ({undelivered.kind})"
    return f"warden: {_CHANNELS[undelivered.channel]} was not told{of}: {why}; {later}."
