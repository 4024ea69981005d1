"""sign --break-glass: a certificate while OpenBao is down, signed with a CA key of this machine.

The order: a reason is given, the policy of this machine allows it, the journal has that it was done without OpenBao
(`certificate.emergency`), the certificate is signed and compared as always, whoever is to be told is told. The record
is shown until somebody else acknowledges it (`usecases.acknowledge`).
"""

import msgspec

from warden.core.notices.told import emergency
from warden.core.openbao.api import Identity
from warden.core.ssh.emergency import Emergency, expect_reason
from warden.ports.certificate_authority import CertificateAuthority
from warden.ports.notices import Notices
from warden.usecases.sign import Signed, SignRequest, SignTools, sign_as


def break_glass(
    ask: SignRequest, who: Identity, *, authority: CertificateAuthority, tools: SignTools, notices: Notices
) -> Signed:
    """One certificate; `who` is the user of this machine. If this raises, none was handed out.

    Raises as `sign`, except that OpenBao is not asked; `UsageError` where no reason is given.
    """
    ask = msgspec.structs.replace(ask, reason=expect_reason(ask.reason))
    (signed,) = sign_as([ask], who, authority=authority, tools=tools)
    notices.tell(emergency(_emergency(signed, ask.reason)))
    return signed


def _emergency(signed: Signed, reason: str) -> Emergency:
    certificate = signed.certificate
    return Emergency(
        record=signed.emergency,
        at="",
        subject=signed.subject,
        signer=signed.who.display_name,
        reason=reason,
        principals=certificate.principals,
        where=signed.where,
        serials=(certificate.serial,),
        ends=certificate.valid_before,
    )
