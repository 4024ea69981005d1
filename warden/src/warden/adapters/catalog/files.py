"""The platform directory's files -> the catalog, with every fault of every file.

``catalog/<id>.yaml`` holds one entry each, ``platform.yaml`` what holds for all. A file with a fault is not used, and
does not keep the others from being used; one with secret material is refused before anything in it is read.
"""

import os
import re
import stat
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from warden.adapters.catalog.discovery import expect_trusted
from warden.adapters.catalog.platform_name import counts_for_in, journal_in, name_in
from warden.adapters.catalog.yaml_tree import MAX_BYTES, Mapping, Node, Refusal, Scalar, decode, parse, scalars
from warden.core.errors import Effect, Fault, Invalid, UsageError
from warden.core.lanes.catalog import KINDS, Catalog, Entry, Platform, invalid, kind_of, unknown
from warden.core.lanes.delivery_target import DeclaredCluster
from warden.core.lanes.derived_names import segments_in_names, told_apart
from warden.core.lanes.environment_rules import (
    of_entry_everywhere,
    of_their_clusters,
)
from warden.core.lanes.environments import delivered_in, elsewhere, exists_in, in_environment, of
from warden.core.lanes.lane import Lane
from warden.core.lanes.platform_rules import of_platform
from warden.core.lanes.rules import Complaint, across, located, mount_fault, of_clusters, on_mount, unreported
from warden.core.remedies import warden
from warden.core.routes.freshness import FRESH

_REMOVE = "remove it, and if it was ever real, rotate it: whoever has the file has had it"


class Source(msgspec.Struct, kw_only=True):
    """What one file declares: its entry (``None`` where it has none), its faults, and where each field is written.

    ``elsewhere`` is a lane of other environments only. ``judged`` is the entry with stand-ins for what could not be
    read, ``file`` the path for people, ``id`` the file's name without its ending.
    """

    file: str
    path: str
    id: str
    entry: Entry | None = None
    judged: Entry | None = None
    elsewhere: Lane | None = None
    faults: list[Fault] = []
    lines: dict[str, int] = {}

    @property
    def wrong(self) -> list[Fault]:
        """The faults that make the file unusable: those that are not warnings."""
        return [fault for fault in self.faults if not fault.warning]


def shown(path: str) -> str:
    """The path for people: relative where it lies below the current directory."""
    here = os.getcwd() + os.sep
    return path.removeprefix(here)


def read_bytes(path: str, most: int = MAX_BYTES + 1) -> bytes:
    """At most `most` bytes of the file. Raises `Refusal` where it is not a regular file (a pipe would never end)."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Refusal(0, "is not a regular file")
        return file.read(most)


def catalog_files(platform_dir: str) -> list[str]:
    """The catalog's files, sorted by name. Raises `UsageError` where the directory cannot be read."""
    return [path for path in _in_catalog(platform_dir) if path.endswith((".yaml", ".yml"))]


def unread_files(platform_dir: str) -> list[Fault]:
    """A warning for each name in the catalog's folder that looks like an entry and is read by nobody.

    Raises `UsageError` where the directory cannot be read.
    """
    read = set(catalog_files(platform_dir))
    unread = [path for path in _in_catalog(platform_dir) if path not in read and not path.endswith((".md", "~"))]
    problem = "is not read; an entry is a file ID.yaml right in catalog/"
    return [Fault(shown(path), 0, "", problem, warning=True) for path in unread]


def _in_catalog(platform_dir: str) -> list[str]:
    folder = os.path.join(platform_dir, "catalog")
    try:
        names = sorted(name for name in os.listdir(folder) if name[0] != ".")
    except OSError as fault:
        raise UsageError(
            f"{folder} cannot be read: {(fault.strerror or '').lower()}",
            effect=Effect.NOTHING_READ,
            system="platform",
            subject=folder,
        ) from None
    return [os.path.join(folder, name) for name in names]


