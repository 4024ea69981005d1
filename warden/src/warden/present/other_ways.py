"""Other ways to a lane in words: how somebody gets in, and what could not be looked at."""

from collections.abc import Iterable, Mapping, Sequence

from warden.core.access_index.new_names import NEW
from warden.core.access_index.snapshot import Reason, Subject, Unknown
from warden.core.access_index.ways import Condition, Effect, Identity, Rule, Step, StepKind, WayIn
from warden.core.proofs.details import NobodyElse, NotLookedAt, OtherWayIn

SHOWN = 3
"""Rules and names that are shown of many; JSON has all of them."""

_EFFECTS: Mapping[Effect, str] = {
    "reads": "can read it",
    "writes": "can change it",
    "grants": "can gain access",
}
OF_SIGNING: Mapping[Effect, str] = {
    "reads": "can have it signed",
    "writes": "can change what is signed",
    "grants": "can gain the right to have it signed",
}
_STEPS: Mapping[StepKind, str] = {
    "logs-in": "logs in at {path}",
    "is-member": "is a member of {path}",
    "writes-policy": "writes the policy {path}",
    "writes-role": "writes the role {path}",
    "writes-identity": "writes {path}",
    "writes-auth-config": "writes {path}",
    "creates-secret-id": "makes a SecretID at {path}",
    "sets-password": "sets a password at {path}",
    "issues-certificate": "has a certificate made at {path}",
    "creates-token": "makes a token at {path}",
    "creates-token-by-role": "makes a token at {path}",
    "enables-auth": "enables an auth method at {path}",
    "moves-mount": "moves the mount by {path}",
    "writes-raw": "writes the storage at {path}",
    "restores-snapshot": "restores a snapshot by {path}",
    "takes-snapshot": "takes a snapshot by {path}",
    "writes-workflow": "writes the workflow {path}",
    "signs-tokens": "signs tokens with a second key of {path}",
    "signs-by": "has it signed by {path}",
    "names-any-issuer": "signs tokens of any issuer, since {path} names none",
}
_CONDITIONS: Mapping[Condition, str] = {
    "control-group": "a control group has to approve",
    "required-parameters": "with certain parameters",
    "allowed-parameters": "with certain parameters",
    "denied-parameters": "without certain parameters",
    "wrapped": "as a wrapped answer",
    "template": "depends on its identity, which is not known",
    "unreadable-policy": "by a policy that could not be read",
    "cidr": "from some networks",
    "expires": "until it expires",
    "seal-key": "with the seal's key",
    "raw-storage": "if raw storage is enabled",
    "raised-by-others": "if somebody with more rights runs it",
    "issued-name": "if the certificate may have a name that the login takes",
}
_SUBJECTS: Mapping[Subject, str] = {
    "policies": "the policies",
    "policy": "the policy {name}",
    "auth-mounts": "the auth mounts",
    "auth-config": "the configuration of {name}",
    "auth-method": "{name}, whose type warden does not know",
    "roles": "the roles at {name}",
    "role": "{name}",
    "secret-mounts": "the secrets engines",
    "issuers": "whom {name} issues for",
    "entities": "the entities",
    "entity": "the entity {name}",
    "groups": "the groups",
    "group": "the group {name}",
    "namespaces": "the namespaces",
    "namespace": "the namespaces above",
    "tokens": "the live tokens",
    "token": "the token {name}",
    "templates": "the templates of {name}",
}
_REASONS: Mapping[Reason, str] = {
    "denied": "permission denied",
    "plugin": "warden does not know what it gives",
    "computed": "what it gives is computed at each login",
    "not-text": "its text cannot be parsed",
    "not-answered": "OpenBao gave an unexpected answer",
    "not-below": "the caller belongs to a namespace below",
    "not-public": "OpenBao shows it to nobody",
}


def way_in(detail: OtherWayIn, effects: Mapping[Effect, str] = _EFFECTS) -> str:
    """How somebody gets in, as one clause."""
    who = f"{detail.identities} identities " if detail.identities > 1 else ""
    can = _and([effects[each] for each in detail.effects])
    owner = detail.identity.owner
    return "; ".join(
        filter(
            None,
            (
                f"{who}{can}{by_rules(detail.rules)}",
                _chain(detail.via),
                _on(detail.conditions),
                f"last used {detail.last_used}" if detail.last_used else "",
                f"belongs to {owner}" if owner else label(detail.identity, "a token called {}"),
            ),
        )
    )


def nobody(detail: NobodyElse) -> str:
    """Who was looked at, and who is declared."""
    may = f"may administer: {', '.join(detail.administrators)}; " if detail.administrators else ""
    return f"{may}looked at {detail.policies} policies, {detail.identities} identities, {detail.tokens} tokens"


def not_looked_at(detail: NotLookedAt) -> str:
    """What is unknown, and the right that is missing."""
    where = f" in the namespace {detail.namespace}" if detail.namespace else ""
    right = f" (needs {' and '.join(detail.capabilities)} on {detail.path})" if detail.capabilities else ""
    return f"{subject_words(detail)}{where}: {_REASONS.get(detail.why, detail.why)}{right}"


def subject_words(detail: NotLookedAt) -> str:
    """What could not be looked at."""
    return _SUBJECTS[detail.what].format(name=detail.name)


def by_rules(rules: Sequence[Rule]) -> str:
    """`` by path … of policy …``, where there are rules."""
    if not rules:
        return ""
    named = [f'path "{each.path}" of policy {each.policy}' if each.path else f"policy {each.policy}" for each in rules]
    return f" by {_some(named)}"


def _chain(steps: Sequence[Step]) -> str:
    return f"how: {', then '.join(map(_step, steps))}" if steps else ""


def _step(step: Step) -> str:
    """What is done, and what that gives where it is not what was written."""
    does = _STEPS[step.does].format(path=step.path.replace(NEW, "*"))
    named = not step.gains or f"/{step.path}".endswith(f"/{step.gains}")
    return does if named else f"{does}, which gives {step.gains}"


def _on(conditions: Iterable[Condition]) -> str:
    words = dict.fromkeys(_CONDITIONS[each] for each in conditions)
    return f"condition: {', '.join(words)}" if words else ""


def label(identity: Identity, words: str = "{}") -> str:
    """What a token is called, unless that is what OpenBao calls every one; empty for everybody else."""
    shown = identity.kind == "token" and identity.label not in {"", "token"}
    return words.format(identity.label) if shown else ""


def _and(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _some(names: Sequence[str]) -> str:
    more = [f"{len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return _and([*names[:SHOWN], *more])


def unknown_words(unknown: Unknown) -> str:
    """What could not be looked at, why, and the right that it takes."""
    return not_looked_at(
        NotLookedAt(
            what=unknown.what,
            name=unknown.name,
            why=unknown.why,
            namespace=unknown.namespace,
            path=unknown.path,
            capabilities=unknown.capabilities,
        )
    )


def how(way: WayIn) -> str:
    """By which rules, by which steps, and under which conditions."""
    return "; ".join(filter(None, (by_rules(way.rules).strip(), _chain(way.via), _on(way.conditions))))
