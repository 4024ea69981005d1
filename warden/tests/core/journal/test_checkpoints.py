"""What a checkpoint is, as bytes that are signed, as a record and as a file."""

import json

import msgspec
import pytest

from warden.core.dsse import pae
from warden.core.journal.chain import Head
from warden.core.journal.checkpoints import TYPE, Checkpoint, Statement, checkpoint_in, parse_envelope

STATEMENT = Statement(journal="a" * 64, hash="b" * 64, seq=41, at="2026-11-30T09:12:44Z", key="SHA256:x")
CHECKPOINT = Checkpoint(statement=STATEMENT, signature=bytes(range(64)))


def test_what_is_signed_never_changes():
    payload = (
        b'{"at":"2026-11-30T09:12:44Z","hash":"' + b"b" * 64 + b'","journal":"' + b"a" * 64 + b'",'
        b'"key":"SHA256:x","seq":41}'
    )
    assert STATEMENT.payload == payload
    kind = b"application/vnd.ops-warden.journal-checkpoint.v1+json"
    assert STATEMENT.signed_bytes == b"DSSEv1 53 " + kind + b" 206 " + payload
    assert len(kind) == 53
    assert len(payload) == 206
    assert STATEMENT.head == Head("b" * 64, 41)


def test_the_encoding_is_that_of_dsse():
    # The example of the specification, "Pre-Authentication Encoding".
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_it_comes_back_from_its_record_and_from_its_file():
    body = json.loads(json.dumps(CHECKPOINT.body("proof") | {"place": {}}))
    assert checkpoint_in(body) == CHECKPOINT
    assert parse_envelope(CHECKPOINT.envelope) == CHECKPOINT
    assert json.loads(CHECKPOINT.envelope)["payloadType"] == TYPE


@pytest.mark.parametrize(
    "change", [{"seq": "41"}, {"signature": "not base64!"}, {"hash": None}, {"journal": 3}, {"signature": 7}]
)
def test_a_record_that_is_not_one_is_told(change):
    assert checkpoint_in(CHECKPOINT.body("proof") | change) is None


def test_a_file_that_is_not_one_is_refused():
    good = json.loads(CHECKPOINT.envelope)
    wrong = [b"", b"[]", b"{}", b"\xff"]
    wrong += [
        json.dumps(good | change).encode()
        for change in (
            {"payloadType": "text/plain"},
            {"signatures": []},
            {"signatures": good["signatures"] * 2},
            {"signatures": [{"keyid": "SHA256:y", "sig": good["signatures"][0]["sig"]}]},
            {"signatures": [{"keyid": "SHA256:x", "sig": "%%"}]},
            {"payload": "e30="},
            {"payload": "%"},
        )
    ]
    other = msgspec.json.encode(STATEMENT)  # not in the order that is signed
    import base64

    wrong.append(json.dumps(good | {"payload": base64.b64encode(other).decode()}).encode())
    for text in wrong:
        with pytest.raises(ValueError):
            parse_envelope(text)
