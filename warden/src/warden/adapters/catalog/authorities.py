"""The certificates that a file of the platform directory names: nothing else of it is published.

What `render` and `apply` put into a cluster can be read by many there, so a path that leads somewhere else (to a token,
say) must not be followed.
"""

import os
from typing import NoReturn

from warden.adapters.catalog.discovery import expect_trusted
from warden.adapters.machine.regular_file import NotUsable, read_bytes
from warden.core.errors import Effect, UsageError

LARGEST = 256 * 1024
"""Bytes. A cluster's object holds 1 MiB, and the authorities of the whole web are 220 KiB."""


def authority_of_readers(platform_dir: str, named: str) -> str:
    """PEM of the authority that a reader's certificates are of; empty where the file cannot be used for that."""
    try:
        return declared_authorities(platform_dir, named)
    except UsageError:
        return ""


OF_OPENBAO = ("OpenBao", "openbao_ca in clusters.yaml")


def declared_authorities(platform_dir: str, named: str, of: tuple[str, str] = OF_OPENBAO) -> str:
    """PEM of the certificates in a file of the platform directory; `of` is whose they are, and which key names it.

    Raises `UsageError`.
    """
    path = os.path.join(platform_dir, named)
    if not _is_inside(path, platform_dir):
        _refuse(path, of, "leads out of the platform directory")
    expect_trusted(platform_dir, [path])
    try:
        return only_certificates(read_bytes(path, LARGEST))
    except NotUsable as fault:
        _refuse(path, of, f"cannot be read as PEM ({fault})")
    except ValueError:
        _refuse(path, of, "cannot be read as PEM (it holds no certificate, or a damaged one)")


def only_certificates(content: bytes) -> str:
    """The certificates of a PEM file, written anew. Raises `ValueError` where there is none, or one is damaged."""
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import load_pem_x509_certificates

    return "".join(each.public_bytes(Encoding.PEM).decode() for each in load_pem_x509_certificates(content))


def _is_inside(path: str, folder: str) -> bool:
    return os.path.realpath(path).startswith(os.path.realpath(folder).rstrip(os.sep) + os.sep)


def _refuse(path: str, of: tuple[str, str], why: str) -> NoReturn:
    whose, key = of
    raise UsageError(
        f"{path}, the certificate authorities of {whose}, {why}",
        effect=Effect.NOTHING_DONE,
        subject=path,
        hint=f"{key} has to name a PEM file of certificates in the platform directory",
    )
