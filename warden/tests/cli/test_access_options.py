"""The words of `access` as they were given."""

import pytest

from warden.cli.access_words import Words, words_of

VALUED = {"--as", "--reason", "--fetch"}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("", Words((), 0, "", ())),
        ("lane", Words((), 0, "lane", ())),
        ("lane ls -l", Words((("l", ""),), 0, "lane", ("ls", "-l"))),
        ("--as fd lane ls", Words((("as", "fd"),), 1, "lane", ("ls",))),
        ("lane --as=fd ls --json", Words((("as", "fd"), ("json", "")), 1, "lane", ("ls", "--json"))),
        ("lane --as fd", Words((("as", "fd"),), 1, "lane", ())),
        ("lane --reason", Words((("reason", ""),), 1, "lane", ())),
        ("lane - x", Words((), 0, "lane", ("-", "x"))),
    ],
)
def test_where_a_command_may_begin(line, found):
    assert words_of(line.split(), VALUED) == found
