"""What `adopt` refuses, in words."""

from warden.present.adoption import UNFIT, describe_adoption_obstacle
from warden.present.problems import describe
from warden.present.refreshes import refresh_reason
from warden.usecases.steps.adoption import (
    CannotAdopt,
    FieldPut,
    NoAuditLine,
    NothingToAdopt,
    NotOwnedYet,
    NotRead,
    SecretUntouched,
    StillDifferent,
    TakenOver,
    ValuesDiffer,
    ValuesUnfit,
)


@describe.register
def _(problem: NothingToAdopt) -> str:
    return f"Secret {problem.secret} not found in {problem.cluster}, so there is nothing to take over"


@describe.register
def _(problem: CannotAdopt) -> str:
    obstacles = "; ".join(map(describe_adoption_obstacle, problem.obstacles))
    return f"Secret {problem.secret} of {problem.cluster} cannot be taken over: {obstacles}"


@describe.register
def _(problem: ValuesDiffer) -> str:
    fields, version = ", ".join(problem.compared.different), problem.compared.version
    return f"{fields} of the Secret {problem.secret} differs from version {version} in OpenBao"


@describe.register
def _(problem: ValuesUnfit) -> str:
    fields = "; ".join(f"{field} {UNFIT[why]}" for field, why in problem.fields.items())
    return f"OpenBao cannot hold what the Secret {problem.secret} has: {fields}"


@describe.register
def _(problem: StillDifferent) -> str:
    return f"{', '.join(problem.fields)} still differs after it was put"


@describe.register
def _(problem: NotRead) -> str:
    return f"External Secrets Operator of {problem.cluster} could not read the value: {refresh_reason(problem.sync)}"


@describe.register
def _(problem: NoAuditLine) -> str:
    return (
        f"OpenBao's audit log ({problem.where}) has no line of a read by {problem.account}, "
        "so the values cannot be compared"
    )


@describe.register
def _(problem: NotOwnedYet) -> str:
    reason = refresh_reason(problem.sync)
    return f"the ExternalSecret does not own the Secret {problem.secret} yet ({reason})"


@describe.register
def _(effect: TakenOver) -> str:
    return f"The Secret {effect.secret} of {effect.cluster} belongs to the lane."


@describe.register
def _(effect: FieldPut) -> str:
    return f"{effect.field} of the Secret is version {effect.version} in OpenBao; the Secret is as it was."


@describe.register
def _(_: SecretUntouched) -> str:
    return "The Secret is as it was."
