"""What an operator can be a reader with: the token of the CI job that this is, and certificates in PEM files.

A certificate's names are its common name and its subject's alternative names (RFC 5280).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from warden.adapters.openbao.caller import job_token
from warden.core.errors import Effect, UsageError
from warden.core.proofs.machine_probes import OwnCertificate, OwnCredentials


def own_credentials(environ: Mapping[str, str], certificates: Sequence[str]) -> OwnCredentials:
    """What the environment and these PEM files hold. Raises `Unidentified` or `UsageError` for what is unusable."""
    job = job_token(environ)
    found = tuple(OwnCertificate(path, names_in(path)) for path in certificates)
    return OwnCredentials(tokens=(job,) if job else (), certificates=found)


def names_in(path: str) -> tuple[str, ...]:
    """The common name, DNS names and URIs of the first certificate in a PEM file, which holds its key, too.

    Raises `UsageError` where it is not there, cannot be read, or does not hold both.
    """
    from cryptography import x509  # 0.1 s, only where a certificate is presented

    try:
        content = Path(path).read_bytes()
        found = x509.load_pem_x509_certificates(content)[0]
    except OSError as fault:
        raise _unreadable(path, fault) from None
    except ValueError:
        raise _unusable(path) from None
    if b"PRIVATE KEY-----" not in content:
        raise _unusable(path)
    names = [str(each.value) for each in found.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    try:
        alternative = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return tuple(names) or ("(without a name)",)
    names += alternative.get_values_for_type(x509.DNSName)
    names += alternative.get_values_for_type(x509.UniformResourceIdentifier)
    return tuple(dict.fromkeys(names)) or ("(without a name)",)


def _unreadable(path: str, fault: OSError) -> UsageError:
    """Why the file cannot be read, in the words of the operating system where they are not plain enough."""
    why = "does not exist" if isinstance(fault, FileNotFoundError) else f"cannot be read ({fault.strerror})"
    return UsageError(
        f"{path} {why}",
        effect=Effect.NOTHING_ASKED,
        hint="name a PEM file with a certificate and its key",
    )


def _unusable(path: str) -> UsageError:
    return UsageError(
        f"{path} is not a PEM file with a certificate and its key",
        effect=Effect.NOTHING_ASKED,
        hint="put both into one file: cat CERTIFICATE KEY > FILE, readable for nobody else",
    )
