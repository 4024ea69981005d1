"""HTTPS to one API server as one user of a kubeconfig: certificates, credentials, impersonation, proxy.

What client-go does with each field: k8s.io/client-go/rest and transport.
"""

import base64
import threading
from collections.abc import Iterator, Mapping
from urllib.parse import quote, urlsplit

import httpx2

from warden.adapters.kubernetes.credential_plugin import Credential, CredentialFault, ask
from warden.adapters.kubernetes.kubeconfig_format import Access, Cluster, User, data
from warden.adapters.machine import tls
from warden.adapters.machine.proxy import proxy_for
from warden.adapters.machine.spoken import spoken
from warden.core.secret import Secret

SECONDS = httpx2.Timeout(10.0, connect=5.0)
_PLAIN = "!#$&'*+-.^_`|~"
"""What a header's name may have beside letters and digits; a percent sign is escaped, too (client-go, transport)."""


class Connection:
    """Safe to share between threads. Where a plugin has the credential, it is asked at the first request.

    Raises `OSError` or `ValueError` where certificates cannot be used.
    """

    def __init__(self, access: Access, environ: Mapping[str, str]) -> None:
        self._access = access
        self._environ = environ
        self._lock = threading.Lock()
        self._clients: list[httpx2.Client] = []
        self.through = ""
        self._plugin = None if _sends_its_own(access.user) else access.user.plugin
        self._credential: Credential | None = None
        if self._plugin is None:
            self._open(*_client_certificate(access.user))

    def close(self) -> None:
        """Close every connection."""
        for client in self._clients:
            client.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        content: str | None,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str],
    ) -> httpx2.Response:
        """One request; with a new credential from the plugin where the server does not accept the last.

        Raises `httpx2.HTTPError`, `OSError`, or `CredentialFault` where there is no credential.
        """
        for last in (False, True):
            credential = self._current()
            answer = self._clients[-1].request(
                method,
                path,
                content=content,
                params=query,
                headers=[*headers.items(), *self._identity(credential)],
                extensions=self._extensions(),
            )
            if last or self._plugin is None or answer.status_code != httpx2.codes.UNAUTHORIZED:
                break
            self._forget(credential)
        return answer

    def _current(self) -> Credential | None:
        """The plugin's credential, asked for where there is none that still holds."""
        if self._plugin is None:
            return None
        with self._lock:
            if self._credential is None or self._credential.is_over:
                found = ask(self._access, self._plugin, self._environ)
                if not self._clients or found.certificate:
                    self._open_with(found)
                self._credential = found
            return self._credential

    def _forget(self, credential: Credential | None) -> None:
        with self._lock:
            if self._credential is credential:
                self._credential = None

    def _open_with(self, credential: Credential) -> None:
        try:
            certificate, key = _client_certificate(self._access.user)
            self._open(credential.certificate or certificate, credential.key or key)
        except (OSError, ValueError):
            raise CredentialFault("the certificate that the plugin gave, or that of the user, cannot be used") from None

    def _open(self, certificate: bytes, key: Secret | None) -> None:
        cluster = self._access.cluster
        address = urlsplit(cluster.server)
        proxy = cluster.proxy_url or proxy_for(self._environ, address.hostname or "", address.port or 443)
        if proxy and not proxy.startswith(("http://", "https://")):
            raise ValueError("HTTPS_PROXY is not the URL of an http or https proxy")
        self.through = f" through the proxy {proxy.rpartition('@')[2].rpartition('//')[2]}" if proxy else ""
        verify = tls.context(_authorities(cluster), certificate, key.reveal().encode("latin-1") if key else b"")
        try:
            client = httpx2.Client(
                base_url=f"{address.scheme}://{address.netloc}{address.path}",
                verify=verify,
                timeout=SECONDS,
                proxy=proxy or None,
                trust_env=False,
                headers={"Accept-Encoding": "identity"} if cluster.disable_compression else None,
            )
        except httpx2.InvalidURL:
            raise ValueError("server or its proxy is not a valid URL") from None
        self._clients.append(client)

    def _extensions(self) -> dict[str, str]:
        name = self._access.cluster.tls_server_name
        return {"sni_hostname": name} if name else {}

    def _identity(self, credential: Credential | None) -> Iterator[tuple[str, str]]:
        """Who asks: a token goes before a user name, and both before a plugin."""
        user = self._access.user
        if token := _token(user) or (credential.token if credential else None):
            yield "Authorization", f"Bearer {token.reveal()}"
        elif user.username:
            words = f"{user.username}:{user.password.reveal() if user.password else ''}"
            yield "Authorization", f"Basic {base64.b64encode(words.encode()).decode()}"
        yield from impersonation(user)


def network_problem(fault: Exception, server: str) -> str:
    """What happened on the network, in words; `server` is the address that the kubeconfig has."""
    text = str(fault)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "shows a certificate that does not verify"
    if "refused" in text.lower():
        return "cannot be reached (connection refused)"
    cut = isinstance(fault, httpx2.RemoteProtocolError | httpx2.ReadError | httpx2.WriteError)
    if ("SSL" in text or cut) and (scheme := _other_scheme(server)):
        return scheme
    return "closed the connection without an answer" if cut else "cannot be reached"


TLS_EXPECTED = "Client sent an HTTP request to an HTTPS server"
"""What Go's net/http answers to plain HTTP where TLS is expected."""


def _other_scheme(server: str) -> str:
    """That the server speaks TLS where the kubeconfig says http, or the other way round; empty where it does not."""
    address = urlsplit(server)
    found = spoken(address.hostname or "", address.port or (80 if address.scheme == "http" else 443))
    if not found or found == address.scheme:
        return ""
    return f"speaks {'plain http' if found == 'http' else found}, and the kubeconfig says {address.scheme}"


def impersonation(user: User) -> Iterator[tuple[str, str]]:
    """As whom the user acts (https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/)."""
    if not user.act_as:
        return
    yield "Impersonate-User", user.act_as
    if user.act_as_uid:
        yield "Impersonate-Uid", user.act_as_uid
    for group in user.act_as_groups:
        yield "Impersonate-Group", group
    for key, values in user.act_as_extra.items():
        name = quote(key.lower(), safe=_PLAIN)
        for value in values:
            yield f"Impersonate-Extra-{name}", value


def _sends_its_own(user: User) -> bool:
    return bool(user.token or user.token_file or user.username)


def _token(user: User) -> Secret | None:
    """The token in the file, which is written anew from time to time; else the one that is named."""
    if not user.token_file:
        return user.token
    try:
        with open(user.token_file, encoding="utf-8") as file:
            found = file.read().strip()
    except (OSError, ValueError):
        found = ""
    if found:
        return Secret(found)
    if user.token is None:
        raise CredentialFault(f"{user.token_file} holds no token, or cannot be read")
    return user.token


def _client_certificate(user: User) -> tuple[bytes, Secret | None]:
    """PEM of the certificate and its key. Raises `OSError` or `ValueError`."""
    if not user.has_certificate:
        return b"", None
    certificate = data(user.certificate_data) or tls.certificates(user.certificate_file)
    key = data(user.key_data.reveal()) if user.key_data else tls.read(user.key_file)
    return certificate, Secret(key.decode("latin-1"))


def _authorities(cluster: Cluster) -> bytes:
    """PEM of the authorities; empty: the system's. Raises `OSError` or `ValueError`."""
    if cluster.authority_file:
        return tls.certificates(cluster.authority_file)
    found = data(cluster.authority_data)
    if found and tls.CERTIFICATE not in found:
        raise ValueError("certificate-authority-data holds no certificate (PEM)")
    return found
