"""A key and a certificate that were handed over, as text and as JSON."""

from typing import Any

from warden.core.remedies import warden
from warden.core.ssh.kept import Holder, Kept, key_file
from warden.present import sign, terminal
from warden.present.commands import to_paste
from warden.present.durations import span
from warden.usecases.issue import Handed
from warden.usecases.ssh_ensure import Ensured


def as_json(done: Handed) -> dict[str, Any]:
    """As `warden sign --json`, and where the key is. ``renew_at`` is when two thirds of its life are over."""
    path = done.certificate_file if done.kept.holder.handed == "file" else ""
    return sign.as_json(done.signed, path) | _held(done.kept, done.certificate_file)


def ensured_json(found: Ensured, certificate_file: str) -> dict[str, Any]:
    """The certificate that is to be used, and whether it was renewed just now."""
    kept = found.kept
    return {
        "subject": kept.actor,
        "serial": str(kept.serial),
        "valid_before": terminal.iso(kept.valid_before),
        "renewed": found.renewed,
        "stale": found.fault is not None,
        "replaces_revoked": found.revoked is not None,
    } | _held(kept, certificate_file)


def _held(kept: Kept, certificate_file: str) -> dict[str, Any]:
    holder = kept.holder
    return {
        "held_by": holder_word(holder),
        "agent": holder.where if holder.handed == "agent" else "",
        "key_file": key_file(holder.where, kept.actor) if holder.handed == "file" else "",
        "certificate_file": certificate_file,
        "renew_at": terminal.iso(kept.renew_at),
    }


def show(done: Handed) -> None:
    """What it is, where it is, and how ssh comes to use it."""
    kept = done.kept
    terminal.line(f"{kept.actor} · serial {kept.serial} · valid until {terminal.iso(kept.valid_before)}")
    where = held_by(kept.holder, kept.actor)
    terminal.sentence(f"  {where} · signed by {done.signed.where} · journal {done.signed.record}")
    sign.show_emergency(done.signed)
    out = kept.holder.where if kept.holder.handed == "file" else ""
    step = warden("ssh config", kept.actor, out=out) if done.hosts else warden("ssh status", kept.actor)
    terminal.sentence(f"Next: {to_paste(step)}")


def show_ensured(found: Ensured, now: float) -> None:
    """Nothing when all is well: ssh shows its users what is said."""
    if found.revoked is not None:
        why = to_paste(warden("ssh log", found.kept.actor))
        terminal.note(f"The certificate of {found.kept.actor} was revoked and has been replaced; {why} says why.")
    if found.fault is not None:
        terminal.error(found.fault, as_json=False)
        left = max(60, int(found.kept.valid_before - now) // 60 * 60)
        terminal.note(f"        The certificate of {found.kept.actor} is still valid for {span(left)}, so it is used.")


def holder_word(holder: Holder | None) -> str:
    """``ssh-agent`` or ``files``; without a holder it is an entry of the agent alone."""
    return "files" if holder and holder.handed == "file" else "ssh-agent"


def held_by(holder: Holder, actor: str) -> str:
    """Where the key is, as people name it."""
    return f"in ssh-agent ({holder.where})" if holder.handed == "agent" else key_file(holder.where, actor)
