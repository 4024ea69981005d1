"""ssh acknowledge: somebody else has looked at a certificate that was signed without OpenBao.

The order: the journal has such a record, OpenBao says who the caller is, that is not who signed, the journal has it,
those who were told of the certificate are told of this. One that is acknowledged already stays as it is.
"""

import msgspec

from warden.core.notices.told import acknowledged
from warden.core.ssh.emergency import Acknowledged, Emergency, expect_another, find
from warden.core.ssh.issue_log import ACKNOWLEDGED
from warden.ports.caller import Caller
from warden.ports.clock import Clock
from warden.ports.journal import Journal
from warden.ports.notices import Notices
from warden.usecases.steps.emergencies import every_emergency


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """The certificate, acknowledged; ``before``: somebody had done that already, and what they said stays."""

    emergency: Emergency
    before: bool = False
    comment_recorded: bool = True


def acknowledge(
    record: int, comment: str, *, caller: Caller, journal: Journal, notices: Notices, clock: Clock
) -> Looked:
    """Acknowledge the certificate of that record.

    Raises:
        UsageError: no certificate was signed without OpenBao under that record.
        Refused: the caller is who signed it.
        Unidentified, Inconclusive: OpenBao does not say who the caller is.
    """
    found = find(every_emergency(journal), record)
    if found.acknowledged is not None:
        recorded = comment in {"", found.acknowledged.comment}
        return Looked(emergency=found, before=True, comment_recorded=recorded)
    vault = caller.vault()
    who = vault.identity()
    expect_another(found, who)
    facts = {"record": found.record, "signed_by": found.signer, "comment": comment}
    body = facts | {"identity": who.as_json(), "where": vault.address}
    number = journal.record(ACKNOWLEDGED, found.subject, body)
    done = Acknowledged(by=who.display_name, at=clock().isoformat(), comment=comment, record=number)
    found = msgspec.structs.replace(found, acknowledged=done)
    notices.tell(acknowledged(found))
    return Looked(emergency=found)
