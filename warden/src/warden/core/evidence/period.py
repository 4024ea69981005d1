"""A period of whole days (UTC): ``2026``, ``2026Q3``, ``2026-07``, ``2026-07-14`` or ``2026-07-01..2026-08-15``."""

import datetime as dt
import re

import msgspec

FORMS = "2026, 2026Q3, 2026-07, 2026-07-14 or 2026-07-01..2026-08-15"

_FORM = re.compile(r"(\d{4})(?:Q([1-4])|-(\d\d)(?:-(\d\d))?)?", re.ASCII)
_DAY = dt.timedelta(days=1)


class Period(msgspec.Struct, frozen=True):
    """The first and the last day."""

    first: dt.date
    last: dt.date

    def __str__(self) -> str:
        return f"{self.first}..{self.last}"

    def holds(self, at: str) -> bool:
        """Whether that time (ISO 8601) is in it."""
        day = dt.datetime.fromisoformat(at).astimezone(dt.UTC).date()
        return self.first <= day <= self.last


def period(text: str) -> Period | None:
    """The period that a text names; ``None`` for any other text."""
    first, dots, last = text.partition("..")
    begin, end = _days(first), _days(last) if dots else _days(first)
    if begin is None or end is None or begin.first > end.last:
        return None
    return Period(begin.first, end.last)


def _days(text: str) -> Period | None:
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    year, quarter, month, day = (int(each) if each else 0 for each in found.groups())
    try:
        if day:
            return Period(dt.date(year, month, day), dt.date(year, month, day))
        start = quarter * 3 - 2 if quarter else month or 1
        end = start + (2 if quarter else 0 if month else 11)
        following = dt.date(year + end // 12, end % 12 + 1, 1)
        return Period(dt.date(year, start, 1), following - _DAY)
    except ValueError:
        return None
