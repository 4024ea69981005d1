"""The only place that writes command lines: each `Step` as something to paste, with every word quoted for a shell."""

import shlex
from collections.abc import Iterable, Iterator

from warden.core.remedies import (
    AskOwner,
    BaoAction,
    EditFile,
    KubectlAction,
    RunBao,
    RunKubectl,
    RunWarden,
    SetVariable,
    Step,
)

_VALUE = frozenset({"COMMAND", "DIR", "FIELD", "FILE", "FILE-OR-DIRECTORY", "LANE", "PATH", "TEXT", "TOKEN"})
"""Words that stand for something the reader fills in; they need no quotes."""

_KUBECTL: dict[KubectlAction, str] = {
    "apply-overlay": "apply -k {value}",
    "apply-stdin": "apply -f -",
    "delete": "delete {kind} {name}",
    "describe": "describe {kind} {name}",
    "edit": "edit {kind} {name}",
    "get": "get {kind} {name} -o yaml",
    "list-pods": "get pods",
    "remove-annotation": "annotate {kind} {name} {value}-",
    "restart": "rollout restart {kind}/{name}",
    "rollout-status": "rollout status {kind}/{name}",
}
_BAO: dict[BaoAction, str] = {
    "delete-metadata": "kv metadata delete -mount={mount} {path}",
    "enable-auth": "auth enable -path={mount} kubernetes",
    "initialize": "operator init",
    "login": "login -method=oidc -path={mount} role={name}",
    "read-policy": "policy read {name}",
    "register-header": "write sys/config/auditing/request-headers/{name} hmac=false",
    "remove-fields": "kv patch -mount={mount} -remove-data={field} {path}",
    "tune-mount": "secrets tune {mount}/",
    "unseal": "operator unseal",
    "write-policy": "policy write {name} -",
}
"""Split at spaces before anything is filled in, so that a name with a space stays one word."""


def command(step: Step) -> str:
    """One step: a command line, or for what is not done by a command one imperative clause."""
    if isinstance(step, EditFile):
        return _edit(step)
    if isinstance(step, AskOwner):
        return f"ask {step.repo} ({step.doc})" if step.doc else f"ask {step.repo}"
    return " ".join(word if word in _VALUE else shlex.quote(word) for word in _words(step))


def commands(steps: Iterable[Step]) -> str:
    """Steps in their order: commands joined so that the next runs only if the one before succeeded."""
    line, before = "", None
    for step in steps:
        if before is not None:
            both_run = not isinstance(before, EditFile | AskOwner) and not isinstance(step, EditFile | AskOwner)
            line += " && " if both_run else "; then: "
        line, before = line + command(step), step
    return line


def _words(step: RunWarden | RunKubectl | RunBao | SetVariable) -> Iterator[str]:
    if isinstance(step, RunWarden):
        yield from ("warden", *step.command.split(), *step.arguments)
        for name, value in step.options:
            yield from (f"--{name}", value) if value else (f"--{name}",)
    elif isinstance(step, RunKubectl):
        yield from ("kubectl", "--context", step.context)
        yield from ("-n", step.namespace) if step.namespace else ()
        kind = step.kind.lower()
        yield from (word.format(kind=kind, name=step.name, value=step.value) for word in _KUBECTL[step.action].split())
    elif isinstance(step, RunBao):
        yield "bao"
        for word in _BAO[step.action].split():
            fields = step.names if "{field}" in word else ("",)
            yield from (word.format(field=each, mount=step.mount, path=step.path, name=step.name) for each in fields)
    else:
        yield from ("export", f"{step.name}={step.value}")


def _edit(step: EditFile) -> str:
    where = "the lane's file" if step.file == "lane" else step.file
    if step.value:
        return f"set {step.field}: {step.value} in {where}"
    if step.instead_of:
        return f"replace {step.instead_of} with {step.field} in {where}"
    return f"add {step.field} to {where}"
