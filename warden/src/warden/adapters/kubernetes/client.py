"""The port Cluster on the Kubernetes API, as one context of a kubeconfig.

`connection` has certificates, credentials and proxies; requests are plain REST calls, since warden compares and applies
objects as they are. API pages: https://kubernetes.io/docs/reference/using-api/ (API concepts;
Server-Side Apply) and, for External Secrets Operator, https://external-secrets.io/latest/api/spec/.

What a status means here: 404 with a Status that names the object: there is none; any other 404: the cluster knows no
such kind; 401 not accepted, 403 refused; 409 of an apply: other managers own the fields; 429, 5xx: the server itself.
All of it in the API server's own words; what a proxy before it says does not count as an answer.
"""

import json
import os
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx2

from warden.adapters.kubernetes.answers import decoded, harmless, names_an_object, object_in
from warden.adapters.kubernetes.connection import TLS_EXPECTED, Connection, network_problem
from warden.adapters.kubernetes.credential_plugin import CredentialFault
from warden.adapters.kubernetes.kubeconfig_format import Access
from warden.adapters.kubernetes.places import collection, group_version_of, kind_at, path_of
from warden.core.clusters.clear_text import exposed_in
from warden.core.clusters.copies import Hashed, hashed
from warden.core.clusters.manifests import FIELD_MANAGER, Manifest, Ref
from warden.core.clusters.rbac import Asking
from warden.core.clusters.secret_observation import SecretObservation
from warden.core.clusters.subjects import Subject, subject_of
from warden.core.clusters.text_hashes import TextHashes
from warden.core.errors import (
    Effect,
    Foreign,
    Missing,
    NoApi,
    Refused,
    ServerFault,
    Unidentified,
    Unreachable,
    WardenError,
)
from warden.core.lanes.lane import Workload
from warden.core.quoting import quoted
from warden.core.remedies import KubectlAction, RunKubectl, warden
from warden.core.secret import Secret

METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
APPLY_PATCH = "application/apply-patch+yaml"
MERGE_PATCH = "application/merge-patch+json"
PAGE, SMALL_PAGE = 500, 100
NO_SUCH_API = "404 page not found"


class Reply(NamedTuple):
    """What the API server answered, and whether that is a success."""

    status: int
    body: dict[str, Any]
    success: bool


