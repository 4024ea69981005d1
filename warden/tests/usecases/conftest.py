"""A bench for the verbs: one lane of its own on the real OpenBao, and the people who work on it."""

import datetime as dt
import secrets
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest

from warden.adapters.dev import config
from warden.adapters.identities import ByMount
from warden.adapters.journal.sqlite import SqliteJournal
from warden.adapters.openbao.audit_log import AuditFiles
from warden.adapters.openbao.client import OpenBao
from warden.adapters.whereabouts import Here
from warden.core.errors import WardenError
from warden.core.lanes.administrators import administrators
from warden.core.lanes.lane import Custody, Lane, LoginMount, Owner, Owners, Workload, WorkloadReader
from warden.core.openbao.resources import Settings
from warden.core.plans.lane_plan import LaneOptions
from warden.core.plans.plan import Plan, Receipt
from warden.core.proofs.verdict import Proof, Verdict
from warden.core.secret import Secret
from warden.usecases.context import Context
from warden.usecases.deactivate import Closing, deactivate
from warden.usecases.prove import ProveOptions, prove
from warden.usecases.put import put
from warden.usecases.reactivate import Opening, reactivate
from warden.usecases.steps.apply_target import apply_target
from warden.usecases.steps.closing_denial import ProbeTools
from warden.usecases.steps.closing_lane import ClosingOptions
from warden.usecases.targets.of_lane import openbao_target

OWNERS = Owners(
    custody=Owner(repo="railiance-platform", doc="docs/openbao.md"),
    consumer=Owner(repo="llm-connect", doc="README.md"),
)


ADMINISTRATORS = administrators(config.ADMINISTRATORS)
"""Who may administer the embedded platform."""


class NoClusters:
    """The port Clusters where no cluster is declared."""

    declared: ClassVar[dict] = {}
    embedded = False

    def __getitem__(self, name: str) -> WardenError:
        raise AssertionError(name)

    def reached(self, delivery: object) -> object:
        raise AssertionError(delivery)


