"""A certificate that was signed: its line for programs, and what it is for people."""

from typing import Any

from warden.core.remedies import warden
from warden.present import terminal
from warden.present.commands import to_paste
from warden.usecases.sign import Signed


def as_json(signed: Signed, path: str) -> dict[str, Any]:
    """The certificate's parts by the names of OpenSSH, and where it comes from; ``path`` is where it was written.

    Serials are texts: jq and JavaScript round numbers of 64 bits, and a rounded serial revokes something else.
    """
    found = signed.certificate
    return {
        "subject": signed.subject,
        "certificate": found.line,
        "type": found.type,
        "serial": str(found.serial),
        "key_id": found.key_id,
        "principals": list(found.principals),
        "valid_after": terminal.iso(found.valid_after),
        "valid_before": terminal.iso(found.valid_before),
        "critical_options": found.critical_options,
        "extensions": sorted(found.extensions),
        "fingerprint": found.fingerprint,
        "authority": {"where": signed.where, "fingerprint": found.authority},
        "identity": signed.who.as_json(),
        "record": signed.record,
        "emergency": signed.emergency,
        "path": path,
    }


def show(signed: Signed, path: str) -> None:
    """The line on stdout, unless it went to a file; what it is on stderr."""
    found = signed.certificate
    if not path:
        terminal.line(found.line)
    until = f"valid until {terminal.iso(found.valid_before)}"
    where = f"written to {path} · " if path else ""
    terminal.note(f"{signed.subject} · serial {found.serial} · {until} · {where}journal {signed.record}")
    show_emergency(signed)


def show_emergency(signed: Signed) -> None:
    """Of a certificate without OpenBao: what somebody else has to do now."""
    if signed.emergency:
        following = to_paste(warden("ssh acknowledge", str(signed.emergency)))
        terminal.note(
            f"BREAK-GLASS: signed without OpenBao by {signed.who.display_name}. By somebody else: {following}"
        )
