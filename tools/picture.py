"""docs/plan-apply-prove.svg: a terminal with plan, apply and prove, taken from the transcripts of docs/tutorial.md.

    python -m tools.picture --write   draw the picture
    python -m tools.picture --check   exit 1 if the picture is not what the tutorial says

`make check` runs the tutorial, so what the picture shows is what the programs print. It is a dark terminal with a
background of its own, so that it can be read on a light page and on a dark one.
"""

import difflib
import html
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.transcripts import transcript

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = DOCS / "tutorial.md"
PICTURE = DOCS / "plan-apply-prove.svg"

SHOWN = (
    ("warden plan", (r"^  \+ policy", r"^      \+ (path|  cap|})", r"^  \+ role", r"bound_subject", r"to change")),
    ("warden apply", (r"^openrouter", r"changed and seen", r"^warden put")),
    ("warden prove", (r"^reader ", r"^  ok   (reads|another|same|token|lists)", r"^proven")),
)
"""The commands of the picture, and which lines of their output are in it; ``…`` stands for the others."""

COLOURS = (
    (re.compile(r"^(\$ )(.*)$"), ("dim", "command")),
    (re.compile(r"^(  ok  )( .*?)( audit [0-9a-f]{8})(.*)$"), ("good", "text", "accent", "dim")),
    (re.compile(r"^(  ok  )(.*)$"), ("good", "text")),
    (re.compile(r"^( +\+)(.*)$"), ("good", "text")),
    (re.compile(r"^(proven)(.*)$"), ("good", "text")),
    (re.compile(r"^( *…)$"), ("dim",)),
)
"""What a line looks like, and the class of each part."""

STYLE = """\
  text { font: 13px/1 ui-monospace, "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre }
  .panel { fill: #12161d; stroke: #4a5361 }
  .dot { fill: #4a5361 }
  .text { fill: #c9d1d9 } .command { fill: #ffffff; font-weight: 600 } .dim { fill: #8b949e }
  .good { fill: #56d364 } .accent { fill: #79c0ff }
"""
LABEL = "warden plan, apply and prove in a terminal"
LINE, COLUMN, MARGIN, TOP = 19, 7.83, 22, 56
COLUMNS = 99


def main() -> int:
    """Draw the picture, or compare it."""
    wanted = drawn(list(lines()))
    if "--write" in sys.argv:
        PICTURE.write_text(wanted, encoding="utf-8")
        return 0
    found = PICTURE.read_text(encoding="utf-8") if PICTURE.exists() else ""
    if found == wanted:
        print(f"{PICTURE.name}: ok")
        return 0
    difference = difflib.unified_diff(
        found.splitlines(), wanted.splitlines(), PICTURE.name, PAGE.name, n=0, lineterm=""
    )
    print("\n".join(difference))
    return 1


def lines() -> Iterator[str]:
    """The lines of the picture."""
    commands = transcript(PAGE.read_text(encoding="utf-8"))
    for number, (beginning, patterns) in enumerate(SHOWN):
        typed, output = next(each for each in commands if each[0].startswith(beginning))
        if number:
            yield ""
        yield f"$ {typed}"
        yield from excerpt([line for line in output if not line.startswith("[exit ")], patterns)


def excerpt(output: list[str], patterns: tuple[str, ...]) -> Iterator[str]:
    """The lines that match a pattern, and one ``…`` for each run of others."""
    left_out = False
    for line in output:
        if any(re.search(pattern, line) for pattern in patterns):
            if left_out:
                yield "  …"
            yield line
        left_out = not any(re.search(pattern, line) for pattern in patterns)


def drawn(shown: list[str]) -> str:
    """The SVG of these lines."""
    if too_long := [line for line in shown if len(line) > COLUMNS]:
        sys.exit(f"longer than {COLUMNS} columns, leave it out of the picture: {too_long[0]}")
    width, height = round(COLUMNS * COLUMN + 2 * MARGIN), TOP + LINE * len(shown)
    rows = [
        f'<text x="{MARGIN}" y="{TOP + LINE * number}" textLength="{len(line) * COLUMN:.1f}">{spans(line)}</text>'
        for number, line in enumerate(shown)
        if line
    ]
    dots = "".join(f'<circle class="dot" cx="{MARGIN + 5 + 18 * number}" cy="22" r="5"/>' for number in range(3))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="{LABEL}">',
            f"<style>\n{STYLE}</style>",
            f'<rect class="panel" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>{dots}',
            *rows,
            "</svg>\n",
        ]
    )


def spans(line: str) -> str:
    """The parts of a line with their classes."""
    for pattern, classes in COLOURS:
        if found := pattern.match(line):
            pairs = zip(found.groups(), classes, strict=True)
            return "".join(f'<tspan class="{name}">{html.escape(part, quote=False)}</tspan>' for part, name in pairs)
    return f'<tspan class="text">{html.escape(line, quote=False)}</tspan>'


if __name__ == "__main__":
    sys.exit(main())
