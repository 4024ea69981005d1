"""What `plan`, `apply`, `deactivate` and `reactivate` refuse, in words."""

from warden.core.plans.lane_plan import ConsentNeeded
from warden.core.remedies import warden
from warden.present.commands import command
from warden.present.obstacles import describe_obstacle
from warden.present.plans import name_of, system_name
from warden.present.problems import describe, described
from warden.usecases.compromise import NotProvable
from warden.usecases.context import NotInPlatform
from warden.usecases.reactivate import ChangedMeanwhile, ClosedAgain, NewValueNeeded, NotClosed, Opened, StaysClosed
from warden.usecases.steps.apply_target import Applied, Blocked, StillDiffers
from warden.usecases.steps.closing_lane import ClosedInBoth, ClosedInJournalOnly, ClosingNotRecorded
from warden.usecases.steps.provider_keys import NotMinted, SourceFailed
from warden.usecases.steps.recorded import NotRecorded


@describe.register
def _(problem: Blocked) -> str:
    named = (
        f"{each.kind} {name_of(each)}: {describe_obstacle(each.obstacle)}" for each in problem.changes if each.obstacle
    )
    where = f" in {problem.system.cluster}" if problem.system.cluster else ""
    return f"{'; '.join(named)}{where}"


@describe.register
def _(problem: StillDiffers) -> str:
    left = ", ".join(f"{each.kind} {name_of(each)}" for each in problem.changes)
    return f"{system_name(problem.system)} does not show what was written: {left} still differs"


@describe.register
def _(problem: ConsentNeeded) -> str:
    names = ", ".join(f"{each.kind} {name_of(each)}" for each in problem.changes)
    return f"this would take access away or take over what others made: {names}"


@describe.register
def _(problem: NotInPlatform) -> str:
    return f"the embedded platform has no cluster {', '.join(problem.clusters)}"


@describe.register
def _(problem: NotClosed) -> str:
    return f"{problem.lane} is not closed"


@describe.register
def _(problem: ClosedAgain) -> str:
    return f"{problem.lane} was closed again meanwhile ({problem.reason}; journal {problem.record}) and stays closed"


@describe.register
def _(problem: NewValueNeeded) -> str:
    return f"{problem.lane} was closed for a leak (journal {problem.record}), and has no new value since"


@describe.register
def _(problem: NotMinted) -> str:
    return f"the source {problem.source} does not accept the key that it has just made; it was deleted again"


@describe.register
def _(problem: NotProvable) -> str:
    return f"{problem.lane} cannot be proven here, so it stays closed"


@describe.register
def _(problem: SourceFailed) -> str:
    return f"the source {problem.source} failed ({problem.kind}); whether the key was disabled is not known"


@describe.register
def _(problem: ChangedMeanwhile) -> str:
    return f"somebody changed {problem.lane} in OpenBao after it was proven; what is there now was not proven"


@describe.register
def _(effect: StaysClosed) -> str:
    if effect.openbao:
        return f"{effect.lane} is closed as before, in the journal and in OpenBao."
    return (
        f"warden still refuses {effect.lane}; OpenBao may let its readers in until this has run: "
        f"{command(warden('deactivate', effect.lane, reason='TEXT'))}"
    )


@describe.register
def _(effect: ClosingNotRecorded) -> str:
    return f"{effect.lane} is closed, in the journal and in OpenBao; run the command again for what is left to do."


@describe.register
def _(effect: ClosedInBoth) -> str:
    where = "in the journal and in OpenBao"
    return f"{effect.lane} is closed, {where}; the journal has no record of the change in OpenBao."


@describe.register
def _(effect: ClosedInJournalOnly) -> str:
    return f"{effect.lane} is closed in the journal, but not in OpenBao; run the command again when this is fixed."


@describe.register
def _(effect: Applied) -> str:
    return f"{effect.lane} is as declared in {system_name(effect.system)}."


@describe.register
def _(effect: Opened) -> str:
    closed = ", but warden still refuses it" if effect.closed_here else ""
    return f"{effect.lane} is as declared in OpenBao{closed}."


@describe.register
def _(effect: NotRecorded) -> str:
    return f"{described(effect.done).removesuffix('.')}; the journal has no record of it."
