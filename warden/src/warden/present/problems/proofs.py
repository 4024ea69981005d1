"""What `prove` refuses, and what could not be observed, in words."""

from warden.core.proofs.delivery_details import MarkerMissing, RefreshWithheld
from warden.core.proofs.details import NotServing
from warden.present.problems import describe
from warden.usecases.steps.closing import LanesClosed
from warden.usecases.steps.proof_records import Probed


@describe.register
def _(problem: LanesClosed) -> str:
    return f"{', '.join(problem.lanes)} {'are' if len(problem.lanes) > 1 else 'is'} closed"


@describe.register
def _(effect: Probed) -> str:
    return f"{effect.lane} was probed, and none of it counts."


@describe.register
def _(_: MarkerMissing) -> str:
    return "the audit log has no line of the marker, so no read is known to be later than the request for the refresh"


@describe.register
def _(_: RefreshWithheld) -> str:
    return "nothing was refreshed: the audit log would show the value in clear, or its line could not be found"


@describe.register
def _(problem: NotServing) -> str:
    state = "sealed" if problem.initialized else "not initialised"
    return f"{problem.system} is {state}, so nothing can be read; this says nothing about the delivery"
