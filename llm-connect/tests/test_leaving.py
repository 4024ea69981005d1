"""Who is concerned hears that a client left: also where it left before, and never after it is no longer concerned."""

from __future__ import annotations

from llm_connect.web.disconnect import Leaving


def test_it_is_told_when_it_happens_at_once_when_it_has_and_not_when_it_is_no_longer_of_concern():
    leaving, heard = Leaving(), []
    first, second, third = (lambda name=name: heard.append(name) for name in ("first", "second", "third"))
    leaving.tell(first)
    leaving.tell(second)
    leaving.tell_no_more(second)
    assert heard == []
    leaving.happened()
    assert heard == ["first"]
    leaving.tell(third)
    assert heard == ["first", "third"]
