"""Foreign text in Markdown: it stays text, on one line, and opens neither a tag nor a marker.

plain("a*b\\n<c>")  ->  a\\*b\\\\n\\<c\\>        code("a`b")  ->  ``a`b``
"""

import re

from warden.present.escaping import escaped

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#~&])")
_TICKS = re.compile(r"`+")


def plain(text: str) -> str:
    """The text as it is read."""
    return _SPECIAL.sub(r"\\\1", escaped(text))


def code(text: str) -> str:
    """The text as code (CommonMark, *Code spans*): more backticks around it than it has in a row."""
    shown = _without_marker(escaped(text))
    longest = max((len(each) for each in _TICKS.findall(shown)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def cell(text: str) -> str:
    """Markdown in a cell of a table, where a bar would begin the next one."""
    return re.sub(r"(?<!\\)\|", r"\\|", text)


def fenced(lines: list[str]) -> list[str]:
    """Command lines as a block."""
    shown = [_without_marker(escaped(each)) for each in lines]
    longest = max((len(each) for line in shown for each in _TICKS.findall(line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}sh", *shown, fence]


def _without_marker(text: str) -> str:
    """What looks like a marker would damage the page."""
    return text.replace("<!--", "<!- -").replace("-->", "-- >") if "<!" in text or "warden:" in text else text
