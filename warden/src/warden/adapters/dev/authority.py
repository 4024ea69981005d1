"""A certificate authority for servers on this machine's loopback, and the certificates under it, made by trustme.

The authority signs when it is made, and its key is never written: whoever copies the state directory later can
impersonate what lies there and nothing else.
"""

from pathlib import Path

from warden.adapters.dev import state
from warden.core.openbao.api import MadeCertificate
from warden.core.secret import Secret

_NAMES = ("127.0.0.1", "localhost", "kubernetes", "kubernetes.default.svc")


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
        import trustme  # 0.1 s, only where certificates are made

        authority = trustme.CA(path_length=0, organization_name="warden dev", organization_unit_name=title)
        own = authority.issue_cert(
            *_NAMES, common_name=f"embedded {title}", organization_name="warden dev", organization_unit_name=title
        )
        state.make_private(self._directory)
        state.write(self.ca_file, authority.cert_pem.bytes())
        state.write(self.key, own.private_key_pem.bytes())
        state.write(self.certificate, own.cert_chain_pems[0].bytes())


def self_made(name: str) -> MadeCertificate:
    """A certificate of that name with its key, of an authority that nobody trusts."""
    import trustme  # as in `Authority.certify`

    made = trustme.CA(organization_name="warden probe").issue_cert(
        "stranger.invalid",
        common_name=name[:64],  # RFC 5280: ub-common-name
    )
    return MadeCertificate(made.cert_chain_pems[0].bytes().decode(), Secret(made.private_key_pem.bytes().decode()))


def signing_key() -> bytes:
    """PEM of a new P-256 key as SEC 1 writes it (RFC 5915): the API server reads no PKCS #8 there."""
    from cryptography.hazmat.primitives import serialization as pem  # as in `Authority.certify`
    from cryptography.hazmat.primitives.asymmetric import ec  # as above

    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.TraditionalOpenSSL, pem.NoEncryption())
