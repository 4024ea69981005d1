"""What builds what `doctor` looks at for SSH certificates; see `wiring`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from warden.cli import wiring_keys, wiring_krl, wiring_ssh
from warden.cli.clock import now

if TYPE_CHECKING:
    from warden.core.findings import JournalFile
    from warden.core.ssh.doctor_facts import OpenSsh
    from warden.usecases.doctor.ssh import SshToExamine


def ssh_to_examine(platform: str, journal: JournalFile) -> SshToExamine | None:
    """What a platform directory needs; None without one. A `journal` that cannot be used is left out."""
    from warden.cli import wiring_journal
    from warden.usecases.doctor.ssh import SshToExamine

    if not platform:
        return None
    return SshToExamine(
        inventory=wiring_ssh.read(platform),
        authority=wiring_ssh.authority,
        local=wiring_ssh.local_authority,
        certificates=wiring_ssh.certificates(),
        open_ssh=_open_ssh,
        agent=wiring_keys.agent_if_any(),
        kept=wiring_keys.kept(platform, ""),
        journal=None if journal.fault else wiring_journal.journal(platform, asks=False),
        shared=journal.shared,
        folder=wiring_krl.krl_folder,
        clock=now,
    )


def _open_ssh() -> OpenSsh:
    from warden.adapters.ssh.installed import open_ssh

    return open_ssh(os.environ)
