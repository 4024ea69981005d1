"""A pack that holds, and what is said once of a file as a whole."""

import msgspec
import pytest

from warden.core.evidence.statements import Contents, TextFile, contents, of_file, sealed, signed_bytes
from warden.core.evidence.verification import verdict

KEY = "SHA256:ours"
FACTS = Contents(at="2026-11-30T08:00:00Z", lanes=("one",), period="", journal="", head="", signed=0, audit="", key=KEY)
FILES = [of_file("lane", TextFile(name=f"catalog/{each}.yaml", text=f"id: {each}\n"), lane=each) for each in "ab"]


def lines(sign=lambda signed: signed[::-1]):
    every = [contents(FACTS, FILES), *FILES]
    return [sealed(each, KEY, sign(signed_bytes(each.payload))) for each in every]


def judged(pack, known=(KEY,)):
    return verdict(pack, frozenset(known), lambda _, signature, signed: signature == signed[::-1])


def faults(pack, **keys):
    return [(each.kind, each.line, each.subject) for each in judged(pack, **keys).faults]


def unsigned(line):
    return msgspec.json.encode(msgspec.json.decode(line) | {"signatures": []})


def test_a_pack_holds():
    found = judged(lines())
    assert found.holds
    assert found.files == ("catalog/a.yaml", "catalog/b.yaml")


def test_what_every_line_has_is_said_once():
    assert faults(lines(), known=()) == [("unknown-key", 0, KEY)]
    assert faults(lines(sign=lambda signed: signed)) == [("forged", 0, KEY)]
    assert faults(list(map(unsigned, lines()))) == [("unsigned", 0, "")]


def test_what_some_lines_have_is_said_of_each():
    first, *others = lines()
    assert faults([first, *map(unsigned, others)]) == [("unsigned", 2, ""), ("unsigned", 3, "")]
    assert faults([first, *others, b"{}"]) == [("unreadable", 4, "")]


@pytest.mark.parametrize("file", [[b"{}"], [b"a: file", b"of something", b"else"]])
def test_a_file_that_is_not_a_pack_is_said_to_be_none(file):
    assert faults(file) == [("unreadable", 0, "")]


def test_an_empty_file_does_not_hold():
    assert faults([]) == [("no-contents", 1, "")]
