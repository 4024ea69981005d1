"""What the audit log has of a run, for which it waits a moment."""

import time

from warden.core.errors import Inconclusive
from warden.core.openbao.api import AuditLine, Handed
from warden.core.proofs.evidence import Evidence
from warden.core.unobserved import unobserved
from warden.ports.audit_log import AuditLog

LATE = 2.0
"""Seconds to wait for audit lines that are not there yet (a log that is shipped or printed by a command)."""


def read_evidence(expected: set[str], paths: set[str], audit: AuditLog, run: str) -> Evidence:
    """The lines of the run by nonce, and the reads of these paths; or why the log cannot be read."""
    try:
        lines = _lines_by_nonce(expected, audit, run)
        handed: dict[str, list[Handed]] = {}
        for read in audit.handed(sorted(paths)) if paths else ():
            handed.setdefault(read.path, []).append(read)
    except Inconclusive as fault:
        return Evidence(unavailable=unobserved(fault))
    return Evidence(lines=lines, handed=handed)


def _lines_by_nonce(expected: set[str], audit: AuditLog, run: str) -> dict[str, list[AuditLine]]:
    """The lines of the run by their nonce; waits for those of `expected` nonces. Raises `Inconclusive`."""
    deadline = time.monotonic() + LATE
    while True:
        lines = audit.lines(run)
        found: dict[str, list[AuditLine]] = {}
        for line in lines:
            found.setdefault(line.nonce, []).append(line)
        if not lines or expected <= found.keys() or time.monotonic() > deadline:
            return found
        time.sleep(0.1)
