"""The inventory: every actor that may have SSH certificates, the hosts that take them, and who signs.

The structures have the shape of ``platform/inventory.yaml``: a field here is a key there. What the file leaves out
follows from the kind of the actor, which is the prefix of its name:

    adm-ada      a person        8 h, at most 48 h   permit-pty
    agt-deploy   an AI agent     15 min, at most 24 h   no extensions, source addresses required
    atm-backup   an automation   15 min, at most 8 h    as an agent
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from warden.core.lanes.lane import Reader, RoleName
from warden.core.lanes.readers import CertificateReader, Seconds

ActorKind = Literal["adm", "agt", "atm"]
CertificateType = Literal["user", "host"]
"""Of an actor, or of a host."""
Purpose = Literal["users", "hosts", "break-glass"]
"""What an authority signs: certificates of users, of hosts, and of users in an emergency."""
HOUR = 3600

LONGEST: Mapping[ActorKind, Seconds] = {
    "adm": Seconds(48 * HOUR),
    "agt": Seconds(24 * HOUR),
    "atm": Seconds(8 * HOUR),
}
"""The longest validity of a certificate; a longer one is refused, never shortened."""

LONGEST_OF_HOST = Seconds(70 * 24 * HOUR)
"""The longest validity of a host's certificate: refused above, never shortened. step-ca has the same limit (1680 h)
beside the same default (720 h); hosts fetch a new one in between, and a key that was lost is good for no longer."""

USUAL: Mapping[ActorKind, Seconds] = {"adm": Seconds(8 * HOUR), "agt": Seconds(900), "atm": Seconds(900)}
"""The validity of a certificate where the inventory gives none."""

CLOCK_SKEW = 60
"""Seconds by which a certificate is valid before now: the clock of a host may be behind."""

EXTENSIONS = (
    "permit-X11-forwarding",
    "permit-agent-forwarding",
    "permit-port-forwarding",
    "permit-pty",
    "permit-user-rc",
)
"""What a certificate can permit (OpenSSH, PROTOCOL.certkeys: *Extensions*); ``no-touch-required`` is never given."""


def kind_of(name: str) -> ActorKind | None:
    """What the prefix of an actor's name says; ``None`` for any other name."""
    return next((kind for kind in LONGEST if kind == name.partition("-")[0]), None)


class PersonIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """One person of a login mount, by the claim that names people there (``logins.MOUNT.user_claim``)."""

    person: str
    login: str
    role: str | None = None
    ttl: Seconds = Seconds(900)

    @property
    def mount(self) -> str:
        """The auth mount, as a workload's reader names it."""
        return self.login

    @property
    def label(self) -> str:
        """Who it is, for people and records."""
        return f"person {self.person} of {self.login}"


ActorIdentity = Reader | PersonIdentity
"""Who logs in to OpenBao and may sign for an actor: declared as a lane's readers are."""


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who may have which certificate. Its name is its key in ``actors``.

    ``identities`` are those who may have certificates signed for it. ``principals`` are the accounts or roles that a
    host knows it by; left out, its own name. ``public_keys`` are the only keys that are signed for it; left out, any
    key that an identity shows. ``hosts`` are names of ``hosts`` or ``host_groups``; ``force_command`` is all that it
    can run there. ``ttl_hours`` is the earlier spelling of ``ttl``.
    """

    identities: tuple[ActorIdentity, ...] = ()
    type: ActorKind | None = None
    description: str = ""
    principals: tuple[str, ...] | None = None
    ttl: Seconds | None = None
    ttl_hours: int | None = None
    source_addresses: tuple[str, ...] = ()
    force_command: str | None = None
    extensions: tuple[str, ...] | None = None
    public_keys: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


class NamedActor(msgspec.Struct, frozen=True, kw_only=True):
    """An actor with everything that the file left out."""

    name: str
    declared: Actor

    @property
    def kind(self) -> ActorKind:
        """By the prefix of its name."""
        found = kind_of(self.name)
        assert found is not None  # noqa: S101 - the rules have seen to it
        return found

    @property
    def principals(self) -> tuple[str, ...]:
        """What its certificates name, in the order of the file."""
        return (self.name,) if self.declared.principals is None else self.declared.principals

    @property
    def ttl(self) -> Seconds:
        """How long its certificates are valid at most."""
        declared = self.declared
        if declared.ttl_hours is not None:
            return Seconds(declared.ttl_hours * HOUR)
        return USUAL[self.kind] if declared.ttl is None else declared.ttl

    @property
    def extensions(self) -> tuple[str, ...]:
        """What its certificates permit, sorted."""
        if self.declared.extensions is not None:
            return tuple(sorted(self.declared.extensions))
        return ("permit-pty",) if self.kind == "adm" else ()

    @property
    def critical_options(self) -> dict[str, str]:
        """What its certificates demand (PROTOCOL.certkeys: *Critical options*)."""
        found = {
            "force-command": self.declared.force_command or "",
            "source-address": ",".join(self.declared.source_addresses),
        }
        return {name: value for name, value in found.items() if value}

    def role_of(self, identity: ActorIdentity) -> RoleName:
        """The auth role that the identity logs in with to have certificates signed: of its own, apart from lanes'."""
        folder: Literal["role", "certs"] = "certs" if isinstance(identity, CertificateReader) else "role"
        return RoleName(identity.mount, (identity.role or f"ssh-{self.name}").lower(), folder)


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """A host that trusts our certificates. ``names`` are what people write behind ``ssh``; left out, its own name.

    Its host certificate names them, too, and is valid for ``ttl``, at most ``70d``. ``public_keys`` are the only host
    keys that are signed.
    """

    names: tuple[str, ...] | None = None
    public_keys: tuple[str, ...] = ()
    ttl: Seconds = Seconds(30 * 24 * HOUR)


