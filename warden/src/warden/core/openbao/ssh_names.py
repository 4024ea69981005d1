"""What is named how in OpenBao's SSH engine: one role and one policy for each actor, one role for each host."""

from warden.core.inventory.inventory import CertificateType

HOST_ROLE = "host-"
"""How the role of a host begins; no actor's name does."""


def host_role(host: str) -> str:
    """The SSH role that signs the keys of this host."""
    return f"{HOST_ROLE}{host}"


def sign_policy(actor: str) -> str:
    """The ACL policy of those who may have certificates signed for this actor."""
    return f"ssh-sign-{actor}"


SIGN_POLICIES = sign_policy("")
"""How the name of each of those begins."""


def policies_for(name: str) -> tuple[str, ...]:
    """The policy of the actor, and of the host, of this name."""
    return sign_policy(name), sign_policy(host_role(name))


def ssh_role(subject: str, kind: CertificateType) -> str:
    """The SSH role that signs for the actor, or for the host, of this name."""
    return host_role(subject) if kind == "host" else subject
