"""A change request as text: read with every error and its line, and written anew.

As any declared file it is refused with secret material in it. SSH signatures look like that to a scanner; what is one
by its format is left out of the search.
"""

import datetime as dt
import io
import re
from collections.abc import Container
from typing import Any

import msgspec

from warden.adapters.catalog.decoder import Decoder
from warden.adapters.catalog.yaml_tree import Mapping, Refusal, decode, parse, scalars
from warden.core.changes.request import ChangeRequest
from warden.core.changes.rules import of_request
from warden.core.changes.statement import read_signature, written
from warden.core.errors import Fault
from warden.core.lanes.rules import Complaint, located, unreported

_SIGNATURE = re.compile(r"\bU1NIU0lH[A-Za-z0-9+/]{80,4000}={0,2}")
"""Base64 of ``SSHSIG`` and what follows; an RSA key of 16,384 bits makes 6 KB of it, one of 4,096 bits 1.6 KB."""
_WIDTH = 1 << 20


class Parsed(msgspec.Struct, frozen=True):
    """What a file says, what is wrong with it, and the line of each of its fields.

    With errors the request is good for nothing but finding more of them; it is ``None`` where there is none at all.
    """

    request: ChangeRequest | None
    faults: tuple[Fault, ...] = ()
    lines: dict[str, int] = {}

    @property
    def wrong(self) -> tuple[Fault, ...]:
        """The faults that are not warnings."""
        return tuple(fault for fault in self.faults if not fault.warning)


def parse_request(raw: bytes, file: str, name: str, lanes: Container[str]) -> Parsed:
    """The request in a file's bytes.

    Raises `Refusal` where there is no structure at all.
    """
    text = decode(raw)
    tree = parse(text)
    if not isinstance(tree, Mapping):
        raise Refusal(1, "declares nothing: it is not a mapping with keys")
    faults = [
        Fault(file, line, "", f"holds secret material ({kind}); remove it, and rotate it if it was ever real")
        for line, kind in _secrets(text, tree)
    ]
    decoder = Decoder()
    request: ChangeRequest = decoder.read(tree, ChangeRequest)
    faults += [Fault(file, line, field, message) for line, field, message in decoder.faults]
    known = [field for _, field, _ in decoder.faults]
    complaints = [Complaint(*each) for each in of_request(request, name, lanes)]
    faults += located(file, decoder.lines, unreported(complaints, known))
    return Parsed(request, tuple(sorted(faults)), decoder.lines)


def _secrets(text: str, tree: Mapping) -> list[tuple[int, str]]:
    """(line, kind) of everything that looks like a secret, in the text and in what YAML makes of it."""
    from secret_scan import scan

    masked = _without_signatures(text)
    found = [(masked.count("\n", 0, one.start) + 1, one.kind) for one in scan(masked)]
    written_otherwise = (node for node in scalars(tree) if node.text not in text)
    found += [
        (node.line, hidden[0].kind) for node in written_otherwise if (hidden := scan(_without_signatures(node.text)))
    ]
    return found


def _without_signatures(text: str) -> str:
    return _SIGNATURE.sub(lambda found: "x" * len(found[0]) if read_signature(found[0]) else found[0], text)


def document(request: ChangeRequest) -> str:
    """The request as a whole file."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width = _WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    yaml.dump(plain(request), out)
    return out.getvalue()


def plain(structure: msgspec.Struct) -> dict[str, Any]:
    """The structure as a file has it: without what is left at its default, times as text."""
    found = {}
    for field in msgspec.structs.fields(structure):
        value = getattr(structure, field.name)
        default = field.default_factory() if callable(field.default_factory) else field.default
        if field.required or value != default:
            found[field.encode_name] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return plain(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return written(value) if isinstance(value, dt.datetime) else value
