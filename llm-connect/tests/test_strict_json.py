"""The quick way to read JSON and the strict one agree on every document."""

from __future__ import annotations

from random import Random

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


def reading(read, octets):
    try:
        return repr(read(octets))
    except strict_json.NotJson as found:
        return f"no JSON: {found}"


def test_the_quick_reader_reads_what_the_strict_one_does():
    random = Random(1)  # the same documents each time
    documents = [mutated(random) for _ in range(20_000)]
    told = [reading(strict_json.loads, octets) for octets in documents]
    assert told == [reading(strict_json.slowly, octets) for octets in documents]
    assert len([each for each in told if "given twice" in each]) > 100
    assert len([each for each in told if not each.startswith("no JSON")]) > 1000
