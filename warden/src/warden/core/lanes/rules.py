"""What must hold of an entry beyond its shape, alone and together with the others. Pure: no file is read here.

Each rule is a check with one clause that says what is wrong and what is allowed; nothing but a person reads the clause.
A `Complaint` names its field, and whoever read the file knows the line.
"""

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from warden.core.errors import Fault
from warden.core.lanes.approval_rules import approval_faults
from warden.core.lanes.catalog import Entry, Platform, Pointer, kind_of
from warden.core.lanes.cluster_rules import NAMESPACED, exceptions
from warden.core.lanes.delivery_target import DeclaredCluster, reader_of, targets
from warden.core.lanes.lane import (
    PROBE_ACCOUNT,
    UNREAD,
    Consumer,
    Custody,
    Delivery,
    Lane,
    PeopleReader,
    Reader,
    WorkloadReader,
)
from warden.core.lanes.protection_rules import of_protection
from warden.core.lanes.reader_rules import of_machine
from warden.core.lanes.readers import MachineReader, derived_role
from warden.core.lanes.rotation_rules import management_faults, rotation_faults
from warden.core.lanes.shared_names import SharedNames
from warden.core.lanes.variables import clashes, field_fault

STALE_DAYS = 90
"""An entry whose last review is older is stale (a warning)."""

ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
_PLACEHOLDER = re.compile(r"<[^<>\s][^<>]*>")
_STORE = re.compile(r"(Cluster)?SecretStore/[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", re.ASCII)
_BUILT_IN = frozenset({"root", "default", "response-wrapping"})


class Complaint(msgspec.Struct, frozen=True):
    """Something that is wrong with a field; a `warning` does not make the entry unusable."""

    field: str
    message: str
    warning: bool = False


def located(file: str, lines: Mapping[str, int], complaints: Iterable[Complaint]) -> list[Fault]:
    """Complaints as faults: with the line of their field, or of the nearest part above it that the file has."""
    return [Fault(file, line_of(lines, one.field), one.field, one.message, one.warning) for one in complaints]


def unreported(complaints: Iterable[Complaint], reported: Iterable[str]) -> list[Complaint]:
    """The complaints about fields that are not in `reported`, nor a part of one there, nor what holds one there."""
    fields = [field for field in reported if field]
    return [one for one in complaints if not any(_touch(one.field, field) for field in fields)]