class Kubernetes:
    """One cluster; see the port `warden.ports.cluster.Cluster` for each method. Safe to share between threads.

    Raises `OSError` or `ValueError` where its certificates cannot be used.
    """

    def __init__(
        self,
        name: str,
        access: Access,
        *,
        field_manager: str = FIELD_MANAGER,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.name = name
        self.address = access.cluster.server
        self.system = f"cluster {name} ({self.address})"
        self._context = access.context
        self._field_manager = field_manager
        self._connection = Connection(access, environ)

    def __del__(self) -> None:
        """Close the connections of a cluster that nobody holds any more."""
        if hasattr(self, "_connection"):
            self._connection.close()

    def caller(self) -> Subject:
        """``SelfSubjectReview``."""
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        found = self.must("POST", path, body)["status"]["userInfo"]
        return subject_of(found.get("username", ""))

    def get(self, ref: Ref) -> Manifest | None:
        """The object, or ``None``."""
        headers = {"Accept": METADATA_ONLY} if ref.kind == "Secret" else {}
        found = self._found("GET", path_of(ref), headers=headers)
        if found is None or ref.kind != "Secret":
            return found
        return {"metadata": harmless(found["metadata"])}

    def secret(self, namespace: str, name: str) -> SecretObservation | None:
        """A Secret with its values."""
        found = self._found("GET", path_of(Ref("Secret", namespace, name)))
        if found is None:
            return None
        values = {key: decoded(text) for key, text in (found.get("data") or {}).items()}
        return SecretObservation(
            metadata=harmless(found["metadata"]),
            values={key: Secret(value) for key, value in values.items()},
            immutable=bool(found.get("immutable")),
            exposed_in=exposed_in(found["metadata"], values.values()),
        )

    def listed(self, kind: str, namespace: str = "", *, labels: Mapping[str, str] | None = None) -> list[Manifest]:
        """All pages of the list, each object with its kind."""
        selector = ",".join(f"{key}={value}" for key, value in (labels or {}).items())
        query = {"labelSelector": selector} if selector else {}
        return [each for page in self._pages(kind, namespace, query | {"limit": str(PAGE)}) for each in page]

    def hashed(self, kind: str, hashes: TextHashes) -> list[Hashed]:
        """Page by page, so that no more of them than that is in memory at a time."""
        pages = self._pages(kind, "", {"limit": str(SMALL_PAGE)})
        return [hashed(each, hashes) for page in pages for each in page]

    def _pages(self, kind: str, namespace: str, query: dict[str, str]) -> Iterator[list[Manifest]]:
        while True:
            page = self.must("GET", collection(kind, namespace), query=query)
            yield [{"kind": kind, **each} for each in page.get("items") or ()]
            following = (page.get("metadata") or {}).get("continue")
            if not following:
                return
            query = query | {"continue": following}

    def token_secrets(self, namespace: str) -> list[Manifest]:
        """``fieldSelector=type=kubernetes.io/service-account-token``, as metadata."""
        query = {"fieldSelector": "type=kubernetes.io/service-account-token"}
        page = self.must("GET", collection("Secret", namespace), query=query, headers={"Accept": METADATA_LIST})
        return [{"metadata": harmless(each["metadata"])} for each in page.get("items") or ()]

    def events(self, ref: Ref) -> list[Manifest]:
        """Events whose ``involvedObject`` is the object."""
        selector = f"involvedObject.kind={ref.kind},involvedObject.name={ref.name}"
        page = self.must("GET", collection("Event", ref.namespace or "default"), query={"fieldSelector": selector})
        return sorted(page.get("items") or (), key=lambda each: each.get("lastTimestamp") or "")

    def apply(self, manifest: Manifest, *, force: bool = False) -> None:
        """``PATCH`` of the type `APPLY_PATCH` (JSON is YAML)."""
        metadata = manifest["metadata"]
        ref = Ref(manifest["kind"], metadata.get("namespace", ""), metadata["name"])
        query = {"fieldManager": self._field_manager, "force": "true" if force else "false"}
        answer = self.request("PATCH", path_of(ref), manifest, query=query, headers={"Content-Type": APPLY_PATCH})
        if answer.status == httpx2.codes.CONFLICT:
            raise self._conflict(ref, answer.body)
        self._expect(answer, f"apply {ref}", path_of(ref))

    def patch(self, ref: Ref, changes: Mapping[str, Any]) -> Manifest:
        """``PATCH`` of the type `MERGE_PATCH`."""
        query = {"fieldManager": self._field_manager}
        answer = self.request("PATCH", path_of(ref), changes, query=query, headers={"Content-Type": MERGE_PATCH})
        found = self._expect(answer, f"patch {ref}", path_of(ref))
        return {"metadata": harmless(found["metadata"])} if ref.kind == "Secret" else found

    def delete(self, ref: Ref, *, uid: str = "") -> bool:
        """``DELETE`` with ``DeleteOptions``: background propagation, and the uid as a precondition."""
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        options |= {"preconditions": {"uid": uid}} if uid else {}
        answer = self.request("DELETE", path_of(ref), options)
        if answer.status == httpx2.codes.NOT_FOUND and names_an_object(answer.body):
            return False
        self._expect(answer, f"delete {ref}", path_of(ref))
        return True

    def token(self, workload: Workload, audience: str, ttl: int) -> Secret:
        """``serviceaccounts/NAME/token``; 600 s are the least that Kubernetes grants."""
        spec = {"audiences": [audience], "expirationSeconds": ttl}
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        path = f"{path_of(Ref('ServiceAccount', workload.namespace, workload.account))}/token"
        return Secret(self.must("POST", path, body)["status"]["token"])

    def holds(self, asking: Asking) -> bool:
        """``SelfSubjectAccessReview``."""
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        return bool(self.must("POST", path, body | {"spec": asking.spec})["status"].get("allowed"))

    def versions(self, group: str) -> list[str]:
        """``/apis/GROUP``; 404 where there is no such group."""
        answer = self.request("GET", f"/apis/{quote(group, safe='')}")
        if answer.status == httpx2.codes.NOT_FOUND:
            return []
        found = self._expect(answer, f"GET /apis/{group}")
        names = [each["version"] for each in found.get("versions") or ()]
        first = (found.get("preferredVersion") or {}).get("version")
        return sorted(names, key=lambda each: each != first)

    def served(self, kind: str) -> list[str]:
        """``/apis/GROUP/VERSION`` of each version of the kind's group (API discovery)."""
        group, _, plural = group_version_of(kind)
        return [each for each in self.versions(group) if plural in self._resources(group, each)]

    def _resources(self, group: str, version: str) -> set[str]:
        answer = self.request("GET", f"/apis/{quote(group, safe='')}/{quote(version, safe='')}")
        return {str(each.get("name")) for each in answer.body.get("resources") or ()}

    def may(self, subject: Subject, asking: Asking) -> bool:
        """``SubjectAccessReview``."""
        spec: dict[str, Any] = {**asking.spec, "groups": list(subject.groups)}
        spec |= {"user": subject.user} if subject.user else {}
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        answer = self.must("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body)
        return bool(answer["status"].get("allowed"))

    # -- requests -------------------------------------------------------------------------------------------------

    def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | str | None = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request; raises only where there is no answer. A body that is text is sent as it is."""
        sent = ({"Content-Type": "application/json"} if body is not None else {}) | dict(headers or {})
        answer = self._exchange(method, path, body, query=query, headers=sent)
        return self._from_api_server(answer, f"{method} {path}")

    def health(self, path: str) -> str | None:
        """What a health endpoint answers; ``None`` where it reports a problem. Raises only where there is no answer."""
        answer = self._exchange("GET", path)
        return answer.text if answer.is_success else None

    def _exchange(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | str | None = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        """What was cut off is sent once more: it is idempotent, or makes something short-lived (a token, a review)."""
        content = body if body is None or isinstance(body, str) else json.dumps(body)
        send = partial(self._connection.request, method, path, content=content, query=query, headers=headers or {})
        try:
            try:
                return send()
            except httpx2.TimeoutException:
                raise
            except (httpx2.HTTPError, OSError):
                return send()
        except httpx2.TimeoutException:
            raise self._unreachable(f"gave no answer in time{self._connection.through}") from None
        except (httpx2.HTTPError, OSError) as fault:
            raise self._unreachable(f"{network_problem(fault, self.address)}{self._connection.through}") from None
        except CredentialFault as fault:
            raise self._no_credential(fault) from None

    def _from_api_server(self, answer: httpx2.Response, what: str) -> Reply:
        """The answer, where the API server gave it: a proxy's page shows nothing, refuses nothing, knows of nothing.

        The API server's own is an object with its kind, ``Status`` where it is an error (Kubernetes API, Status), and
        a line of text where it has no such API (Go's `http.NotFound`).
        """
        status, body = answer.status_code, object_in(answer)
        no_such_api = status == httpx2.codes.NOT_FOUND and answer.text.strip() == NO_SUCH_API
        kind = body.get("kind")
        if no_such_api or (kind if answer.is_success else kind == "Status"):
            return Reply(status, body, answer.is_success)
        if answer.text.startswith(TLS_EXPECTED):
            raise self._unreachable("speaks https, and the kubeconfig says http")
        raise self._no_answer(status, what, "nothing of Kubernetes' own")

    def _found(self, method: str, path: str, *, headers: Mapping[str, str] | None = None) -> dict[str, Any] | None:
        answer = self.request(method, path, headers=headers)
        if answer.status == httpx2.codes.NOT_FOUND and names_an_object(answer.body):
            return None
        return self._expect(answer, f"{method} {path}", path)

    def must(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | str | None = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The body of a `request` that has to succeed; raises what its status means."""
        return self._expect(self.request(method, path, body, query=query, headers=headers), f"{method} {path}", path)

    def _expect(self, answer: Reply, what: str, path: str = "") -> dict[str, Any]:
        if answer.success:
            return answer.body
        if answer.status == httpx2.codes.NOT_FOUND and not names_an_object(answer.body):
            raise self._no_api(what, kind_at(path))
        raise self._error(answer.status, answer.body, what)

    def _no_api(self, what: str, kind: str) -> NoApi:
        try:
            served = self.served(kind) if kind else []
        except WardenError:
            served = []  # what was asked for stays unanswered either way
        needed = "/".join(group_version_of(kind)[:2]) if kind else ""
        problem = f"serves {kind} as {', '.join(served)} only, and warden needs {needed}"
        return NoApi(
            f"{self.system} {problem if served else f'does not know what {what} is about: no such API there'}",
            system=self.system,
            hint="upgrade External Secrets Operator and its CRDs, and see which versions they serve"
            if served
            else "check that External Secrets Operator's CRDs are there, serving external-secrets.io/v1",
            remedy=(self._kubectl("list-crds"),),
        )

    def _error(self, status: int, body: Mapping[str, Any], what: str) -> WardenError:
        reason = quoted(str(body.get("message") or ""))
        if status == httpx2.codes.UNAUTHORIZED:
            return Unidentified(
                f"{self.system} does not accept who is asking",
                system=self.system,
                hint="log in to it",
                remedy=(self._kubectl("whoami"),),
            )
        if status == httpx2.codes.FORBIDDEN:
            return Refused(
                f"{self.system} refused {what} ({reason or 'forbidden'})",
                system=self.system,
                hint="the rights that warden needs there",
                remedy=(warden("render", "LANE", cluster=self.name, rights="apply"),),
            )
        if status == httpx2.codes.NOT_FOUND:
            return Missing(f"{self.system}: {reason or f'nothing there for {what}'}", system=self.system)
        if status in {httpx2.codes.BAD_REQUEST, httpx2.codes.UNPROCESSABLE_CONTENT, httpx2.codes.CONFLICT}:
            return Refused(f"{self.system} refused {what}: {reason}", system=self.system)
        return self._no_answer(status, what, reason)

    def _no_answer(self, status: int, what: str, reason: str) -> ServerFault:
        return ServerFault(
            f"{self.system} answered {status} to {what}{f': {reason}' if reason else ''}; not counted as an answer",
            system=self.system,
            hint="check the API server's own log, or that of a proxy in front of it",
        )

    def _conflict(self, ref: Ref, body: Mapping[str, Any]) -> Foreign:
        causes = (body.get("details") or {}).get("causes") or ()
        fields = "; ".join(f"{each.get('field', '')} ({each.get('message', '')})" for each in causes)
        said = quoted(fields or str(body.get("message", "")))
        return Foreign(
            f"{ref} of {self.name}: other managers own what would change: {said}",
            effect=Effect.NOTHING_CHANGED,
            system=self.system,
            subject=str(ref),
            hint="change it where they have it from, or take these fields over: --take-over",
        )

    def _unreachable(self, why: str) -> Unreachable:
        return Unreachable(
            f"{self.system} {why}",
            system=self.system,
            hint="check whether it answers",
            remedy=(self._kubectl("version"),),
        )

    def _no_credential(self, fault: CredentialFault) -> Unidentified:
        return Unidentified(
            f"{self.system}: the kubeconfig's way to a credential does not work ({quoted(str(fault))})",
            system=self.system,
            hint=f"{quoted(fault.hint)}; try it" if fault.hint else "try it",
            remedy=(self._kubectl("whoami"),),
        )

    def _kubectl(self, action: KubectlAction) -> RunKubectl:
        return RunKubectl(context=self._context, action=action)
