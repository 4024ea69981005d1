"""One right on OpenBao, and the part of a server that rights are about."""

from collections.abc import Iterable

import msgspec

SAMPLE = "workload-doctor"
"""What stands for ``*`` in a sample path: an object that nobody has, named as the derived ones are."""


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of a server the verbs work on.

    Attributes:
        kv: the KV v2 mount of the lanes.
        auth: the auth mounts of type kubernetes, jwt or oidc that readers log in at.
        approle: those of type approle; each SecretID of a role is a path below it, which ``+`` does not reach.
        cert: those of type cert.
        ssh: the SSH engines that sign for actors and hosts.
        actors: whether actors have logins there, also where no SSH engine signs for them.
        policies: pattern of the policies that lanes derive.
        transit: MOUNT/KEY of the transit key that signs checkpoints of the journal; empty where none does.
        approval: whether reads of some lane need an approval.
    """

    kv: str = "platform"
    auth: tuple[str, ...] = ("kubernetes", "netkingdom")
    approle: tuple[str, ...] = ()
    cert: tuple[str, ...] = ()
    ssh: tuple[str, ...] = ()
    actors: bool = False
    policies: str = "workload-*"
    transit: str = ""
    approval: bool = False

    @property
    def roles(self) -> tuple[str, ...]:
        """The patterns of the readers' roles."""
        return (
            *(f"auth/{mount}/role/*" for mount in self.auth),
            *(f"auth/{mount}/role/+" for mount in self.approle),
            *(f"auth/{mount}/certs/*" for mount in self.cert),
        )


class Right(msgspec.Struct, frozen=True, kw_only=True):
    """One stanza of a policy. ``capabilities`` are sorted; ``optional`` ones a verb can do without."""

    path: str
    capabilities: tuple[str, ...]
    why: str
    optional: bool = False

    @property
    def sample(self) -> str:
        """A concrete path that the pattern covers."""
        head, star, _ = self.path.replace("+", SAMPLE).partition("*")
        return head + (SAMPLE.removeprefix("workload-") if head.endswith("workload-") else SAMPLE) if star else head

    def lacks(self, held: Iterable[str]) -> tuple[str, ...]:
        """The capabilities that are not among `held`, as ``sys/capabilities-self`` answers them (``root``: all)."""
        have = frozenset(held)
        return () if "root" in have else tuple(c for c in self.capabilities if c not in have)


def right(path: str, capabilities: str, why: str, *, optional: bool = False) -> Right:
    """A right by its capabilities with spaces between them."""
    return Right(path=path, capabilities=tuple(sorted(capabilities.split())), why=why, optional=optional)