class NamedHost(msgspec.Struct, frozen=True, kw_only=True):
    """A host with everything that the file left out."""

    name: str
    declared: Host

    @property
    def principals(self) -> tuple[str, ...]:
        """What its certificates name: the names that people write behind ``ssh``."""
        return (self.name,) if self.declared.names is None else self.declared.names

    @property
    def ttl(self) -> Seconds:
        """How long its certificates are valid."""
        return self.declared.ttl

    @property
    def extensions(self) -> tuple[str, ...]:
        """None are defined for hosts."""
        return ()

    @property
    def critical_options(self) -> dict[str, str]:
        """None are defined for hosts."""
        return {}


class Pkcs11(msgspec.Struct, frozen=True, kw_only=True):
    """A CA key in a token: the PKCS#11 library that knows it, and which of its keys."""

    library: str
    public_key: str


class DeclaredAuthority(msgspec.Struct, frozen=True, kw_only=True):
    """Who signs: exactly one of OpenBao's SSH engine (its mount), a key file, a key in ssh-agent, a PKCS#11 token.

    ``key`` is the absolute path of a private key without a passphrase, ``agent`` the public key of one in ssh-agent.
    ``also_trusted`` are public keys that hosts are to trust beside the current one: of the CA before or after it, while
    it is being replaced.
    """

    openbao: str | None = None
    key: str | None = None
    agent: str | None = None
    pkcs11: Pkcs11 | None = None
    also_trusted: tuple[str, ...] = ()


class Authorities(msgspec.Struct, frozen=True, kw_only=True):
    """Who signs for users, for hosts, and for users when OpenBao does not answer (``break_glass``: never OpenBao)."""

    users: DeclaredAuthority = DeclaredAuthority(openbao="ssh")
    hosts: DeclaredAuthority | None = None
    break_glass: DeclaredAuthority | None = None

    def of(self, purpose: Purpose) -> DeclaredAuthority | None:
        """Who signs that."""
        return {"users": self.users, "hosts": self.hosts, "break-glass": self.break_glass}[purpose]


class Inventory(msgspec.Struct, frozen=True, kw_only=True):
    """``inventory.yaml``; an empty one where there is no such file."""

    authorities: Authorities = Authorities()
    actors: dict[str, Actor] = {}
    hosts: dict[str, Host] = {}
    host_groups: dict[str, tuple[str, ...]] = {}

    @property
    def named_actors(self) -> tuple[NamedActor, ...]:
        """Every actor, by name."""
        return tuple(NamedActor(name=name, declared=declared) for name, declared in sorted(self.actors.items()))

    def actor(self, name: str) -> NamedActor | None:
        """The actor of that name."""
        declared = self.actors.get(name)
        return None if declared is None else NamedActor(name=name, declared=declared)

    def host(self, name: str) -> NamedHost | None:
        """The host of that name."""
        declared = self.hosts.get(name)
        return None if declared is None else NamedHost(name=name, declared=declared)

    def hosts_of(self, actor: NamedActor) -> tuple[str, ...]:
        """The hosts that it may log in to, groups resolved, each once."""
        each = (self.host_groups.get(name, (name,)) for name in actor.declared.hosts)
        return tuple(dict.fromkeys(host for group in each for host in group))

    def names_of(self, host: str) -> tuple[str, ...]:
        """What people write behind ``ssh`` for that host."""
        return NamedHost(name=host, declared=self.hosts[host]).principals
