"""What an audit line may have of a value: asked of the audit device, and told to nobody else."""

from warden.core.openbao.values import fingerprint_of
from warden.core.secret import Secret
from warden.ports.vault import Vault


def hash_of(vault: Vault, device: str, value: Secret) -> str:
    """The keyed hash of a text; empty for an empty one, which no device hashes."""
    return vault.audit_hash(device, value) if value.reveal() else ""


def other_fingerprint(vault: Vault, device: str, value: Secret) -> str:
    """What the line has if OpenBao holds a number, an object or null of which this is the text; else empty."""
    return fingerprint_of(value.reveal(), lambda text: vault.audit_hash(device, Secret(text)))
