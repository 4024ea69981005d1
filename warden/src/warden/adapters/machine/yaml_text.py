"""Which texts every YAML reader takes for a text without quotes.

The readers disagree about bare words: `25921e05` is a number for kubectl and a text for PyYAML, `12:30` and `0o17` the
other way round, `y` and `off` are true or false for some.
"""

import json
import re

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:[-./ ]+[A-Za-z0-9_]+)*(?::[^\s:][A-Za-z0-9_./-]*)?", re.ASCII)
_WORDS = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "nan", "inf"])


def is_plain(text: str) -> bool:
    """Whether no reader of YAML 1.1 or 1.2 takes it for anything else."""
    return _PLAIN.fullmatch(text) is not None and text.lower() not in _WORDS


def scalar(text: str) -> str:
    """The text as a key or a value on one line: in quotes unless it is plain."""
    return text if is_plain(text) else json.dumps(text)
