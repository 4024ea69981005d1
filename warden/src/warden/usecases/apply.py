"""apply: make OpenBao what the lane declares; idempotent, and safe to be killed at any point and run again.

The order is the plan's: what takes access away comes first, then the mount, the marks (so that everything made after
them is known to be ours), the policy, and the roles last: access exists only when all the rest does.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import msgspec

from warden.core.errors import Foreign, Inconclusive
from warden.core.openbao.comparison import Change, Plan
from warden.ports.journal import Journal
from warden.ports.vault import Vault
from warden.usecases.recorded import although


class AnyPlan(Protocol):
    """What a plan of OpenBao and one of a cluster have in common."""

    @property
    def lane(self) -> str:
        """The lane's id."""

    @property
    def to_change(self) -> tuple[Change, ...]:
        """What differs, in the order in which it is made."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What was done: the changes that were made, and the journal's record of it (0 where there was nothing to do).

    ``left_behind`` as in `Plan`: afterwards the server may not tell it any more.
    """

    lane: str
    changed: tuple[Change, ...]
    record: int
    left_behind: tuple[str, ...] = ()


def apply(
    plan: Callable[[], Plan], vault: Vault, journal: Journal, *, done: Callable[[Change], None] = lambda _: None
) -> Receipt:
    """Carry out what `plan` answers, then ask it again: only a plan with nothing left counts as applied.

    Raises:
        Foreign: an object of a derived name is not ours, or an auth mount is missing; nothing was changed.
        Inconclusive: the server does not show what was written.
        JournalUnwritable: nothing was changed, unless the message says that it was.
    """
    first = plan()
    expect_ours(first)
    if not first.to_change:
        return Receipt(lane=first.lane, changed=(), record=0, left_behind=first.left_behind)
    what = {"system": vault.address, "identity": vault.identity().as_json()}
    make = Make(f"OpenBao {vault.address}", what, lambda change: _carry_out(change, vault), done)
    return msgspec.structs.replace(carry_out(first, plan, make, journal), left_behind=first.left_behind)


class Make(NamedTuple):
    """Where changes are made, what the journal says of that, and how one is made; ``done`` is told of each."""

    system: str
    what: Mapping[str, Any]
    one: Callable[[Change], None]
    done: Callable[[Change], None]


def carry_out(first: AnyPlan, again: Callable[[], AnyPlan], make: Make, journal: Journal) -> Receipt:
    """Journal, make every change of `first` in its order, look again; in OpenBao and in a cluster alike.

    Raises `Inconclusive` where the system does not show what was written.
    """
    what = {**make.what, "changes": [f"{change.action} {change.kind} {change.name}" for change in first.to_change]}
    journal.record("apply.begin", first.lane, what)
    for change in first.to_change:
        make.one(change)
        make.done(change)
    _expect_done(again(), make.system)
    with although(f"{first.lane} is as declared in {make.system}"):
        record = journal.record("apply.done", first.lane, what)
    return Receipt(lane=first.lane, changed=first.to_change, record=record)


def expect_ours(plan: Plan) -> None:
    """Raise `Foreign` where the plan has objects that `apply` must not touch; all of them are named."""
    if not plan.blocked:
        return
    foreign = [f"{change.kind} {change.name}" for change in plan.blocked if change.action == "foreign"]
    absent = [change.name for change in plan.blocked if change.action == "absent"]
    parts = []
    if foreign:
        parts.append(f"{', '.join(foreign)}: not marked as made by warden for {plan.lane}")
    if absent:
        parts.append(f"{', '.join(absent)}: its auth mount does not exist")
    mounts = dict.fromkeys(change.role.mount for change in plan.blocked if change.action == "absent" and change.role)
    enable = " && ".join(f"bao auth enable -path={mount} kubernetes" for mount in mounts)
    hints = {
        "foreign": f"look first: warden plan {plan.lane}; if they are yours to take: --take-over",
        "absent": f"the platform enables auth mounts: {enable}",
    }
    raise Foreign(
        f"{'; '.join(parts)}. Nothing was changed.",
        system="OpenBao",
        subject=plan.lane,
        hint="; ".join(hints[action] for action in sorted({change.action for change in plan.blocked}, reverse=True)),
    )


def _carry_out(change: Change, vault: Vault) -> None:
    if change.kind == "mount":
        vault.create_kv(change.name)
    elif change.kind == "metadata":
        mount, _, key = change.name.partition("/")
        vault.mark(mount, key, change.wanted)
    elif change.kind == "policy" and change.action == "delete":
        vault.delete_policy(change.name)
    elif change.kind == "policy":
        vault.write_policy(change.name, change.wanted)
    elif change.role is not None and change.action == "delete":
        vault.delete_role(change.role.mount, change.role.name)
    elif change.role is not None:
        vault.write_role(change.role.mount, change.role.name, change.wanted)


def _expect_done(after: AnyPlan, system: str) -> None:
    if not after.to_change:
        return
    left = ", ".join(f"{change.kind} {change.name}" for change in after.to_change)
    raise Inconclusive(
        f"{system} does not show what was written: {left} still differs. Somebody else may be changing it.",
        system=system,
        subject=after.lane,
        hint=f"warden plan {after.lane}",
    )
