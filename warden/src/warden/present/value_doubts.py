"""What is doubtful about a value, in words that do not show it."""

from collections.abc import Iterable

from warden.core.access.value_check import Doubt

_DOUBTS = {
    Doubt.EMPTY: "it is empty",
    Doubt.SEVERAL_LINES: "it has several lines",
    Doubt.NUL_BYTE: "it has a NUL byte, which no environment variable can hold",
    Doubt.INVISIBLE: "it has an invisible character, as pasting or a byte order mark adds",
    Doubt.PADDED: "it begins or ends with white space",
    Doubt.TRUNCATED: "it looks truncated",
    Doubt.MASKED: "it looks masked or like a placeholder",
    Doubt.QUOTED: "it is wrapped in quotes",
    Doubt.TERMINAL_CUT: "a terminal cuts lines of that length",
    Doubt.ASSIGNMENT: "it begins with a variable's name; give what follows the = sign",
    Doubt.OBJECT: "it is a JSON object that has the field; give the text of the field, or no FIELD",
    Doubt.PLACEHOLDER: "it is a placeholder or an example",
    Doubt.REFERENCE: "it is a reference or a template that nobody filled in",
    Doubt.PATH: "it is the path of a file",
    Doubt.ENCODED: "it is a placeholder in base64",
    Doubt.MESSAGE: "it is a web page or the message of a program",
    Doubt.NULL: "it is null",
    Doubt.NOT_TEXT: "it is not text, and the audit log hashes text only",
}


def doubts_of(found: Iterable[Doubt]) -> str:
    """The doubts as clauses."""
    return "; ".join(_DOUBTS[each] for each in found)
