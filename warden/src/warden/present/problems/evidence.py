"""What keeps evidence from being packed, in words."""

from warden.present.problems import describe
from warden.usecases.evidence import JournalBroken, NoEvidence


@describe.register
def _(problem: JournalBroken) -> str:
    return f"the journal {problem.path} does not verify, so nothing that rests on it is signed"


@describe.register
def _(problem: NoEvidence) -> str:
    whose = problem.lanes[0] if len(problem.lanes) == 1 else "these lanes"
    return f"the journal has no record of {whose}{f' in {problem.period}' if problem.period else ''}"
