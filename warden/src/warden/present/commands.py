"""The only place that writes command lines: each `Step` as something to paste, with every word quoted for a shell."""

import shlex
from collections.abc import Iterable, Iterator

from warden.core.remedies import (
    AskOwner,
    BaoAction,
    CheckFields,
    EditFile,
    KubectlAction,
    LogInAs,
    MountToken,
    OneOf,
    RunAs,
    RunBao,
    RunChmod,
    RunKubectl,
    RunWarden,
    SetVariable,
    Step,
)

Command = RunWarden | RunKubectl | RunBao | RunChmod | SetVariable
"""The steps that are one command line."""

_KUBECTL: dict[KubectlAction, str] = {
    "apply-overlay": "apply -k {value}",
    "apply-stdin": "apply -f -",
    "delete": "delete {kind} {name}",
    "describe": "describe {kind} {name}",
    "edit": "edit {kind} {name}",
    "get": "get {kind} {name} -o yaml",
    "list-crds": "get crd",
    "list-pods": "get pods",
    "remove-annotation": "annotate {kind} {name} {value}-",
    "restart": "rollout restart {kind}/{name}",
    "rollout-status": "rollout status {kind}/{name}",
    "version": "version",
    "whoami": "auth whoami",
}
_BAO: dict[BaoAction, str] = {
    "delete-metadata": "kv metadata delete -mount={mount} {path}",
    "enable-auth": "auth enable -path={mount} kubernetes",
    "initialize": "operator init",
    "login": "login -method=oidc -path={mount} role={name}",
    "login-default": "login -method=oidc",
    "read-policy": "policy read {name}",
    "register-header": "write sys/config/auditing/request-headers/{name} hmac=false",
    "remove-fields": "kv patch -mount={mount} -remove-data={field} {path}",
    "tune-mount": "secrets tune {mount}/",
    "unseal": "operator unseal",
    "write-policy": "policy write {name} -",
}
"""Split at spaces before anything is filled in, so that a name with a space stays one word."""


GLUE = "\ue000"
"""Stands for a space of a command line until `terminal` has broken the text into lines; of Unicode's private use."""


def command(step: Step) -> str:
    """One step: a command line, or a clause in the imperative for what is not done by a command alone."""
    return to_paste(step).replace(GLUE, " ")


def commands(steps: Iterable[Step]) -> str:
    """Steps in order; commands are joined so that the next one runs only if the one before it succeeded."""
    return to_paste(*steps).replace(GLUE, " ")


def to_paste(*steps: Step) -> str:
    """As `commands`, for a text that `terminal` breaks into lines: each command line stays on one line."""
    text, before = "", None
    for step in steps:
        if before is not None:
            text += " && " if isinstance(before, Command) and isinstance(step, Command) else "; then: "
        text, before = text + _written(step), step
    return text


def unbroken(line: str) -> str:
    """A command line that is known as text only, for a text that `terminal` breaks into lines."""
    return line.replace(" ", GLUE)


def _written(step: Step) -> str:
    if isinstance(step, Command):
        return GLUE.join(shlex.quote(word).replace(" ", GLUE) for word in _words(step))
    return _clause(step)


def _clause(step: AskOwner | LogInAs | RunAs | MountToken | OneOf | EditFile | CheckFields) -> str:
    """What is not a command alone, in the imperative."""
    match step:
        case AskOwner():
            whom = f"ask {step.repo} ({step.doc})" if step.doc else f"ask {step.repo}"
            text = f"{whom} to run: {_written(step.run)}" if step.run else whom
        case LogInAs():
            text = f"log in as one of {step.people}: {_written(step.run)}"
        case RunAs():
            text = (
                f"run it as {step.workload}, with its token for the audience {step.audience} in a file: "
                f"{_written(step.run)}"
            )
        case MountToken():
            text = f"mount a token for it in the pod: serviceAccountToken: {{audience: {step.audience}, path: token}}"
        case OneOf():
            text = "; or: ".join(map(_written, step.steps))
        case CheckFields():
            text = f"check {' and '.join(step.fields)} in {step.file}"
        case EditFile():
            text = _edit(step)
    return text


def _words(step: Command) -> Iterator[str]:
    if isinstance(step, RunWarden):
        yield "warden"
        yield from ("--platform", step.platform) if step.platform else ()
        yield from (*step.command.split(), *step.arguments)
        for name, value in step.options:
            yield from (f"--{name}", value) if value else (f"--{name}",)
        yield from ("--", *step.program) if step.program else ()
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
    elif isinstance(step, RunChmod):
        yield from ("chmod", step.mode, "--", *step.paths)
    else:
        yield from ("export", f"{step.name}={step.value}")


def _edit(step: EditFile) -> str:
    where = "the lane's file" if step.file == "lane" else step.file
    if step.value:
        return f"set {step.field}: {step.value} in {where}"
    if step.instead_of:
        return f"replace {step.instead_of} with {step.field} in {where}"
    return f"add {step.field} to {where}"
