"""What the faults have in common. A `bench` is that of a lane which is applied and filled (usecases/conftest.py)."""

import json

OTHERS = "system:serviceaccount:tenant:somebody"
"""Whom the second way in is for, as the mount auth/kubernetes knows them."""


APPROVED = (
    'control_group = { ttl = "1h" factor "approvers" { controlled_capabilities = ["read"]'
    ' identity { group_names = ["managers"] approvals = 1 } } }'
)
"""What a rule says where somebody has to approve each request."""


def named(bench, what):
    """A name of the lane's own, so that nothing of two tests is the same."""
    return f"{bench.lane.id}-{what}"


def own_policy(bench):
    return bench.lane.custody.policy_name


def data(bench):
    return f"platform/data/{bench.path}"


def rule(path, *capabilities, more=""):
    return f'path "{path}" {{ capabilities = {json.dumps(list(capabilities))} {more} }}\n'


def must(bench, method, path, **body):
    return bench.server.must(method, path, body or None)


def written(bench, text, name="other", **more):
    """A policy with that text; answers its name."""
    must(bench, "PUT", f"sys/policies/acl/{named(bench, name)}", policy=text, **more)
    return named(bench, name)


def role(bench, *policies, mount="kubernetes", name="other", **fields):
    """A role for somebody else, with these policies."""
    usual = {
        "role_type": "jwt",
        "user_claim": "sub",
        "bound_audiences": ["openbao"],
        "bound_subject": OTHERS,
    } | ({"token_policies": list(policies)} if policies else {})
    must(bench, "POST", f"auth/{mount}/role/{named(bench, name)}", **usual | fields)


def user(bench, *policies, name="somebody"):
    """A user with a password and these policies."""
    path = f"auth/userpass/users/{named(bench, name)}"
    must(bench, "POST", path, password="a-password-of-the-tests", token_policies=list(policies))
    return named(bench, name)


def auth_mount(bench, kind, name="second"):
    """An auth mount of that type; answers its path."""
    must(bench, "POST", f"sys/auth/{named(bench, name)}", type=kind)
    return named(bench, name)


def accessor(bench, mount):
    return bench.server.must("GET", "sys/auth")["data"][f"{mount}/"]["accessor"]


def entity(bench, name="entity", alias="", mount="userpass", **fields):
    """An identity, with an alias at that mount if one is named; answers its id."""
    body = {"name": named(bench, name)} | fields
    made = must(bench, "POST", "identity/entity", **body)["data"]["id"]
    if alias:
        known_as(bench, "entity", made, alias, mount)
    return made


def known_as(bench, kind, identifier, alias, mount="netkingdom"):
    """An entity or a group has that name at the mount."""
    body = {"name": alias, "canonical_id": identifier, "mount_accessor": accessor(bench, mount)}
    must(bench, "POST", f"identity/{kind}-alias", **body)


def group(bench, name="group", **fields):
    """A group; answers its id."""
    return must(bench, "POST", "identity/group", name=named(bench, name), **fields)["data"]["id"]


def readers_entity(bench):
    """The entity of the lane's own reader, which OpenBao makes when it logs in."""
    jwt = bench.server.mint(str(bench.lane.readers[0].workload))
    login = {"role": bench.role.rpartition("/")[2], "jwt": jwt}
    auth = bench.server.must("POST", "auth/kubernetes/login", login, token=None)["auth"]
    must(bench, "POST", "auth/token/revoke-accessor", accessor=auth["accessor"])
    return auth["entity_id"]


def may(*rules, name="other"):
    """Somebody else may do that: a role of theirs has a policy with these (path, capabilities)."""

    def plant(bench):
        shown = (
            rule(path.replace("POLICY", own_policy(bench)).replace("LANE", bench.lane.id), *capabilities.split())
            for path, capabilities in rules
        )
        role(bench, written(bench, "".join(shown), name), name=name)

    return plant


def reads(path, more=""):
    """Somebody else's policy reads that path: ``PATH`` is the lane's key, ``LANE`` its id."""

    def plant(bench):
        shown = path.replace("PATH", bench.path).replace("LANE", bench.lane.id)
        role(bench, written(bench, rule(shown, "read", more=more)))

    return plant
