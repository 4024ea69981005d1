"""What every embedded cluster has before any lane: accounts, their rights, and the operator's definitions.

Server-side apply throughout, so that it can be repeated; each name is that of a platform team's own installation.
"""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from warden.adapters.dev.kube import APPLY, MANAGER, Kube
from warden.core.errors import Refused, ServerFault

MANIFESTS = Path(__file__).with_name("manifests")
FILES = ("accounts.yaml", "eso-rights.yaml", "warden-rights.yaml")
"""Accounts first, as the others name them."""

_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_NUDGE_SECONDS = 2.0

Wait = Callable[[Callable[[], bool | None]], bool | None]
"""Tries until the attempt answers something, or its patience is over."""


def accounts_and_rights(kube: Kube, wait: Wait) -> None:
    """Apply every object of our manifests. Namespaces that the API server makes itself come a moment after it."""
    for document in _manifests():

        def applied(document: dict[str, Any] = document) -> bool | None:
            try:
                kube.apply(document)
            except Refused as fault:
                if "not found" in fault.message:
                    return None
                raise
            return True

        if not wait(applied):
            kube.apply(document)


def definitions(kube: Kube, bundle: str, wait: Wait) -> int:
    """Apply the custom resource definitions of `bundle` (YAML) and wait for them; answers how many there are."""
    # As text: to parse 1.6 MB of YAML takes longer than the cluster does for all of it.
    names = [_definition(kube, text) for text in re.split(r"(?m)^---\s*$", bundle) if text.strip()]
    for name in names:
        if not wait(_Established(kube, name)):
            raise ServerFault(
                f"{kube.access.server} does not establish {name}",
                system=kube.system,
                subject=name,
                hint="warden dev down && warden dev up",
            )
    return len(names)


class _Established:
    """Whether a definition can be used yet, asked as often as one likes.

    An API server that was stopped between accepting a definition's names and establishing it takes that up again only
    when the definition changes (apiextensions-apiserver, crdHandler: on update events): so it is changed.
    """

    def __init__(self, kube: Kube, name: str) -> None:
        self._kube = kube
        self._path = f"{_CRDS}/{name}"
        self._patience = time.monotonic() + _NUDGE_SECONDS

    def __call__(self) -> bool | None:
        found = self._kube.must("GET", self._path).get("status", {}).get("conditions", [])
        if any(each["type"] == "Established" and each["status"] == "True" for each in found):
            return True
        if time.monotonic() > self._patience:
            self._patience = time.monotonic() + _NUDGE_SECONDS
            changed = {"metadata": {"annotations": {"warden-dev/asked-again": f"{time.time():.0f}"}}}
            self._kube.must("PATCH", self._path, changed, "application/merge-patch+json")
        return None


def _definition(kube: Kube, text: str) -> str:
    found = re.search(r"(?m)^  name: (\S+)$", text)
    assert found is not None  # noqa: S101  # go.sum pins the file
    kube.must("PATCH", f"{_CRDS}/{found[1]}?fieldManager={MANAGER}&force=true", text, APPLY)
    return found[1]


def _manifests() -> Iterator[dict[str, Any]]:
    import yaml  # only where a cluster is brought up

    for name in FILES:
        yield from filter(None, yaml.safe_load_all((MANIFESTS / name).read_text(encoding="utf-8")))
