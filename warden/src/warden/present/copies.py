"""What is beside a delivery, and what keeps a consumer from running with it, in words: one clause for each kind."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from warden.core.proofs.delivery_details import (
    ContainersFailing,
    CopiedTo,
    CopiesSought,
    InitContainersOnly,
    KeysNotThere,
    MayBeOverridden,
    NotReady,
    OperatorSearched,
    Overridden,
    Replicated,
    StartedAgain,
    TakenBy,
)

NAMED = 5
"""Containers that are named where more fail."""

_EFFECTS = {
    "reads": "reads the path",
    "finds": "finds the path among others",
    "writes": "writes to the path",
    "exports": "takes the delivered Secret",
    "fills": "writes into the delivered Secret",
    "opens": "lets other namespaces read as the reader",
}


def _taken_by(detail: TakenBy) -> str:
    by = f" by {detail.store}" if detail.store else ""
    written = _written_by(detail.managers, detail.owner)
    return f"{_object(detail)} {_EFFECTS[detail.effect]}{by}{written}; {_if_intended(detail)}"


def _replicated(detail: Replicated) -> str:
    return f"{', '.join(detail.keys)}: a controller copies the Secret into other namespaces"


def _searched(detail: OperatorSearched) -> str:
    return f"as declared: {', '.join(detail.declared)}" if detail.declared else ""


def _copied_to(detail: CopiedTo) -> str:
    more = f", and {detail.more} more objects" if detail.more else ""
    written = _written_by(detail.managers, detail.owner)
    return f"{_object(detail)} has it in {detail.field}{more}{written}; {_if_intended(detail)}"


def _sought(detail: CopiesSought) -> str:
    skipped = f"not looked through: {', '.join(detail.skipped)} (render --rights copies)" if detail.skipped else ""
    chance = f"not looked for: {', '.join(detail.guessable)}, which may be anywhere by chance"
    declared = f"as declared: {', '.join(detail.declared)}" if detail.declared else ""
    return "; ".join(filter(None, (skipped, chance if detail.guessable else "", declared)))


def _written_by(managers: Sequence[str], owner: str) -> str:
    """Who wrote an object, as the API server recorded it."""
    by = f", written by {', '.join(managers)}" if managers else ""
    return f"{by}, made by {owner}" if owner else by


def _object(detail: TakenBy | CopiedTo) -> str:
    return f"{detail.kind} {'/'.join(filter(None, (detail.namespace, detail.name)))}"


def _if_intended(detail: TakenBy | CopiedTo) -> str:
    name = "/".join(filter(None, (detail.kind, detail.namespace, detail.name)))
    return f"if intended, add {name} to may_copy in clusters.yaml"


def _keys_not_there(detail: KeysNotThere) -> str:
    return f"it takes {', '.join(detail.keys)}, which the Secret does not have"


def _overridden(detail: Overridden) -> str:
    return f"{', '.join(detail.variables)} is set by another entry, which wins"


def _may_be_overridden(detail: MayBeOverridden) -> str:
    sources = ", ".join(detail.sources)
    return f"{sources} may set the same variables: it is taken later, and may not be read; take the Secret last"


def _init_only(detail: InitContainersOnly) -> str:
    return f"only the init container {', '.join(detail.containers)} takes it, and nothing that stays"


def _failing(detail: ContainersFailing) -> str:
    return "; ".join(detail.containers[:NAMED])


def _started_again(detail: StartedAgain) -> str:
    return f"{'; '.join(detail.containers[:NAMED])}, and has run for less than ten minutes since"


def _not_ready(detail: NotReady) -> str:
    return f"{', '.join(detail.pods)} runs and is not ready"


DESCRIPTIONS: Mapping[type, Callable[[Any], str]] = {
    TakenBy: _taken_by,
    Replicated: _replicated,
    OperatorSearched: _searched,
    CopiedTo: _copied_to,
    CopiesSought: _sought,
    KeysNotThere: _keys_not_there,
    Overridden: _overridden,
    MayBeOverridden: _may_be_overridden,
    InitContainersOnly: _init_only,
    ContainersFailing: _failing,
    NotReady: _not_ready,
    StartedAgain: _started_again,
}
"""Each kind and what describes it; ``details`` has them all."""
