"""The reader's own policy and role are not what the lane declares."""

from faults import AS_READER, Fault
from faults.openbao.kit import APPROVED, data, must, own_policy, readers_entity, rule, written


def role(**fields):
    """Change fields of the reader's role and keep the others."""

    def plant(bench):
        found = bench.server.must("GET", bench.role)["data"]
        shown = {
            key: value.replace("LANE", bench.lane.id) if isinstance(value, str) else value
            for key, value in fields.items()
        }
        must(bench, "POST", bench.role, **found | shown)

    return plant


def policy(change, **more):
    """Replace the lane's policy by what `change` makes of it."""

    def plant(bench):
        text = bench.vault("admin").policy(own_policy(bench))
        must(bench, "PUT", bench.policy, policy=change(text, data(bench)), **more)

    return plant


def with_more(more):
    return policy(lambda text, path: text.replace('capabilities = ["read"]', f'capabilities = ["read"] {more}'))


def denied_by_its_entity(bench):
    """The reader's own identity has a policy that denies what the lane's allows."""
    denied = written(bench, rule(data(bench), "deny"), "denies")
    must(bench, "POST", f"identity/entity/id/{readers_entity(bench)}", policies=[denied])


STRANGERS = "other-account other-namespace other-audience"

FAULTS = [
    Fault("role", "its tokens have no default policy", role(token_no_default_policy=True), "role", "capabilities"),
    Fault(
        "role",
        "its tokens hold only at other addresses",
        role(token_bound_cidrs=["192.0.2.0/24"]),
        "role reads",
        f"{STRANGERS} {AS_READER}",
    ),
    Fault("role", "its tokens are batch tokens", role(token_type="batch"), "role"),
    Fault(
        "role",
        "its tokens are for one use",
        role(token_num_uses=1),
        "role",
        f"reads {AS_READER.removeprefix('sibling ')}",
    ),
    Fault("role", "its tokens can be renewed for ever", role(token_period="24h"), "role"),
    Fault("role", "its tokens end on a day", role(token_explicit_max_ttl="30s"), "role"),
    Fault("role", "its tokens are bound to one address", role(token_strictly_bind_ip=True), "role"),
    Fault("role", "takes a pattern of accounts", role(bound_claims_type="glob", bound_claims={"sub": "*"}), "role"),
    Fault(
        "role",
        "takes tokens for another audience, too",
        role(bound_audiences=["openbao", "warden-probe"]),
        "role other-audience",
    ),
    Fault("role", "takes tokens that ended an hour ago", role(expiration_leeway=3600), "role"),
    Fault("role", "takes tokens of tomorrow", role(not_before_leeway=86400), "role"),
    Fault("role", "forgives an hour of a wrong clock", role(clock_skew_leeway=3600), "role"),
    Fault("role", "takes the identity from another claim", role(user_claim="iss"), "role"),
    Fault("role", "keeps claims as metadata", role(claim_mappings={"sub": "app"}), "role"),
    Fault("role", "takes groups from a claim", role(groups_claim="groups"), "role reads", AS_READER),
    Fault("role", "logs the claims of those who log in", role(verbose_oidc_logging=True), "role"),
    Fault("policy", "has a blank line more", policy(lambda text, _: text + "\n"), "policy"),
    Fault(
        "policy",
        "reads metadata, too",
        policy(lambda text, path: text + rule(path.replace("/data/", "/metadata/"), "read")),
        "policy capabilities",
    ),
    Fault("policy", "sudo", policy(lambda text, path: text + rule(path, "read", "sudo")), "policy capabilities"),
    Fault(
        "policy", "the answer must be wrapped", with_more('min_wrapping_ttl = "1s" max_wrapping_ttl = "90s"'), "policy"
    ),
    Fault(
        "policy",
        "somebody must approve",
        with_more(APPROVED),
        "policy",
    ),
    Fault("policy", "the path expires", with_more('expiration = "2099-01-01T00:00:00Z"'), "policy"),
    Fault("policy", "expires tomorrow", policy(lambda text, _: text, ttl="24h"), "policy-expires"),
    Fault(
        "policy",
        "the reader's entity is denied the path",
        denied_by_its_entity,
        "reader-holds reads capabilities",
    ),
]
