"""What every embedded cluster has before any lane: accounts, their rights, and the operator's definitions.

Server-side apply throughout, so that it can be repeated; each name is that of a platform team's own installation.
"""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warden.core.errors import Missing, ServerFault
from warden.core.remedies import warden

if TYPE_CHECKING:
    from warden.adapters.kubernetes.client import Kubernetes

MANAGER = "warden-dev"
"""The field manager of what is applied here; that of lanes is ``warden``."""
MANIFESTS = Path(__file__).with_name("manifests")
FILES = ("accounts.yaml", "eso-rights.yaml", "warden-rights.yaml")
"""Accounts first, as the others name them."""

_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_NUDGE_SECONDS = 2.0

Wait = Callable[[Callable[[], bool | None]], bool | None]
"""Tries until the attempt answers something, or its patience is over."""


def accounts_and_rights(cluster: "Kubernetes", wait: Wait) -> None:
    """Apply every object of our manifests. Namespaces that the API server makes itself come a moment after it."""
    for document in _manifests():

        def applied(document: dict[str, Any] = document) -> bool | None:
            try:
                cluster.apply(document, force=True)
            except Missing:
                return None
            return True

        if not wait(applied):
            cluster.apply(document, force=True)


def definitions(cluster: "Kubernetes", bundle: str, wait: Wait) -> int:
    """Apply the custom resource definitions of `bundle` (YAML) and wait for them; answers how many there are."""
    # As text: to parse 1.6 MB of YAML takes longer than the cluster does for all of it.
    names = [_definition(cluster, text) for text in re.split(r"(?m)^---\s*$", bundle) if text.strip()]
    for name in names:
        if not wait(_Established(cluster, name)):
            raise ServerFault(
                f"{cluster.system} does not establish {name}",
                system=cluster.system,
                subject=name,
                remedy=(warden("dev down"), warden("dev up")),
            )
    return len(names)


class _Established:
    """Whether a definition can be used yet, asked as often as one likes.

    An API server that was stopped between accepting a definition's names and establishing it takes that up again only
    when the definition changes (apiextensions-apiserver, crdHandler: on update events): so it is changed.
    """

    def __init__(self, cluster: "Kubernetes", name: str) -> None:
        self._cluster = cluster
        self._path = f"{_CRDS}/{name}"
        self._patience = time.monotonic() + _NUDGE_SECONDS

    def __call__(self) -> bool | None:
        found = self._cluster.must("GET", self._path).get("status", {}).get("conditions", [])
        if any(each["type"] == "Established" and each["status"] == "True" for each in found):
            return True
        if time.monotonic() > self._patience:
            self._patience = time.monotonic() + _NUDGE_SECONDS
            changed = {"metadata": {"annotations": {"warden-dev/asked-again": f"{time.time():.0f}"}}}
            self._cluster.must("PATCH", self._path, changed, headers={"Content-Type": "application/merge-patch+json"})
        return None


def _definition(cluster: "Kubernetes", text: str) -> str:
    found = re.search(r"(?m)^  name: (\S+)$", text)
    assert found is not None  # noqa: S101  # go.sum pins the file
    query, kind = {"fieldManager": MANAGER, "force": "true"}, {"Content-Type": "application/apply-patch+yaml"}
    cluster.must("PATCH", f"{_CRDS}/{found[1]}", text, query=query, headers=kind)
    return found[1]


def _manifests() -> Iterator[dict[str, Any]]:
    import yaml  # only where a cluster is brought up

    for name in FILES:
        yield from filter(None, yaml.safe_load_all((MANIFESTS / name).read_text(encoding="utf-8")))
