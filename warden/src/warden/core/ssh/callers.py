"""Who may have certificates signed for an actor or a host."""

import functools
from typing import Literal

from warden.core.access.identities import Declaration, log_in
from warden.core.errors import Effect, WardenError
from warden.core.inventory.inventory import Inventory, NamedActor, PersonIdentity, kind_of
from warden.core.lanes.lane import PeopleReader
from warden.core.remedies import OneOf, Remedy, RunWarden, warden
from warden.core.ssh.decision import Subject

AskedBy = Literal["sign", "issue"]
"""What the caller runs for a certificate of an actor: with a key of its own, or for a fresh one."""


def callers_of(subject: Subject, asked_by: AskedBy = "sign") -> Declaration:
    """An actor's identities; whose certificates a host has signed, the policy alone says.

    What is advised is the command that was run, `asked_by`.
    """
    named = subject if isinstance(subject, NamedActor) else None
    if named and asked_by == "issue":
        command = functools.partial(warden, "issue", subject.name)
    else:
        command = functools.partial(warden, "sign" if named else "ssh host sign", subject.name, pubkey="FILE")
    return Declaration(
        subject=subject.name,
        roles={each: named.role_of(each) for each in named.declared.identities} if named else None,
        command=command,
        effect=Effect.NOTHING_SIGNED,
    )


def has_emergency(actor: str, inventory: Inventory) -> bool:
    """Whether --break-glass is worth naming: it has a CA, and the shipped access policies let people use it.

    Whether the platform's own policies permit it is decided when it is asked for.
    """
    return inventory.authorities.break_glass is not None and kind_of(actor) == "adm"


def name_emergency(fault: WardenError, emergency: RunWarden) -> None:
    """Have the error name what goes without OpenBao, after its own step."""
    fault.remedy = (OneOf((*(fault.remedy or (warden("doctor"),)), emergency)),)


def log_in_as_person(actor: NamedActor) -> Remedy:
    """How one of the actor's people logs in; empty where others than people can have it signed, too, or nobody can."""
    people = all(isinstance(each, PeopleReader | PersonIdentity) for each in actor.declared.identities)
    return log_in(callers_of(actor)) if people else ()
