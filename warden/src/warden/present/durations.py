"""Lengths of time in words."""

MINUTE, HOUR, DAY = 60, 3600, 86_400


def span(seconds: int) -> str:
    """Exactly: ``15 min``, ``8 h``, or seconds."""
    for size, unit in ((HOUR, "h"), (MINUTE, "min")):
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def about(seconds: int) -> str:
    """``29 d``, ``8 h``, ``15 min`` or seconds: whole ones, and at least two of them."""
    for size, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
