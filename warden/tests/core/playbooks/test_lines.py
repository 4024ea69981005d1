"""A page is stale where something else is declared or stands otherwise, and not for its dates."""

import pytest

from warden.core.playbooks.lines import Block, Difference, Part, differences

BLOCK = Block(
    name="gate",
    lines=(
        (Part("## Gate"),),
        (),
        (Part("- ["), Part("x"), Part("] path (.*) · proof of "), Part("2026-11-30 (journal 7)", compared=False)),
        (Part("- ["), Part(" ", compared=False), Part("] value"), Part(" · why", compared=False)),
    ),
)
PAGE = ["## Gate", "", "- [x] path (.*) · proof of 2026-11-30 (journal 7)", "- [ ] value · why"]


UNTICKED, OTHER = PAGE[2].replace("[x]", "[ ]"), PAGE[2].replace(".*", "anything")


def changed(number, text):
    return [text if each == number else line for each, line in enumerate(PAGE)]


def test_the_text_of_a_part_is_what_it_says():
    assert list(BLOCK.text) == PAGE
    assert differences(PAGE, BLOCK, 10) == ()


@pytest.mark.parametrize(
    "page",
    [changed(2, "- [x] path (.*) · proof of 2026-12-01 (journal 99)"), changed(3, "- [x] value · proof of some day")],
)
def test_what_is_not_compared_may_be_anything(page):
    assert differences(page, BLOCK, 1) == ()


@pytest.mark.parametrize(
    ("page", "found"),
    [
        (changed(0, "## gate"), [Difference(line=10, found="## gate", expected="## Gate")]),
        (changed(2, UNTICKED), [Difference(line=12, found=UNTICKED, expected=PAGE[2])]),
        (changed(2, OTHER), [Difference(line=12, found=OTHER, expected=PAGE[2])]),
        (PAGE[:2] + PAGE[3:], [Difference(line=12, found=None, expected=PAGE[2])]),
        ([*PAGE, "more"], [Difference(line=14, found="more", expected=None)]),
        (["", *PAGE], [Difference(line=10, found="", expected=None)]),
        ([], [Difference(line=10, found=None, expected=each) for each in PAGE]),
    ],
)
def test_each_line_that_differs_is_named(page, found):
    assert list(differences(page, BLOCK, 10)) == found


def test_of_a_part_that_was_not_looked_at_nothing_is_compared():
    assert differences(["anything"], Block(name="next", lines=((Part("x"),),), compared=False), 1) == ()
