"""The one change that warden makes to a lane's file: a Secret made by hand has become a delivered one."""

import os
import re

from warden.adapters.catalog.files import parse_entry
from warden.core.lanes.catalog import Platform
from warden.core.lanes.delivery_target import adopted
from warden.core.lanes.lane import Lane

_KEY = re.compile(r"\bbootstrap_secret(\s*:)")
_COMMENT = re.compile(r"\s+#[^\r\n]*$")
_LINE_END = re.compile(r"\r?\n?\Z")


def declare_delivered(path: str, lane: Lane, cluster: str, platform: Platform) -> bool:
    """Write ``external_secret`` for ``bootstrap_secret`` in the cluster's delivery; answers whether that was possible.

    The rest of the file stays as it is, line ends included, but for a comment on that line. What comes out is read
    again and has to say exactly that, else the file is left as it was.
    """
    source = parse_entry(path, platform)
    line = source.lines.get(f"deliveries.{cluster}.bootstrap_secret", 0)
    if source.entry is None or not line:
        return False
    try:
        with open(path, encoding="utf-8", newline="") as file:
            lines = re.split(r"(?<=\n)", file.read())
        lines[line - 1] = _delivered(lines[line - 1])
        return _replace(path, "".join(lines), adopted(lane, cluster), platform)
    except (OSError, IndexError):
        return False


def _delivered(line: str) -> str:
    text = _LINE_END.sub("", line)
    return _COMMENT.sub("", _KEY.sub(r"external_secret\1", text, count=1)) + line[len(text) :]


def _replace(path: str, text: str, wanted: Lane, platform: Platform) -> bool:
    """Put the text in the file's place, if it declares what is wanted; a link to the file stays a link."""
    real = os.path.realpath(path)
    beside = os.path.join(os.path.dirname(real), f".{os.getpid()}", os.path.basename(path))
    os.mkdir(os.path.dirname(beside), 0o700)
    try:
        with open(beside, "x", encoding="utf-8", newline="") as file:
            file.write(text)
        if parse_entry(beside, platform).entry != wanted:
            return False
        os.chmod(beside, os.stat(path).st_mode & 0o777)
        os.replace(beside, real)
        return True
    finally:
        if os.path.exists(beside):
            os.unlink(beside)
        os.rmdir(os.path.dirname(beside))
