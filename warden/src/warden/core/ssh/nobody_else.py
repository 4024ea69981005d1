"""Every way to an actor's certificates -> verdicts: nobody else can have them signed, or one for each who can.

Ways are to the actor's SSH role, and to the other ones of the mount that give one of its principals.
"""

from collections.abc import Mapping

from warden.core.access_index.snapshot import Snapshot
from warden.core.access_index.ways import WhoCan
from warden.core.inventory.inventory import NamedActor
from warden.core.proofs.details import NobodyElse, NotLookedAt, OtherWayIn
from warden.core.proofs.nobody_else import verdicts_of
from warden.core.ssh.login_proof import LoginObservation, LoginVerdict

_OBSERVED: Mapping[str, LoginObservation] = {"others": "others", "nobody-else": "nobody-else"}


def signing_roles(actor: NamedActor) -> frozenset[str]:
    """The auth roles of the actor's identities, by their paths."""
    return frozenset(str(actor.role_of(each)) for each in actor.declared.identities)


def is_blind(found: WhoCan) -> bool:
    """Whether the caller may not read the policies, and so cannot be the one who looks."""
    return any(each.what == "policies" and each.why == "denied" for each in found.unknown)


def judge_signers(actor: NamedActor, found: WhoCan, snapshot: Snapshot) -> tuple[LoginVerdict, ...]:
    """The verdicts."""
    return tuple(
        LoginVerdict(
            probe="nobody-else",
            result=each.result,
            expected="refused",
            observed=_OBSERVED.get(each.observed, "not-seen"),
            subject=each.subject,
            detail=each.detail if isinstance(each.detail, NobodyElse | OtherWayIn | NotLookedAt) else None,
            remedy=each.remedy,
        )
        for each in verdicts_of(found.others, found, snapshot, signing_roles(actor))
    )
