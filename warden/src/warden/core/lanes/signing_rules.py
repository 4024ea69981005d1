"""What must hold of ``signing`` in ``platform.yaml``."""

import re
from collections.abc import Iterator

from warden.core.lanes.rules import Complaint
from warden.core.lanes.signing import Signing
from warden.core.public_key import public_key

_TRANSIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)+", re.ASCII)


def of_signing(signing: Signing | None) -> Iterator[Complaint]:
    """Everything that is wrong with it; nothing where there is none."""
    if signing is None:
        return
    if (signing.transit is None) == (signing.ssh_key is None):
        yield Complaint("signing", "needs one key; write transit: MOUNT/KEY, or ssh_key: FILE")
    if signing.transit is not None and not _TRANSIT.fullmatch(signing.transit):
        yield Complaint("signing.transit", "is not MOUNT/KEY; write transit/warden-journal, say")
    if signing.ssh_key is not None and not signing.ssh_key.startswith(("/", "~/")):
        yield Complaint("signing.ssh_key", "is not an absolute path; write /… or ~/…, outside the platform directory")
    for index, line in enumerate(signing.public_keys):
        if public_key(line) is None:
            yield Complaint(f"signing.public_keys[{index}]", "is not a public key; write ssh-ed25519 AAAA…")
