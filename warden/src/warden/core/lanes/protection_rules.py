"""What must hold of ``protected`` of a lane: names that allowed_signers can have, and a number they reach."""

import re
from collections.abc import Iterator

from warden.core.lanes.lane import Protected

SIGNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}", re.ASCII)
"""A principal without what is a pattern in ``allowed_signers`` (``*``, ``?``, ``!``, a comma) or ends it."""

_LONGEST_MARK = 512
"""Bytes that OpenBao keeps of one value of custom metadata (*secret/kv/kv-v2*)."""


def of_protection(protected: Protected) -> Iterator[tuple[str, str]]:
    """(field, clause) of everything that is wrong."""
    for index, name in enumerate(protected.approvers):
        if not SIGNER.fullmatch(name):
            yield (
                f"protected.approvers[{index}]",
                "is not a name; allowed: letters, digits, . _ @ + - inside, at most 64",
            )
        if name in protected.approvers[:index]:
            yield f"protected.approvers[{index}]", "is listed twice"
    people = len(set(protected.approvers))
    if not people:
        yield "protected.approvers", "is empty; name those who may approve, as allowed_signers names them"
    elif protected.approvals < 1:
        yield "protected.approvals", "is 0; write 1 or more, or remove protected:"
    elif protected.approvals > people:
        yield "protected.approvals", f"is {protected.approvals}, and approvers has {people}"
    if len(protected.mark.encode()) > _LONGEST_MARK:
        yield "protected.approvers", "is longer than OpenBao keeps at the lane's path (512 bytes); name fewer"
