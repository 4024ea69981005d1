"""What an https connection is verified with, and which certificate the caller shows; nothing of it touches a disk."""

import contextlib
import os
import ssl
from collections.abc import Iterator

CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
LARGEST = 4 * 1024 * 1024
"""Bytes of a file with certificates; all authorities of a system are 0.2 MiB."""


def context(authorities: bytes = b"", certificate: bytes = b"", key: bytes = b"") -> ssl.SSLContext:
    """Authorities, certificate and key are PEM; without authorities the system's are trusted.

    OpenSSL reads a certificate with its key from files only: they are handed over in memory (memfd_create(2)).

    Raises:
        OSError, ValueError: they cannot be used (`ssl.SSLError` is both).
    """
    made = ssl.create_default_context(cadata=_text(authorities) or None)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    # Python 3.13 refuses authorities that Go accepts: those that clusters and OpenBao make for themselves.
    made.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if certificate:
        with _in_memory(certificate + b"\n" + key) as path:
            made.load_cert_chain(path, password=_no_password)
    return made


def certificates(path: str) -> bytes:
    """A file's content. Raises `OSError`, or `ValueError` where it holds no certificate."""
    content = read(path)
    if CERTIFICATE not in content:
        raise ValueError(f"{path} holds no certificate (PEM)")
    return content


def read(path: str) -> bytes:
    """A file's content, a key perhaps. Raises `OSError`, or `ValueError` where it is too large to be one."""
    with open(path, "rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"{path} is larger than any file of certificates")
    return content


def folder(path: str) -> bytes:
    """All certificates of a folder and those below, whatever the files are called; OpenSSL wants them hashed.

    Raises `OSError`, or `ValueError` where there is none.
    """
    found = b"\n".join(each for each in _contents(path) if CERTIFICATE in each)
    if not found:
        raise ValueError(f"{path} holds no certificate (PEM)")
    return found


def _contents(path: str) -> Iterator[bytes]:
    """Files of a folder; a link to a folder is not followed, as Kubernetes leaves them beside links to the files."""
    for entry in sorted(os.scandir(path), key=lambda each: each.name):
        if entry.is_dir(follow_symlinks=False):
            yield from _contents(entry.path)
        elif entry.is_file():
            yield read(entry.path)


def _text(authorities: bytes) -> str:
    return authorities.decode("latin-1")


@contextlib.contextmanager
def _in_memory(content: bytes) -> Iterator[str]:
    handle = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        with open(handle, "wb", closefd=False) as file:
            file.write(content)
        yield f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)


def _no_password() -> str:
    """OpenSSL would ask on the terminal; neither kubectl nor bao reads an encrypted key."""
    raise ValueError("the client's key is encrypted")
