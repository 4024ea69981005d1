"""TLS as a client: which certificate authorities are trusted, and the client's own certificate."""

from __future__ import annotations

import ssl
from functools import lru_cache

from llm_connect.common import files

MAX_AUTHORITIES_BYTES = 4 * 1024 * 1024
"""Of a file with certificate authorities; those of a whole system take a quarter of a megabyte."""


class CertificateError(Exception):
    """A file with certificates cannot be used; `str()` says why.

    Attributes:
        setting: the setting that names the file.
        path: the file.
        allowed: what it should be.
    """

    def __init__(self, setting: str, path: str, problem: str, allowed: str = "a file with certificates in PEM") -> None:
        super().__init__(problem)
        self.setting = setting
        self.path = path
        self.allowed = allowed


@lru_cache(maxsize=1)
def system_context() -> ssl.SSLContext:
    """The shared context that trusts the system's certificate authorities. Loading them takes 20 ms."""
    return _new_context()


def _new_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def provider_context(
    ca_file: str | None, client_cert_file: str | None, wait_seconds: float | None = None
) -> ssl.SSLContext:
    """A context with certificates from files.

    Args:
        ca_file: authorities that are trusted beside the system's.
        client_cert_file: the client's own certificate and its private key.
        wait_seconds: how long to wait for `ca_file` where it is a pipe.

    Raises:
        CertificateError: one of the files cannot be used.
    """
    context = _new_context()
    if ca_file:
        try:
            octets = files.whole(ca_file, MAX_AUTHORITIES_BYTES, wait_seconds)
            context.load_verify_locations(cadata=octets.decode("ascii", "ignore"))
        except files.Unreadable as error:
            raise CertificateError("ca_file", ca_file, f"cannot be read ({error})") from None
        except (ssl.SSLError, ValueError):  # the latter for an empty text
            raise CertificateError("ca_file", ca_file, "holds no certificate in PEM") from None
    if client_cert_file:
        try:
            context.load_cert_chain(client_cert_file, password=lambda: "")  # without it, OpenSSL would ask the terminal
        except (ssl.SSLError, OSError):
            allowed = "a file with a certificate and its private key in PEM, without a passphrase"
            raise CertificateError("client_cert_file", client_cert_file, "cannot be used", allowed) from None
    return context
