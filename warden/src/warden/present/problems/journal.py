"""Why a journal is not signed, in words."""

from warden.present.chain_breaks import break_described
from warden.present.problems import describe
from warden.usecases.journal_export import NoSuchRecord
from warden.usecases.journal_import import CopyDiffers, NothingToImport, SourceBroken
from warden.usecases.journal_verify import NotExtended, NothingToSign


@describe.register
def _(problem: NothingToSign) -> str:
    return f"{problem.path} has no records, so there is nothing to sign"


@describe.register
def _(problem: NotExtended) -> str:
    lost = problem.found
    why = f"record {lost.seq}: {break_described(lost)}" if lost else "it is of another journal"
    return f"{problem.file} holds a checkpoint that this journal does not extend ({why})"


@describe.register
def _(problem: NothingToImport) -> str:
    return f"{problem.path} has no records, or does not exist"


@describe.register
def _(problem: SourceBroken) -> str:
    first, *more = problem.breaks
    others = f" (and {len(more)} more)" if more else ""
    return f"{problem.path} is not whole: record {first.seq}: {break_described(first)}{others}"


@describe.register
def _(problem: CopyDiffers) -> str:
    return f"{problem.path} does not have what was copied into it: somebody wrote meanwhile, or its storage is faulty"


@describe.register
def _(problem: NoSuchRecord) -> str:
    newest = f"its newest is {problem.newest}" if problem.newest else "it is empty"
    return (
        f"{problem.path} has no record {problem.seq}; {newest}. It is not the journal that was exported before, "
        "or its newest records were cut off"
    )
