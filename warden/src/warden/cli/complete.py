"""What a shell is offered for a word that is being typed: from files alone, and nothing where one is missing."""

import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from warden.cli import wiring
from warden.core.errors import WardenError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_HEAD = 4096
"""Bytes of a catalog file that are looked at: its kind, id and title are at its top."""
_ENTRY = re.compile(rb"^(lane|certificate|login|pointer):", re.MULTILINE)
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
"""What is offered goes onto a command line: no file's name that a shell would read in another way."""
_REQUEST = re.compile(r"CCR-[0-9]{4}-[0-9]{4}", re.ASCII)
_TITLE = re.compile(rb"^title: *(.+?) *$", re.MULTILINE)
_REPO = re.compile(rb"\brepo: *([A-Za-z0-9][A-Za-z0-9._-]*)")
_LARGEST = 1 << 18
"""Bytes of a catalog file that are searched for its owners."""
_ACTOR = re.compile(rb"^ +((?:adm|agt|atm)-[a-z0-9-]+):", re.MULTILINE)
_SECTION = re.compile(rb"^(?:hosts|host_groups):.*\n((?:[ #].*\n|\n)*)", re.MULTILINE)
_HOST = re.compile(rb"^( +)([a-z0-9][a-z0-9.-]*):", re.MULTILINE)
_NAME = re.compile(rb"^([a-z0-9][a-z0-9-]*):", re.MULTILINE)


