"""A reader's login -> Verdict: what its identity gives it besides what its role gives.

The role is compared with the declaration, so its policies are the lane's. Those of the entity, and of the groups that
the entity is in, come on top, and no role shows them.
"""

from collections.abc import Mapping

from warden.core.openbao.api import Entered
from warden.core.proofs.details import HeldBeyond
from warden.core.proofs.verdict import Verdict
from warden.core.remedies import RunBao


def judge_holdings(sessions: Mapping[str, Entered], own: str) -> tuple[Verdict, ...]:
    """A wrong verdict for each reader, by label, that holds more; `own` is the lane's policy."""
    return tuple(
        Verdict(
            probe="reader-holds",
            reader=label,
            result="wrong",
            observed="more",
            detail=HeldBeyond(beyond),
            remedy=(RunBao(action="read", path=f"identity/entity/id/{session.entity}"),),
        )
        for label, session in sessions.items()
        if (beyond := tuple(each for each in session.identity_policies if each != own))
    )
