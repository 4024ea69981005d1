"""Revocations: what one means, and what was recorded and published."""

import datetime as dt

from warden.core.ssh.issue_log import Issued
from warden.present import terminal
from warden.present.krl import published_json, show_published
from warden.present.terminal import counted
from warden.usecases.revoke import Plan, Revoking

SHOWN = 20
"""Certificates of a plan that are listed; the others are counted."""


def amount(plan: Plan) -> str:
    """How much is revoked that was not: ``3 certificates``, ``1 certificate and 1 key``."""
    serials = sum(len(each.serials) for each in plan.revocations)
    keys = sum(len(each.keys) for each in plan.revocations)
    parts = (counted(serials, "certificate") if serials else "", counted(keys, "key") if keys else "")
    return " and ".join(filter(None, parts)) or "nothing new"


def show_plan(plan: Plan) -> None:
    """What is about to be revoked, on stderr."""
    terminal.note(f"This revokes {amount(plan)}:" if plan.revocations else _nothing_new(plan))
    for one in plan.certificates[:SHOWN]:
        terminal.note(f"  {_certificate(one)}")
    if (more := len(plan.certificates) - SHOWN) > 0:
        terminal.note(f"  and {counted(more, 'more certificate')}")
    for each in plan.revocations:
        if each.serials and not each.authority:
            why = "their CA's public key is not known here" if each.subject else "not in the issue log"
            terminal.note(f"  {counted(len(each.serials), 'serial')} for every CA: {why}")
        for key in each.keys:
            terminal.note(f"  key {key} {f'until {terminal.iso(each.until)}' if each.until else 'for good'}")
    if plan.already:
        terminal.note(f"  {counted(len(plan.already), 'certificate')} revoked before")


def _nothing_new(plan: Plan) -> str:
    """Keys that were revoked before are not in the plan, so the second is no more than it knows."""
    return "All of it is revoked already." if plan.already else "Nothing is left to revoke."


def _certificate(one: Issued) -> str:
    end = dt.datetime.fromtimestamp(one.valid_before, dt.UTC)
    return f"{one.subject}  serial {one.serial}  until {end:%Y-%m-%d %H:%M} UTC  {one.fingerprint}"


def show(done: Revoking) -> None:
    """What is revoked now."""
    records = f" · journal {done.records[-1]}" if done.records else ""
    terminal.sentence(f"{terminal.styled('ok', 'ok')}   revoked {amount(done.plan)}{records}")
    show_published(done.published)


def document(done: Revoking) -> None:
    """``revoked[] {subject, authority, serials[], keys[], until, record}, already[], krl{}``."""
    terminal.document(
        {
            "revoked": [
                {
                    "subject": each.subject or None,
                    "authority": each.authority or None,
                    "serials": list(map(str, each.serials)),
                    "keys": list(each.keys),
                    "until": terminal.iso(each.until) if each.until else None,
                    "record": record,
                }
                for each, record in zip(done.plan.revocations, done.records, strict=True)
            ],
            "already": [str(one.serial) for one in done.plan.already],
            "reason": done.plan.revocations[0].reason if done.plan.revocations else None,
            "krl": published_json(done.published),
        }
    )
