"""Another policy reaches the lane's path."""

import json

from faults import Fault
from faults.openbao.kit import APPROVED, accessor, data, entity, must, named, reads, role, rule, user, written


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


def in_json(bench):
    text = json.dumps({"path": {data(bench): {"capabilities": ["read"]}}})
    role(bench, written(bench, text))


def in_old_words(bench):
    """The policy says ``policy = "read"``, as it was written before there were capabilities."""
    role(bench, written(bench, f'path "{data(bench)}" {{ policy = "read" }}'))


def of_the_alias(bench):
    """The path is made of the name that somebody logs in by: they are called like the lane."""
    there = accessor(bench, "userpass")
    text = rule(f"platform/data/workloads/tenant/{{{{identity.entity.aliases.{there}.name}}}}/*", "read")
    name = bench.lane.id
    must(bench, "POST", f"auth/userpass/users/{name}", password="of-the-tests", token_policies=[written(bench, text)])
    entity(bench, alias=name)


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
    Fault("another policy", "begins with +", reads("+/data/workloads/*"), "nobody-else"),
    Fault("another policy", "begins with a slash", reads("/platform/data/PATH"), "nobody-else"),
    Fault("another policy", "is written as JSON", in_json, "nobody-else"),
    Fault("another policy", "is written in words of old", in_old_words, "nobody-else"),
    Fault(
        "another policy", "reads it wrapped only", reads("platform/data/PATH", 'min_wrapping_ttl = "1s"'), "nobody-else"
    ),
    Fault(
        "another policy",
        "reads it with a parameter",
        reads("platform/data/PATH", 'required_parameters = ["version"]'),
        "nobody-else",
    ),
    Fault("another policy", "reads it when somebody approves", reads("platform/data/PATH", APPROVED), "nobody-else"),
    Fault(
        "another policy",
        "reads it until a day to come",
        reads("platform/data/PATH", 'expiration = "2099-01-01T00:00:00Z"'),
        "nobody-else",
    ),
    Fault("another policy", "is a template of a login's name", of_the_alias, "nobody-else"),
    Fault(
        "another policy",
        "deletes the path with all versions",
        lambda b: role(b, written(b, rule(f"platform/metadata/{b.path}", "delete"))),
        "nobody-else",
    ),
    Fault("another policy", "default is widened", default_widened, "sibling below nobody-else"),
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
