"""What OpenBao's audit log has of a proof."""

from collections.abc import Mapping, Sequence

import msgspec

from warden.core.lanes.lane import Lane
from warden.core.openbao.api import AuditLine, Handed
from warden.core.unobserved import Unobserved


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """The audit lines by nonce, and the answered reads by path; or why the log cannot be read."""

    lines: Mapping[str, Sequence[AuditLine]] = {}
    handed: Mapping[str, Sequence[Handed]] = {}
    unavailable: Unobserved | None = None

    def handed_of(self, lane: Lane) -> Sequence[Handed]:
        """The answered reads of the lane's path."""
        return self.handed.get(data_path(lane), ())


def data_path(lane: Lane) -> str:
    """The path of the lane's values, as the audit log names it (KV v2)."""
    return f"{lane.custody.mount}/data/{lane.custody.key}"