def load_entry(platform_dir: str, entry_id: str) -> Entry:
    """One entry, judged by its own file alone: what clashes with another file is found by `load_catalog`.

    Its names are those it has among the others.

    Raises `Invalid` where its file, or ``platform.yaml``, has errors, `NotFound` where there is no such file,
    `UsageError` where others can change it.
    """
    platform = load_platform(platform_dir)
    paths = {os.path.basename(path).rpartition(".")[0]: path for path in reversed(catalog_files(platform_dir))}
    if entry_id not in paths:
        raise unknown(entry_id, list(paths))
    expect_trusted(platform_dir, [paths[entry_id]])
    source = parse_entry(paths[entry_id], platform)
    if source.elsewhere is not None:
        raise elsewhere(source.elsewhere, chosen())
    if source.entry is None or source.wrong:
        raise invalid(entry_id, source.wrong)
    return _beside(source.entry, [path for path in catalog_files(platform_dir) if path != source.path], platform)


def _beside(entry: Entry, paths: list[str], platform: Platform) -> Entry:
    """The entry as it is among the others; only files that could derive one of its names are parsed."""
    if not isinstance(entry, Lane):
        return entry
    pieces = [each.encode() for each in segments_in_names(entry)]
    sources = [parse_entry(path, platform) for path in paths if _has_one(path, pieces)]
    return told_apart(entry, _judged_lanes(sources), _paths_of_unparsed(sources))


def _has_one(path: str, pieces: list[bytes]) -> bool:
    """Whether one of the pieces can be in what the file declares: as it is, or written with escapes."""
    text = _text(path)
    return any(each in text for each in (*pieces, b"\\"))


def _judged_lanes(sources: list[Source]) -> list[Lane]:
    """What the files declare, whatever else is wrong with them: a slip in one must not rename what another has."""
    return [source.judged for source in sources if isinstance(source.judged, Lane)]


_PATH = re.compile(rb"^\s*path:\s*['\"]?([^'\"\s#]+)", re.MULTILINE)


def _paths_of_unparsed(sources: list[Source]) -> list[str]:
    """What looks like the path in files that are not valid YAML, for the same reason."""
    texts = [_text(source.path) for source in sources if source.judged is None and source.elsewhere is None]
    return [path.decode("utf-8", "replace") for text in texts for path in _PATH.findall(text)]


def _text(path: str) -> bytes:
    try:
        return read_bytes(path)
    except (OSError, Refusal):
        return b""


def load_catalog(platform_dir: str) -> Catalog:
    """Every entry without faults, and the faults of the others (`Catalog.entry` raises them as `Invalid`).

    Raises `Invalid` where ``platform.yaml`` itself has faults: nothing can be judged without it; `UsageError` where
    others can change one of the files.
    """
    return _judged(platform_dir, load_platform(platform_dir))


def load_to_check(platform_dir: str) -> Catalog:
    """The same where ``platform.yaml`` or ``clusters.yaml`` has faults too; what depends on them is not judged then."""
    platform, faulty = _platform(platform_dir)
    if not faulty:
        return _judged(platform_dir, platform)
    unknown: dict[str, Any] = {"clusters": {}}
    if any(source.path.endswith("platform.yaml") for source in faulty):
        unknown |= {"kv_mount": ""}
    found = _judged(platform_dir, msgspec.structs.replace(platform, **unknown))
    found.faults = tuple(sorted((*found.faults, *(fault for source in faulty for fault in source.faults))))
    return found


def _judged(platform_dir: str, platform: Platform) -> Catalog:
    paths = catalog_files(platform_dir)
    expect_trusted(platform_dir, paths)
    return judge([parse_entry(path, platform) for path in paths], platform)


PLATFORM_FILES = ("platform.yaml", "clusters.yaml")
"""What holds for every entry, and the clusters that lanes are delivered to. Either may be missing."""


def load_platform(platform_dir: str) -> Platform:
    """``platform.yaml`` and ``clusters.yaml``; the defaults where there is no such file.

    Raises `Invalid` with the faults of both.
    """
    platform, faulty = _platform(platform_dir)
    if faulty:
        names = " and ".join(os.path.basename(each.path) for each in faulty)
        raise Invalid(
            [fault for source in faulty for fault in source.faults],
            f"{names} {'have' if len(faulty) > 1 else 'has'} errors",
            effect=Effect.NOTHING_READ,
            subject=faulty[0].file,
            remedy=(warden("catalog check"),),
        )
    return platform


