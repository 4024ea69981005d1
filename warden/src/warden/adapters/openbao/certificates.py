"""The certificates that an endpoint names: who may have signed the server's, and the caller's own."""

from warden.adapters.machine import tls
from warden.adapters.openbao.endpoint import Endpoint


def authorities(endpoint: Endpoint) -> bytes:
    """PEM of the authorities; empty: the system's. A file goes before bytes, and bytes before a folder, as in ``bao``.

    Raises `OSError` or `ValueError` where they cannot be used.
    """
    if endpoint.ca_file:
        return tls.certificates(endpoint.ca_file)
    if endpoint.ca_bytes:
        return endpoint.ca_bytes.encode()
    return tls.folder(endpoint.ca_path) if endpoint.ca_path else b""


def client_certificate(endpoint: Endpoint) -> tuple[bytes, bytes]:
    """PEM of the certificate and its key; files go before bytes. Raises `OSError` or `ValueError`."""
    if endpoint.client_cert and endpoint.client_key:
        return tls.certificates(endpoint.client_cert), tls.read(endpoint.client_key)
    if endpoint.client_cert_bytes and endpoint.client_key_bytes is not None:
        return endpoint.client_cert_bytes.encode(), endpoint.client_key_bytes.reveal().encode()
    if endpoint.client_cert or endpoint.client_key or endpoint.client_cert_bytes or endpoint.client_key_bytes:
        raise ValueError("a client certificate needs its key, and a key its certificate")
    return b"", b""
