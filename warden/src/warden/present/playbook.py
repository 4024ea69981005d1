"""What became of the pages of lanes, as text and as JSON."""

from collections.abc import Iterator
from typing import Any

import msgspec

from warden.core.playbooks.lines import Difference
from warden.core.remedies import warden
from warden.present import terminal
from warden.present.commands import to_paste
from warden.present.surroundings import named_environment
from warden.usecases.playbook import PageResult, PlaybookReport

_WORDS = {"written": "written", "unchanged": "unchanged", "current": "ok", "stale": "STALE", "missing": "MISSING"}
_STYLES = {"written": "ok", "unchanged": "ok", "current": "ok", "stale": "bad", "missing": "bad"}


def playbook_json(found: PlaybookReport) -> list[dict[str, Any]]:
    """A list of ``lane, environment, file, state, differences[] {line, found, expected}, not_compared[]``."""
    return [
        {
            "lane": each.lane,
            **named_environment(),
            "file": each.file,
            "state": each.state,
            "differences": [msgspec.to_builtins(one) for one in each.differences],
            "not_compared": list(each.not_compared),
        }
        for each in found.pages
    ]


def show_playbooks(found: PlaybookReport, *, check: bool, every: bool) -> None:
    """A line for each page, and each line of it that is not as it should be."""
    for each in found.pages:
        terminal.line(f"{terminal.styled(f'{_WORDS[each.state]:<9}', _STYLES[each.state])} {each.file}")
        for line in (text for one in each.differences for text in _shown(one)):
            terminal.line(line)
    unseen = [each for each in found.pages if each.not_compared]
    if unseen and check:
        terminal.note(f"Not compared in {_counted(len(unseen))}: {_why_unseen(unseen, looked=found.looked)}")
    if found.stale:
        render = warden("playbook", all=True) if every else warden("playbook", found.stale[0].lane)
        terminal.note(f"{_counted(len(found.stale))} to render again: {to_paste(render)}")


def _why_unseen(pages: list[PageResult], *, looked: bool) -> str:
    blocks = ", ".join(dict.fromkeys(name for each in pages for name in each.not_compared))
    missing = "the journal here has no proof of all of it"
    why = missing if looked else "OpenBao was not looked at, or the journal has no proof"
    return f"what {blocks} say of the state ({why})"


def _counted(count: int) -> str:
    return f"{count} page{'' if count == 1 else 's'}"


def _shown(each: Difference) -> Iterator[str]:
    if each.found is not None:
        yield f"  {each.line:>4} - {each.found}".rstrip()
    if each.expected is not None:
        yield f"  {each.line:>4} + {each.expected}".rstrip()