def _platform(platform_dir: str) -> tuple[Platform, list[Source]]:
    """What the two files say, as far as they can be read, and those that have faults."""
    sources = [Source(file=shown(path), path=path, id=path) for path in _platform_paths(platform_dir)]
    platform = Platform()
    clusters: dict[str, DeclaredCluster] = {}
    for source in sources:
        if not os.path.lexists(source.path):  # a link to nothing is a file that cannot be read
            continue
        if source.path.endswith("clusters.yaml"):
            clusters = structured(source.path, source, lambda _: dict[str, DeclaredCluster]) or {}
            known = [fault.field for fault in source.faults]
            wrong_ones = [*of_clusters(clusters, known), *unreported(of_their_clusters(clusters, platform), known)]
            source.faults += located(source.file, source.lines, wrong_ones)
        else:
            platform = structured(source.path, source, lambda _: Platform) or Platform()
            if not source.faults:
                source.faults += located(source.file, source.lines, _not_plain(platform, read_bytes(source.path)))
            if (wrong := mount_fault(platform)) and not source.faults:
                source.faults += located(source.file, source.lines, [wrong])
            if not source.faults:
                source.faults += located(source.file, source.lines, of_platform(platform))
            if "clusters" in source.lines:
                misplaced = Complaint("clusters", "is a file of its own, clusters.yaml beside this one")
                source.faults += located(source.file, source.lines, [misplaced])
    return msgspec.structs.replace(platform, clusters=clusters), [source for source in sources if source.faults]


def _not_plain(platform: Platform, text: bytes) -> Iterator[Complaint]:
    """What is read without YAML elsewhere, and is not written so that it can be."""
    if (platform.platform or "") != name_in(text):
        yield Complaint("platform", "is not a plain name; write the line `platform: NAME` (a-z, 0-9, hyphens)")
    if (platform.journal or "") != journal_in(text):
        yield Complaint("journal", "is not a plain URL; write the line `journal: postgresql://…`, without quotes")
    if platform.counts_for != (counts_for_in(text) or FRESH):
        yield Complaint("proofs_count_for", "is not a plain duration; write the line `proofs_count_for: 24h`")


def _platform_paths(platform_dir: str) -> list[str]:
    return [os.path.join(platform_dir, name) for name in PLATFORM_FILES]


def parse_entry(path: str, platform: Platform) -> Source:
    """One file, read alone: what it declares and everything that is wrong with it."""
    name, _, ending = os.path.basename(path).rpartition(".")
    source = Source(file=shown(path), path=path, id=name)
    entry = structured(path, source, _kind)
    if entry is None:
        return source
    entry = on_mount(entry, platform)
    known = [fault.field for fault in source.faults]
    complaints = unreported(of_entry_everywhere(entry, platform), known)
    if (entry.id != name or ending != "yaml") and kind_of(entry) not in known:
        complaints.append(Complaint(kind_of(entry), f"is not the file's name; rename it {entry.id}.yaml"))
    source.entry, source.judged = None if source.faults else entry, entry
    source.faults += located(source.file, source.lines, complaints)
    _show_in(chosen(), source, platform)
    return source


def chosen() -> str:
    """The environment that entries are shown in; `environments.enter` has seen that it is one."""
    return os.environ.get("WARDEN_ENV", "")


def _show_in(environment: str, source: Source, platform: Platform) -> None:
    """The lane as it is in the environment; none where it exists in others only."""
    if not isinstance(source.judged, Lane) or not environment:
        return
    if not exists_in(source.judged, environment):
        source.elsewhere, source.entry, source.judged = source.judged, None, None
        return
    there = in_environment(source.judged, environment)
    shown_there = delivered_in(there, environment, platform.clusters)
    source.entry, source.judged = shown_there if source.entry is not None else None, shown_there


def _kind(tree: Mapping) -> type[Entry]:
    """What the first key says the file is. Raises `Refusal` where it says nothing."""
    kinds = [key for key, _ in tree.pairs if key.text in KINDS]
    if not kinds or tree.pairs[0][0] is not kinds[0]:
        line = tree.pairs[0][0].line if tree.pairs else tree.line
        raise Refusal(line, f"does not start with its kind; the first key is one of {', '.join(KINDS)}, with the id")
    return KINDS[kinds[0].text]


