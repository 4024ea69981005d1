"""JSON Schemas of the platform directory's files, for editors: made from the structures that the decoder reads.

As the decoder it walks the structures' own fields, so what is a key there is a key here. A schema knows shapes; the
rules that need more than one field, or another file, are `warden catalog check`'s. It takes every value that the
decoder takes: an editor reads ``123`` as a number where a text is wanted, and that is one.
"""

import datetime as dt
import inspect
import json
import os
import types
import typing
from collections.abc import Mapping

import msgspec

from warden.core.changes.request import ChangeRequest
from warden.core.errors import Effect, UsageError
from warden.core.inventory.inventory import Inventory
from warden.core.lanes.catalog import KINDS, Platform
from warden.core.lanes.delivery_target import DeclaredCluster
from warden.core.lanes.lane import Workload
from warden.core.lanes.readers import Seconds

Schema = dict[str, typing.Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FILES = ("entry", "platform", "clusters", "inventory", "change-request")
"""The kinds of file: an entry in ``catalog/``, ``platform.yaml`` and those beside it, and a change request."""

_LABEL = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_SCALARS: Mapping[typing.Any, Schema] = {
    str: {"type": ["string", "number", "boolean"]},
    bool: {"enum": [True, False, "true", "false"]},
    int: {"type": ["integer", "string"], "minimum": 0, "pattern": "^[0-9]{1,9}$"},
    dt.date: {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "description": "A date: 2026-07-02"},
    dt.datetime: {
        "type": "string",
        "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$",
        "description": "A time in UTC: 2026-07-02T09:30:00Z",
    },
    Seconds: {"type": "string", "pattern": "^0*[1-9][0-9]{0,8}[smhd]$", "description": "A duration: 90s, 15m, 1h, 90d"},
    Workload: {"type": "string", "pattern": f"^{_LABEL}/{_LABEL}$", "description": "namespace/name"},
}


def schema(file: str) -> Schema:
    """The schema of one of `FILES`."""
    made = _Schemas()
    if file == "entry":
        body: Schema = {"oneOf": [made.of(structure) for structure in KINDS.values()]}
    elif file == "platform":
        body = made.of(Platform)
        del made.definitions["Platform"]["properties"]["clusters"], made.definitions["DeclaredCluster"]  # own file
    elif file == "inventory":
        body = made.of(Inventory)
    elif file == "change-request":
        body = made.of(ChangeRequest)
    else:
        body = made.of(dict[str, DeclaredCluster])
    return {"$schema": DIALECT, "title": f"ops-warden {file}", **body, "$defs": dict(sorted(made.definitions.items()))}


def text(file: str) -> str:
    """The schema as it stands in a file."""
    return json.dumps(schema(file), indent=2, ensure_ascii=False) + "\n"


def path(file: str) -> str:
    """Where it is, in the platform directory."""
    return f"schema/{file}.json"


def differing(platform_dir: str) -> list[str]:
    """The files of schemas that are not there, or are another version's."""
    return [each for each in FILES if _found(os.path.join(platform_dir, path(each))) != text(each)]


def write(platform_dir: str) -> list[str]:
    """Write those that differ; answers their paths. Raises `UsageError` where the place cannot be written to."""
    made = []
    for each in differing(platform_dir):
        where = os.path.join(platform_dir, path(each))
        try:
            os.makedirs(os.path.dirname(where), exist_ok=True)
            with open(where, "w", encoding="utf-8") as file:
                file.write(text(each))
        except OSError as fault:
            raise UsageError(
                f"{where} cannot be written ({(fault.strerror or '').lower()})",
                effect=Effect.NOTHING_DONE,
                subject=where,
            ) from None
        made.append(where)
    return made


def _found(where: str) -> str:
    try:
        with open(where, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError):
        return ""


class _Schemas:
    """Each structure is defined once and referred to."""

    def __init__(self) -> None:
        self.definitions: dict[str, Schema] = {}

    def of(self, wanted: typing.Any) -> Schema:
        """The schema of a type."""
        if typing.get_origin(wanted) in (typing.Union, types.UnionType):
            choices = [each for each in typing.get_args(wanted) if each is not types.NoneType]
            return self.of(choices[0]) if len(choices) == 1 else {"oneOf": [self.of(each) for each in choices]}
        origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
        if origin is typing.Literal:
            return {"enum": list(arguments)}
        if origin is tuple:
            return {"type": "array", "items": self.of(arguments[0])}
        if origin is dict:
            return {"type": "object", "additionalProperties": self.of(arguments[1])}
        return dict(_SCALARS[wanted]) if wanted in _SCALARS else self._structure(wanted)

    def _structure(self, structure: type[msgspec.Struct]) -> Schema:
        name = structure.__name__
        if name not in self.definitions:
            self.definitions[name] = {}
            fields = msgspec.structs.fields(structure)
            self.definitions[name] = {
                "type": "object",
                "description": (inspect.getdoc(structure) or "").replace("``", "`"),
                "properties": {each.encode_name: self.of(each.type) for each in fields},
                "required": [each.encode_name for each in fields if each.required],
                "additionalProperties": False,
            }
        return {"$ref": f"#/$defs/{name}"}