class LaneBench:
    """One lane on a server shared with other tests; every name in it is unique."""

    def __init__(self, server, unique, directory: Path) -> None:
        self.server = server
        self.directory = directory
        self.journal = self.journal_at("here")
        name = unique("lane")
        self.lane = self.make(name)
        self.lanes = [self.lane]
        self.value = unique("sk-planted-value")
        self.logins = {"netkingdom": LoginMount()}
        self.authorities: dict[str, str] = {}
        self.snapshots = None  # whose reader of snapshots; on a shared server other tests have left ways in

    def journal_at(self, platform: str, *, file: str = "journal.db", **environ: str) -> SqliteJournal:
        """The journal in that file, for a platform directory of that name; `environ` may name another OpenBao."""
        environ = {"BAO_ADDR": self.server.address, "BAO_CACERT": self.server.ca} | environ
        return SqliteJournal(str(self.directory / file), whereabouts=Here(str(self.directory / platform), environ))

    @staticmethod
    def make(name: str, *, fields: Sequence[str] = ("API_KEY",), account: str = "") -> Lane:
        return Lane(
            id=name,
            title=f"the key of {name}",
            status="active",
            reviewed=dt.date(2026, 11, 1),
            owners=OWNERS,
            custody=Custody(path=f"platform/workloads/tenant/{name}/{name}-secrets", fields=tuple(fields)),
            readers=(WorkloadReader(workload=Workload("tenant", account or name)),),
        )

    @property
    def path(self) -> str:
        return self.lane.custody.key

    @property
    def role(self) -> str:
        return f"auth/kubernetes/role/{self.lane.role_of(self.lane.readers[0])}"

    @property
    def policy(self) -> str:
        return f"sys/policies/acl/{self.lane.custody.policy_name}"

    def change(self, **fields: object) -> None:
        """Declare the lane anew with other fields."""
        changed = msgspec.structs.replace(self.lane, **fields)
        self.lanes = [changed if each.id == changed.id else each for each in self.lanes]
        self.lane = changed

    def vault(self, part: str = "platform") -> OpenBao:
        return self.server.vault(part)

    def context(self, part: str = "platform") -> Context:
        return Context(
            lanes={lane.id: lane for lane in self.lanes},
            settings=Settings(self.logins, self.authorities),
            vault=self.vault(part),
            vaults=lambda: self.vault(part),
            clusters=NoClusters(),
            journal=self.journal,
            audit_device="file",
            alone=lambda _: nullcontext(),
            snapshots=self.snapshots(part) if self.snapshots else None,
            administrators=ADMINISTRATORS,
        )

    def target(self, *, take_over: bool = False, lane: Lane | None = None, part: str = "platform"):
        return openbao_target(lane or self.lane, self.context(part), LaneOptions(take_over=take_over))

    def plan(self, **how: object) -> Plan:
        return self.target(**how).plan()

    def apply(self, **how: object) -> Receipt:
        return apply_target(self.target(**how), self.journal, LaneOptions(yes=True))

    def put(self, value: str | None = None, field: str = "API_KEY", **how: bool):
        values = {field: Secret(self.value if value is None else value)}
        return put(self.lane, values, self.vault(), self.journal, **how)

    def ready(self) -> "LaneBench":
        """Applied and filled."""
        self.apply()
        for field in self.lane.custody.fields:
            self.put(field=field)
        return self

    def prove(self, lanes: Sequence[Lane] = (), **how: object) -> Proof:
        """Prove the lane, or the first of `lanes`; `how` replaces ports or options."""
        return self.prove_all(lanes or [self.lane], **how)[0]

    def prove_all(self, lanes: Sequence[Lane], **how: object) -> list[Proof]:
        vaults = how.pop("vaults", self.vault)
        context = msgspec.structs.replace(self.context(), vault=vaults(), vaults=vaults)
        if "snapshots" in how:
            context = msgspec.structs.replace(context, snapshots=how.pop("snapshots"))
        identities = how.pop("identities", None) or ByMount({}, self.server.issuer, self.server.issuer)
        audit = how.pop("audit", None) or AuditFiles([self.server.audit_file])
        options = ProveOptions(**{"run": f"wp-{self.lane.id}"} | how)
        return prove(lanes, context, identities, audit, options)

    def tools(self, **how: object) -> ProbeTools:
        """What readers are played with when the lane is closed or opened."""
        identities = ByMount({}, self.server.issuer, self.server.issuer)
        audit = AuditFiles([self.server.audit_file])
        run = f"wc-{self.lane.id}-{secrets.token_hex(4)}"
        return ProbeTools(**{"identities": identities, "audit": audit, "run": run} | how)

    def close(self, reason: str = "tenant left", *, context: Context | None = None, **how: object) -> Closing:
        leaked = how.pop("leaked", None)
        options = ClosingOptions(**{"denial": self.tools(), "patience": 0.5} | how)
        return deactivate(self.lane, reason, context or self.context(), leaked=leaked, options=options)

    def reopen(self, reason: str = "fixed", *, context: Context | None = None, **how: object) -> Opening:
        tools = how.pop("tools", None) or self.tools()
        lane = how.pop("lane", self.lane)
        return reactivate(lane, reason, context or self.context(), LaneOptions(**{"yes": True} | how), tools)

    def snapshot(self) -> object:
        """All that a probe must not change: data, versions, metadata, policy and role, as the administrator sees it."""
        admin = self.vault("admin")
        mount, key = self.lane.custody.mount, self.lane.custody.key
        read = admin.read(mount, key)
        data = {name: secret.reveal() for name, secret in read[1].items()} if read else None
        metadata = self.server.call("GET", f"{mount}/metadata/{key}")[1].get("data")
        listed = self.server.call("LIST", f"{mount}/metadata/{key.rpartition('/')[0]}/")[1].get("data")
        policy = admin.policy(self.lane.custody.policy_name)
        return data, metadata, listed, policy, self.server.call("GET", self.role)[1].get("data")


@pytest.fixture
def bench(platform_server, unique: Callable[[str], str], tmp_path: Path) -> LaneBench:
    """A lane that is declared, and nowhere yet."""
    return LaneBench(platform_server, unique, tmp_path)


@pytest.fixture
def verdict() -> Callable[[Proof, str], Verdict]:
    """Finds the verdict of a probe by its id."""

    def find(proof: Proof, probe: str) -> Verdict:
        found = [each for each in proof.verdicts if each.probe == probe]
        assert found, f"no verdict {probe} among {[each.probe for each in proof.verdicts]}"
        return found[0]

    return find
