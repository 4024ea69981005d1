"""Breaks of the journal's hash chain, and checkpoints that do not hold, in words."""

from warden.core.journal.chain import Break
from warden.core.journal.verification import CheckpointFault


def break_described(found: Break) -> str:
    """What is wrong at the record that the break names."""
    match found.kind:
        case "missing":
            one = found.first == found.last
            return f"{f'record {found.first}' if one else f'records {found.first} to {found.last}'} missing before it"
        case "altered":
            return "its content is not what was recorded, or not in the order in which it was recorded"
        case "cut-off":
            count = found.last - found.first + 1
            return f"the journal ends at record {found.first - 1}: the newest {count} were cut off"
        case "rewritten":
            return "this record is not the one that the kept head names: the journal was rewritten"


def fault_described(fault: CheckpointFault) -> str:
    """Why a checkpoint does not hold."""
    match fault.kind:
        case "unreadable":
            return "it is not a checkpoint, whatever it was when it was recorded"
        case "forged":
            return f"the signature is not that of {fault.key}: somebody changed the checkpoint, or made it up"
        case "unknown-key":
            return f"signed by {fault.key}, which nobody believes; if it is an earlier key of yours, name it with --key"
        case "other-journal":
            return "it was signed for another journal: this one was computed anew from its first record, or mixed up"
        case "rewritten":
            return f"record {fault.seq} is not the one that was signed: the journal was computed anew, or forked"
        case "cut-off":
            return f"record {fault.seq} was signed and is not there: the newest records were cut off"
