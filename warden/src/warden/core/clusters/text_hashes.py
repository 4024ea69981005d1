"""Find equal texts without keeping them: keyed hashes of what a text may hold.

What is looked for is hashed once; what a cluster's objects hold is hashed piece by piece and dropped. The key is of one
run, so that a hash is of no use to anybody afterwards. Only what is telling is hashed: a word or a number may be
anywhere by chance.
"""

import base64
import binascii
import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Iterator

from warden.core.clusters.clear_text import is_telling
from warden.core.clusters.differences import leaves

LARGEST = 4_000_000
"""Characters of one text that are looked through; what is packed is unpacked up to that many bytes."""
_DEPTH = 3
"""How often something inside something else is unpacked: a Helm release is base64 of gzip of JSON of texts."""
_COARSE = re.compile(r"[\s\"'`,;<>(){}\[\]|]+")
_FINE = re.compile(r"[=:@&?#]+")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_GZIP = b"\x1f\x8b"
_LONGEST = 65_536
"""Characters of one piece of a text that is hashed or decoded."""


class TextHashes:
    """Hashes of texts. `key` is random, and of one run."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, text: str) -> bytes:
        """The hash of one text as a whole, without white space around it."""
        content = text.strip().encode("utf-8", "surrogateescape")
        return hashlib.blake2b(content, key=self._key, digest_size=16).digest()

    def within(self, text: str) -> frozenset[bytes]:
        """The hashes of everything telling that a text holds: itself, its parts, and what is encoded in it."""
        return frozenset(self.of(each) for each in set(_pieces(text[:LARGEST], _DEPTH)) if is_telling(each))


def _pieces(text: str, depth: int) -> Iterator[str]:
    """The text, the words in it, and what is packed into them."""
    whole = text.strip()
    yield whole
    texts = _json_texts(whole) if depth and whole[:1] in {"{", "["} else ()
    for each in texts:
        yield from _pieces(each, depth - 1)
    if texts:
        return  # the words of JSON are those of its texts
    words = set(_words(whole))
    yield from words
    if depth:
        for each in words | {whole}:
            for inner in _decoded(each):
                yield from _pieces(inner, depth - 1)


def _words(text: str) -> Iterator[str]:
    for coarse in _COARSE.split(text):
        if coarse and len(coarse) <= _LONGEST:
            yield coarse
            yield from filter(None, _FINE.split(coarse))
            _, _, after = coarse.partition("=")  # KEY=VALUE, where the value itself has such a sign
            yield from filter(None, (after, coarse.partition(":")[2]))


def _json_texts(text: str) -> Iterable[str]:
    try:
        return [leaf for _, leaf in leaves(json.loads(text)) if isinstance(leaf, str)]
    except (ValueError, RecursionError):
        return ()


def _decoded(text: str) -> Iterator[str]:
    """What a text stands for in base64, also where that is packed with gzip."""
    if len(text) > LARGEST or not _BASE64.fullmatch(text):
        return
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        content = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return
    if content.startswith(_GZIP):
        try:
            content = zlib.decompressobj(wbits=31).decompress(content, LARGEST)
        except zlib.error:
            return
    try:
        yield content.decode()
    except UnicodeDecodeError:
        return
