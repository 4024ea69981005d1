"""Whether a Secret's annotations and labels hold a value in clear, or a manifest with values.

A value that could be anybody's word (``orders``, ``5432``, ``db.orders.svc``) counts where a text is that value as a
whole; that a text contains it says nothing, nor does a label that is there to name the application. One that is not
secret, whoever reads it (``true``), is not looked for.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from typing import Any

from warden.core.clusters.manifests import LANE

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_SHORTEST = 8
"""Characters from which on a value that is not an ordinary word is not found somewhere by chance."""
_WORD = r"(?:[a-z]+\d{0,3}|[A-Z][a-z]*|[A-Z]+)"
_ORDINARY = re.compile(rf"{_WORD}(?:[-_./:@]+(?:{_WORD}|\d{{1,5}}))*|[\d.:+-]{{1,12}}")
"""Words, names, hosts and addresses; numbers, dates and times."""
_NAMES = re.compile(rf"(?:app\.kubernetes\.io|(?:meta\.)?helm\.sh)/.*|app|k8s-app|name|{LANE}")
"""Keys of annotations and labels that name things (Kubernetes, *Recommended Labels*; Helm; ours)."""
_NO_SECRET = frozenset({"", "0", "1", "true", "false", "yes", "no", "on", "off", "null", "none"})


def exposed_in(metadata: Mapping[str, Any], values: Iterable[str]) -> tuple[str, ...]:
    """The keys of the annotations and labels that hold a value as it is or in base64."""
    texts = {**(metadata.get("annotations") or {}), **(metadata.get("labels") or {})}
    sought = [value for value in values if value.lower() not in _NO_SECRET]
    return tuple(sorted(key for key, text in texts.items() if _holds(key, str(text), sought)))


def is_telling(value: str) -> bool:
    """Whether a value that is found somewhere is there on purpose: it is long enough, and no ordinary word."""
    return len(value) >= _SHORTEST and not _ORDINARY.fullmatch(value)


def parts_of(text: str) -> tuple[str, ...]:
    """What in the text may be a value, to be compared by its hash: the whole, its longer words, and those in base64."""
    words = [each for each in _SEPARATORS.split(text) if len(each) >= _SHORTEST and not _ORDINARY.fullmatch(each)]
    whole = [text.strip()] if text.strip().lower() not in _NO_SECRET else []
    found = dict.fromkeys((*whole, *words))
    return tuple(dict.fromkeys((*found, *filter(None, map(_decoded, found)))))


_SEPARATORS = re.compile(r"[\s,;='\"<>()\[\]{}]+|:\s")


def _decoded(text: str) -> str:
    try:
        return b64decode(text, validate=True).decode()
    except ValueError:
        return ""


def _holds(key: str, text: str, values: list[str]) -> bool:
    if key == LAST_APPLIED and ('"data":{"' in text or '"stringData":{"' in text):
        return True
    return any(_is_in(value, key, text) for value in values)


def _is_in(value: str, key: str, text: str) -> bool:
    written = (value, b64encode(value.encode("utf-8", "surrogateescape")).decode())
    if not is_telling(value):
        return text.strip() in written and not _NAMES.fullmatch(key)
    return any(each in text for each in written)
