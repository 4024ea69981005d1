"""Another policy reaches the lane's path."""

from faults import Fault
from faults.openbao.kit import data, entity, must, named, reads, role, rule, user, written


def default_widened(bench):
    text = bench.vault("admin").policy("default")
    must(bench, "PUT", "sys/policies/acl/default", policy=text + rule("platform/data/workloads/*", "read"))


def templated(bench):
    """The path is made of an identity's metadata, which its owner has set to the lane's."""
    alias = user(
        bench, written(bench, rule("platform/data/workloads/tenant/{{identity.entity.metadata.app}}/*", "read"))
    )
    entity(bench, alias=alias, metadata={"app": bench.lane.id})


def changes(*capabilities):
    return lambda bench: role(bench, written(bench, rule(data(bench), *capabilities)))


def versions(what):
    return lambda bench: role(bench, written(bench, rule(f"platform/{what}/{bench.path}", "update")))


def another_lanes_policy(bench):
    """The policy of another lane is wider than that lane."""
    text = rule(f"platform/data/workloads/tenant/{bench.lane.id}/+", "read")
    role(bench, written(bench, f"# ops-warden lane somebody-elses: by hand\n{text}", "elsewhere"))


def raw_storage(bench):
    role(bench, written(bench, rule("sys/raw/*", "read", "list", "sudo")))


def deny_then_read(bench):
    """A rule that denies all but names the lane's path in another one, which is more exact and wins."""
    text = rule("platform/*", "deny") + rule(data(bench), "read")
    role(bench, written(bench, text))


def expires_later(bench):
    role(bench, written(bench, rule(data(bench), "read"), ttl="24h"))


def two_halves(bench):
    """Neither policy says it alone: one denies it to its holders, and a second role holds the other one only."""
    denied = written(bench, rule(data(bench), "deny"), "denies")
    opened = written(bench, rule("platform/data/workloads/tenant/*", "read"), "opens")
    role(bench, denied, opened, name="both")
    role(bench, opened, name="one")


def no_policy_of_that_name_yet(bench):
    """A user whose policy was deleted: nothing now, until somebody writes a policy of that name."""
    user(bench, named(bench, "gone"))
    role(bench, written(bench, rule(f"sys/policies/acl/{named(bench, 'gone')}", "create", "update")))


FAULTS = [
    Fault("another policy", "reads the path by name", reads("platform/data/PATH"), "nobody-else"),
    Fault("another policy", "reads all workloads", reads("platform/data/workloads/*"), "nobody-else"),
    Fault(
        "another policy", "reads one segment below each app", reads("platform/data/workloads/+/LANE/+"), "nobody-else"
    ),
    Fault("another policy", "has + and * in one path", reads("platform/+/workloads/+/*"), "nobody-else"),
    Fault("another policy", "reads the mount", reads("platform/*"), "nobody-else"),
    Fault("another policy", "reads everything", reads("*"), "nobody-else"),
    Fault(
        "another policy",
        "reads whatever begins like the path",
        reads("platform/data/workloads/tenant/LANE*"),
        "nobody-else",
    ),
    Fault("another policy", "is that of another lane, and wider", another_lanes_policy, "nobody-else"),
    Fault("another policy", "default is widened", default_widened, "nobody-else"),
    Fault("another policy", "is a template of identity metadata", templated, "nobody-else"),
    Fault("another policy", "denies the mount, but not the path", deny_then_read, "nobody-else"),
    Fault("another policy", "expires tomorrow", expires_later, "nobody-else"),
    Fault("another policy", "is denied by a second one of one role, not of the other", two_halves, "nobody-else"),
    Fault("another policy", "reads storage", raw_storage, "nobody-else"),
    Fault("another policy", "overwrites the value", changes("update"), "nobody-else"),
    Fault("another policy", "patches the value", changes("patch"), "nobody-else"),
    Fault("another policy", "deletes the newest version", changes("delete"), "nobody-else"),
    Fault("another policy", "destroys versions", versions("destroy"), "nobody-else"),
    Fault("another policy", "restores earlier versions", versions("undelete"), "nobody-else"),
    Fault("another policy", "does not exist, and somebody may write it", no_policy_of_that_name_yet, "nobody-else"),
]
