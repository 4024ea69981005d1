"""A cluster's API, spoken to in the few requests that bringing it up needs, and the kubeconfig files that name it.

What a lane needs of a cluster goes through the port, not through here.
"""

import base64
import contextlib
import http.client
import json
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from warden.core.errors import Refused, ServerFault, Unreachable, UsageError
from warden.core.secret import Secret

APPLY = "application/apply-patch+yaml"
MANAGER = "warden-dev"
PATIENCE = 15.0
"""Seconds for one answer."""

_PLURALS = {
    "Namespace": "namespaces",
    "ServiceAccount": "serviceaccounts",
    "Secret": "secrets",
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "Role": "roles",
    "RoleBinding": "rolebindings",
    "CustomResourceDefinition": "customresourcedefinitions",
}
"""The kinds that our own manifests use."""


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """How an API server is reached.

    Attributes:
        server: ``https://HOST:PORT``, without a path.
        ca: PEM of the authorities that may have signed its certificate; empty: the system's.
        token: the bearer token, if that is how the caller is known.
        certificate: else PEM of the client's certificate.
        key: and of its key.
    """

    server: str
    ca: str
    token: Secret | None = None
    certificate: str = ""
    key: Secret | None = None


class Kube:
    """One caller at one API server."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._context = ssl.create_default_context(cadata=access.ca or None)
        if access.certificate and access.key:
            with _file(access.certificate) as certificate, _file(access.key.reveal()) as key:
                self._context.load_cert_chain(certificate, key)

    def call(
        self, method: str, path: str, body: object = None, content_type: str = "application/json"
    ) -> tuple[int, dict[str, Any]]:
        """Status and body of one request; a `body` that is text is sent as it is. `Unreachable` without an answer."""
        headers = {"Accept": "application/json", **self._bearer()}
        if body is not None:
            headers["Content-Type"] = content_type
        raw = body if body is None or isinstance(body, str) else json.dumps(body)
        status, answer = self._exchange(method, path, raw.encode() if raw is not None else None, headers)
        return status, _object(answer)

    def must(
        self, method: str, path: str, body: object = None, content_type: str = "application/json"
    ) -> dict[str, Any]:
        """The body of a request that has to work; raises `Refused` or `ServerFault` where it does not."""
        status, answer = self.call(method, path, body, content_type)
        if status < 300:  # noqa: PLR2004  # RFC 9110: 2xx is success
            return answer
        kind = ServerFault if status >= 500 else Refused  # noqa: PLR2004  # 5xx is the server's own fault
        raise kind(
            f"{self.access.server} refused {method} {path}: {answer.get('message') or f'status {status}'}",
            system=self.system,
            subject=path,
            hint="warden dev status",
        )

    def health(self, path: str) -> str | None:
        """What a health endpoint says; ``None`` where all is not well. `Unreachable` without an answer."""
        status, answer = self._exchange("GET", path, None, self._bearer())
        return answer.decode("utf-8", "replace") if status == http.client.OK else None

    def apply(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Server-side apply of one object, as its owner: what others set otherwise is taken over."""
        where = path_of(document["apiVersion"], document["kind"], document["metadata"])
        return self.must("PATCH", f"{where}?fieldManager={MANAGER}&force=true", document, APPLY)

    @property
    def system(self) -> str:
        """The API server as people name it."""
        return f"Kubernetes {self.access.server}"

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access.token.reveal()}"} if self.access.token else {}

    def _exchange(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
        where = urlsplit(self.access.server)
        connection = http.client.HTTPSConnection(
            where.hostname or "", where.port or 443, timeout=PATIENCE, context=self._context
        )
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as fault:
            raise Unreachable(
                f"{self.access.server} gives no answer ({_words(fault)})", system=self.system, hint="warden dev up"
            ) from None
        finally:
            connection.close()


def path_of(api_version: str, kind: str, metadata: Mapping[str, Any]) -> str:
    """The path of an object of our manifests."""
    group = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    namespace = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    return f"{group}{namespace}/{_PLURALS[kind]}/{metadata['name']}"


def read_kubeconfig(path: str) -> Access:
    """The current context of a kubeconfig file.

    Raises `UsageError` without one, or where its user has neither a token nor a certificate.
    """
    import yaml  # only where somebody else's cluster is named

    try:
        found = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        context = _named(found["contexts"], found["current-context"])["context"]
        cluster = _named(found["clusters"], context["cluster"])["cluster"]
        user = _named(found["users"], context["user"])["user"]
        token = user.get("token") or (
            Path(user["tokenFile"]).read_text(encoding="utf-8") if "tokenFile" in user else ""
        )
        certificate, key = _pem(path, user, "client-certificate"), _pem(path, user, "client-key")
        access = Access(
            server=cluster["server"].rstrip("/"),
            ca=_pem(path, cluster, "certificate-authority"),
            token=Secret(token.strip()) if token else None,
            certificate=certificate,
            key=Secret(key) if key else None,
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError, yaml.YAMLError):
        raise UsageError(
            f"{path} is no kubeconfig with a current context. Nothing was started.",
            subject=path,
            hint=f"look at it: kubectl --kubeconfig {path} config view --minify",
        ) from None
    if not (access.token or access.certificate):
        raise UsageError(
            f"the user of {path} has neither a token nor a certificate. Nothing was started.",
            subject=path,
            hint="make a token: kubectl create token ACCOUNT --duration 24h, and name it in a kubeconfig of its own",
        )
    return access


def kubeconfig(contexts: Mapping[str, Access], current: str) -> str:
    """A kubeconfig file with a context for each name; it holds the tokens and needs mode 0600."""
    import yaml  # as above

    def entry(kind: str, name: str, content: Mapping[str, str]) -> dict[str, object]:
        return {"name": name, kind: dict(content)}

    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [entry("cluster", name, _cluster(access)) for name, access in contexts.items()],
            "users": [entry("user", name, _user(access)) for name, access in contexts.items()],
            "contexts": [entry("context", name, {"cluster": name, "user": name}) for name in contexts],
            "current-context": current,
        },
        sort_keys=False,
    )


def _cluster(access: Access) -> dict[str, str]:
    return {"server": access.server} | ({"certificate-authority-data": _base64(access.ca)} if access.ca else {})


def _user(access: Access) -> dict[str, str]:
    if access.token:
        return {"token": access.token.reveal()}
    key = access.key.reveal() if access.key else ""
    return {"client-certificate-data": _base64(access.certificate), "client-key-data": _base64(key)}


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in [*entries, {}] if entry.get("name") == name or not entry)


def _pem(kubeconfig_path: str, entry: Mapping[str, str], key: str) -> str:
    if f"{key}-data" in entry:
        return base64.b64decode(entry[f"{key}-data"]).decode()
    if key in entry:
        return (Path(kubeconfig_path).parent / entry[key]).read_text(encoding="utf-8")
    return ""


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _object(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw) if raw.strip() else {}
    except ValueError:
        found = {}
    return found if isinstance(found, dict) else {}


@contextlib.contextmanager
def _file(content: str) -> Iterator[str]:
    """The content as a file for nobody else, while it is read: ``ssl`` takes certificates from files only."""
    with tempfile.NamedTemporaryFile("w", encoding="ascii") as file:
        file.write(content)
        file.flush()
        yield file.name


def _words(fault: Exception) -> str:
    if isinstance(fault, ssl.SSLCertVerificationError):
        return f"its certificate does not verify: {fault.verify_message}"
    if isinstance(fault, TimeoutError):
        return f"nothing within {PATIENCE:g} s"
    return (getattr(fault, "strerror", "") or "it closed the connection").lower()
