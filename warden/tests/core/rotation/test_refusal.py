import pytest

from warden.core.lanes.rotation import RefusalWindow
from warden.core.rotation.provider import Verdict
from warden.core.rotation.refusal import Pair, pause, refusal_of

WINDOW = RefusalWindow(times=3, over=60)
ANSWERS = {"a": "accepted", "r": "refused", "?": "unclear"}


def pairs(*written: str, every: float = 30.0) -> list[Pair]:
    """``ra``: the old value refused, the new one accepted."""
    return [
        Pair(at=index * every, old=Verdict(answer=ANSWERS[each[0]]), new=Verdict(answer=ANSWERS[each[1]]))
        for index, each in enumerate(written)
    ]


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ([], "counting"),
        (["ra"], "counting"),
        (["ra", "ra"], "counting"),
        (["ra", "ra", "ra"], "refused"),
        (["aa", "aa"], "accepted"),
        (["ra", "ra", "aa"], "accepted"),
        (["ra", "aa", "ra", "ra"], "counting"),  # one transient refusal is not a revocation
        (["ra", "aa", "ra", "ra", "ra"], "refused"),
        (["ra", "?a", "ra", "ra"], "refused"),  # what says nothing is passed over
        (["?a", "?a", "?a", "?a"], "unclear"),
        (["r?", "r?", "r?", "r?"], "unclear"),  # the provider refuses everything: perhaps it is unwell
        (["rr", "rr"], "unclear"),
        (["rr", "rr", "rr"], "new-refused"),
        (["rr", "ra", "rr", "rr"], "unclear"),
    ],
)
def test_what_the_answers_add_up_to(written, found):
    assert refusal_of(pairs(*written), WINDOW) == found


def test_refusals_have_to_span_the_window():
    assert refusal_of(pairs("ra", "ra", "ra", "ra", every=10), WINDOW) == "counting"
    assert refusal_of(pairs(*["ra"] * 7, every=10), WINDOW) == "refused"


def test_one_time_needs_no_window():
    once = RefusalWindow(times=1, over=60)
    assert refusal_of(pairs("ra"), once) == "refused"
    assert pause(once) == 60
    assert pause(WINDOW) == 30
