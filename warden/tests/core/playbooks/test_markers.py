"""Between two markers a page is generated; everything else is somebody's, and stays."""

import pytest

from warden.core.playbooks.markers import BLOCKS, Damage, Place, begin, end, merged, places

NEW = {name: [f"new {name}"] for name in BLOCKS}


def block(name, *lines):
    return [begin(name), *(lines or [f"old {name}"]), end(name)]


def test_an_empty_page_gets_every_part_in_order():
    page = merged([], NEW)
    assert page[:5] == [*block("about", "new about"), "", begin("owners")]
    found, damages = places(page)
    assert (list(found), damages) == (list(BLOCKS), ())


def test_what_is_written_by_hand_stays_where_it_is():
    page = ["before", *block("owners"), "between, <!-- a comment -->", *block("about"), "", "behind", ""]
    done = merged(page, {"owners": ["new owners"], "about": ["new about"]})
    wanted = ["before", *block("owners", "new owners"), "between, <!-- a comment -->", *block("about", "new about")]
    assert done == [*wanted, "", "behind", ""]
    assert merged(done, {"owners": ["new owners"], "about": ["new about"]}) == done


def test_a_part_that_the_page_lacks_comes_behind_the_one_before_it():
    page = [*block("about"), "mine", *block("custody"), "yours"]
    names = ("about", "owners", "do-not-ask", "custody")
    done = merged(page, {name: [f"new {name}"] for name in names})
    behind = ["", *block("owners", "new owners"), "", *block("do-not-ask", "new do-not-ask")]
    assert done == [*block("about", "new about"), *behind, "mine", *block("custody", "new custody"), "yours"]


def test_a_first_part_that_the_page_lacks_is_not_lost():
    done = merged(["mine", *block("owners")], {"about": ["new about"], "owners": ["new owners"]})
    assert done == ["mine", *block("owners", "new owners"), "", *block("about", "new about")]


def test_a_page_without_parts_keeps_its_text():
    assert merged(["# A runbook", "", "text"], {"about": ["new"]}) == [
        "# A runbook",
        "",
        "text",
        "",
        *block("about", "new"),
    ]


@pytest.mark.parametrize(
    ("lines", "damages"),
    [
        ([begin("about")], [Damage(1, "not-ended", "about")]),
        (["", end("about")], [Damage(2, "not-begun", "about")]),
        ([begin("about"), end("owners"), end("about")], [Damage(2, "not-begun", "owners")]),
        ([begin("about"), begin("owners"), end("about")], [Damage(2, "inside", "owners")]),
        ([*block("about"), *block("about")], [Damage(4, "twice", "about")]),
        ([begin("nothing"), end("nothing")], [Damage(1, "unknown", "nothing")]),
        (["<!-- warden:begin about", "x", end("about")], [Damage(1, "unreadable"), Damage(3, "not-begun", "about")]),
        (["<-- warden:begin about -->"], [Damage(1, "unreadable")]),
        (["<!--warden:begin about-->"], [Damage(1, "unreadable")]),
        (["<!-- warden:start about -->"], [Damage(1, "unreadable")]),
        (["<!-- WARDEN:BEGIN about -->"], [Damage(1, "unreadable")]),
        ([f"{begin('about')} and more"], [Damage(1, "unreadable")]),
        ([begin("about"), "", begin("about")], [Damage(1, "not-ended", "about"), Damage(3, "inside", "about")]),
    ],
)
def test_each_damaged_marker_is_named_with_its_line(lines, damages):
    assert places(lines)[1] == tuple(damages)


def test_spaces_around_a_marker_are_not_damage():
    found, damages = places([f"  {begin('about')}  ", "x", f"{end('about')}\t"])
    assert (found, damages) == ({"about": Place(0, 2)}, ())
