"""What must hold of an entry beyond its shape, alone and beside the others. Pure: no file is read here.

A `Complaint` names the field it is about; who read the file knows the line.
"""

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from warden.core.errors import Fault
from warden.core.lanes.catalog import Entry, Platform, Pointer, kind_of
from warden.core.lanes.delivery_target import DeclaredCluster, reader_of, targets
from warden.core.lanes.lane import PROBE_ACCOUNT, Consumer, Delivery, Lane, PeopleReader, Reader, WorkloadReader

STALE_DAYS = 90
"""An entry that nobody looked at for longer is stale (a warning)."""

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
_PLACEHOLDER = re.compile(r"<[^<>\s][^<>]*>")
_NAMESPACED = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?/[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", re.ASCII)
_STORE = re.compile(r"(Cluster)?SecretStore/[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", re.ASCII)
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*", re.ASCII)  # POSIX.1-2017, Base Definitions, 8.1

_STEERING = frozenset(
    """PATH HOME SHELL USER LOGNAME PWD OLDPWD IFS ENV CDPATH TMPDIR TERM EDITOR VISUAL PAGER BROWSER HOSTALIASES
    LOCPATH NLSPATH TZDIR GCONV_PATH NODE_OPTIONS NODE_PATH PERLLIB CLASSPATH KUBECONFIG SSH_AUTH_SOCK SSH_ASKPASS
    NO_PROXY HTTP_PROXY HTTPS_PROXY ALL_PROXY SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE
    _JAVA_OPTIONS MALLOC_TRACE RES_OPTIONS LOCALDOMAIN PS1 PS4""".split()  # noqa: SIM905 - read as text
)
_STEERING_PREFIXES = (
    *("LD_", "DYLD_", "PYTHON", "BASH", "ZDOTDIR", "GIT_", "PERL5", "RUBY", "GEM_", "JAVA_", "JDK_", "NODE_EXTRA"),
    *("XDG_", "LC_", "GLIBC_", "VAULT_", "BAO_", "WARDEN_"),
)


_BUILT_IN = frozenset({"root", "default", "response-wrapping"})


class Complaint(msgspec.Struct, frozen=True):
    """Something that is wrong with a field; `warning` where the entry can be used all the same."""

    field: str
    message: str
    warning: bool = False


def located(file: str, lines: Mapping[str, int], complaints: Iterable[Complaint]) -> list[Fault]:
    """Complaints as faults: with the line of their field, or of the nearest part above it that is written."""
    return [Fault(file, _line(lines, one.field), one.field, one.message, one.warning) for one in complaints]


def apart(complaints: Iterable[Complaint], told: Iterable[str]) -> list[Complaint]:
    """The complaints about fields that nothing was told of yet, neither of a part of them nor of what holds them."""
    fields = [field for field in told if field]
    return [one for one in complaints if not any(_touch(one.field, field) for field in fields)]


def _touch(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return long == short or long.startswith((f"{short}.", f"{short}["))


def _line(lines: Mapping[str, int], field: str) -> int:
    while field and field not in lines:
        cut = max(field.rfind("."), field.rfind("["))
        field = field[:cut] if cut > 0 else ""
    return lines.get(field, 0)


def field_fault(name: str) -> str | None:
    """Why a field of this name must not become an environment variable; ``None`` where it may.

    Names are POSIX environment variable names; those that steer how a program is started, finds its code or talks
    to OpenBao are refused: a secret's field must not be able to do that.
    """
    if not _VARIABLE.fullmatch(name):
        return "is no environment variable name; allowed: A-Z, 0-9 and _, not starting with a digit"
    if name in _STEERING or name.startswith(_STEERING_PREFIXES):
        return "would steer the program that gets it; choose another name, such as SERVICE_API_KEY"
    return None


def placeholders(text: str | None) -> list[str]:
    """The ``<placeholders>`` in a template."""
    return _PLACEHOLDER.findall(text or "")


def of_entry(entry: Entry, platform: Platform) -> Iterator[Complaint]:
    """Everything that is wrong with the entry, read alone."""
    if not _ID.fullmatch(entry.id):
        yield Complaint(kind_of(entry), "is no id; allowed: a-z, 0-9, single hyphens inside")
    if isinstance(entry, Lane):
        yield from _of_lane(entry, platform)
    elif isinstance(entry, Pointer) and entry.path and not placeholders(entry.path):
        yield Complaint("path", "is concrete; declare a lane (a pointer's path is a template: workloads/<tenant>/…)")


def _of_lane(lane: Lane, platform: Platform) -> Iterator[Complaint]:
    yield from _custody(lane, platform)
    if not lane.readers:
        yield Complaint("readers", "is empty; name at least one workload or people")
    for index, reader in enumerate(lane.readers):
        yield from _reader(reader, f"readers[{index}]", platform)
        if (reader.mount, lane.role_of(reader)) in [(one.mount, lane.role_of(one)) for one in lane.readers[:index]]:
            said = f"has the role of another reader of this lane, {lane.role_of(reader)} on {reader.mount}"
            yield Complaint(f"readers[{index}]", f"{said}; name another, or take it away")
    for cluster, delivery in lane.deliveries.items():
        yield from _delivery(lane, delivery, f"deliveries.{cluster}")
        if platform.clusters and cluster not in platform.clusters:
            yield Complaint(f"deliveries.{cluster}", f"is no cluster of clusters.yaml: {', '.join(platform.clusters)}")
    for index, consumer in enumerate(lane.consumers):
        yield from _consumer(lane, consumer, f"consumers[{index}].deployment")
    yield from _run_by(lane)
    for field, doc in docs(lane):
        if len(doc.split()) > 2 or ".." in doc.split()[-1].split("/"):  # noqa: PLR2004  # "other-repo path"
            yield Complaint(field, "is no page; write a path in the repository, or: other-repo path")
    if lane.status == "active":
        yield from _active(lane)


def _consumer(lane: Lane, consumer: Consumer, field: str) -> Iterator[Complaint]:
    """A pod takes Secrets of its own namespace only (Kubernetes, *Secrets*)."""
    homes = sorted({each.secret.partition("/")[0] for each in lane.deliveries.values()})
    if not _NAMESPACED.fullmatch(consumer.deployment):
        yield Complaint(field, "is no Deployment; write namespace/name")
    elif homes and consumer.deployment.partition("/")[0] not in homes:
        yield Complaint(field, f"is in a namespace that nothing is delivered to; there are: {', '.join(homes)}")


def _run_by(lane: Lane) -> Iterator[Complaint]:
    if (lane.deliveries or lane.consumers) and lane.owners.runtime is None:
        yield Complaint("owners.runtime", "is missing: there are deliveries or consumers, so somebody runs them")


def _custody(lane: Lane, platform: Platform) -> Iterator[Complaint]:
    segments = lane.custody.path.split("/")
    if len(segments) < 3 or not all(_SEGMENT.fullmatch(part) or placeholders(part) for part in segments):  # noqa: PLR2004  # mount, folder, secret
        yield Complaint("custody.path", "is no path; write mount/folder/secret, without .., empty or leading segments")
    elif segments[0] != platform.kv_mount:
        yield Complaint("custody.path", f"is not on the mount {platform.kv_mount}/ (kv_mount of platform.yaml)")
    if not lane.custody.fields:
        yield Complaint("custody.fields", "is empty; name at least one field")
    for index, name in enumerate(lane.custody.fields):
        fault = field_fault(name)
        if fault and not placeholders(name):
            yield Complaint(f"custody.fields[{index}]", fault)
        if name in lane.custody.fields[:index]:
            yield Complaint(f"custody.fields[{index}]", "is named twice")
    yield from _name(lane.custody.policy, "custody.policy")
    if lane.custody.policy_name in _BUILT_IN:
        yield Complaint("custody.policy", "is a policy of OpenBao's own; name another")


def _reader(reader: Reader, field: str, platform: Platform) -> Iterator[Complaint]:
    yield from _name(reader.role, f"{field}.role")
    if isinstance(reader, PeopleReader):
        yield from _name(reader.people, f"{field}.people")
        if reader.login not in platform.logins:
            known = ", ".join(platform.logins) or "none yet"
            yield Complaint(f"{field}.login", f"is no login mount of platform.yaml; there are: {known}")
        return
    yield from _name(reader.mount, f"{field}.mount")
    if PROBE_ACCOUNT in (reader.workload.namespace, reader.workload.account):
        yield Complaint(
            f"{field}.workload", f"uses {PROBE_ACCOUNT}, which is kept for playing strangers; use another name"
        )


def _name(name: str | None, field: str) -> Iterator[Complaint]:
    if name is not None and not _NAME.fullmatch(name) and not placeholders(name):
        yield Complaint(field, "is no name; allowed: letters, digits, . _ - inside, at most 128 characters")


def _delivery(lane: Lane, delivery: Delivery, field: str) -> Iterator[Complaint]:
    if (delivery.external_secret is None) == (delivery.bootstrap_secret is None):
        yield Complaint(field, "needs exactly one of external_secret, bootstrap_secret")
        return
    key = "bootstrap_secret" if delivery.external_secret is None else "external_secret"
    if not _NAMESPACED.fullmatch(delivery.secret):
        yield Complaint(f"{field}.{key}", "is no Secret; write namespace/name")
        return
    if delivery.store is not None and not _STORE.fullmatch(delivery.store):
        yield Complaint(f"{field}.store", "is no store; write SecretStore/name or ClusterSecretStore/name")
        return
    yield from _delivered_as(lane, delivery, field)


def _delivered_as(lane: Lane, delivery: Delivery, field: str) -> Iterator[Complaint]:
    """Who reads for the delivery. What External Secrets Operator's own webhook would refuse is refused here."""
    home = delivery.secret.partition("/")[0]
    workloads = sorted({str(each.workload) for each in lane.readers if isinstance(each, WorkloadReader)})
    reader = reader_of(lane, delivery)
    if delivery.reader is not None and reader is None:
        yield Complaint(f"{field}.reader", f"is no reader of this lane; there are: {', '.join(workloads) or 'none'}")
    elif reader is None:
        said = f"which reader it is for cannot be told: not exactly one is of {home}; write reader: namespace/account"
        yield Complaint(field, f"{said} ({', '.join(workloads) or 'there are none'})")
    elif reader.workload.namespace != home and not (delivery.store or "").startswith("ClusterSecretStore/"):
        said = f"a SecretStore of {home} logs in as an account of {home} only, not as {reader.workload}"
        yield Complaint(f"{field}.store", f"{said}; write ClusterSecretStore/name")


def of_clusters(clusters: Mapping[str, DeclaredCluster], told: Iterable[str]) -> list[Complaint]:
    """Everything that is wrong with ``clusters.yaml``."""
    found = []
    mounts: dict[str, str] = {}
    for name, one in clusters.items():
        if not _ID.fullmatch(name):
            found.append(Complaint(name, "is no name of a cluster; allowed: a-z, 0-9, single hyphens inside"))
        found += _name(one.auth_mount, f"{name}.auth_mount")
        other = mounts.setdefault(one.auth_mount, name)
        if other != name:
            said = f"{one.auth_mount} is already the mount of {other}: a mount reviews the tokens of one cluster"
            found.append(Complaint(f"{name}.auth_mount", said))
        if one.openbao is not None and not one.openbao.startswith("https://"):
            found.append(Complaint(f"{name}.openbao", "is no https address; values travel over it"))
        for index, subject in enumerate(one.may_read_secrets):
            if not subject.startswith(("user:", "group:")) and not _NAMESPACED.fullmatch(subject):
                said = "is no subject; write user:NAME, group:NAME or namespace/account"
                found.append(Complaint(f"{name}.may_read_secrets[{index}]", said))
    return apart(found, told)


def _active(lane: Lane) -> Iterator[Complaint]:
    texts = {"custody.path": lane.custody.path, "custody.policy": lane.custody.policy}
    texts |= {f"custody.fields[{index}]": name for index, name in enumerate(lane.custody.fields)}
    texts |= {f"readers[{index}].role": reader.role for index, reader in enumerate(lane.readers)}
    for field, text in texts.items():
        if placeholders(text):
            yield Complaint(
                field, f"holds the placeholder {placeholders(text)[0]}; fill it in, or keep the lane a draft"
            )


def docs(entry: Entry) -> list[tuple[str, str]]:
    """The doc pointers: (field, ``repo-of-the-page path``); where only a path is written the owner's repo is meant."""
    if not isinstance(entry, Lane):
        return [("owner.doc", _located(entry.owner.repo, entry.owner.doc))]
    owners = {"custody": entry.owners.custody, "consumer": entry.owners.consumer, "runtime": entry.owners.runtime}
    return [(f"owners.{name}.doc", _located(one.repo, one.doc)) for name, one in owners.items() if one is not None]


def _located(repo: str, doc: str) -> str:
    return doc if " " in doc else f"{repo} {doc}"


def of_age(reviewed: dt.date, today: dt.date) -> Iterator[Complaint]:
    """Whether the entry was looked at lately; a date to come is a fault, an old one a warning."""
    days = (today - reviewed).days
    if days < 0:
        yield Complaint("reviewed", f"{reviewed} is still to come; write the day of the last review")
    elif days > STALE_DAYS:
        yield Complaint("reviewed", f"{days} days ago; review it every {STALE_DAYS} days", warning=True)


def is_stale(reviewed: dt.date, today: dt.date) -> bool:
    """Whether nobody reviewed it for more than `STALE_DAYS`."""
    return (today - reviewed).days > STALE_DAYS


def across(entries: Iterable[Entry], platform: Platform) -> dict[str, list[Complaint]]:
    """What is wrong only beside another entry: id -> complaints, of the one that comes later by id."""
    found: dict[str, list[Complaint]] = {}
    secrets: dict[tuple[str, str], str] = {}
    stores: dict[tuple[str, str, str, str], tuple[tuple[str, str], str]] = {}
    paths: dict[str, str] = {}
    policies: dict[str, tuple[str, str]] = {}
    roles: dict[tuple[str, str], tuple[str, str]] = {}
    for lane in sorted((entry for entry in entries if isinstance(entry, Lane)), key=lambda lane: lane.id):
        said = [*_beside(lane, paths, policies, roles), *_delivered_beside(lane, platform, secrets, stores)]
        if said:
            found[lane.id] = said
    return found


def _beside(
    lane: Lane,
    paths: dict[str, str],
    policies: dict[str, tuple[str, str]],
    roles: dict[tuple[str, str], tuple[str, str]],
) -> Iterator[Complaint]:
    other = paths.setdefault(lane.custody.path, lane.id)
    if other != lane.id:
        yield Complaint("custody.path", f"already the path of {other}")
    name = lane.custody.policy_name
    path, other = policies.setdefault(name, (lane.custody.path, lane.id))
    if path != lane.custody.path:
        yield Complaint("custody.policy", f"{name} is already the policy of {other}, for another path; name another")
    for index, reader in enumerate(lane.readers):
        subject = _subject(reader)
        role = lane.role_of(reader)
        known, other = roles.setdefault((reader.mount, role), (subject, lane.id))
        if known != subject:
            message = f"{role} on {reader.mount} is already the role of another reader ({other}); name another"
            yield Complaint(f"readers[{index}].role", message)


def _delivered_beside(
    lane: Lane,
    platform: Platform,
    secrets: dict[tuple[str, str], str],
    stores: dict[tuple[str, str, str, str], tuple[tuple[str, str], str]],
) -> Iterator[Complaint]:
    """Two ExternalSecrets on one Secret would take turns; two readers by one store would be one."""
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


def _subject(reader: Reader) -> str:
    return reader.workload.subject if isinstance(reader, WorkloadReader) else f"group {reader.people}"
