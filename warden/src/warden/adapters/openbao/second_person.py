"""Second-person access: the parts of the port Vault that groups of approvers and control groups need."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from warden.core.openbao.api import Answer

if TYPE_CHECKING:
    from warden.adapters.openbao.groups import Groups


class SecondPerson:
    """What gives access to those parts; whoever inherits it sends the requests."""

    def _request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, none: Sequence[int] = ()
    ) -> Answer:
        raise NotImplementedError

    def groups(self) -> "Groups":
        """The identity groups of approvers."""
        from warden.adapters.openbao.groups import Groups  # not needed by most commands

        return Groups(self._request)
