"""What must hold of environments: each is another OpenBao or namespace, and what names one names one that is there."""

from collections.abc import Iterator, Mapping, Sequence

from warden.core.lanes.administrators import FORMS, is_administrator
from warden.core.lanes.catalog import Entry, Platform
from warden.core.lanes.delivery_target import DeclaredCluster
from warden.core.lanes.environments import Environment, exists_in, in_environment
from warden.core.lanes.lane import Lane
from warden.core.lanes.rules import ID, Complaint, of_entry


def of_environments(environments: Mapping[str, Environment]) -> Iterator[Complaint]:
    """Everything that is wrong with ``environments`` of ``platform.yaml``."""
    places: dict[tuple[str, str], str] = {}
    for name, one in environments.items():
        field = f"environments.{name}"
        if not ID.fullmatch(name):
            yield Complaint(field, "is not a valid name of an environment; allowed: a-z, 0-9, single hyphens inside")
        place = (one.openbao.rstrip("/").lower(), one.namespace.strip("/"))
        other = places.setdefault(place, name)
        if other != name:
            yield Complaint(f"{field}.openbao", f"is the OpenBao and namespace of {other}, so a proof counts for both")


def of_administrators(declared: Sequence[str]) -> Iterator[Complaint]:
    """Everything that is wrong with ``may_administer`` of ``platform.yaml``."""
    for index, each in enumerate(declared):
        if "*" in each:
            yield Complaint(f"may_administer[{index}]", f"has a *, and names are exact; write each as {FORMS}")
        elif not is_administrator(each):
            yield Complaint(f"may_administer[{index}]", f"does not name somebody; write {FORMS}")


def of_their_clusters(clusters: Mapping[str, DeclaredCluster], platform: Platform) -> Iterator[Complaint]:
    """Each cluster is of one environment, where there are any."""
    known = ", ".join(platform.environments) or "none"
    for name, one in clusters.items():
        if platform.environments and one.environment is None:
            yield Complaint(f"{name}.environment", f"is missing; platform.yaml has {known}")
        elif one.environment is not None and one.environment not in platform.environments:
            yield Complaint(f"{name}.environment", f"is not an environment of platform.yaml, which has {known}")


def of_entry_everywhere(entry: Entry, platform: Platform) -> list[Complaint]:
    """Everything that is wrong with the entry as it stands, and as it is in each environment."""
    found = list(of_entry(entry, platform))
    if not isinstance(entry, Lane):
        return found
    known = ", ".join(platform.environments) or "none"
    for name in entry.environments:
        if name not in platform.environments:
            clause = f"is not an environment of platform.yaml, which has {known}"
            found.append(Complaint(f"environments.{name}", clause))
    said = {(each.field, each.message) for each in found}
    for name in platform.environments:
        if name in entry.environments and exists_in(entry, name):
            there = of_entry(in_environment(entry, name), platform)
            found += [_below(name, each) for each in there if (each.field, each.message) not in said]
    return found


def _below(environment: str, complaint: Complaint) -> Complaint:
    """The complaint at the place in the file where the environment says otherwise."""
    field = complaint.field.removeprefix("custody.")
    return Complaint(f"environments.{environment}.{field}", complaint.message, complaint.warning)
