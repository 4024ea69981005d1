"""DSSE envelopes: a payload, its type, and signatures over both (https://github.com/secure-systems-lab/dsse).

What is signed is `pae`: the type stands in it, so a signature for one type counts for no other, and no SSH message,
certificate or token begins like it.
"""

import base64
import binascii

import msgspec

PREFIX = b"DSSEv1"


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """A signature in base64, and the id of the key that made it."""

    keyid: str
    sig: str


class Envelope(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a file holds: the payload in base64, what it is, and who signed it."""

    payload: str
    payload_type: str
    signatures: tuple[Signature, ...]


def pae(payload_type: str, payload: bytes) -> bytes:
    """The bytes that are signed (DSSE v1.0.2, "Pre-Authentication Encoding")."""
    kind = payload_type.encode()
    return b" ".join((PREFIX, str(len(kind)).encode(), kind, str(len(payload)).encode(), payload))


def sealed(payload_type: str, payload: bytes, signatures: dict[str, bytes]) -> Envelope:
    """The envelope of a payload; `signatures` has the raw signature of each key's id."""
    made = tuple(Signature(keyid=key, sig=_text(raw)) for key, raw in signatures.items())
    return Envelope(payload=_text(payload), payload_type=payload_type, signatures=made)


def opened(text: bytes) -> tuple[Envelope, bytes]:
    """The envelope in a file, and its payload; whether it is signed is for others to check. Raises `ValueError`."""
    envelope = msgspec.json.decode(text, type=Envelope)  # msgspec's errors are ValueErrors
    return envelope, raw(envelope.payload)


def raw(text: str) -> bytes:
    """The bytes of strict base64. Raises `ValueError`."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
