"""The first files of a platform directory. What is there already is never touched."""

import datetime as dt
import os
from collections.abc import Sequence

from warden.adapters.catalog import json_schema
from warden.adapters.machine.yaml_text import scalar
from warden.core.errors import Effect, UsageError
from warden.core.lanes.delivery_target import DeclaredCluster
from warden.core.lanes.rules import of_clusters
from warden.core.remedies import warden

_PLATFORM = """\
# yaml-language-server: $schema=schema/platform.json
# What holds for every entry of catalog/.
kv_mount: platform

# The journal knows this platform by its directory. Give it a name where that moves, as in CI:
# platform: NAME

# Where people log in: the name of an OIDC or JWT mount, and its claims. Nobody yet; an example:
# logins:
#   company:
#     user_claim: sub
#     groups_claim: groups
#     redirect_uris: [http://localhost:8250/oidc/callback]

# The checkouts whose pages `warden catalog check` can look at, relative to this folder. An example:
# repos:
#   example-app: [../../example-app]

# A journal that a team shares, and the key that signs it; the platform needs a name then. An example:
# journal: postgresql://warden@db.example.com/warden
# signing:
#   transit: transit/warden-journal

# How long a proof counts: an active lane whose last proof is older is shown as unproven.
# proofs_count_for: 24h

# Who is told what happens to lanes (`warden notices --test` tries it): a command in this folder, or {webhook: URL}.
# notify: {command: [./notify-team]}
"""
_EXAMPLE = """\
# yaml-language-server: $schema=../schema/entry.json
# A lane: one credential on its whole way. Copy this file for each credential: its name is the id.
# As long as it is a draft, <placeholders> are allowed; `warden promote` makes it active. Every key: docs/lane.md
{optional}lane: example-api-key
title: API key of a service, for example-app
status: draft
reviewed: {today}
needs: # what people ask for, in their words, and the errors that they see; ten are better than three
  - example service api key
  - call the example service
  - example service answers 401 unauthorized
owners:
  custody: {{repo: platform-team, doc: README.md}} # keeps the value
  consumer: {{repo: example-app, doc: README.md}} # uses it
{runtime}
custody:
  path: platform/workloads/<tenant>/example-app/<secret>
  fields: [EXAMPLE_API_KEY]
readers:
  - workload: example-team/example-app # a Kubernetes service account, namespace/name
{delivered}
rotation: {{every: 90d, source: manual}} # a person makes the new key; docs/rotate.md has the other sources
"""
_OPTIONAL = "# Delivered into a cluster: take away the signs before runtime, and before deliveries and below.\n"
_RUNTIME = "runtime: {repo: example-app, doc: README.md} # runs it, where there is a delivery or a consumer"
_INTO_CLUSTERS = """\
deliveries: # by External Secrets Operator, into each cluster of clusters.yaml
"""
_DELIVERY = """\
  {cluster}: {{external_secret: example-team/example-app-secrets}} # the Secret, namespace/name
"""
_CONSUMERS = """\
consumers:
  - deployment: example-team/example-app # mounts the Secret, in the Secret's namespace\
"""
_CLUSTERS = """\
# yaml-language-server: $schema=schema/clusters.json
# The clusters that lanes are delivered to. Every key: docs/deliveries.md
"""
_CLUSTER = """\
{cluster}:
  context: {cluster} # of a kubeconfig: KUBECONFIG, else ~/.kube/config
  auth_mount: {mount} # where the service accounts of this cluster log in at OpenBao
  # openbao: https://bao.example:8200 # as the cluster reaches it; left out: the address warden was given
"""
_POLICIES = """\
# Policies

`access/` may hold Cedar policies that decide on `warden access`, before anything is read. Without them warden's own
default holds: a declared reader of the lane may read it.
"""
_README = """\
# Our credentials

One file a credential in `catalog/`, what holds for all in `platform.yaml`. No secret value is ever written here.

    warden catalog check               # after every change, and in CI
    warden route find "what you need"  # who owns it, and how to get it
    warden plan LANE                   # what OpenBao would have to change
"""


def scaffold(directory: str, today: dt.date, clusters: Sequence[str] = ()) -> tuple[list[str], list[str]]:
    """Make the files that are not there; answers those that were made, and those that were there and were kept.

    With `clusters`, names of contexts, the example is delivered to each of them; without, those lines are a comment.

    Raises `UsageError` for a name that no cluster may have, and where the place cannot be written to.
    """
    clusters = tuple(dict.fromkeys(clusters))
    _expect_names(clusters)
    files = {
        "README.md": _README,
        "platform.yaml": _PLATFORM,
        "catalog/example-api-key.yaml": _example(today, clusters),
        "policies/README.md": _POLICIES,
        **{json_schema.path(each): json_schema.text(each) for each in json_schema.FILES},
    }
    if clusters:
        files["clusters.yaml"] = _clusters(clusters)
    if _has_entries(directory):
        del files["catalog/example-api-key.yaml"]
    made: list[str] = []
    kept: list[str] = []
    for name, text in files.items():
        path = os.path.join(directory, name)
        (made if _create(path, text) else kept).append(path)
    return made, kept


def _expect_names(clusters: Sequence[str]) -> None:
    for fault in of_clusters({name: DeclaredCluster(context=name, auth_mount=name) for name in clusters}, ()):
        raise UsageError(
            f"--cluster {fault.field!r} {fault.message}",
            effect=Effect.NOTHING_WRITTEN,
            hint="give it a short name, then write its context into clusters.yaml",
            remedy=(warden("init", cluster="NAME"),),
        )


def _example(today: dt.date, clusters: Sequence[str]) -> str:
    """The lane. What only a delivered one has is a comment where there is no cluster."""
    listed = "".join(_DELIVERY.format(cluster=scalar(name)) for name in clusters or ("<cluster>",))
    lines = f"{_INTO_CLUSTERS}{listed}{_CONSUMERS}".split("\n")
    sign = "" if clusters else "# "
    return _EXAMPLE.format(
        today=today,
        optional="" if clusters else _OPTIONAL,
        runtime=f"  {sign}{_RUNTIME}",
        delivered="\n".join(f"{sign}{each}" for each in lines),
    )


def _clusters(names: Sequence[str]) -> str:
    """``clusters.yaml``: a mount reviews the tokens of one cluster, so each further one has a mount of its own."""
    mounts = {name: f"kubernetes-{name}" if index else "kubernetes" for index, name in enumerate(names)}
    return _CLUSTERS + "".join(
        _CLUSTER.format(cluster=scalar(name), mount=scalar(mount)) for name, mount in mounts.items()
    )


def _has_entries(directory: str) -> bool:
    folder = os.path.join(directory, "catalog")
    return os.path.isdir(folder) and any(name.endswith(".yaml") for name in os.listdir(folder))


def _create(path: str, text: str) -> bool:
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        if os.path.isfile(path):
            return False
        raise _unwritable(path, "something other than a file is there") from None
    except OSError as fault:
        raise _unwritable(path, fault.strerror or "") from None
    return True


def _unwritable(path: str, why: str) -> UsageError:
    return UsageError(
        f"{path} cannot be made ({why})",
        system="platform",
        subject=path,
        hint="files that were made before stay; choose another place",
        remedy=(warden("init", "DIR"),),
    )
