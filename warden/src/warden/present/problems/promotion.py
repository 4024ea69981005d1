"""What keeps a lane from being promoted or demoted, in words."""

from warden.core.lanes.lane_edit import CannotBeEdited, FileChanged
from warden.present.problems import describe
from warden.usecases.promote import Declared, ProtectedLane


@describe.register
def _(problem: ProtectedLane) -> str:
    who = " and ".join(problem.needed) or "those whom OpenBao names"
    return f"{problem.lane} is protected, and no change request of it was applied yet; {who} have to approve one"


@describe.register
def _(problem: FileChanged) -> str:
    return f"{problem.file} was changed by somebody else meanwhile; what was proven is not what it declares now"


@describe.register
def _(problem: CannotBeEdited) -> str:
    fields = " and ".join(f"{name}: {value}" for name, value in problem.fields)
    wanted = f"; write {fields} by hand" if fields else ""
    return f"{problem.file} cannot be edited without changing something else in it{wanted}"


@describe.register
def _(effect: Declared) -> str:
    return f"{effect.file} says status: {effect.status}."
