"""OpenBao as the target of an actor or a host: the SSH engine and its key, the SSH role, the policy, the logins."""

from collections.abc import Mapping

from warden.core.inventory.inventory import Inventory
from warden.core.lanes.lane import Lane, RoleName
from warden.core.openbao.resources import is_template, keeps
from warden.core.openbao.ssh_comparison import ENGINE, SshDeclared, SshObserved, compare, names_to_observe
from warden.core.openbao.ssh_roles import SshResources, SshRole, logins_of
from warden.core.plans.plan import Change, Plan, System
from warden.usecases.context import Context


class SshTarget:
    """What one actor or host implies on OpenBao; see `Target`.

    `take_over` treats objects of its names that are not marked as ours as ours.
    """

    def __init__(self, resources: SshResources, context: Context, *, take_over: bool = False) -> None:
        self.system = System(address=context.vault.address)
        self._resources = resources
        self._inventory = context.inventory or Inventory()
        self._context = context
        self._vault = context.vault
        self._ssh = context.vault.ssh()
        self._take_over = take_over

    def plan(self) -> Plan:
        """Compare; nothing is changed."""
        return compare(
            self._resources, self._observed(), self._declared(), system=self.system, take_over=self._take_over
        )

    def _observed(self) -> SshObserved:
        mount, vault = self._resources.mount, self._vault
        policy = vault.acl_policy(self._resources.policy)
        roles, logins = names_to_observe(self._resources, policy)
        engine = vault.mount(mount) if mount else None
        is_ssh = engine is not None and engine.type == ENGINE
        auth = {name: vault.auth_type(name) for name in sorted({each.mount for each in logins})}
        return SshObserved(
            mount=engine,
            issuers=self._ssh.issuers(mount) if is_ssh else (),
            policy=policy,
            roles={each: self._role(each) for each in roles},
            auth=auth,
            logins={each: vault.role(each) if keeps(auth[each.mount], each) else None for each in logins},
        )

    def _role(self, role: SshRole) -> Mapping[str, object] | None:
        """Of a mount that is not there, or is another engine, there is none."""
        engine = self._vault.mount(role.mount)
        return self._ssh.role(role) if engine and engine.type == ENGINE else None

    def _declared(self) -> SshDeclared:
        lanes = tuple(self._context.lanes.values())
        own = (each.name for each in self._resources.logins)
        return SshDeclared(
            settings=self._context.settings,
            logins=logins_of(self._inventory),
            lanes={login: lanes_with(login, lanes) for login in own},
        )

    def make(self, change: Change) -> None:
        """One write to the server."""
        vault, mount = self._vault, self._resources.mount
        if change.kind == "mount":
            self._ssh.create(change.name)
        elif change.kind == "ca-key":
            self._ssh.new_issuer(mount, change.wanted, signs=True)
        elif change.kind == "policy" and change.action == "delete":
            vault.delete_policy(change.name)
        elif change.kind == "policy":
            vault.write_policy(change.name, change.wanted)
        elif change.kind == "ssh-role" and change.action == "delete":
            self._ssh.delete_role(_ssh_role(change.name))
        elif change.kind == "ssh-role":
            self._ssh.write_role(_ssh_role(change.name), change.wanted)
        elif change.role is not None and change.action == "delete":
            vault.delete_role(change.role)
        elif change.role is not None:
            vault.write_role(change.role, change.wanted)

    def acting_as(self) -> Mapping[str, str]:
        """The caller as OpenBao knows it."""
        return self._vault.identity().as_json()


def _ssh_role(name: str) -> SshRole:
    mount, _, role = name.rpartition("/roles/")
    return SshRole(mount, role)


def lanes_with(role: RoleName, lanes: tuple[Lane, ...]) -> tuple[str, ...]:
    """The lanes whose readers or approvers log in by that role."""
    concrete = (lane for lane in lanes if not is_template(lane))
    return tuple(lane.id for lane in concrete if role in map(lane.role_name, (*lane.readers, *lane.approvers)))
