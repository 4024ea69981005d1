"""Second-person access: the parts of the port Vault that groups of approvers and control groups need."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from warden.core.errors import NotNow, WardenError
from warden.core.openbao.api import Answer, Request

if TYPE_CHECKING:
    from warden.adapters.openbao.control_groups import ControlGroups
    from warden.adapters.openbao.groups import Groups


class SecondPerson:
    """What gives access to those parts; whoever inherits it sends the requests."""

    def send(self, request: Request) -> Answer:
        """As the port Vault."""
        raise NotImplementedError

    def as_caller(self, request: Request) -> Request:
        """As the port Vault."""
        raise NotImplementedError

    def _request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, none: Sequence[int] = ()
    ) -> Answer:
        raise NotImplementedError

    def _part(self, answer: Answer, name: str = "data") -> dict[str, Any]:
        raise NotImplementedError

    def _error(self, answer: Answer, what: str) -> WardenError:
        raise NotImplementedError

    def asked(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, none: Sequence[int] = ()
    ) -> Answer:
        """Send as the caller; an answer of 2xx or one of the statuses in `none`, else the error it means."""
        return self._request(method, path, body, none=none)

    def part_of(self, answer: Answer) -> dict[str, Any]:
        """The answer's data."""
        return self._part(answer)

    def error_in(self, answer: Answer, what: str) -> WardenError:
        """What an answer means that is not one of 2xx."""
        return self._error(answer, what)

    def groups(self) -> "Groups":
        """The identity groups of approvers."""
        from warden.adapters.openbao.groups import Groups  # not needed by most commands

        return Groups(self._request)

    def control_groups(self) -> "ControlGroups":
        """The reads that wait for approval."""
        from warden.adapters.openbao.control_groups import ControlGroups  # as above

        return ControlGroups(self)

    def _handed_out(self, answer: Answer, what: str) -> dict[str, Any]:
        """The data of an answer to a read; a read that waits for approval is ended, and raises `NotNow`."""
        if not answer.body.get("wrap_info"):
            return self._part(answer)
        from warden.adapters.openbao.control_groups import withheld_in  # as above

        if withheld := withheld_in(answer):
            self.send(Request(method="POST", path="auth/token/revoke-self", body={}, token=withheld.token))
        raise NotNow(
            f"OpenBao withholds {what} until somebody approves, and the lane declares no approval for you",
            system="OpenBao",
            subject=what,
            hint="have the lane applied: its policy has a control group that its file does not declare",
        )
