"""Somebody else could give themselves access."""

from faults import Fault
from faults.openbao.kit import entity, group, may, must, named, own_policy, role, rule, user, written


def makes_secret_ids(bench):
    """An AppRole has the policy; that it is declared would not help: somebody else can log in by it."""
    must(bench, "POST", f"auth/approle/role/{named(bench, 'job')}", token_policies=[own_policy(bench)])
    text = rule(f"auth/approle/role/{named(bench, 'job')}/*", "create", "update", "read")
    role(bench, written(bench, text, "issues"))


def sets_a_password(bench):
    user(bench, own_policy(bench), name="owner")
    text = rule(f"auth/userpass/users/{named(bench, 'owner')}/password", "update")
    role(bench, written(bench, text, "resets"))


def in_two_steps(bench):
    """May write one policy, which somebody holds who may write every role."""
    second = written(bench, rule("sys/policies/acl/nothing-yet", "read"), "second")
    user(bench, second, name="second")
    role(bench, written(bench, rule(f"sys/policies/acl/{second}", "update"), "first"))


def own_policy_of_its_own(bench):
    """May write the policy that it holds itself: it is an administrator as soon as it wants to be."""
    name = named(bench, "mine")
    role(bench, written(bench, rule(f"sys/policies/acl/{name}", "update"), "mine"))


def beside_an_identity(*rules):
    """An identity has the lane's policy, and somebody else could become it."""

    def plant(bench):
        entity(bench, "owner", policies=[own_policy(bench)])
        may(*rules)(bench)

    return plant


def beside_a_group(*rules):
    def plant(bench):
        group(bench, "owners", policies=[own_policy(bench)], type="external")
        role(
            bench, mount="netkingdom", name="groups", bound_subject="", bound_claims={"sub": "x"}, groups_claim="groups"
        )
        may(*rules)(bench)

    return plant


def second_administrator(bench):
    user(bench, "admin")


def could(name, plant):
    """Somebody else could do that."""
    return Fault("could", name, plant, "nobody-else")


FAULTS = [
    could("write the lane's policy", may(("sys/policies/acl/POLICY", "update"))),
    could("patch the lane's policy", may(("sys/policies/acl/POLICY", "patch"))),
    could("write a role that a program decides", may(("auth/kubernetes/cel/role/*", "create update"))),
    could("write workflows", may(("sys/workflows/manage/*", "update"))),
    could("restore a snapshot", may(("sys/storage/raft/snapshot-force", "update"))),
    could("take a snapshot", may(("sys/storage/raft/snapshot", "read"))),
    could("unmount the values", may(("sys/mounts/platform", "delete sudo"))),
    could("write every policy", may(("sys/policies/acl/*", "create update"))),
    could("write policies by the older path", may(("sys/policy/*", "create update"))),
    could("write the policy that it holds", own_policy_of_its_own),
    could("write a policy that somebody holds", in_two_steps),
    could("write roles", may(("auth/kubernetes/role/*", "create update"))),
    could("write the reader's role", may(("auth/kubernetes/role/workload-tenant-LANE", "update"))),
    could("make a role of one name", may(("auth/kubernetes/role/deploy", "create"))),
    could("make roles whose names begin with a team's", may(("auth/kubernetes/role/team-*", "create update"))),
    could("write users", may(("auth/userpass/users/*", "create update"))),
    could("set the password of a user with the policy", sets_a_password),
    could("make SecretIDs of an AppRole with the policy", makes_secret_ids),
    could("write AppRoles", may(("auth/approle/role/*", "create update"))),
    could("write certificates", may(("auth/cert/certs/*", "create update"))),
    could("write the keys that a mount trusts", may(("auth/kubernetes/config", "update"))),
    could("write entities", may(("identity/entity/*", "create update"))),
    could("write an entity by its name", may(("identity/entity/name/+", "create update"))),
    could("merge entities", beside_an_identity(("identity/entity/merge", "update"))),
    could("write entity aliases", beside_an_identity(("identity/entity-alias", "create update"))),
    could("write groups", may(("identity/group", "create update"), ("identity/group/*", "update"))),
    could("write aliases of groups", beside_a_group(("identity/group-alias", "create update"))),
    could("enable auth mounts", may(("sys/auth/*", "create update sudo"), ("auth/*", "create update"))),
    could("make tokens with any policy", may(("auth/token/create", "update sudo"))),
    could("make orphan tokens with any policy", may(("auth/token/create-orphan", "update sudo"))),
    could(
        "write token roles and use them",
        may(("auth/token/roles/*", "create update"), ("auth/token/create/*", "update")),
    ),
    could("move the KV mount", may(("sys/remount", "update sudo"))),
    could("do everything, as a second administrator", second_administrator),
]
