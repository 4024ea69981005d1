"""The clusters that kubeconfigs know, found and merged as kubectl does it.

https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/ and client-go's
`clientcmd.ClientConfigLoadingRules`: of two files with an entry of one name the first has it whole, a file that is
named and not there is passed over, one that cannot be read is an error, and so is a name that a file has twice.
Of the context that is used every field is honoured, or the context is refused and the field is named.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from warden.adapters.kubernetes.client import Kubernetes
from warden.adapters.kubernetes.kubeconfig_format import (
    Access,
    Cluster,
    Context,
    P,
    User,
    cluster_faults,
    part,
    user_faults,
)
from warden.adapters.kubernetes.pod import in_cluster
from warden.core.errors import Effect, UsageError
from warden.core.remedies import SetVariable
from warden.core.typed import composed

_SECTIONS = {"clusters": "cluster", "users": "user", "contexts": "context"}
_FILES = ("authority_file", "certificate_file", "key_file", "token_file")


def connect(name: str, context: str, environ: Mapping[str, str]) -> Kubernetes:
    """The cluster of that context, as kubectl finds it: ``KUBECONFIG``, else ``~/.kube/config``.

    ``in-cluster`` is the pod's own service account. Raises `UsageError` if there is no such context, if one of its
    fields cannot be honoured, or if it would send a credential over a connection that is not verified.
    """
    try:
        if context == "in-cluster":
            access = in_cluster(environ)
        else:
            access = _access(_merged(_files(environ)), context, _named(environ))
        return Kubernetes(name, access, environ=environ)
    except _Refusal as fault:
        raise _unusable(name, str(fault)) from None
    except (OSError, ValueError) as fault:
        raise _unusable(name, f"context {context} cannot be used: {_reason(fault)}") from None


def current(path: str) -> Access:
    """The current context of a kubeconfig file. Raises `UsageError` where there is none, or it names no user."""
    try:
        found = _merged([path])
        access = _access(found, found.current, path) if found.current else None
    except _Refusal as fault:
        raise _no_current_context(path, f" ({fault})") from None
    if access is None or not access.user.has_credential:
        raise _no_current_context(path, " (it names no user with a credential)" if access else "")
    return access


def current_context(path: str) -> str:
    """The current context of one file; empty where it has none or cannot be read."""
    try:
        return _merged([path]).current if os.path.exists(path) else ""
    except _Refusal:
        return ""


class _Refusal(Exception):
    """Why a file or a context cannot be used."""


class _Entry(NamedTuple):
    """A cluster, user or context: the folder of its file, and its fields as they are written."""

    folder: str
    fields: dict[str, Any]


class _Config(msgspec.Struct):
    """What the files say together."""

    clusters: dict[str, _Entry]
    users: dict[str, _Entry]
    contexts: dict[str, _Entry]
    current: str


def _named(environ: Mapping[str, str]) -> str:
    return environ.get("KUBECONFIG") or os.path.join(os.path.expanduser("~"), ".kube", "config")


def _files(environ: Mapping[str, str]) -> list[str]:
    return [path for path in _named(environ).split(os.pathsep) if path and os.path.exists(path)]


def _merged(paths: list[str]) -> _Config:
    merged = _Config({}, {}, {}, "")
    for path in paths:
        content = _content(path)
        for section, kind in _SECTIONS.items():
            for name, entry in _entries(path, content, section, kind).items():
                getattr(merged, section).setdefault(name, entry)
        merged.current = merged.current or str(content.get("current-context") or "")
    return merged


def _content(path: str) -> dict[str, Any]:
    try:
        content = yaml.load(Path(path).read_bytes(), _Loader)  # noqa: S506 - it is a SafeLoader
    except OSError as fault:
        raise _Refusal(f"{path} cannot be read: {_reason(fault)}") from None
    except (ValueError, RecursionError, yaml.YAMLError) as fault:
        raise _Refusal(f"{path} is not a valid kubeconfig: {_place(fault)}") from None
    content = {} if content is None else content
    if not isinstance(content, dict) or not _is_config(content):
        raise _Refusal(f"{path} is not a kubeconfig (apiVersion: v1, kind: Config)")
    return content


def _is_config(content: Mapping[str, Any]) -> bool:
    return (content.get("apiVersion") or "v1") == "v1" and (content.get("kind") or "Config") == "Config"


def _entries(path: str, content: Mapping[str, Any], section: str, kind: str) -> dict[str, _Entry]:
    listed = content.get(section) or []
    if not isinstance(listed, list):
        raise _Refusal(f"{path} is not a valid kubeconfig: {section} is not a list")
    found: dict[str, _Entry] = {}
    for each in listed:
        name = each.get("name", "") if isinstance(each, dict) else None
        fields = (each.get(kind) or {}) if isinstance(each, dict) else None
        if not isinstance(name, str) or not isinstance(fields, dict):
            raise _Refusal(f"{path} is not a valid kubeconfig: {section} has an entry without name and {kind}")
        if name in found:
            raise _Refusal(f"{path} is not a valid kubeconfig: {section} has the name {name} twice")
        found[name] = _Entry(os.path.dirname(os.path.abspath(path)), fields)
    return found


def _access(config: _Config, name: str, named: str) -> Access:
    name = next((each for each in config.contexts if composed(each) == composed(name)), name)
    if name not in config.contexts:
        known = ", ".join(config.contexts)
        raise _Refusal(f"no context {name}; {f'there are: {known}' if known else f'no contexts in {named}'}")
    context = _part(Context, config.contexts[name], f"context {name}")
    faults = [
        f"context {name} names {'no ' if not wanted else 'an unknown '}{kind}{f' {wanted}' if wanted else ''}"
        for kind, wanted, known in (("cluster", context.cluster, config.clusters), ("user", context.user, config.users))
        if wanted not in known or not wanted
    ]
    if faults:
        raise _Refusal("; ".join(faults))
    cluster = _part(Cluster, config.clusters[context.cluster], f"cluster {context.cluster} of context {name}")
    user = _part(User, config.users[context.user], f"user {context.user} of context {name}")
    faults = [f"context {name}: {each}" for each in (*cluster_faults(cluster), *user_faults(user))]
    if faults:
        raise _Refusal("; ".join(faults))
    return Access(context=name, cluster=cluster, user=user)


def _part(kind: type[P], entry: _Entry, what: str) -> P:
    try:
        found = part(kind, entry.fields)
    except (ValueError, RecursionError) as fault:
        raise _Refusal(f"{what}: {fault}") from None
    return msgspec.structs.replace(found, **dict(_from_folder(found, entry.folder)))


def _from_folder(found: Cluster | User | Context, folder: str) -> Iterator[tuple[str, Any]]:
    """Paths relative to their own file; a plugin's command only where it is a path (client-go, `RelativizePaths`)."""
    for each in _FILES:
        if path := getattr(found, each, ""):
            yield each, os.path.join(folder, path)
    plugin = getattr(found, "plugin", None)
    if plugin is not None and os.sep in plugin.command:
        command = os.path.normpath(os.path.join(folder, plugin.command))
        yield "plugin", msgspec.structs.replace(plugin, command=command)


