"""The only place that writes command lines: each `Step` as something to paste, with every word quoted for a shell.

A name never becomes an option: where one begins with ``-``, it stands behind ``--`` or its option's ``=``.
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from warden.core.remedies import (
    AskMember,
    AskOwner,
    BaoAction,
    CheckFields,
    EditFile,
    KubectlAction,
    LogInAs,
    MountToken,
    OneOf,
    ReplaceDevices,
    RunAs,
    RunBao,
    RunKubectl,
    RunProgram,
    RunWarden,
    SetVariable,
    Step,
)
from warden.present.escaping import word
from warden.present.surroundings import as_done_here, environment_for, login, platform_for

Command = RunWarden | RunKubectl | RunBao | RunProgram | SetVariable
"""The steps that are one command line."""

_KUBECTL: dict[KubectlAction, str] = {
    "apply-overlay": "apply -k {value}",
    "apply-stdin": "apply -f -",
    "delete": "delete {kind} {name}",
    "describe": "describe {kind} {name}",
    "drop-finalizers": "patch {kind} {name} --type=merge --patch={value}",
    "edit": "edit {kind} {name}",
    "get": "get {kind} {name} -o yaml",
    "keep-pushed": "patch {kind} {name} --type=merge --patch={value}",
    "list-crds": "get crd",
    "list-pods": "get pods",
    "remove-annotation": "annotate {kind} {name} {value}-",
    "remove-key": "patch {kind} {name} --type=json --patch={value}",
    "remove-subject": "patch {kind} {name} --type=json --patch={value}",
    "restart": "rollout restart {kind}/{name}",
    "resume": "rollout resume {kind}/{name}",
    "rollout-status": "rollout status {kind}/{name}",
    "scale": "scale {kind}/{name} --replicas={value}",
    "version": "version",
    "whoami": "auth whoami",
}
_BAO: dict[BaoAction, str] = {
    "delete-metadata": "kv metadata delete -mount={mount} {path}",
    "keep-versions": "kv metadata put -mount={mount} -delete-version-after=0s {path}",
    "keep-versions-on-mount": "write {mount}/config delete_version_after=0s",
    "keep-more-versions": "kv metadata put -mount={mount} -max-versions=0 {path}",
    "keep-more-versions-on-mount": "write {mount}/config max_versions=0",
    "remove-custom-metadata": "kv metadata patch -mount={mount} -remove-custom-metadata={field} {path}",
    "delete-policy": "policy delete {name}",
    "delete-role": "delete {path}",
    "edit-policy": "policy read {name}",
    "enable-auth": "auth enable -path={mount} {name}",
    "enable-transit": "secrets enable -path={mount} transit",
    "initialize": "operator init",
    "login-default": "login",
    "read": "read {path}",
    "read-login-config": "read auth/{mount}/config",
    "register-header": "write sys/config/auditing/request-headers/{name} hmac=false",
    "remove-fields": "kv patch -mount={mount} -remove-data={field} {path}",
    "revoke-accessor": "token revoke -accessor {name}",
    "tune-mount": "secrets tune -audit-non-hmac-request-keys= -audit-non-hmac-response-keys= {mount}/",
    "undelete": "kv undelete -mount={mount} -versions={name} {path}",
    "unseal": "operator unseal",
    "write": "write {path} {field}",
    "write-policy": "policy write {name} -",
}
"""Split at spaces before anything is filled in, so that a name with a space stays one word."""


_WITH = {
    "token": "its token for the audience {} in a file",
    "secret-id": "its SecretID in a file",
    "certificate": "its certificate and key in BAO_CLIENT_CERT and BAO_CLIENT_KEY",
}

GLUE = chr(0xF0000 + int.from_bytes(os.urandom(2)) % 0xFF00)
"""Stands for a space of a command line until `terminal` has broken the text into lines: a character of Unicode's
private use, another one in each process, so that no foreign text can hold it."""


def command(step: Step) -> str:
    """One step: a command line, or a clause in the imperative for what is not done by a command alone."""
    return to_paste(step).replace(GLUE, " ")


def commands(steps: Iterable[Step]) -> str:
    """Steps in order; commands are joined so that the next one runs only if the one before it succeeded."""
    return to_paste(*steps).replace(GLUE, " ")


def only_commands(*steps: Step) -> str:
    """The command lines of the steps, without who runs them; a step that is not a command is left out."""
    return commands(each for step in steps for each in _commands_in(step))


def _commands_in(step: Step) -> Iterator[Command]:
    match step:
        case LogInAs():
            yield login(step)
        case RunAs() | AskMember():
            yield step.run
        case AskOwner():
            yield from (step.run,) if step.run else ()
        case OneOf():
            yield from _commands_in(step.steps[0])
        case EditFile() | ReplaceDevices() | CheckFields() | MountToken():
            return
        case _:
            yield step


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


def evaluated(step: RunWarden) -> str:
    """A line that has the shell evaluate what a command prints."""
    return f'eval{GLUE}"$({_line(step)})"'


def _written(step: Step) -> str:
    if isinstance(step, RunBao):
        step = as_done_here(step)
    if isinstance(step, RunBao) and step.action == "edit-policy":
        return _edited(step)
    return _line(step) if isinstance(step, Command) else _clause(step)


def _edited(step: RunBao) -> str:
    """A policy is read into a file, edited there by whoever runs it, and written back."""
    write = _line(msgspec.structs.replace(step, action="write-policy"))
    parts = ("file=$(mktemp)", f'{_line(step)} > "$file"', '${EDITOR:-vi} "$file"', f'{write} < "$file"')
    return " && ".join(parts).replace(" ", GLUE)


def _line(step: Command) -> str:
    """Its words, quoted; a persona of the embedded platform that logs in is what the shell works as from then on."""
    line = GLUE.join(word(each).replace(" ", GLUE) for each in _words(step))
    if isinstance(step, RunWarden) and step.command == "dev login":
        line += f"{GLUE}&&{GLUE}{evaluated(RunWarden('dev env', options=(('as', step.arguments[0]),)))}"
    return line


def _clause(
    step: AskOwner | AskMember | LogInAs | RunAs | MountToken | OneOf | EditFile | ReplaceDevices | CheckFields,
) -> str:
    """What is not a command alone, in the imperative."""
    match step:
        case AskOwner():
            whom = f"ask {step.repo} ({step.doc})" if step.doc else f"ask {step.repo}"
            text = f"{whom} to run: {_written(step.run)}" if step.run else whom
        case AskMember():
            text = f"ask a member of {step.group} to run: {_written(step.run)}"
        case LogInAs():
            text = f"log in as {'' if step.person else 'one of '}{step.people}: {_written(login(step))}"
        case RunAs():
            text = (
                f"run it as {step.workload}, with {_WITH[step.credential].format(step.audience)}: {_written(step.run)}"
            )
        case MountToken():
            text = f"mount a token for it in the pod: serviceAccountToken: {{audience: {step.audience}, path: token}}"
        case OneOf():
            text = "; or: ".join(map(_written, step.steps))
        case CheckFields():
            text = f"check {' and '.join(step.fields)} in {step.file}"
        case EditFile():
            text = _edit(step)
        case ReplaceDevices():
            devices = f"audit device{'s' if len(step.names) > 1 else ''} {', '.join(map(word, step.names))}"
            text = f"replace {devices} in OpenBao's configuration by one of another name, without log_raw"
    return text


def _words(step: Command) -> Iterator[str]:
    if isinstance(step, RunWarden):
        yield "warden"
        platform = platform_for(step)
        yield from _option("--platform", platform) if platform else ()
        environment = environment_for(step)
        yield from _option("--env", environment) if environment else ()
        yield from step.command.split()
        yield from _with_names((), step.arguments, _options(step))
        yield from ("--", *step.program) if step.program else ()
    elif isinstance(step, RunKubectl):
        yield from ("kubectl", *_option("--context", step.context))
        yield from _option("-n", step.namespace) if step.namespace else ()
        yield from _filled(_KUBECTL[step.action], kind=step.kind.lower(), name=step.name, value=_value(step))
    elif isinstance(step, RunBao):
        yield "bao"
        yield from _bao(step)
    elif isinstance(step, RunProgram):
        yield from _with_names(step.words, step.names, ())
    else:
        yield from ("export", f"{step.name}={step.value}")


def _value(step: RunKubectl) -> str:
    """What an action is given; a patch as kubectl takes it (RFC 6902; RFC 7396 for finalizers)."""
    if step.action == "drop-finalizers":
        return json.dumps({"metadata": {"finalizers": None}}, separators=(",", ":"))
    if step.action == "keep-pushed":
        spec: object = {"deletionPolicy": "None"}
        whole = {"spec": {"pushSecretSpec": spec} if step.kind == "ClusterPushSecret" else spec}
        return json.dumps(whole, separators=(",", ":"))
    if step.action == "remove-key":
        path = f"/data/{step.value.replace('~', '~0').replace('/', '~1')}"
        return json.dumps([{"op": "remove", "path": path}], separators=(",", ":"))
    if step.action == "remove-subject":  # refused where another subject is in that place by now
        place = f"/subjects/{step.index}"
        test = {"op": "test", "path": f"{place}/name", "value": step.value}
        return json.dumps([test, {"op": "remove", "path": place}], separators=(",", ":"))
    return step.value


def _bao(step: RunBao) -> Iterator[str]:
    fields = (*step.names, *(f"{name}={value}" for name, value in step.settings))
    template = _BAO[step.action]
    if step.version:
        template = template.replace("kv patch ", f"kv patch -cas={step.version} ")
    words = _filled(template, fields=fields, mount=step.mount, path=step.path, name=step.name)
    if not step.namespace:
        yield from words
        return
    verb, *rest = words  # an option stands behind the subcommand, of which some have two words
    yield verb
    if verb in {"token", "policy", "kv", "auth", "secrets", "operator"}:
        yield rest.pop(0)
    yield f"-namespace={step.namespace}"
    yield from rest


def _options(step: RunWarden) -> Iterator[str]:
    for name, value in step.options:
        yield from _option(f"--{name}", value) if value else (f"--{name}",)


def _option(name: str, value: str) -> tuple[str, ...]:
    """The option with its value, as one word where the value looks like an option itself."""
    if value.startswith("-"):
        return (f"{name}={value}",) if name.startswith("--") else (f"{name}{value}",)
    return (name, value)


_STDIN = "-"
"""Not an option: the place of a file, for standard input."""


def _with_names(before: Sequence[str], names: Sequence[str], after: Iterable[str]) -> Iterator[str]:
    """``before names after``; with a name that looks like an option ``before after -- names``."""
    options = tuple(after)
    if any(each.startswith("-") and each != _STDIN for each in names):
        return iter((*before, *options, "--", *names))
    return iter((*before, *names, *options))


def _filled(template: str, *, fields: Sequence[str] = (), **names: str) -> Iterator[str]:
    """The template's words with the names in them; it is split at spaces first, so that a name stays one word."""
    front: list[str] = []
    positional: list[str] = []
    behind: list[str] = []
    for each in template.split():
        several = (
            [each.format(field=field, **names) for field in fields] if "{field}" in each else [each.format(**names)]
        )
        bare = each.startswith("{") or each == _STDIN
        (positional if bare else behind if positional else front).extend(several)
    return _with_names(front, positional, behind)


def _edit(step: EditFile) -> str:
    where = "the lane's file" if step.file == "lane" else step.file
    if step.value:
        return f"set {step.field}: {step.value} in {where}"
    if step.instead_of:
        return f"replace {step.instead_of} with {step.field} in {where}"
    return f"add {step.field} to {where}"