def structured(
    path: str, source: Source, kind: Callable[[Mapping], Any], masked: Callable[[str], str] = lambda text: text
) -> Any:
    """The structure of the file's text; every fault goes to the source, ``None`` where there is no structure at all.

    `masked` hides what looks like secret material to a scanner and is none, character by character.
    With faults the structure holds stand-ins: it is good for finding more of them, and for nothing else.
    """
    from warden.adapters.catalog.decoder import Decoder

    try:
        tree = _tree(read_bytes(path), source, masked)
        structure = kind(tree)
    except Refusal as fault:
        source.faults.append(Fault(source.file, fault.line, "", fault.why))
        return None
    except OSError as fault:
        source.faults.append(Fault(source.file, 0, "", f"cannot be read: {fault.strerror}"))
        return None
    decoder = Decoder()
    value = decoder.read(tree, structure)
    source.lines = decoder.lines
    source.faults += [Fault(source.file, line, field, message) for line, field, message in decoder.faults]
    return value


def _tree(raw: bytes, source: Source, masked: Callable[[str], str]) -> Mapping:
    """The file's tree, without what looks like secret material. Raises `Refusal`.

    Material is sought in the text, comments included, and once more in what YAML makes of it (escapes, folded lines).
    """
    from secret_scan import redact, scan  # imported here: entries from the cache need no scanner

    written = decode(raw)
    found = scan(masked(written))
    text = redact(written, found)
    lines = [written.count("\n", 0, finding.start) + 1 for finding in found]
    source.faults += [
        Fault(source.file, line, "", f"holds secret material ({finding.kind}); {_REMOVE}")
        for line, finding in zip(lines, found, strict=True)
    ]
    try:
        tree = parse(text)
    except Refusal:
        if lines:
            raise Refusal(lines[0], "was not read further than for secrets") from None
        raise
    for node in _written_otherwise(tree, text) if tree else ():
        if hidden := scan(masked(node.text)):
            raise Refusal(node.line, f"holds secret material ({hidden[0].kind}) in several pieces; {_REMOVE}")
    if not isinstance(tree, Mapping):
        raise Refusal(1, "declares nothing: it is not a mapping with keys")
    return tree


def _written_otherwise(tree: Node, text: str) -> Iterator[Scalar]:
    """What is not in the text as it is; the rest was scanned with it. It is sought behind what came before it."""
    at = 0
    for node in scalars(tree):
        found = text.find(node.text, at)
        if found < 0 and node.text not in text:
            yield node
        at = max(at, found)


def judge(sources: list[Source], platform: Platform) -> Catalog:
    """The catalog of all files, each read alone before: what clashes is added to the faults of the later one."""
    by_id = {source.id: source for source in sources}
    declared, unparsed = _judged_lanes(sources), _paths_of_unparsed(sources)
    for source in sources:
        if isinstance(source.judged, Lane):
            source.judged = told_apart(source.judged, declared, unparsed)
            source.entry = source.judged if source.entry is not None else None
    for source in sources:
        twin = by_id.get(source.entry.id) if source.entry is not None else None
        if twin is not None and twin is not source and source.entry is not None:
            double = Complaint(kind_of(source.entry), f"already the id in {twin.file}")
            source.faults += located(source.file, source.lines, [double])
    clean = [source.entry for source in sources if source.entry is not None and not source.wrong]
    for entry_id, complaints in across(clean, platform).items():
        source = by_id[entry_id]
        source.faults += located(source.file, source.lines, complaints)
    return Catalog(
        {source.id: source.entry for source in sources if source.entry is not None and not source.wrong},
        files={source.id: source.file for source in sources},
        faults=sorted(fault for source in sources for fault in source.faults),
        faulty={source.id: source.wrong for source in sources if source.wrong},
        declared={source.id: source.judged for source in sources if source.judged is not None},
        lines={source.id: source.lines for source in sources},
        platform=_clusters_in(chosen(), platform),
        environment=chosen(),
        elsewhere={source.id: source.elsewhere for source in sources if source.elsewhere is not None},
    )


def _clusters_in(environment: str, platform: Platform) -> Platform:
    """With the clusters of that environment."""
    clusters = {name: each for name, each in platform.clusters.items() if of(environment, each)}
    return msgspec.structs.replace(platform, clusters=clusters)
