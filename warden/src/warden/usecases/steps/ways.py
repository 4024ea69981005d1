"""Everybody who can reach the lanes of a run: the OpenBao is read once, when the first lane needs it."""

import threading

import msgspec

from warden.core.access_index.index import AccessIndex
from warden.core.access_index.snapshot import Snapshot
from warden.core.access_index.ways import WhoCan
from warden.core.errors import Refused, WardenError
from warden.core.inventory.inventory import Inventory, NamedActor
from warden.core.lanes.lane import Lane, WorkloadReader
from warden.core.openbao.resources import is_template
from warden.core.openbao.ssh_roles import SshRole
from warden.core.proofs.nobody_else import judge_ways, owners_of, reader_roles
from warden.core.proofs.people_probes import people_verdicts
from warden.core.proofs.probes import Claims, claims_of
from warden.core.proofs.strangers import Strangers
from warden.core.proofs.verdict import Verdict
from warden.core.ssh.login_proof import LoginVerdict
from warden.core.ssh.nobody_else import is_blind, judge_signers, signing_roles
from warden.core.ssh.other_roles import others_that_give, ways_by
from warden.core.unobserved import unobserved
from warden.ports.vault import Vault
from warden.usecases.context import Context
from warden.usecases.steps.ssh_roles_read import SshRolesRead, read_ssh_roles
from warden.usecases.targets.openbao import SharedAnswers


class WaysIn:
    """One reading, shared by the lanes of a run, which may be proven on several threads."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._index: AccessIndex | WardenError | None = None
        self._strangers: Strangers | None = None
        self._found: dict[str, WhoCan] = {}
        self._ssh_roles: dict[str, SshRolesRead] = {}

    def of(self, lane: Lane) -> WhoCan | None:
        """Every way to the lane's path; none where the server was not, or could not be, read."""
        index = self._read()
        if not isinstance(index, AccessIndex):
            return None
        with self._lock:  # it keeps what it has decided
            if lane.id not in self._found:
                readers = reader_roles(lane)
                self._found[lane.id] = index.who_can(lane.custody.path, namespace=index.snapshot.base, readers=readers)
            return self._found[lane.id]

    def snapshot(self) -> Snapshot | None:
        """What was read; none where the server was not, or could not be, read."""
        index = self._read()
        return index.snapshot if isinstance(index, AccessIndex) else None

    def strangers(self, lane: Lane, answers: SharedAnswers, vault: Vault) -> tuple[Claims, ...]:
        """The reader of another lane that is nearest to getting in; where that is not known the first with a role."""
        nearest = self._nearest(lane)
        if nearest is not None:
            return (nearest,)
        mine = {reader.workload for reader in lane.readers if isinstance(reader, WorkloadReader)}
        roles = {lane.role_of(reader) for reader in lane.readers}
        for other in self._context.lanes.values():
            if other.id == lane.id or is_template(other):
                continue
            for reader in other.readers:
                if not isinstance(reader, WorkloadReader) or reader.workload in mine or other.role_of(reader) in roles:
                    continue
                if answers.has_role(other.role_name(reader), vault):
                    return (claims_of(other, reader),)
        return ()

    def _nearest(self, lane: Lane) -> Claims | None:
        index, found = self._read(), self.of(lane)
        if not isinstance(index, AccessIndex) or found is None:
            return None
        with self._lock:
            if self._strangers is None:
                self._strangers = Strangers(self._context.lanes.values(), index, index.snapshot.base)
            return self._strangers.nearest(lane, found)

    def verdicts(self, lane: Lane) -> tuple[Verdict, ...]:
        """Whether nobody else can reach the lane, and what the people who are its readers may do besides."""
        index, found = self._read(), self.of(lane)
        if isinstance(index, AccessIndex) and found is not None:
            return (*judge_ways(lane, found, index.snapshot), *people_verdicts(lane, index, index.snapshot.base))
        if isinstance(index, WardenError):
            return (Verdict(probe="nobody-else", result="inconclusive", observed="not-seen", detail=unobserved(index)),)
        return ()

    def signers(self, actor: NamedActor, inventory: Inventory, mount: str) -> tuple[LoginVerdict, ...]:
        """Whether nobody else can have the actor's certificates signed; none where the caller may not look."""
        index = self._read()
        if isinstance(index, AccessIndex):
            with self._lock:
                found = _signing(index, SshRole(mount, actor.name), signing_roles(actor))
                if is_blind(found):
                    return ()
                found = self._with_other_roles(index, actor, inventory, found, mount)
            return judge_signers(actor, found, index.snapshot)
        if isinstance(index, WardenError):
            detail = unobserved(index)
            verdict = LoginVerdict(
                probe="nobody-else", result="inconclusive", expected="refused", observed="not-seen", detail=detail
            )
            return () if isinstance(index, Refused) else (verdict,)
        return ()

    def _with_other_roles(
        self, index: AccessIndex, actor: NamedActor, inventory: Inventory, found: WhoCan, mount: str
    ) -> WhoCan:
        """The ways by every other SSH role of the mount that gives one of the actor's principals, too."""
        if mount not in self._ssh_roles:
            self._ssh_roles[mount] = read_ssh_roles(mount, self._context.vault.ssh(), index.snapshot.base)
        read = self._ssh_roles[mount]
        others = others_that_give(actor, read.roles, inventory)
        ways = (way for other in others for way in ways_by(other, _signing(index, other.role), found))
        return msgspec.structs.replace(found, ways=(*found.ways, *ways), unknown=(*found.unknown, *read.unknown))

    def _read(self) -> AccessIndex | WardenError | None:
        """The index, or why there is none; nothing where no reader is given."""
        if self._context.snapshots is None:
            return None
        with self._lock:
            if self._index is None:
                try:
                    snapshot = self._context.snapshots.read()
                except WardenError as fault:
                    self._index = fault
                else:
                    self._index = AccessIndex(
                        snapshot,
                        owners=owners_of(self._context.lanes.values()),
                        administrators=self._context.administrators,
                    )
            return self._index


def _signing(index: AccessIndex, role: SshRole, readers: frozenset[str] = frozenset()) -> WhoCan:
    """Every way to have something signed by the SSH role."""
    return index.who_can(f"{role.mount}/sign/{role.name}", namespace=index.snapshot.base, readers=readers)
