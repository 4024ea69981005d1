"""A reader's login -> Verdict: what its identity gives it besides what its role gives.

The role is compared with the declaration, so its policies are the lane's. Those of the entity, and of the groups that
the entity is in, come on top, and no role shows them.
"""

from collections.abc import Iterator, Mapping

from warden.core.access_index.removal import of_identity
from warden.core.access_index.snapshot import Entity, Group, Snapshot
from warden.core.openbao.api import Entered
from warden.core.proofs.details import HeldBeyond
from warden.core.proofs.verdict import Verdict
from warden.core.remedies import Remedy, RunBao


def judge_holdings(sessions: Mapping[str, Entered], own: str, snapshot: Snapshot | None = None) -> tuple[Verdict, ...]:
    """A wrong verdict for each reader, by label, that holds more; `own` is the lane's policy.

    The `snapshot` says what gives it, and so what takes it away.
    """
    return tuple(
        Verdict(
            probe="reader-holds",
            reader=label,
            result="wrong",
            observed="more",
            detail=HeldBeyond(beyond),
            remedy=_removal(session.entity, frozenset(beyond), snapshot),
        )
        for label, session in sessions.items()
        if (beyond := tuple(each for each in session.identity_policies if each != own))
    )


def _removal(entity: str, beyond: frozenset[str], snapshot: Snapshot | None) -> Remedy:
    """Take the policies from the entity and its groups; only to look at it, where it is not known what gives them."""
    found = tuple(_taken(each, beyond, snapshot) for each in _givers(entity, beyond, snapshot)) if snapshot else ()
    return found or (RunBao(action="read", path=f"identity/entity/id/{entity}"),)


def _taken(giver: Entity | Group, beyond: frozenset[str], snapshot: Snapshot) -> RunBao:
    kind = "entity" if isinstance(giver, Entity) else "group"
    kept = [policy for policy in giver.policies if policy.lower() not in beyond]
    return of_identity(kind, giver.id, kept, snapshot.option(giver.namespace))


def _givers(entity: str, beyond: frozenset[str], snapshot: Snapshot) -> Iterator[Entity | Group]:
    """Of the entity and the groups that it is in, those above them included, whoever has such a policy."""
    for one in snapshot.namespaces.values():
        found = one.entities.get(entity)
        groups = [one.groups[each] for each in found.groups if each in one.groups] if found else []
        for each in (*([found] if found else ()), *groups):
            if beyond & {policy.lower() for policy in each.policies}:
                yield each
