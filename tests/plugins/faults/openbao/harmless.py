"""What looks like a second way in and opens nothing: a proof that condemned it would be of no use."""

from faults import Fault
from faults.openbao.kit import data, entity, group, role, rule, user, written


def holds(text):
    """Somebody else holds a policy with that text."""
    return lambda bench: role(bench, written(bench, text.replace("PATH", bench.path).replace("LANE", bench.lane.id)))


def denied(bench):
    opened = written(bench, rule("platform/data/workloads/*", "read"), "opens")
    role(bench, opened, written(bench, rule(data(bench), "deny"), "denies"))


def empty_group(bench):
    group(bench, member_entity_ids=[entity(bench, alias=user(bench))])


def unused(bench):
    """A policy that nobody has."""
    written(bench, rule(data(bench), "read"), "unused")


HARMLESS = [
    Fault("harmless", "a policy that nobody has", unused, ""),
    Fault("harmless", "a read that a second policy denies", denied, ""),
    Fault("harmless", "the path of another lane", holds(rule("platform/data/workloads/tenant/another/*", "read")), ""),
    Fault("harmless", "a path that begins like the lane's", holds(rule("platform/data/PATH-old", "read")), ""),
    Fault("harmless", "one segment too few", holds(rule("platform/data/workloads/+/LANE", "read")), ""),
    Fault("harmless", "one segment too many", holds(rule("platform/data/workloads/+/LANE/+/+", "read")), ""),
    Fault("harmless", "metadata, which holds no value", holds(rule("platform/metadata/PATH", "read", "list")), ""),
    Fault("harmless", "lists the folder", holds(rule("platform/metadata/workloads/*", "list")), ""),
    Fault("harmless", "a group without policies", empty_group, ""),
    Fault("harmless", "tokens with no policy of the lane's", lambda b: user(b, "default"), ""),
]
