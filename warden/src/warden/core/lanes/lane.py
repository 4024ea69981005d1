"""A lane: everything about one credential, and the names that follow from it by convention.

The structures have the shape of the lane file: a field here is a key there (docs/lane.md is generated from them).
Names that the file leaves out are derived:

    custody.path  platform/workloads/activity-core/llm-connect/llm-connect-provider-secrets
    -> policy     workload-kv-read-llm-connect-provider-secrets
    reader        workload: activity-core/llm-connect
    -> role       auth/kubernetes/role/workload-activity-core-llm-connect, audience openbao, ttl 15m
    reader        people: npm-publishers, login: netkingdom
    -> role       auth/netkingdom/role/<workload>-workload-kv-read

Readers that are not pods (CI jobs, AppRoles, certificates) are in ``readers``.
"""

import datetime as dt
from typing import Literal, NamedTuple

import msgspec

from warden.core.lanes.approval import Approval, ApproverGroup, approved_by, approver_policy, approver_role
from warden.core.lanes.readers import (
    AppRoleReader,
    CertificateReader,
    GithubReader,
    GitlabReader,
    Seconds,
    derived_role,
)
from warden.core.lanes.rotation import OnNewValue, Rotation

Status = Literal["draft", "active"]
Stretch = Literal["custody", "consumer", "runtime"]

PROBE_ACCOUNT = "warden-probe"
"""The account and the namespace that probes act as; no team may use them for anything else."""


class Workload(msgspec.Struct, frozen=True, order=True):
    """A Kubernetes service account, written ``namespace/name``."""

    namespace: str
    account: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.account}"

    @property
    def subject(self) -> str:
        """The ``sub`` claim of its tokens (Kubernetes: service account token, claim ``sub``)."""
        return f"system:serviceaccount:{self.namespace}:{self.account}"


UNREAD = Workload("x", "x")
"""Stands for a workload that a file declares in a way that cannot be read."""


class RoleName(msgspec.Struct, frozen=True, order=True):
    """An auth role: its mount, its name there, and the folder that the mount keeps roles in."""

    mount: str
    name: str
    folder: Literal["role", "certs"] = "role"

    def __str__(self) -> str:
        return f"auth/{self.mount}/{self.folder}/{self.name}"


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """Who owns a part of the lane: a repository and the authoritative page in it.

    ``doc`` is a path in ``repo``, or ``other-repo path`` for a page in another repository.
    """

    repo: str
    doc: str


class Owners(msgspec.Struct, frozen=True, kw_only=True):
    """One owner for each part of the lane: where the value is kept, who uses it, and who runs the user."""

    custody: Owner
    consumer: Owner
    runtime: Owner | None = None


class KvPath(NamedTuple):
    """A KV v2 path: its mount, and the path below."""

    mount: str
    key: str

    def __str__(self) -> str:
        return f"{self.mount}/{self.key}"


class Custody(msgspec.Struct, frozen=True, kw_only=True):
    """Where the value is kept: a KV v2 path, which begins with its mount, and the fields in it.

    ``policy`` overrides the derived name of the read policy. ``mount`` is needed where the path is on another mount
    than ``kv_mount`` of ``platform.yaml``; a mount may have several segments, as ``team/kv``.
    """

    path: str
    fields: tuple[str, ...]
    policy: str | None = None
    declared_mount: str | None = msgspec.field(name="mount", default=None)

    @property
    def mount(self) -> str:
        """The KV v2 mount: the one that is declared, else the first segment."""
        return self.declared_mount or self.path.partition("/")[0]

    @property
    def key(self) -> str:
        """The path below the mount."""
        return self.path.removeprefix(f"{self.mount}/")

    @property
    def secret(self) -> str:
        """The last segment: what the policy is named after."""
        return self.path.rpartition("/")[2]

    @property
    def policy_name(self) -> str:
        """The read policy's name, in lower case, as OpenBao stores every name."""
        return (self.policy or f"workload-kv-read-{self.secret}").lower()


class WorkloadReader(msgspec.Struct, frozen=True, kw_only=True):
    """A service account that may read; ``mount`` is the auth mount it logs in at, ``role`` overrides the name."""

    workload: Workload
    mount: str = "kubernetes"
    role: str | None = None
    audience: str = "openbao"
    ttl: Seconds = Seconds(900)

    @property
    def label(self) -> str:
        """Who it is, for people and records; with the mount unless it is the usual one."""
        return str(self.workload) if self.mount == "kubernetes" else f"{self.workload} ({self.mount})"


class PeopleReader(msgspec.Struct, frozen=True, kw_only=True):
    """The members of a group of a login mount (OIDC, JWT), who may read; ``role`` overrides the name.

    With ``approval`` they get the value only after somebody else approved.
    """

    people: str
    login: str
    role: str | None = None
    ttl: Seconds = Seconds(900)
    approval: Approval | None = None

    @property
    def mount(self) -> str:
        """The auth mount, as a workload's reader names it."""
        return self.login

    @property
    def label(self) -> str:
        """Who it is, for people and records."""
        return f"people {self.people} of {self.login}"


Reader = WorkloadReader | PeopleReader | GithubReader | GitlabReader | AppRoleReader | CertificateReader


Callback = Literal["client", "direct", "device"]
"""How an OIDC login comes back from the browser: to the command line, to OpenBao, or not at all (OpenBao, auth/jwt)."""


