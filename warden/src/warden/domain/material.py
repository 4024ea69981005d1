"""Secret material in a text."""


def redact(text: str) -> tuple[str, list[tuple[int, str]]]:
    """The text without material, and (line, kind) of what was found."""
    return text, []
