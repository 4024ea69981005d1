"""What is accepted as JSON, and what is refused although Python's own reader accepts it."""

from __future__ import annotations

import json
from random import Random

import pytest

from llm_connect.common import strict_json

SEEDS = (
    b'{"a":1,"b":[1,2.5,"x\\"y"],"c":{"d":null,"d2":true}}',
    b'{"messages":[{"role":"user","content":"a \\"q\\" b: c"}],"n":12345678901234567890}',
)
PIECES = (*(bytes([octet]) for octet in b'{}[]",:\\u019eE+-.ab \n\xc3\xff'), b'"a":2,', b"\\u0022", b"NaN")


def mutated(random):
    octets = bytearray(random.choice(SEEDS))
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(octets))
        octets[at : at + random.randint(0, 2)] = random.choice(PIECES)
    if random.random() < 0.2:  # those that hold an object have a key twice then
        octets = octets.replace(b"{", b'{"a":2,"a\\"":3,', 1)
    return bytes(octets)


def read(octets):
    try:
        return repr(strict_json.loads(octets))
    except strict_json.NotJson:
        return None


def by_the_standard_library(octets):
    """The value, or None for what is not JSON in the sense of strict_json."""

    def constant(name):
        raise ValueError(name)

    def number(text):
        value = float(text)
        if value in (float("inf"), float("-inf")):
            raise ValueError(text)
        return value

    def unique(pairs):
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a key twice")
        return dict(pairs)

    try:
        value = json.loads(octets.decode(), parse_constant=constant, parse_float=number, object_pairs_hook=unique)
        json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate cannot be
    except ValueError:
        return None
    return repr(value)


def test_it_agrees_with_the_standard_library_made_strict():
    random = Random(1)  # the same documents each time
    documents = [mutated(random) for _ in range(20_000)]
    found = [read(octets) for octets in documents]
    assert [(o, r, w) for o, r in zip(documents, found, strict=True) if r != (w := by_the_standard_library(o))] == []
    assert len([each for each in found if each is not None]) > 1000


@pytest.mark.parametrize(
    "octets",
    [
        b"NaN", b"[Infinity]", b"1e400", b'{"a": [-1e999]}', b"1" * 400 + b".5", b'{"a": 1, "\\u0061": 2}',
        b'"\\ud800"', b'{"\\udc00": 1}', b'"\xed\xa0\x80"', b"\xff", b"[" * 250 + b"]" * 250, b"9" * 5000,
        b"[" + b"9" * 400 + (b"," + b"9" * 400) * 10 + b"]",
        b"",
    ],
)  # fmt: skip
def test_it_refuses(octets):
    with pytest.raises(strict_json.NotJson):
        strict_json.loads(octets)


def test_it_accepts_what_is_only_large():
    nested = b"[" * strict_json.MAX_NESTING + b"]" * strict_json.MAX_NESTING
    assert strict_json.loads(nested) is not None
    assert strict_json.loads(b"1e308") == 1e308
    assert strict_json.loads(b"[" + b"9" * 308 + (b"," + b"9" * 308) * 10 + b"]") == [10**308 - 1] * 11
    assert strict_json.loads(b"9" * 4_000) == 10**4_000 - 1
    assert strict_json.loads(b'{"e": "1e400", "n": 123456789012345678901234567890}')["n"] > 2**64


@pytest.mark.parametrize(
    "octets",
    [b"[" + b"1," * 49 + b"1]", b"[" + b'"",' * 49 + b'""]', b'{"a":{"b":[' + b"[]," * 20 + b"[]]}}",
     b"{" + b",".join(b'"%d":"\\""' % number for number in range(48)) + b"}"],
)  # fmt: skip
def test_values_are_counted_before_they_are_read(octets):
    assert strict_json.loads(octets, 60) == json.loads(octets)
    with pytest.raises(strict_json.TooManyValues):
        strict_json.loads(octets, 20)


def test_what_strings_hold_is_not_counted():
    texts = ['a","b', '[[{"a": 1, ', "\\\\", '\\"', '\\\\"', '\\\\",\\"']
    assert strict_json.loads(json.dumps({"texts": texts * 3}).encode(), 40) == {"texts": texts * 3}


def test_the_key_that_is_given_twice_is_named():
    with pytest.raises(strict_json.NotJson, match='the key "b" is given twice'):
        strict_json.loads(b'[{"a":1},{"a":1,"b":{"a":2},"b":3}]')
