"""What `sync` refuses, in words."""

from warden.present.problems import describe
from warden.usecases.sync import NothingDelivered, Requested


@describe.register
def _(problem: NothingDelivered) -> str:
    return f"External Secrets Operator delivers nothing of {problem.lane}"


@describe.register
def _(effect: Requested) -> str:
    return f"The refresh was requested in {', '.join(effect.clusters)}."
