"""Second ways into one path of a real OpenBao, each planted for an identity of its own, as reviewers and attackers do.

Each has its identity's name as OpenBao writes it, and what it can do. `plant` makes all of them on one server.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, NamedTuple

from platform_server import PlatformServer

from warden.adapters.dev.authority import self_made

LANE = "platform/team/mail"
DATA = "platform/data/team/mail"
METADATA = "platform/metadata/team/mail"
SUBJECT = "system:serviceaccount:team:mail"
JWT = {"role_type": "jwt", "user_claim": "sub", "bound_audiences": ["openbao"], "token_ttl": "15m"}
POLICY = "lane-mail"


class Way(NamedTuple):
    """What was planted: whose way it is, and what it is good for."""

    kind: str
    effect: str
    identity: str


def rule(path: str, *capabilities: str, more: str = "") -> str:
    """One stanza."""
    listed = ", ".join(f'"{each}"' for each in capabilities)
    return f'path "{path}" {{ capabilities = [{listed}] {more} }}\n'


class Garden:
    """Plants on one server; every identity is named after its kind."""

    def __init__(self, server: PlatformServer) -> None:
        self.server = server
        self.ways: list[Way] = []
        self.must = server.must
        mounts = self.must("GET", "sys/auth")["data"]
        self.userpass, self.jwt = mounts["userpass/"]["accessor"], mounts["kubernetes/"]["accessor"]
        self.policy(POLICY, rule(DATA, "read"), mark="# ops-warden lane mail: derived\n")
        self.role("reader", POLICY)
        self.must("POST", DATA, {"data": {"KEY": "a-value-of-the-tests"}})

    def policy(self, name: str, text: str, mark: str = "") -> str:
        """An ACL policy; its name."""
        self.must("PUT", f"sys/policies/acl/{name}", {"policy": mark + text})
        return name

    def role(self, name: str, *policies: str, **fields: Any) -> str:
        """A role of the jwt mount ``kubernetes``; its path."""
        body = JWT | {"bound_subject": f"{SUBJECT}-{name}", "token_policies": list(policies)} | fields
        self.must("POST", f"auth/kubernetes/role/{name}", body)
        return f"auth/kubernetes/role/{name}"

    def user(self, name: str, *policies: str) -> str:
        """A user of userpass; its path."""
        body = {"password": "a-password-of-the-tests", "token_policies": list(policies)}
        self.must("POST", f"auth/userpass/users/{name}", body)
        return f"auth/userpass/users/{name}"

    def entity(self, name: str, *policies: str, accessor: str = "", alias: str = "", **fields: Any) -> str:
        """An entity with an alias; its id."""
        made = self.must("POST", "identity/entity", {"name": name, "policies": list(policies), **fields})["data"]["id"]
        body = {"name": alias or name, "canonical_id": made, "mount_accessor": accessor or self.userpass}
        self.must("POST", "identity/entity-alias", body)
        return str(made)

    def group(self, name: str, *policies: str, **fields: Any) -> str:
        """A group; its id."""
        return str(
            self.must("POST", "identity/group", {"name": name, "policies": list(policies), **fields})["data"]["id"]
        )

    def mount(self, name: str, kind: str) -> str:
        """An auth method; its accessor."""
        self.must("POST", f"sys/auth/{name}", {"type": kind})
        return str(self.must("GET", "sys/auth")["data"][f"{name}/"]["accessor"])

    def has(self, kind: str, effect: str, identity: str) -> None:
        """Remember what was planted."""
        self.ways.append(Way(kind, effect, identity))

    def holder(self, kind: str, effect: str, text: str) -> None:
        """A role of its own with a policy of that text."""
        self.policy(f"p-{kind}", text)
        self.has(kind, effect, self.role(kind, f"p-{kind}"))


def plant(server: PlatformServer) -> list[Way]:
    """Everything, on one server."""
    garden = Garden(server)
    for each in (_reads, _identities, _tokens, _writes, _grants, _grants_by_identity, _chains):
        each(garden)
    return garden.ways


READS = {
    "exact": rule(DATA, "read"),
    "glob": rule("platform/data/team/*", "read"),
    "glob-of-the-mount": rule("plat*", "read"),
    "segment": rule("platform/data/+/mail", "read"),
    "segment-for-the-mount": rule("+/data/team/mail", "read"),
    "segment-and-glob": rule("platform/+/team/*", "read"),
    "everything": rule("*", "read"),
    "old-syntax": f'path "{DATA}" {{ policy = "read" }}\n',
    "json": '{"path": {"' + DATA + '": {"capabilities": ["read"]}}}',
    "leading-slash": rule(f"/{DATA}", "read"),
    "conditional": rule(DATA, "read", more='required_parameters = ["version"]'),
    "wrapped": rule(DATA, "read", more='min_wrapping_ttl = "1s"'),
    "among-denials": rule("platform/data/team/*", "deny") + rule(DATA, "read"),
    "expires-later": rule(DATA, "read", more='expiration = "2099-01-01T00:00:00Z"'),
}
"""Texts of policies that read the path."""


def _reads(garden: Garden) -> None:
    for kind, text in READS.items():
        garden.holder(f"reads-{kind}", "reads", text)
    garden.has("user", "reads", garden.user("reads-user", POLICY))
    garden.must("POST", "auth/approle/role/reads-approle", {"token_policies": [POLICY]})
    garden.has("approle", "reads", "auth/approle/role/reads-approle")
    certificate = {"certificate": self_made("reads-cert").certificate, "token_policies": [POLICY]}
    garden.must("POST", "auth/cert/certs/reads-cert", certificate)
    garden.has("certificate", "reads", "auth/cert/certs/reads-cert")


def _identities(garden: Garden) -> None:
    garden.user("by-entity")
    garden.entity("by-entity", POLICY)
    garden.has("entity", "reads", "identity/entity/name/by-entity")
    garden.entity("by-subject", POLICY, accessor=garden.jwt, alias=f"{SUBJECT}-reader")
    garden.has("entity of the reader itself", "reads", "identity/entity/name/by-subject")
    garden.user("in-a-group")
    member = garden.entity("in-a-group")
    inner = garden.group("by-group", POLICY, member_entity_ids=[member])
    garden.has("group", "reads", "identity/group/name/by-group")
    garden.group("around-a-group", POLICY, member_group_ids=[inner])
    garden.has("group around a group", "reads", "identity/group/name/around-a-group")
    garden.role("with-groups", groups_claim="groups")
    outside = garden.group("outside", POLICY, type="external")
    body = {"name": "operators", "mount_accessor": garden.jwt, "canonical_id": outside}
    garden.must("POST", "identity/group-alias", body)
    garden.has("external group", "reads", "identity/group/name/outside")
    garden.policy("p-named", rule("platform/data/team/{{identity.entity.name}}", "read"))
    garden.user("named", "p-named")
    garden.entity("mail", alias="named")
    garden.has("template of a name", "reads", "auth/userpass/users/named")
    garden.policy("p-team", rule("platform/data/{{identity.entity.metadata.team}}/*", "read"))
    garden.user("teamed", "p-team")
    garden.entity("teamed", metadata={"team": "team"})
    garden.has("template of metadata", "reads", "auth/userpass/users/teamed")
    garden.has("template of anybody", "reads", garden.role("anybody", "p-named"))


def _token(garden: Garden, path: str, **fields: Any) -> str:
    made = garden.must("POST", path, {"ttl": "1h", **fields})["auth"]
    return f"auth/token/accessors/{made['accessor']}"


def _tokens(garden: Garden) -> None:
    garden.has("orphan", "reads", _token(garden, "auth/token/create-orphan", policies=[POLICY]))
    garden.has("periodic", "reads", _token(garden, "auth/token/create-orphan", policies=[POLICY], period="24h"))
    garden.has("child", "reads", _token(garden, "auth/token/create", policies=["p-reads-glob"]))
    garden.user("was-reader", POLICY)
    login = {"password": "a-password-of-the-tests"}
    made = garden.must("POST", "auth/userpass/login/was-reader", login, token=None)["auth"]
    garden.must("POST", "auth/userpass/users/was-reader", {"token_policies": []})
    garden.has("login that was closed", "reads", f"auth/token/accessors/{made['accessor']}")
    path = garden.role("reader", POLICY, bound_subject="system:serviceaccount:team:earlier", token_ttl="1h")
    earlier = {"role": "reader", "jwt": garden.server.mint("team/earlier")}
    made = garden.must("POST", "auth/kubernetes/login", earlier, token=None)["auth"]
    garden.must("POST", path, JWT | {"bound_subject": f"{SUBJECT}-reader", "token_policies": [POLICY]})
    garden.has("login of whom the reader's role was for", "reads", f"auth/token/accessors/{made['accessor']}")


WRITES = {
    "create": rule(DATA, "create"),
    "update": rule(DATA, "update"),
    "patch": rule(DATA, "patch"),
    "delete": rule(DATA, "delete"),
    "delete-with-a-slash": rule(f"{DATA}/*", "delete"),
    "delete-metadata-with-a-slash": rule(f"{METADATA}/", "delete"),
    "delete-versions": rule("platform/delete/team/mail", "update"),
    "undelete": rule("platform/undelete/*", "update"),
    "destroy": rule("platform/destroy/+/mail", "update"),
    "metadata": rule(METADATA, "patch"),
    "delete-metadata": rule("platform/metadata/*", "delete"),
    "configure": rule("platform/config", "update"),
    "unmount": rule("sys/mounts/platform", "delete"),
    "tune": rule("sys/mounts/+/tune", "update"),
    "write-for-one-parameter": rule(DATA, "update", more='allowed_parameters = { "data" = [] "options" = [] }'),
}
"""Texts of policies that write or destroy it."""


def _writes(garden: Garden) -> None:
    for kind, text in WRITES.items():
        garden.holder(f"writes-{kind}", "writes", text)


GRANTS = {
    "own-policy": rule("sys/policies/acl/p-grants-own-policy", "update"),
    "own-policy-at-the-old-path": rule("sys/policy/p-grants-own-policy-at-the-old-path", "update"),
    "any-policy-and-role": rule("sys/policies/acl/*", "update") + rule("auth/kubernetes/role/new", "create"),
    "role-that-is-there": rule("auth/kubernetes/role/anybody", "update"),
    "new-role": rule("auth/kubernetes/role/*", "create"),
    "new-role-anywhere": rule("auth/+/role/+", "create"),
    "program-of-a-role": rule("auth/kubernetes/cel/role/*", "update"),
    "user": rule("auth/userpass/users/*", "create"),
    "policies-of-a-user": rule("auth/userpass/users/reads-user/policies", "update"),
    "password": rule("auth/userpass/users/reads-user/password", "update"),
    "approle-secret-id": rule("auth/approle/role/reads-approle/secret-id", "update"),
    "approle-own-secret-id": rule("auth/approle/role/reads-approle/custom-secret-id", "update"),
    "approle-policies": rule("auth/approle/role/reads-approle/policies", "update"),
    "approle-without-secret-id": rule("auth/approle/role/reads-approle/bind-secret-id", "update"),
    "certificate": rule("auth/cert/certs/+", "update"),
    "issuer": rule("auth/kubernetes/config", "update"),
    "token": rule("auth/token/create", "update", "sudo"),
    "orphan-token": rule("auth/token/create-orphan", "update", "sudo"),
    "token-by-role": rule("auth/token/create/gives", "update"),
    "token-by-glob": rule("auth/token/create/gives-by-glob", "update"),
    "token-by-what-is-not-disallowed": rule("auth/token/create/gives-others", "update"),
    "token-as-entity": rule("auth/token/create/gives-alias", "update"),
    "token-by-own-role": rule("auth/token/roles/*", "create") + rule("auth/token/create/*", "update"),
    "method": rule("sys/auth/*", "create", "sudo") + rule("auth/*", "create", "update"),
    "remount": rule("sys/remount", "update", "sudo"),
    "raw": rule("sys/raw/*", "read", "sudo"),
    "snapshot": rule("sys/storage/raft/snapshot", "read"),
    "restore": rule("sys/storage/raft/snapshot-force", "update"),
    "workflow": rule("sys/workflows/manage/*", "update"),
    "new-role-of-a-name": rule("auth/kubernetes/role/backdoor", "create"),
    "new-role-of-a-team": rule("auth/+/role/team-*", "create"),
    "new-role-of-a-template": rule("auth/kubernetes/role/{{identity.entity.name}}-bot", "create"),
    "new-program-of-a-name": rule("auth/kubernetes/cel/role/backdoor", "update"),
    "new-user-of-a-name": rule("auth/userpass/users/backdoor", "create"),
    "new-certificate-of-a-name": rule("auth/cert/certs/backdoor", "update"),
    "new-group-of-a-name": rule("identity/group/name/backdoor", "update"),
    "new-token-role-of-a-name": rule("auth/token/roles/*", "create") + rule("auth/token/create/own", "update"),
    "new-method-of-a-name": rule("sys/auth/my/own", "create", "sudo") + rule("auth/my/own/*", "create", "update"),
    "new-method-with-an-issuer": rule("sys/auth/mine", "update", "sudo")
    + rule("auth/mine/config", "update")
    + rule("auth/mine/role/*", "create"),
    "new-workflow-of-a-name": rule("sys/workflows/manage/backdoor", "update"),
    "raw-below": rule("sys/raw/core/*", "read", "sudo"),
    "certificate-by-role": rule("pki/issue/web", "update"),
    "certificate-of-any-name": rule("pki/sign-verbatim", "update"),
    "certificate-of-an-authority": rule("pki/root/sign-intermediate", "update"),
    "token-as-member": rule("auth/token/create/gives-membership", "update"),
    "somebody-elses-policy": rule("sys/policies/acl/p-harmless-list", "update"),
    "patch-of-the-lanes-policy": rule(f"sys/policies/acl/{POLICY}", "patch"),
}
"""Texts of policies by which more can be had."""


def _grants(garden: Garden) -> None:
    garden.must("POST", "auth/token/roles/gives", {"allowed_policies": [POLICY]})
    garden.must("POST", "auth/token/roles/gives-by-glob", {"allowed_policies_glob": ["lane-*"]})
    garden.must("POST", "auth/token/roles/gives-others", {"disallowed_policies": ["admin"]})
    accessor = garden.must("GET", "sys/auth")["data"]["token/"]["accessor"]
    garden.entity("of-a-token", POLICY, accessor=accessor)
    garden.must("POST", "auth/token/roles/gives-alias", {"allowed_entity_aliases": ["of-a-*"]})
    member = garden.entity("token-of-a-group", accessor=accessor)
    inner = garden.group("of-tokens", member_entity_ids=[member])
    garden.group("around-tokens", POLICY, member_group_ids=[inner])
    garden.must("POST", "auth/token/roles/gives-membership", {"allowed_entity_aliases": ["token-of-a-group"]})
    garden.must("POST", "sys/mounts/pki", {"type": "pki"})
    authority = garden.must("POST", "pki/root/generate/internal", {"common_name": "of-the-tests"})["data"][
        "certificate"
    ]
    garden.must("POST", "auth/cert/certs/of-the-pki", {"certificate": authority, "token_policies": [POLICY]})
    garden.has("role of certificates that are issued here", "reads", "auth/cert/certs/of-the-pki")
    for kind, text in GRANTS.items():
        garden.holder(f"grants-{kind}", "grants", text)


def _grants_by_identity(garden: Garden) -> None:
    entity = garden.must("GET", "identity/entity/name/by-entity")["data"]["id"]
    alias = garden.must("GET", "identity/entity/name/by-entity")["data"]["aliases"][0]["id"]
    texts = {
        "entity-by-id": rule(f"identity/entity/id/{entity}", "update"),
        "entity-by-name": rule("identity/entity/name/*", "update"),
        "any-entity": rule("identity/entity", "update"),
        "group": rule("identity/group/name/+", "update"),
        "alias": rule("identity/entity-alias", "update"),
        "alias-by-id": rule(f"identity/entity-alias/id/{alias}", "update"),
        "external-group": rule("identity/group-alias", "update"),
        "merge": rule("identity/entity/merge", "update"),
        "own-entity": rule("identity/entity/id/{{identity.entity.id}}", "update"),
    }
    for kind, text in texts.items():
        garden.holder(f"identity-{kind}", "grants", text)
    garden.policy("p-bots", rule("auth/approle/role/{{identity.entity.name}}-*", "create", "update"))
    garden.user("makes-bots", "p-bots")
    garden.entity("makes-bots")
    garden.has("template of a new name", "grants", "auth/userpass/users/makes-bots")
    garden.policy("p-group-grants", rule("auth/kubernetes/role/*", "update"))
    garden.user("group-grants")
    garden.group("group-grants", "p-group-grants", member_entity_ids=[garden.entity("group-grants")])
    garden.has("group that grants", "grants", "identity/group/name/group-grants")


def _chains(garden: Garden) -> None:
    """Two steps: be somebody who may write what gives the path."""
    garden.policy("p-writes-users", rule("auth/userpass/users/*", "update"))
    garden.user("writes-users", "p-writes-users")
    garden.has("first of two steps", "grants", "auth/userpass/users/writes-users")
    garden.holder("two-steps", "grants", rule("auth/userpass/users/writes-users/password", "update"))
    garden.policy("p-not-there-yet", rule("nothing", "read"))
    garden.policy("p-dangling", rule("sys/policies/acl/never-made", "update"))
    garden.has("policy that is not there", "grants", garden.role("dangling", "p-dangling", "never-made"))


HARMLESS = {
    "list": rule("platform/metadata/*", "list") + rule("platform/data/team/*", "list", "scan"),
    "metadata": rule(METADATA, "read"),
    "subkeys": rule("platform/subkeys/*", "read"),
    "denied": rule("platform/data/*", "read") + rule(DATA, "deny"),
    "narrower": rule("platform/data/*", "read") + rule(f"{DATA}*", "list"),
    "another-path": rule("platform/data/team/mail2", "read"),
    "another-segment": rule("platform/data/+/mail/+", "read"),
    "void-rule": rule(DATA, "read", more='expiration = "2001-01-01T00:00:00Z"'),
    "token-of-its-own-policies": rule("auth/token/create", "update") + rule("auth/token/create-orphan", "update"),
    "password-policy": rule("sys/policies/password/*", "update", "create"),
    "auth-without-sudo": rule("sys/auth/*", "create", "update"),
    "remount-without-sudo": rule("sys/remount", "update"),
    "certificates-of-another-engine": rule("pki2/issue/web", "update"),
    "roles-of-the-pki": rule("pki/roles/*", "read", "list"),
    "create-of-what-is-there": rule("auth/userpass/users/harmless-disabled", "create"),
    "own-method-without-sudo": rule("sys/auth/mine", "update") + rule("auth/mine/*", "create", "update"),
    "new-token-role-without-creation": rule("auth/token/roles/backdoor", "create"),
}
"""Texts of policies that give nothing."""


def harmless(server: PlatformServer) -> Iterator[str]:
    """Roles that nobody should hear of; their paths."""
    garden = Garden(server)
    for kind, text in HARMLESS.items():
        garden.policy(f"p-harmless-{kind}", text)
        yield garden.role(f"harmless-{kind}", f"p-harmless-{kind}")
    garden.policy("p-of-a-team", rule("auth/approle/role/{{identity.entity.metadata.team}}-*", "create", "update"))
    yield garden.user("harmless-without-team", "p-of-a-team")
    garden.entity("harmless-without-team")
    yield garden.user("harmless-disabled")
    entity = garden.entity("harmless-disabled", POLICY)
    garden.must("POST", f"identity/entity/id/{entity}", {"disabled": True})
    yield "identity/entity/name/harmless-disabled"
    yield garden.user("harmless-disabled-user", POLICY)
    entity = garden.entity("harmless-disabled-user")
    login = {"password": "a-password-of-the-tests"}
    made = garden.must("POST", "auth/userpass/login/harmless-disabled-user", login, token=None)["auth"]
    garden.must("POST", f"identity/entity/id/{entity}", {"disabled": True})
    garden.must("POST", "auth/userpass/users/harmless-disabled-user", {"token_policies": ["default", POLICY]})
    assert garden.server.call("GET", DATA, token=made["client_token"])[0] == HTTPStatus.FORBIDDEN
    assert (
        garden.server.call("POST", "auth/userpass/login/harmless-disabled-user", login, token=None)[0] != HTTPStatus.OK
    )
    yield f"auth/token/accessors/{made['accessor']}"
    garden.must("POST", "identity/entity", {"name": "harmless-nobody", "policies": [POLICY]})
    yield "identity/entity/name/harmless-nobody"
