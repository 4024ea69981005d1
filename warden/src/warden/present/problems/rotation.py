"""Why a value was not replaced, in words."""

from warden.core.rotation.provider import SourceBroken, SourceNotInstalled
from warden.core.rotation.result import (
    LaneChanged,
    ManagementMissing,
    NotAcceptedYet,
    NothingToResume,
    NotRotated,
    OldVersionNotKept,
    RotationStopped,
    RotationUnderWay,
    SameValue,
    SettingsWrong,
    TakenOver,
    ValueReplaced,
)
from warden.present.problems import describe


@describe.register
def _(problem: SourceNotInstalled) -> str:
    return f"no source {problem.name} is installed; installed: {', '.join(problem.installed) or 'none'}"


@describe.register
def _(problem: SourceBroken) -> str:
    package = f" of the package {problem.package}" if problem.package else ""
    return f"the source {problem.name}{package} cannot be used ({problem.target}: {problem.why})"


@describe.register
def _(problem: RotationUnderWay) -> str:
    since = f"since {problem.since} by {problem.by}"
    return f"{problem.field} of {problem.lane} is being rotated already ({since}, at the step {problem.step})"


@describe.register
def _(problem: NothingToResume) -> str:
    return f"no rotation of {problem.lane} is under way"


@describe.register
def _(problem: NotRotated) -> str:
    if problem.rotated:
        return f"the lane file of {problem.lane} rotates {', '.join(problem.rotated)}, not {problem.field}"
    return f"the lane file of {problem.lane} has no rotation"


@describe.register
def _(problem: LaneChanged) -> str:
    was, now = problem.was or "nothing", problem.now or "nothing"
    return f"{problem.field} of {problem.lane} was {was} when the rotation under way began, and is {now} now"


@describe.register
def _(problem: ValueReplaced) -> str:
    what = f"{problem.field} of {problem.lane} has another value (version {problem.version})"
    if problem.given_up:
        return f"{what}: somebody else put it meanwhile. The new key was deleted, and no rotation is under way"
    return f"{what} than the two of this rotation: somebody else put it. Both keys may still be accepted"


@describe.register
def _(problem: TakenOver) -> str:
    by = f": {problem.by}" if problem.by else ""
    return f"somebody else rotates {problem.lane}{by}"


@describe.register
def _(problem: SettingsWrong) -> str:
    faults = "; ".join(f"{key or 'settings'}: {clause}" for key, clause in problem.faults)
    return f"the source {problem.source} of {problem.lane} cannot work with its settings. {faults}"


@describe.register
def _(problem: ManagementMissing) -> str:
    if problem.lane:
        return f"the management key of {problem.source} is not there: {problem.lane} has no value"
    return f"the source {problem.source} needs a management key: name the lane that holds it"


@describe.register
def _(problem: OldVersionNotKept) -> str:
    return f"{problem.path} keeps {problem.kept} version, and the old value is needed until the new one is proven"


@describe.register
def _(problem: SameValue) -> str:
    return f"the value for {problem.field} is the one that is in use already"


@describe.register
def _(problem: NotAcceptedYet) -> str:
    status = f" (status {problem.status})" if problem.status else ""
    return f"{problem.source} does not say whether it accepts the value: {problem.reason or 'no answer'}{status}"


@describe.register
def _(effect: RotationStopped) -> str:
    goes_on = "" if effect.closed else " and can go on"
    return f"The rotation of {effect.field} stands at the step {effect.step}{goes_on}."