def _touch(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return long == short or long.startswith((f"{short}.", f"{short}["))


def line_of(lines: Mapping[str, int], field: str) -> int:
    """The line of a field, or of the nearest part above it that the file has; 0 without one."""
    while field and field not in lines:
        cut = max(field.rfind("."), field.rfind("["))
        field = field[:cut] if cut > 0 else ""
    return lines.get(field, 0)


def placeholders(text: str | None) -> list[str]:
    """The ``<placeholders>`` in a template."""
    return _PLACEHOLDER.findall(text or "")


def of_entry(entry: Entry, platform: Platform) -> Iterator[Complaint]:
    """Everything that is wrong with the entry by itself."""
    if not ID.fullmatch(entry.id):
        yield Complaint(kind_of(entry), "is not a valid id; allowed: a-z, 0-9, single hyphens inside")
    if isinstance(entry, Lane):
        yield from _of_lane(entry, platform)
    elif isinstance(entry, Pointer) and entry.path and not placeholders(entry.path):
        yield Complaint("path", "is concrete; declare a lane (a pointer's path is a template: workloads/<tenant>/…)")


def _of_lane(lane: Lane, platform: Platform) -> Iterator[Complaint]:
    yield from _custody(lane, platform)
    if not lane.readers:
        yield Complaint("readers", "is empty; name at least one workload or people")
    for index, reader in enumerate(lane.readers):
        yield from of_reader(reader, f"readers[{index}]", platform)
        if (reader.mount, lane.role_of(reader)) in [(one.mount, lane.role_of(one)) for one in lane.readers[:index]]:
            clause = f"has the role of another reader of this lane, {lane.role_of(reader)} on {reader.mount}"
            yield Complaint(f"readers[{index}]", f"{clause}; name another role, or remove it")
    for cluster, delivery in lane.deliveries.items():
        yield from _delivery(lane, delivery, f"deliveries.{cluster}")
        if platform.clusters and cluster not in platform.clusters:
            yield Complaint(
                f"deliveries.{cluster}", f"is not in clusters.yaml, which has {', '.join(platform.clusters)}"
            )
    for index, consumer in enumerate(lane.consumers):
        yield from _consumer(lane, consumer, f"consumers[{index}].deployment")
    yield from _run_by(lane)
    yield from (Complaint(*each) for each in (of_protection(lane.protected) if lane.protected else ()))
    yield from (Complaint(*each) for each in rotation_faults(lane))
    yield from (Complaint(*each) for each in approval_faults(lane))
    for field, doc in docs(lane):
        if len(doc.split()) > 2 or ".." in doc.split()[-1].split("/"):  # noqa: PLR2004  # "other-repo path"
            yield Complaint(field, "is not a page; write a path in the repository, or: other-repo path")
    if lane.status == "active":
        yield from _active(lane)


def _consumer(lane: Lane, consumer: Consumer, field: str) -> Iterator[Complaint]:
    """A pod takes Secrets of its own namespace only (Kubernetes, *Secrets*)."""
    homes = sorted({each.secret.partition("/")[0] for each in lane.deliveries.values()})
    if not NAMESPACED.fullmatch(consumer.deployment):
        yield Complaint(field, "is not a Deployment; write namespace/name")
    elif homes and consumer.deployment.partition("/")[0] not in homes:
        yield Complaint(field, f"is in a namespace without a delivery; deliveries are in {', '.join(homes)}")


def _run_by(lane: Lane) -> Iterator[Complaint]:
    if (lane.deliveries or lane.consumers) and lane.owners.runtime is None:
        yield Complaint("owners.runtime", "is missing; a lane with deliveries or consumers needs it")


_KV_API = frozenset({"data", "metadata", "subkeys", "delete", "undelete", "destroy", "detailed-metadata"})
"""What KV version 2 puts behind the mount in its API and in policies (OpenBao API: secret/kv/kv-v2)."""


def _path_as_declared(path: str, mount: str) -> tuple[str, str]:
    """The path without what the API adds to it, and what that was; both as they are where nothing was added."""
    path, behind = path.strip("/").removeprefix("v1/"), mount.count("/") + 1
    segments = path.split("/")
    if len(segments) > behind and segments[behind] in _KV_API:
        return "/".join((*segments[:behind], *segments[behind + 1 :])), segments[behind]
    return path, ""


def on_mount(entry: Entry, platform: Platform) -> Entry:
    """The entry, a lane with the mount that it leaves out: ``kv_mount``, if its path begins so, may have slashes."""
    if not isinstance(entry, Lane) or entry.custody.declared_mount or "/" not in platform.kv_mount:
        return entry
    if not entry.custody.path.strip("/").removeprefix("v1/").startswith(f"{platform.kv_mount}/"):
        return entry
    custody = msgspec.structs.replace(entry.custody, declared_mount=platform.kv_mount)
    return msgspec.structs.replace(entry, custody=custody)


def _mount(custody: Custody, path: str, platform: Platform) -> Iterator[Complaint]:
    declared = custody.declared_mount
    if declared is not None and not all(map(_SEGMENT.fullmatch, declared.split("/"))):
        yield Complaint("custody.mount", "is not a mount; write its segments, without slashes at the ends")
    elif declared is not None and not path.startswith(f"{declared}/"):
        yield Complaint("custody.path", f"is not on the mount {declared}/ (custody.mount)")
    elif declared is None and platform.kv_mount and path.split("/", maxsplit=1)[0] != platform.kv_mount:
        yield Complaint("custody.path", f"is not on the mount {platform.kv_mount}/ (kv_mount of platform.yaml)")


def mount_fault(platform: Platform) -> Complaint | None:
    """What is wrong with ``kv_mount``; None where it is a mount."""
    if all(map(_SEGMENT.fullmatch, platform.kv_mount.split("/"))):
        return None
    return Complaint("kv_mount", "is not a mount; write its segments, without slashes at the ends")


def _fields(names: Sequence[str]) -> Iterator[Complaint]:
    for index, name in enumerate(names):
        fault = field_fault(name)
        if fault and not placeholders(name):
            yield Complaint(f"custody.fields[{index}]", fault)
        if name in names[:index]:
            yield Complaint(f"custody.fields[{index}]", "is listed twice")
    for index, fault in clashes(names):
        yield Complaint(f"custody.fields[{index}]", fault)


def _custody(lane: Lane, platform: Platform) -> Iterator[Complaint]:
    segments = lane.custody.path.split("/")
    path, of_the_api = _path_as_declared(lane.custody.path, lane.custody.declared_mount or "")
    yield from _mount(lane.custody, path, platform)
    if of_the_api:
        clause = f"{of_the_api}/ belongs to the API of KV version 2, not to the path; warden adds it where it is needed"
        yield Complaint("custody.path", f"is a path of the API: {clause}; write {path}")
    elif path != lane.custody.path:
        yield Complaint("custody.path", f"is not a path as KV writes it; write {path}")
    elif len(segments) < 3 + lane.custody.mount.count("/") or not all(
        _SEGMENT.fullmatch(part) or placeholders(part) for part in segments
    ):  # mount, folder, secret
        yield Complaint("custody.path", "is not a path; write mount/folder/secret, without .. or empty segments")
    if not lane.custody.fields:
        yield Complaint("custody.fields", "is empty; name at least one field")
    yield from _fields(lane.custody.fields)
    yield from of_name(lane.custody.policy, "custody.policy")
    if lane.custody.policy_name in _BUILT_IN:
        yield Complaint("custody.policy", "is a policy of OpenBao itself; name another")


def of_reader(reader: Reader, field: str, platform: Platform) -> Iterator[Complaint]:
    """Everything that is wrong with a reader by itself; `field` is where it is declared."""
    yield from of_name(reader.role, f"{field}.role")
    if isinstance(reader, PeopleReader):
        yield from of_name(reader.people, f"{field}.people")
        if platform.kv_mount and reader.login not in platform.logins:
            known = ", ".join(platform.logins) or "none yet"
            yield Complaint(f"{field}.login", f"is not a login mount of platform.yaml, which has {known}")
        return
    yield from of_name(reader.mount, f"{field}.mount")
    if not isinstance(reader, WorkloadReader):
        yield from _machine(reader, field)
    elif PROBE_ACCOUNT in (reader.workload.namespace, reader.workload.account):
        yield Complaint(f"{field}.workload", f"uses {PROBE_ACCOUNT}, which is reserved for probes; use another name")


def _machine(reader: MachineReader, field: str) -> Iterator[Complaint]:
    if any(placeholders(text) for text in msgspec.structs.astuple(reader) if isinstance(text, str)):
        return  # of a draft; `_active` reports it where the lane is not a draft
    for key, clause, warning in of_machine(reader):
        yield Complaint(f"{field}.{key}" if key else field, clause, warning)
    if PROBE_ACCOUNT in reader.label:
        yield Complaint(field, f"uses {PROBE_ACCOUNT}, which is reserved for probes; use another name")
    if not reader.role and not _NAME.fullmatch(derived_role(reader)):
        yield Complaint(f"{field}.role", "is missing; the name that follows from this reader is too long for a role")


def of_name(name: str | None, field: str) -> Iterator[Complaint]:
    """What is wrong with the name of a role, a policy or a mount; nothing where there is none."""
    if name is not None and not _NAME.fullmatch(name) and not placeholders(name):
        yield Complaint(field, "is not a valid name; allowed: letters, digits, . _ - inside, at most 128 characters")


def _delivery(lane: Lane, delivery: Delivery, field: str) -> Iterator[Complaint]:
    if (delivery.external_secret is None) == (delivery.bootstrap_secret is None):
        yield Complaint(field, "needs exactly one of external_secret, bootstrap_secret")
        return
    key = "bootstrap_secret" if delivery.external_secret is None else "external_secret"
    if not NAMESPACED.fullmatch(delivery.secret):
        yield Complaint(f"{field}.{key}", "is not a Secret; write namespace/name")
        return
    if delivery.store is not None and not _STORE.fullmatch(delivery.store):
        yield Complaint(f"{field}.store", "is not a store; write SecretStore/name or ClusterSecretStore/name")
        return
    yield from _delivered_as(lane, delivery, field)


def _delivered_as(lane: Lane, delivery: Delivery, field: str) -> Iterator[Complaint]:
    """Who reads for the delivery. What the webhook of External Secrets Operator would refuse is refused here."""
    home = delivery.secret.partition("/")[0]
    if any(isinstance(each, WorkloadReader) and each.workload == UNREAD for each in lane.readers):
        return
    workloads = sorted({str(each.workload) for each in lane.readers if isinstance(each, WorkloadReader)})
    reader = reader_of(lane, delivery)
    if delivery.reader is not None and reader is None:
        yield Complaint(f"{field}.reader", f"is not a reader of this lane, which has {', '.join(workloads) or 'none'}")
    elif reader is None:
        clause = f"needs reader: namespace/account, because not exactly one reader is in {home}"
        yield Complaint(field, f"{clause}; the lane has {', '.join(workloads) or 'none'}")
    elif reader.workload.namespace != home and not (delivery.store or "").startswith("ClusterSecretStore/"):
        clause = f"a SecretStore in {home} can only log in as an account of {home}, not as {reader.workload}"
        yield Complaint(f"{field}.store", f"{clause}; write ClusterSecretStore/name")


def of_clusters(clusters: Mapping[str, DeclaredCluster], reported: Iterable[str]) -> list[Complaint]:
    """Everything that is wrong with ``clusters.yaml``."""
    found = []
    mounts: dict[str, str] = {}
    for name, one in clusters.items():
        if not ID.fullmatch(name):
            found.append(Complaint(name, "is not a valid name of a cluster; allowed: a-z, 0-9, single hyphens inside"))
        found += of_name(one.auth_mount, f"{name}.auth_mount")
        other = mounts.setdefault(f"{one.environment} {one.auth_mount}", name)
        if other != name:
            clause = (
                f"{one.auth_mount} is already the mount of {other}; a mount can review the tokens of one cluster only"
            )
            found.append(Complaint(f"{name}.auth_mount", clause))
        if one.openbao is not None and not one.openbao.startswith("https://"):
            found.append(Complaint(f"{name}.openbao", "is not an https address, and values are sent to it"))
        if one.openbao_ca is not None and _leads_out(one.openbao_ca):
            found.append(
                Complaint(f"{name}.openbao_ca", "leads out of the platform directory; put the file beside this one")
            )
        found += [Complaint(*each) for each in exceptions(name, one)]
    return unreported(found, reported)


def _leads_out(path: str) -> bool:
    """Whether a path is not relative, or leads above where it begins; its links are followed when it is read."""
    return path.startswith(("/", "~")) or ".." in path.split("/")


def _active(lane: Lane) -> Iterator[Complaint]:
    texts = {"custody.path": lane.custody.path, "custody.policy": lane.custody.policy}
    texts |= {f"custody.fields[{index}]": name for index, name in enumerate(lane.custody.fields)}
    for index, reader in enumerate(lane.readers):
        keys = ("role",) if isinstance(reader, WorkloadReader | PeopleReader) else reader.__struct_fields__
        texts |= {f"readers[{index}].{key}": text for key in keys if isinstance(text := getattr(reader, key), str)}
    for field, text in texts.items():
        if placeholders(text):
            yield Complaint(field, f"has the placeholder {placeholders(text)[0]}; fill it in, or keep the lane a draft")


def docs(entry: Entry) -> list[tuple[str, str]]:
    """The doc pointers: (field, ``repository path``); a path alone is in the owner's repository."""
    if not isinstance(entry, Lane):
        return [("owner.doc", _located(entry.owner.repo, entry.owner.doc))]
    owners = {"custody": entry.owners.custody, "consumer": entry.owners.consumer, "runtime": entry.owners.runtime}
    return [(f"owners.{name}.doc", _located(one.repo, one.doc)) for name, one in owners.items() if one is not None]


def _located(repo: str, doc: str) -> str:
    return doc if " " in doc else f"{repo} {doc}"


def of_age(reviewed: dt.date, today: dt.date) -> Iterator[Complaint]:
    """Whether the entry was reviewed lately; a future date is a fault, an old one a warning."""
    days = (today - reviewed).days
    if days < 0:
        yield Complaint("reviewed", f"{reviewed} is in the future; write the day of the last review")
    elif days > STALE_DAYS:
        yield Complaint("reviewed", f"{days} days ago; review it every {STALE_DAYS} days", warning=True)


def is_stale(reviewed: dt.date, today: dt.date) -> bool:
    """Whether the last review is more than `STALE_DAYS` old."""
    return (today - reviewed).days > STALE_DAYS


def across(entries: Iterable[Entry], platform: Platform) -> dict[str, list[Complaint]]:
    """What is wrong only together with another entry: id -> complaints, of the one that comes later by id."""
    found: dict[str, list[Complaint]] = {}
    secrets: dict[tuple[str, str], str] = {}
    stores: dict[tuple[str, str, str, str], tuple[tuple[str, str], str]] = {}
    names = SharedNames()
    lanes = {entry.id: entry for entry in entries if isinstance(entry, Lane)}
    for _, lane in sorted(lanes.items()):
        complaints = [Complaint(*each) for each in names.faults(lane)]
        complaints += _delivered_beside(lane, platform, secrets, stores)
        complaints += [Complaint(*each) for each in management_faults(lane, lanes)]
        if complaints:
            found[lane.id] = complaints
    return found


def _delivered_beside(
    lane: Lane,
    platform: Platform,
    secrets: dict[tuple[str, str], str],
    stores: dict[tuple[str, str, str, str], tuple[tuple[str, str], str]],
) -> Iterator[Complaint]:
    """Two ExternalSecrets of one Secret would overwrite each other; two readers of one store would be one."""
    for target in targets(lane, platform.clusters):
        field = f"deliveries.{target.cluster}"
        other = secrets.setdefault((target.cluster, target.delivery.secret), lane.id)
        if other != lane.id:
            yield Complaint(field, f"{target.delivery.secret} of {target.cluster} is already delivered by {other}")
        kind, name = target.store
        home = target.namespace if kind == "SecretStore" else ""
        as_whom = (target.reader.workload.subject, target.namespace)
        known, other = stores.setdefault((target.cluster, kind, home, name), (as_whom, lane.id))
        if known != as_whom and not target.by_hand:
            yield Complaint(f"{field}.store", f"{name} is already the store of another reader ({other}); name another")
