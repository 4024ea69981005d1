"""Breaks of the journal's hash chain in words."""

from warden.core.journal.chain import Break


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