class LoginMount(msgspec.Struct, frozen=True, kw_only=True):
    """A mount where people log in (OIDC, JWT): the claims that name the person and the groups.

    An OIDC login asks the provider for ``scopes`` besides ``openid``. ``callback`` is how it comes back: to the command
    line at one of ``redirect_uris`` (``client``), to OpenBao itself at one of them (``direct``), or not at all, since
    OpenBao asks the provider (``device``).
    """

    user_claim: str = "sub"
    groups_claim: str = "groups"
    audience: str = "openbao"
    redirect_uris: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    callback: Callback = "client"


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """How a cluster gets the value: through External Secrets Operator, or as a Secret made by hand.

    Names are ``namespace/name``; the ExternalSecret and the Secret bear the same. ``store`` overrides the derived
    SecretStore: ``SecretStore/name`` or ``ClusterSecretStore/name``. ``reader`` is as whom External Secrets Operator
    logs in: one of the lane's workloads; left out, the one in the Secret's namespace.
    """

    external_secret: str | None = None
    bootstrap_secret: str | None = None
    store: str | None = None
    refresh: Seconds = Seconds(3600)
    reader: Workload | None = None

    @property
    def secret(self) -> str:
        """``namespace/name`` of the Secret, whoever makes it."""
        return self.external_secret or self.bootstrap_secret or ""


OnClosing = Literal["stop", "inform"]
"""What happens to a consumer when its lane is closed."""


class Consumer(msgspec.Struct, frozen=True, kw_only=True):
    """Who uses the value: a Deployment ``namespace/name``, and the command that shows that it works.

    ``overlay`` is the folder, in the consumer owner's repository, that deploys it with ``kubectl apply -k``.
    ``on_closing``: when the lane is closed the Deployment is scaled to 0 (``stop``), or its pods, which keep what they
    have read, are only reported (``inform``).
    ``on_new_value`` is what `rotate` does about it: ``restart`` replaces its pods as ``kubectl rollout restart`` does,
    ``reload`` waits for a consumer that reads its mounted Secret anew by itself, ``none`` leaves it alone.
    ``reload_within`` is how long that takes after a change of the Secret: a kubelet's sync period (a minute) and its
    cache, and the consumer's own time.
    """

    deployment: str
    smoke: tuple[str, ...] = ()
    overlay: str | None = None
    on_closing: OnClosing = "inform"
    on_new_value: OnNewValue = "restart"
    reload_within: Seconds = Seconds(120)


class Protected(msgspec.Struct, frozen=True, kw_only=True):
    """Who has to approve a change of the lane before ``apply`` makes it; see docs/change.md.

    ``approvers`` are names in the file ``allowed_signers``. ``approvals`` is how many of them have to approve; whoever
    requested the change is never one of them.
    """

    approvers: tuple[str, ...]
    approvals: int = 1

    @property
    def mark(self) -> str:
        """How the custom metadata of the lane's path says it: ``2 of alice, bob``."""
        return f"{self.approvals} of {', '.join(sorted(self.approvers))}"


class LaneInEnvironment(msgspec.Struct, frozen=True, kw_only=True):
    """What differs of a lane in one environment; what is left out is as in the rest of the file.

    ``path`` is the custody's, ``readers`` are all readers there. ``{}``: nothing differs.
    """

    status: Status | None = None
    path: str | None = None
    readers: tuple[Reader, ...] | None = None


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one credential."""

    id: str = msgspec.field(name="lane")
    title: str
    status: Status
    reviewed: dt.date
    owners: Owners
    custody: Custody
    readers: tuple[Reader, ...]
    needs: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    deliveries: dict[str, Delivery] = {}
    consumers: tuple[Consumer, ...] = ()
    protected: Protected | None = None
    rotation: Rotation | tuple[Rotation, ...] | None = None
    playbook: str | None = None
    references: tuple[str, ...] = ()
    environments: dict[str, LaneInEnvironment] = {}

    @property
    def rotations(self) -> tuple[Rotation, ...]:
        """How its values are replaced, one for each field that is."""
        if isinstance(self.rotation, tuple):
            return self.rotation
        return () if self.rotation is None else (self.rotation,)

    def role_of(self, reader: Reader) -> str:
        """The name of the reader's auth role, in lower case, as OpenBao stores it.

        Per reader, so that two lanes of one tenant stay apart.
        """
        if reader.role is not None:
            return reader.role.lower()
        if isinstance(reader, WorkloadReader):
            return f"workload-{reader.workload.namespace}-{reader.workload.account}"
        if isinstance(reader, PeopleReader):
            return f"{self.custody.path.split('/')[-2]}-workload-kv-read".lower()
        return derived_role(reader)

    def role_name(self, reader: Reader) -> RoleName:
        """Where the reader's auth role is."""
        folder: Literal["role", "certs"] = "certs" if isinstance(reader, CertificateReader) else "role"
        return RoleName(reader.mount, self.role_of(reader), folder)

    def policy_of(self, reader: Reader) -> str:
        """The policy that the reader's role has for this lane."""
        return approved_by(self.custody.policy_name, reader.approval if isinstance(reader, PeopleReader) else None)

    @property
    def approved_readers(self) -> tuple[PeopleReader, ...]:
        """The readers that need an approval."""
        return tuple(each for each in self.readers if isinstance(each, PeopleReader) and each.approval)

    @property
    def approver_groups(self) -> tuple[ApproverGroup, ...]:
        """The groups whose members approve reads of this lane."""
        found = (ApproverGroup(each.approval.group, each.login) for each in self.approved_readers if each.approval)
        return tuple(dict.fromkeys(found))

    @property
    def approvers(self) -> tuple[PeopleReader, ...]:
        """How the approvers log in; they read nothing."""
        groups = self.approver_groups
        return tuple(PeopleReader(people=one.name, login=one.login, role=approver_role(one.name)) for one in groups)

    @property
    def policy_names(self) -> tuple[str, ...]:
        """Every policy that follows from the lane, the plain one first."""
        own = self.custody.policy_name
        controlled = dict.fromkeys(map(self.policy_of, self.approved_readers))
        return (own, *controlled, *((approver_policy(own),) if controlled else ()))
