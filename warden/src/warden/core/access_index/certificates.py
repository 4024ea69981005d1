"""Certificates that OpenBao issues itself and that a cert mount takes for a login: whoever has one made logs in."""

from collections.abc import Iterator

from warden.core.access_index.acl import full_path
from warden.core.access_index.new_names import NewNames
from warden.core.access_index.power import Power, held_by
from warden.core.access_index.snapshot import LoginRole, NamespaceSnapshot, SecretMount

_BY_ROLE = ("issue", "sign", "sign-verbatim")
_WITHOUT = ("sign-verbatim", "root/sign-intermediate", "root/sign-self-issued", "intermediate/cross-sign")


def certificates(one: NamespaceSnapshot, names: NewNames) -> Iterator[Power]:
    """Every path at which a certificate is made that a role of the namespace takes.

    Which names a PKI role gives, and whether the login asks for one of them, is not compared.
    """
    for mount in one.secret_mounts:
        for role in one.roles if mount.issuers else ():
            trusted = [each for each, text in mount.issuers.items() if role.kind == "certificate" and _has(role, text)]
            for path in dict.fromkeys(_paths(one, mount, trusted, names) if trusted else ()):
                yield Power(
                    does="issues-certificate",
                    path=full_path(one.path, path),
                    namespace=one.path,
                    gain="bundle",
                    policies=held_by(role),
                    gains=role.path,
                    condition="issued-name",
                )


def _paths(one: NamespaceSnapshot, mount: SecretMount, issuers: list[str], names: NewNames) -> Iterator[str]:
    yield from (f"{mount.path}/{each}" for each in _WITHOUT)
    for folder in (mount.path, *(f"{mount.path}/issuer/{each}" for each in issuers)):
        yield from (f"{folder}/{each}" for each in ("sign-verbatim", "sign-intermediate"))
        for action in _BY_ROLE:
            yield from (f"{folder}/{action}/{each}" for each in names.within(one, f"{folder}/{action}"))


def _has(role: LoginRole, certificate: str) -> bool:
    """Whether the role takes what this issuer has signed."""
    text = _bare(certificate)
    return bool(text) and text in _bare(str(role.fields.get("certificate") or ""))


def _bare(text: str) -> str:
    return "".join(text.split())