class _Loader(yaml.SafeLoader):
    """YAML as kubectl reads it: a date is text."""


_Loader.yaml_implicit_resolvers = {
    first: [each for each in resolvers if each[0] != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _unusable(name: str, why: str) -> UsageError:
    return UsageError(
        f"cluster {name} cannot be asked: {why}",
        effect=Effect.NOTHING_ASKED,
        system=f"cluster {name}",
        subject=name,
        hint="name another context in clusters.yaml, or another file",
        remedy=(SetVariable("KUBECONFIG", "FILE"),),
    )


def _no_current_context(path: str, why: str) -> UsageError:
    return UsageError(
        f"{path} is not a kubeconfig with a current context{why}",
        effect=Effect.NOTHING_ASKED,
        system="kubeconfig",
        subject=path,
        hint="its current context has to name a cluster, and a user with a token or a certificate",
    )


def _place(fault: Exception) -> str:
    """Where YAML stops being YAML; its own message quotes the text, in which a token may be."""
    mark = getattr(fault, "problem_mark", None)
    return f"not YAML at line {mark.line + 1}" if mark else "not YAML"


def _reason(fault: Exception) -> str:
    """Why, in words for people."""
    if isinstance(fault, OSError) and fault.errno:
        of = f"{fault.filename}: " if fault.filename else ""
        return f"{of}{os.strerror(fault.errno).lower()}"
    return str(fault) or "its certificates are not PEM"
