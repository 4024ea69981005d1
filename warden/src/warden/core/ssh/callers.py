"""Who may have certificates signed for an actor or a host."""

import functools

from warden.core.access.identities import Declaration
from warden.core.errors import Effect
from warden.core.remedies import warden
from warden.core.ssh.decision import Subject
from warden.core.ssh.inventory import NamedActor


def callers_of(subject: Subject) -> Declaration:
    """An actor's identities; whose certificates a host has signed, the policy alone says."""
    named = subject if isinstance(subject, NamedActor) else None
    return Declaration(
        subject=subject.name,
        roles={each: named.role_of(each) for each in named.declared.identities} if named else None,
        command=functools.partial(warden, "sign", subject.name, pubkey="FILE"),
        effect=Effect.NOTHING_SIGNED,
    )
