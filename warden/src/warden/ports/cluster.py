"""A Kubernetes cluster."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from warden.core.clusters.copies import Hashed
from warden.core.clusters.manifests import Manifest, Ref
from warden.core.clusters.rbac import Asking
from warden.core.clusters.secret_observation import SecretObservation
from warden.core.clusters.subjects import Subject
from warden.core.clusters.text_hashes import TextHashes
from warden.core.lanes.lane import Workload
from warden.core.secret import Secret


class Cluster(Protocol):
    """A Kubernetes cluster, spoken to as one context of a kubeconfig.

    Raises `NoApi` where it does not know a kind of object at all, besides what holds for every port.
    """

    name: str
    address: str
    system: str

    def caller(self) -> Subject:
        """Whom the API server takes the caller for (``SelfSubjectReview``)."""

    def get(self, ref: Ref) -> Manifest | None:
        """The object; of a Secret the metadata alone."""

    def secret(self, namespace: str, name: str) -> SecretObservation | None:
        """A Secret with its values, which stay hidden."""

    def listed(self, kind: str, namespace: str = "", *, labels: Mapping[str, str] | None = None) -> Sequence[Manifest]:
        """Every object of a kind, in one namespace or in all; those that bear all these labels."""

    def token_secrets(self, namespace: str) -> Sequence[Manifest]:
        """The metadata of each Secret that holds a token of a service account (``service-account-token``)."""

    def hashed(self, kind: str, hashes: TextHashes) -> Sequence[Hashed]:
        """Every object of a kind in all namespaces, by the hashes of the texts in it; the texts are dropped."""

    def events(self, ref: Ref) -> Sequence[Manifest]:
        """What controllers said of an object, oldest first."""

    def apply(self, manifest: Manifest, *, force: bool = False) -> None:
        """Server-side apply as the field manager ``warden``.

        Raises `Foreign`, naming them, where other managers own fields that would change, and `force` was not given;
        `Missing` where the namespace is not there.
        """

    def patch(self, ref: Ref, changes: Mapping[str, Any]) -> Manifest:
        """Merge these changes into an object (RFC 7396). Raises `Missing` where there is none."""

    def delete(self, ref: Ref, *, uid: str = "") -> bool:
        """Delete the object, the one with this `uid` where it is given; false where there is none.

        What it owns goes with it, in the background. Raises `Refused` where the object has another uid by now.
        """

    def token(self, workload: Workload, audience: str, ttl: int) -> Secret:
        """A token of that service account (TokenRequest). Raises `Missing` where there is no such account."""

    def holds(self, asking: Asking) -> bool:
        """Whether the caller itself may do that (``SelfSubjectAccessReview``, which everybody may ask)."""

    def versions(self, group: str) -> Sequence[str]:
        """The versions of an API group that it serves, the preferred one first; none where it does not know it."""

    def served(self, kind: str) -> Sequence[str]:
        """The versions of its API group in which a kind is served; none where the cluster does not know it."""

    def may(self, subject: Subject, asking: Asking) -> bool:
        """Whether the subject may do that (``SubjectAccessReview``)."""
