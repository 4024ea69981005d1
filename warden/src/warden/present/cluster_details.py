"""What is in a cluster besides a delivery, and what keeps a consumer from running with it: one clause for each kind."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from warden.core.clusters.exposure import ObtainableBy
from warden.core.clusters.manifests import Ref
from warden.core.clusters.ways import Bound
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
from warden.core.proofs.exposure_details import (
    Administered,
    AuthorizersDiffer,
    EndlessTokens,
    ObtainableByOthers,
    ReadableByOthers,
    TokensNotListed,
)

NAMED, RIGHTS = 5, 3
"""Subjects and containers that are named where there are more; and rights of each subject."""

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
    chance = f"not looked for: {', '.join(detail.guessable)}, whose value may be anywhere by chance"
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


# -- who gets at it ---------------------------------------------------------------------------------------------------


def _readable(detail: ReadableByOthers) -> str:
    named = [f"{each.subject} by {_bindings(each.bindings) or 'another authorizer'}" for each in detail.subjects]
    return f"{_some(named)}; {_to_declare(detail, 'may_read_secrets')}"


def _obtainable(detail: ObtainableByOthers) -> str:
    named = [f"{each.subject} may {_rights(each)} by {_bindings(each.bindings)}" for each in detail.subjects]
    return f"{_some(named)}; {_to_declare(detail, 'may_administer')}"


def _to_declare(detail: ReadableByOthers | ObtainableByOthers, key: str) -> str:
    """All of them, as the list in the file has them."""
    subjects = ", ".join(_in_yaml(str(each.subject)) for each in detail.subjects)
    return f"if intended, add {subjects} to {key} in clusters.yaml"


def _in_yaml(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else json.dumps(text)


_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@+-]*(:[A-Za-z0-9._/@+-]+)*", re.ASCII)
"""What YAML takes as it is in a list."""


def _rights(one: ObtainableBy) -> str:
    return _some([str(each) for each in one.rights], RIGHTS, ", ")


def _some(named: Sequence[str], count: int = NAMED, between: str = "; ") -> str:
    more = [f"and {len(named) - count} more"] if len(named) > count else []
    return between.join([*named[:count], *more])


def _bindings(bounds: Iterable[Bound]) -> str:
    return ", ".join(dict.fromkeys(_binding(each.ref) for each in bounds))


def _binding(binding: Ref) -> str:
    return f"{binding.kind.lower()} {binding.name}{f' -n {binding.namespace}' if binding.namespace else ''}"


def _administered(detail: Administered) -> str:
    return f"declared in may_administer: {_some(detail.subjects, between=', ')}"


def _authorizers(detail: AuthorizersDiffer) -> str:
    named = [
        f"{each.subject} {'may' if each.allowed else 'may not'} {each.right}, and RBAC says otherwise"
        for each in detail.disagreements
    ]
    return (
        f"{_some(named, RIGHTS)}: another authorizer decides, too (a webhook, ABAC or Node), and whom it lets "
        "through cannot be listed"
    )


def _endless(detail: EndlessTokens) -> str:
    names = ", ".join(each.name for each in detail.secrets)
    return (
        f"Secret {names} holds a token of {detail.account} that never expires: whoever reads it can act as that account"
    )


def _tokens_not_listed(detail: TokensNotListed) -> str:
    return (
        f"not listed: warden may not list Secrets in {detail.namespace}; such a token has no audience, "
        "so OpenBao refuses it"
    )


# -- a consumer -------------------------------------------------------------------------------------------------------


def _keys_not_there(detail: KeysNotThere) -> str:
    return f"it takes {', '.join(detail.keys)}, which the Secret does not have"


def _overridden(detail: Overridden) -> str:
    return f"{', '.join(detail.variables)} is set by another entry, which wins"


def _may_be_overridden(detail: MayBeOverridden) -> str:
    sources = ", ".join(detail.sources)
    return f"{sources} may set the same variables: it comes later and may not be read; take the Secret last"


def _init_only(detail: InitContainersOnly) -> str:
    return f"only the init container {', '.join(detail.containers)} takes it, and no container that keeps running"


def _failing(detail: ContainersFailing) -> str:
    return _some(detail.containers)


def _started_again(detail: StartedAgain) -> str:
    return f"{_some(detail.containers)}, and has run for less than ten minutes since"


def _not_ready(detail: NotReady) -> str:
    return f"{', '.join(detail.pods)} runs and is not ready"


DESCRIPTIONS: dict[type, Callable[[Any], str]] = {
    TakenBy: _taken_by,
    Replicated: _replicated,
    OperatorSearched: _searched,
    CopiedTo: _copied_to,
    CopiesSought: _sought,
    ReadableByOthers: _readable,
    ObtainableByOthers: _obtainable,
    Administered: _administered,
    AuthorizersDiffer: _authorizers,
    EndlessTokens: _endless,
    TokensNotListed: _tokens_not_listed,
    KeysNotThere: _keys_not_there,
    Overridden: _overridden,
    MayBeOverridden: _may_be_overridden,
    InitContainersOnly: _init_only,
    ContainersFailing: _failing,
    NotReady: _not_ready,
    StartedAgain: _started_again,
}
"""Each kind and what describes it; ``details`` has them all."""
