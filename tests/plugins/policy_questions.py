"""Questions of the tests of the policy gate: a lane, an actor, and who asks."""

import datetime as dt
from typing import Any

from warden.core.access.decision import Question
from warden.core.inventory.inventory import Actor, Host, NamedActor
from warden.core.lanes.lane import Custody, Lane, Owner, Owners, Workload, WorkloadReader
from warden.core.openbao.api import Identity

_OWNER = Owner(repo="platform-team", doc="d.md")
READER = WorkloadReader(workload=Workload("billing", "api"))
LANE = Lane(
    id="billing-key",
    title="t",
    status="active",
    reviewed=dt.date(2026, 7, 2),
    owners=Owners(custody=_OWNER, consumer=_OWNER),
    custody=Custody(path="platform/workloads/billing/api/billing-key", fields=("KEY",)),
    readers=(READER,),
    tags=("production",),
)
ACTOR = NamedActor(name="agt-deploy", declared=Actor(identities=(READER,), hosts=("web",)))


def who(entity: str = "e-reader") -> Identity:
    """Who logged in as the lane's reader."""
    return Identity(
        display_name="kubernetes-billing-api",
        path="auth/kubernetes/login",
        role="workload-billing-api",
        entity=entity,
        policies=("default",),
        ttl=60,
    )


def access(identity: Identity | None = None, lane: str = LANE.id, **context: Any) -> Question:
    """A question about a read."""
    given = {"reason": "", "via": "env"} | context
    declared = LANE if lane == LANE.id else None
    return Question(identity=identity or who(), action="access", resource=lane, context=given, declared=declared)


def sign(identity: Identity | None = None, actor: str = ACTOR.name, **context: Any) -> Question:
    """A question about a certificate."""
    given = {
        "reason": "deploy",
        "principals": ["agt-deploy"],
        "actor_type": "agt",
        "fingerprint": "SHA256:x",
        "ttl": 900,
        "type": "user",
    } | context
    declared = (ACTOR if actor == ACTOR.name else None) if given["type"] == "user" else Host()
    return Question(identity=identity or who(), action="sign", resource=actor, context=given, declared=declared)
