"""Faults of a delivered lane's policy, role and value in OpenBao."""

from faults import AS_READER, NOT_DELIVERED, Fault


def role(bench, **fields):
    bench.platform.must("POST", bench.role, fields)


def policy(bench, text):
    path = f'path "platform/data/workloads/tenant/{bench.name}/{bench.name}-secrets" {{ capabilities = ["read"] }}\n'
    bench.platform.must("PUT", bench.policy, {"policy": f"# ops-warden lane {bench.name}: by hand\n{path}{text}"})


def everything_below(bench):
    policy(bench, f'path "platform/data/workloads/tenant/{bench.name}/*" {{ capabilities = ["read"] }}')


def may_write(bench):
    policy(bench, f'path "{bench.data}" {{ capabilities = ["create", "update", "read"] }}')


def no_policy(bench):
    bench.platform.must("DELETE", bench.policy)


def second_policy(bench):
    bench.platform.must(
        "PUT", f"sys/policies/acl/{bench.name}-more", {"policy": f'path "{bench.data}" {{ capabilities = ["read"] }}'}
    )
    role(bench, token_policies=[bench.lane.custody.policy_name, f"{bench.name}-more"])


def deleted_version(bench):
    bench.platform.must("DELETE", bench.data)


def another_field(bench):
    bench.platform.overwrite(bench.lane.custody.path, {"OTHER_KEY": "value"})


def one_field_more(bench):
    bench.platform.overwrite(bench.lane.custody.path, {"API_KEY": bench.value, "OTHER_KEY": "value"})


FAULTS = [
    Fault("policy", "reads everything below its folder", everything_below, "policy sibling below"),
    Fault("policy", "may write", may_write, "policy writes capabilities"),
    Fault("policy", "deleted", no_policy, "policy reads capabilities synced", NOT_DELIVERED),
    Fault(
        "role",
        "any account of the namespace",
        lambda b: role(b, bound_service_account_names=["*"]),
        "role other-account",
    ),
    Fault("role", "any namespace", lambda b: role(b, bound_service_account_namespaces=["*"]), "role other-namespace"),
    Fault("role", "no audience", lambda b: role(b, audience=""), "role other-audience"),
    Fault("role", "a second policy", second_policy, "role reads"),
    Fault("role", "tokens live for a day", lambda b: role(b, token_ttl="24h", token_max_ttl="24h"), "role"),
    Fault(
        "role",
        "deleted, while the operator still says Ready",
        lambda b: b.platform.must("DELETE", b.role),
        "role reads synced",
        f"other-account other-namespace other-audience {AS_READER} {NOT_DELIVERED}",
    ),
    Fault(
        "audience",
        "of the lane and of the role differ",
        lambda b: role(b, audience="another"),
        "role reads synced",
        f"other-account other-namespace {AS_READER} {NOT_DELIVERED}",
    ),
    Fault("mount", "the newest version is deleted", deleted_version, "live-version synced", NOT_DELIVERED),
    Fault("mount", "the field is missing", another_field, "live-version synced", "value"),
    Fault("mount", "a field that is not declared", one_field_more, "live-version"),
]
