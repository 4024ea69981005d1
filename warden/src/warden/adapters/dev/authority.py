"""A certificate authority for servers on this machine's loopback, and the certificates under it.

The authority signs when it is made, and its key is never written: whoever copies the state directory later can
impersonate what lies there and nothing else. Profiles are those of RFC 5280, section 4.2, so that Go, OpenSSL and
Python's strict mode all take them.
"""

import datetime as dt
import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING

from warden.adapters.dev import state

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_YEARS = dt.timedelta(days=3650)  # a platform for trying things out outlives no authority
_NAMES = ("localhost", "kubernetes", "kubernetes.default.svc")


class Authority:
    """The files of one authority: ``ca.pem``, and ``server.pem`` with ``server.key`` of the one that it certified."""

    def __init__(self, directory: str) -> None:
        self.ca_file = f"{directory}/ca.pem"
        self.certificate = f"{directory}/server.pem"
        self.key = f"{directory}/server.key"
        self._directory = directory

    def certify(self, title: str) -> None:
        """Have certificate and key of a server on loopback that may call others, too; made once.

        `title` is in the subjects. The certificate, written last, says that all three are there.
        """
        if Path(self.certificate).exists():
            return
        state.make_private(self._directory)
        certificate, key, authority = _made(title)
        state.write(self.ca_file, authority)
        state.write(self.key, key)
        state.write(self.certificate, certificate)


def signing_key() -> bytes:
    """PEM of a new P-256 key as SEC 1 writes it (RFC 5915): the API server reads no PKCS #8 there."""
    from cryptography.hazmat.primitives import serialization as pem  # as in _made
    from cryptography.hazmat.primitives.asymmetric import ec  # as in _made

    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.TraditionalOpenSSL, pem.NoEncryption())


def _made(title: str) -> tuple[bytes, bytes, bytes]:
    """PEM of a certificate, its key, and the authority that signed it."""
    from cryptography.hazmat.primitives import serialization as pem  # 80 ms, only where certificates are made
    from cryptography.hazmat.primitives.asymmetric import ec  # as above

    above, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _signed(f"embedded {title} authority", above, above, None)
    certificate = _signed(f"embedded {title}", own, above, authority)
    private = own.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption())
    return certificate.public_bytes(pem.Encoding.PEM), private, authority.public_bytes(pem.Encoding.PEM)


def _signed(
    title: str, key: "EllipticCurvePrivateKey", by: "EllipticCurvePrivateKey", above: "x509.Certificate | None"
) -> "x509.Certificate":
    """A certificate of `key` signed by `by`; of an authority where nothing is `above`."""
    from cryptography import x509  # as in _made
    from cryptography.hazmat.primitives.hashes import SHA256  # as in _made

    now = dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, title)])
    builder = (
        x509.CertificateBuilder(serial_number=x509.random_serial_number())
        .subject_name(subject)
        .issuer_name(above.subject if above else subject)
        .public_key(key.public_key())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + _YEARS)
        .add_extension(x509.BasicConstraints(ca=above is None, path_length=0 if above is None else None), critical=True)
        .add_extension(_usage(signs=above is None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
    )
    if above is not None:
        builder = _for_servers(builder)
    return builder.sign(by, SHA256())


def _for_servers(builder: "x509.CertificateBuilder") -> "x509.CertificateBuilder":
    from cryptography import x509  # as in _made
    from cryptography.x509.oid import ExtendedKeyUsageOID  # as in _made

    purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    loopback = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    names = [loopback, *(x509.DNSName(name) for name in _NAMES)]
    return builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False).add_extension(
        x509.SubjectAlternativeName(names), critical=False
    )


def _usage(*, signs: bool) -> "x509.KeyUsage":
    from cryptography import x509  # as in _made

    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
