"""What looks like a second way in and opens nothing: a proof that condemned it would be of no use."""

from faults import Fault
from faults.openbao.kit import data, entity, group, known_as, must, named, own_policy, role, rule, user, written


def holds(text):
    """Somebody else holds a policy with that text."""
    return lambda bench: role(bench, written(bench, text.replace("PATH", bench.path).replace("LANE", bench.lane.id)))


def denied(bench):
    opened = written(bench, rule("platform/data/workloads/*", "read"), "opens")
    role(bench, opened, written(bench, rule(data(bench), "deny"), "denies"))


def empty_group(bench):
    group(bench, member_entity_ids=[entity(bench, alias=user(bench))])


def external_group(bench):
    """A group of the login service, of which no login says who is in it."""
    made = group(bench, policies=[own_policy(bench)], type="external")
    known_as(bench, "group", made, named(bench, "interns"))


def unused(bench):
    """A policy that nobody has."""
    written(bench, rule(data(bench), "read"), "unused")


def disabled(bench):
    entity(bench, alias=user(bench), policies=[own_policy(bench)], disabled=True)


def another_namespace(bench):
    """The same path, which is another one in a namespace of its own."""
    name = named(bench, "team")
    must(bench, "POST", f"sys/namespaces/{name}")
    text = rule(data(bench), "read")
    must(bench, "PUT", f"{name}/sys/policies/acl/reads", policy=text)
    must(bench, "POST", f"{name}/sys/auth/userpass", type="userpass")
    must(bench, "POST", f"{name}/auth/userpass/users/alice", password="of-the-tests", token_policies=["reads"])


def expired(bench):
    role(bench, written(bench, rule(data(bench), "read", more='expiration = "2020-01-01T00:00:00Z"')))


def revoked(bench):
    """A token with the lane's policy that is revoked."""
    made = must(bench, "POST", "auth/token/create-orphan", policies=[own_policy(bench)], ttl="1h")["auth"]
    must(bench, "POST", "auth/token/revoke-accessor", accessor=made["accessor"])


HARMLESS = [
    Fault("harmless", "an entity that is disabled", disabled, ""),
    Fault("harmless", "the same path in another namespace", another_namespace, ""),
    Fault("harmless", "a rule that has expired", expired, ""),
    Fault("harmless", "a token that is revoked", revoked, ""),
    Fault(
        "harmless",
        "a * in the middle, which stands for itself",
        holds(rule("platform/data/*/tenant/LANE/LANE-secrets", "read")),
        "",
    ),
    Fault("harmless", "names of the fields, without values", holds(rule("platform/subkeys/PATH", "read")), ""),
    Fault("harmless", "children with no more than their maker", holds(rule("auth/token/create", "update")), ""),
    Fault("harmless", "a policy that nobody has", unused, ""),
    Fault("harmless", "a read that a second policy denies", denied, ""),
    Fault("harmless", "the path of another lane", holds(rule("platform/data/workloads/tenant/another/*", "read")), ""),
    Fault("harmless", "a path that begins like the lane's", holds(rule("platform/data/PATH-old", "read")), ""),
    Fault("harmless", "one segment too few", holds(rule("platform/data/workloads/+/LANE", "read")), ""),
    Fault("harmless", "one segment too many", holds(rule("platform/data/workloads/+/LANE/+/+", "read")), ""),
    Fault("harmless", "metadata, which holds no value", holds(rule("platform/metadata/PATH", "read", "list")), ""),
    Fault("harmless", "lists the folder", holds(rule("platform/metadata/workloads/*", "list")), ""),
    Fault("harmless", "a group whose members no login tells", external_group, ""),
    Fault("harmless", "a group without policies", empty_group, ""),
    Fault("harmless", "tokens with no policy of the lane's", lambda b: user(b, "default"), ""),
]
