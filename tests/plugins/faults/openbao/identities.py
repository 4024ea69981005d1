"""An identity or a group of OpenBao's own has the lane's policy."""

from faults import Fault
from faults.openbao.kit import (
    OTHERS,
    data,
    entity,
    group,
    known_as,
    must,
    named,
    own_policy,
    readers_entity,
    role,
    rule,
    user,
    written,
)


def of_an_entity(bench):
    entity(bench, alias=user(bench), policies=[own_policy(bench)])


def of_a_group(bench):
    group(bench, policies=[own_policy(bench)], member_entity_ids=[entity(bench, alias=user(bench))])


def of_a_group_above(bench):
    inner = group(bench, "inner", member_entity_ids=[entity(bench, alias=user(bench))])
    group(bench, "outer", policies=[own_policy(bench)], member_group_ids=[inner])


def of_an_external_group(bench):
    """A role without policies brings the groups of a claim, and OpenBao's group for one of them has the policy."""
    role(bench, mount="netkingdom", bound_subject="", bound_claims={"sub": "alice"}, groups_claim="groups")
    made = group(bench, policies=[own_policy(bench)], type="external")
    known_as(bench, "group", made, named(bench, "interns"))


def entity_with_a_second_login(bench):
    """An identity of its own right, to which somebody has added a login at another mount."""
    made = entity(bench, alias=user(bench), policies=[own_policy(bench)])
    known_as(bench, "entity", made, named(bench, "alice"))


def merged(bench):
    """Two identities are merged, and the policies of the one are now those of the other, too."""
    mine = entity(bench, "mine", alias=user(bench))
    theirs = entity(bench, "theirs", policies=[own_policy(bench)])
    must(bench, "POST", "identity/entity/merge", from_entity_ids=[theirs], to_entity_id=mine, force=True)
    must(bench, "POST", f"identity/entity/id/{mine}", policies=[own_policy(bench)])


def reader_has_more(bench):
    more = written(bench, rule("platform/data/workloads/tenant/shared/*", "read"), "more")
    must(bench, "POST", f"identity/entity/id/{readers_entity(bench)}", policies=[more])


def readers_group_has_more(bench):
    more = written(bench, rule("platform/data/workloads/tenant/shared/*", "read"), "more")
    group(bench, policies=[more], member_entity_ids=[readers_entity(bench)])


def reader_writes_by_its_group(bench):
    more = written(bench, rule(data(bench), "update"), "more")
    group(bench, policies=[more], member_entity_ids=[readers_entity(bench)])


def second_login_of_the_reader(bench):
    """Somebody with a password is, to OpenBao, the lane's reader: its groups' policies are theirs."""
    reader = readers_entity(bench)
    group(bench, policies=[own_policy(bench)], member_entity_ids=[reader])
    known_as(bench, "entity", reader, user(bench), "userpass")


def group_by_metadata(bench):
    """A template of a group's name opens the path to its members."""
    text = rule("platform/data/workloads/tenant/{{identity.groups.names.GROUP.metadata.app}}/*", "read")
    opened = written(bench, text.replace("GROUP", named(bench, "group")))
    made = entity(bench, alias=user(bench, opened))
    group(bench, member_entity_ids=[made], metadata={"app": bench.lane.id})


def role_and_entity(bench):
    """A role without a policy, whose account's identity has one."""
    role(bench)
    entity(bench, alias=OTHERS, mount="kubernetes", policies=[own_policy(bench)])


def in_capitals(bench):
    entity(bench, alias=user(bench), policies=[own_policy(bench).upper()])


def of_a_job(bench):
    """An AppRole without policies, whose own identity has the lane's."""
    path = f"auth/approle/role/{named(bench, 'job')}"
    must(bench, "POST", path, token_policies=["default"])
    job = bench.server.must("GET", f"{path}/role-id")["data"]["role_id"]
    entity(bench, alias=job, mount="approle", policies=[own_policy(bench)])


FAULTS = [
    Fault("identity", "an entity has the policy", of_an_entity, "nobody-else"),
    Fault("identity", "an entity has the policy in capitals", in_capitals, "nobody-else"),
    Fault("identity", "the entity of an AppRole has the policy", of_a_job, "nobody-else"),
    Fault("identity", "a group has the policy", of_a_group, "nobody-else"),
    Fault("identity", "a group above a group has the policy", of_a_group_above, "nobody-else"),
    Fault("identity", "a group of the login service has the policy", of_an_external_group, "nobody-else"),
    Fault("identity", "an entity with the policy has a second login", entity_with_a_second_login, "nobody-else"),
    Fault("identity", "an entity was merged into another", merged, "nobody-else"),
    Fault("identity", "a role without policies, whose account's entity has it", role_and_entity, "nobody-else"),
    Fault("identity", "a template of a group's metadata", group_by_metadata, "nobody-else"),
    Fault("identity", "the reader's own entity reads more", reader_has_more, "reader-holds"),
    Fault("identity", "a group of the reader's reads more", readers_group_has_more, "reader-holds"),
    Fault(
        "identity",
        "a group of the reader's overwrites the value",
        reader_writes_by_its_group,
        "reader-holds writes capabilities nobody-else",
    ),
    Fault("identity", "a user with a password is the reader to OpenBao", second_login_of_the_reader, "nobody-else"),
]
