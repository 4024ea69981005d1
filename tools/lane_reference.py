"""docs/lane.md from the structures themselves: what a lane file and the other entries may hold.

python tools/lane_reference.py --write   write docs/lane.md
python tools/lane_reference.py --check   exit code 1 and a diff where it is not what the structures say
"""

import datetime as dt
import difflib
import inspect
import sys
import types
import typing
from pathlib import Path

import msgspec

from warden.core.lanes import catalog, lane, rules
from warden.core.lanes import delivery_target as cluster

PAGE = Path(__file__).parent.parent / "docs" / "lane.md"
EXAMPLE = Path(__file__).parent.parent / "platform" / "catalog" / "openrouter-llm-connect.yaml"

LANE_PARTS = (
    lane.Lane,
    lane.Owners,
    lane.Owner,
    lane.Custody,
    lane.WorkloadReader,
    lane.PeopleReader,
    lane.Delivery,
    lane.Consumer,
    lane.Rotation,
)
PLATFORM_PARTS = (catalog.Platform, lane.LoginMount)
MEANINGS = {
    str: "text",
    dt.date: "date, `2026-07-02`",
    lane.Seconds: "duration, `15m`",
    lane.Workload: "`namespace/name`",
}

HEAD = """\
# What a catalog file may hold

Written by `tools/lane_reference.py` from `warden.core.lanes.lane`, `catalog` and `cluster`; do not edit it here.

One file an entry: `platform/catalog/<id>.yaml`. The first key names the kind and holds the id, which is the file's
name: `lane`, `certificate`, `login` or `pointer`. `warden catalog check` says every fault with its line. Every value is
read as the type below says, never as YAML guesses: `no` is a word. Anchors, aliases, tags and several documents are
refused; so is a file over 1 MiB, and one that holds secret material anywhere, comments included.

"""
DERIVED = """\
## What follows and is not written

| what | from | name | overridden by |
|---|---|---|---|
| read policy | the path's last segment | `workload-kv-read-<secret>` | `custody.policy` |
| auth role of a workload | the service account | `workload-<namespace>-<account>` | `readers[].role` |
| auth role of a delivery | the reader, at the cluster's auth mount | as the reader's | `readers[].role` |
| store of a delivery | the reader's account | `SecretStore/openbao-<account>` | `deliveries[].store` |
| auth role of people | the path's last but one segment | `<workload>-workload-kv-read` | `readers[].role` |

Names of policies and roles are in small letters, as OpenBao keeps them; capitals become small ones.

"""
CLUSTERS = """\
## clusters.yaml

The clusters that lanes are delivered to: name -> cluster ([deliveries.md](deliveries.md)).

"""


def main() -> int:
    """Write the page, or compare it."""
    wanted = page()
    if "--write" in sys.argv:
        PAGE.write_text(wanted, encoding="utf-8")
        return 0
    found = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    diff = difflib.unified_diff(found.splitlines(), wanted.splitlines(), "docs/lane.md", "the structures", lineterm="")
    lines = list(diff)
    print("\n".join(lines) if lines else "docs/lane.md: ok")
    return 1 if lines else 0


def page() -> str:
    """The whole page."""
    parts = [HEAD, "## A whole lane\n\n```yaml\n", EXAMPLE.read_text(encoding="utf-8"), "```\n\n"]
    parts += [section(part) for part in LANE_PARTS]
    parts += [DERIVED, section(catalog.Signpost, "Certificate, Login, Pointer"), "## platform.yaml\n\n"]
    parts += [section(part, level="###") for part in PLATFORM_PARTS]
    parts += [CLUSTERS, section(cluster.DeclaredCluster, level="###")]
    parts.append(f"An entry that nobody reviewed for {rules.STALE_DAYS} days is a warning.\n")
    return "".join(parts)


def section(part: type[msgspec.Struct], title: str = "", level: str = "##") -> str:
    """One structure: what it is, and its keys."""
    rows = [row(each) for each in msgspec.structs.fields(part)]
    table = "\n".join(["| key | value | if it is left out |", "|---|---|---|", *rows])
    return f"{level} {title or part.__name__}\n\n{inspect.getdoc(part)}\n\n{table}\n\n".replace("``", "`")


def row(field: msgspec.structs.FieldInfo) -> str:
    """One key."""
    return f"| `{field.encode_name}` | {meaning(field.type)} | {without(field)} |"


def without(field: msgspec.structs.FieldInfo) -> str:
    """What holds where the key is not written."""
    if field.required:
        return "a fault"
    default = field.default
    if field.default_factory is not msgspec.NODEFAULT or default in (None, ()):
        return "none"
    if unwrapped(field.type) is lane.Seconds:
        return f"`{duration(int(default))}`"
    return f"`{default}`"


def duration(seconds: int) -> str:
    """As it is written in files: ``15m``."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def unwrapped(wanted: typing.Any) -> typing.Any:
    """The type without ``None``."""
    if isinstance(wanted, types.UnionType):
        kinds = [kind for kind in typing.get_args(wanted) if kind is not types.NoneType]
        return kinds[0] if len(kinds) == 1 else tuple(kinds)
    return wanted


def meaning(wanted: typing.Any) -> str:
    """A type in words."""
    wanted = unwrapped(wanted)
    if isinstance(wanted, tuple):
        return " or ".join(meaning(kind) for kind in wanted)
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if origin is tuple:
        return f"list of {meaning(arguments[0])}"
    if origin is dict:
        return f"names, each with {meaning(arguments[1])}"
    if origin is typing.Literal:
        return " or ".join(f"`{each}`" for each in arguments)
    return MEANINGS.get(wanted) or wanted.__name__


if __name__ == "__main__":
    sys.exit(main())