def lanes(ctx: click.Context, _: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """The ids of lanes; behind ``--`` the files that the shell itself offers."""
    if ctx.meta.get("command") is not None:
        return [_item(incomplete, type="file")]
    if ctx.params.get("need"):
        return []
    return _entries(ctx, incomplete, kinds=(b"lane",))


def requests(ctx: click.Context, _: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """The ids of the platform's change requests, the newest first."""
    names = _listed(os.path.join(_platform(ctx), "change-requests"))
    found = (os.path.splitext(name)[0] for name in sorted(names, reverse=True) if name.endswith(".yaml"))
    return _items(filter(_REQUEST.fullmatch, found), incomplete)


def actors(ctx: click.Context, _: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """The names of the inventory's actors."""
    text = _whole(os.path.join(_platform(ctx), "inventory.yaml"))
    return _items((each.decode() for each in _ACTOR.findall(text)), incomplete)


def hosts(ctx: click.Context, _: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """The names of the inventory's hosts."""
    return _items(_hosts(ctx, 1), incomplete)


def hosts_and_groups(ctx: click.Context, _: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """The names of the inventory's hosts and of its groups of hosts."""
    return _items(_hosts(ctx, 2), incomplete)


def _hosts(ctx: click.Context, sections: int) -> "list[str]":
    """The keys of ``hosts`` and, of two sections, of ``host_groups``: those that are indented as the first one is."""
    text = _whole(os.path.join(_platform(ctx), "inventory.yaml")) + b"\n"
    wanted = (b"hosts:", b"host_groups:")[:sections]
    found = [_HOST.findall(each[1]) for each in _SECTION.finditer(text) if each[0].startswith(wanted)]
    return [name.decode() for keys in found for indent, name in keys if indent == keys[0][0]]


def extensions(_: click.Context, __: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """What a certificate can permit."""
    from warden.core.inventory.inventory import EXTENSIONS

    return _items(EXTENSIONS, incomplete)


def actors_and_hosts(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """The names of the inventory's actors, then of its hosts."""
    return [*actors(ctx, parameter, incomplete), *hosts(ctx, parameter, incomplete)]


def lanes_and_actors(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """The ids of lanes, then the names of actors."""
    return [*lanes(ctx, parameter, incomplete), *actors(ctx, parameter, incomplete)]


def whatever_is_applied(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """The ids of lanes, then the names of actors and of hosts."""
    return [*lanes_and_actors(ctx, parameter, incomplete), *hosts(ctx, parameter, incomplete)]


def entries(ctx: click.Context, _: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """The ids of every entry of the catalog."""
    return _entries(ctx, incomplete, kinds=())


def fields(ctx: click.Context, _: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """The fields of the lane that was named, without those that were."""
    given = ctx.params.get("fields") or ()
    return _items((each for each in _declared(ctx)[0] if each not in given), incomplete)


def rotated_fields(ctx: click.Context, _: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """The fields of the lane that was named."""
    return _items(_declared(ctx)[0], incomplete)


def clusters(ctx: click.Context, _: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """The clusters that the lane is delivered to; without a lane every one of clusters.yaml."""
    return _items(_declared(ctx)[1] if _lane(ctx) else _declared_clusters(ctx), incomplete)


def personas(_ctx: click.Context, _: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """The personas of the embedded platform, and the people whose token it keeps."""
    try:
        kept = sorted(os.listdir(os.path.join(wiring.state_directory(), "dev", "tokens")))
    except OSError:
        kept = []
    people = [each.replace("person-", "person:", 1) for each in kept if each.startswith("person-")]
    return _items(("admin", "platform", "developer", *people, "person:"), incomplete)


def _item(text: str, **more: Any) -> "CompletionItem":
    from click.shell_completion import CompletionItem  # every command that offers words loads this module

    return CompletionItem(text, **more)


def _items(words: Iterable[str], incomplete: str) -> "list[CompletionItem]":
    return [_item(each) for each in words if each.startswith(incomplete)]


def _platform(ctx: click.Context) -> str:
    """The platform directory; empty where there is none, or where it is not trusted."""
    root = ctx.find_root()
    root.obj = {"platform": root.params.get("platform"), "told": True}
    try:
        return wiring.platform_dir(ctx)
    except WardenError:
        return ""


def _entries(ctx: click.Context, incomplete: str, *, kinds: tuple[bytes, ...]) -> "list[CompletionItem]":
    folder = os.path.join(_platform(ctx), "catalog")
    found = []
    for name in sorted(_listed(folder)):
        entry_id, ending = os.path.splitext(name)
        if ending != ".yaml" or not entry_id.startswith(incomplete) or not _ID.fullmatch(entry_id):
            continue
        head = _head(os.path.join(folder, name))
        kind = _ENTRY.search(head)
        if kind and (not kinds or kind[1] in kinds):
            title = _TITLE.search(head)
            found.append(_item(entry_id, help=_one_line(title[1]) if title else None))
    return found


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _head(path: str) -> bytes:
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""


def _one_line(text: bytes) -> str:
    """A title for the shell's list: nothing in it can steer the terminal."""
    return "".join(each for each in text.decode("utf-8", "replace") if each.isprintable())


def _lane(ctx: click.Context) -> str:
    """The lane that was named; click leaves it among the unparsed words where an option waits for its value."""
    need = ctx.params.get("lane") or ctx.params.get("need") or ctx.args or ""
    return need if isinstance(need, str) else str(need[0])


def _declared(ctx: click.Context) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The fields and the clusters that the lane's file declares."""
    from warden.core.lanes.lane import Lane

    platform, lane = _platform(ctx), _lane(ctx)
    try:
        found = wiring.entry(platform, lane) if platform and lane else None
    except WardenError:
        found = None
    return (found.custody.fields, tuple(found.deliveries)) if isinstance(found, Lane) else ((), ())


def _declared_clusters(ctx: click.Context) -> list[str]:
    platform = _platform(ctx)
    text = _head(os.path.join(platform, "clusters.yaml")) if platform else b""
    return [each.decode() for each in _NAME.findall(text)]


def owners(ctx: click.Context, _: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """The repositories that own something in the catalog."""
    folder = os.path.join(_platform(ctx), "catalog")
    files = (os.path.join(folder, name) for name in sorted(_listed(folder)) if name.endswith(".yaml"))
    found = {each.decode("ascii") for file in files for each in _REPO.findall(_whole(file))}
    return _items(sorted(found), incomplete)


def _whole(path: str) -> bytes:
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            return file.read(_LARGEST)
    except OSError:
        return b""
