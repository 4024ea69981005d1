"""What became of each part of a closing: clusters, consumers, tokens, former readers; and what that adds up to."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from warden.core.access_index.snapshot import LiveToken, Unknown
from warden.core.clusters.removal import Removal
from warden.core.errors import Exit, WardenError
from warden.core.plans.lane_plan import worst
from warden.core.proofs.verdict import Verdict, conclusion
from warden.core.remedies import Remedy
from warden.core.unobserved import Unobserved

ConsumerState = Literal["stopped", "at-zero", "stopping", "informed", "absent", "restored", "kept-stopped", "not-known"]
"""``at-zero``: somebody else had scaled it to 0. ``stopping``: pods are still there. ``informed``: its pods run on with
what they have read. ``kept-stopped``: another closed lane keeps it stopped."""


class ConsumerPart(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a consumer in one cluster.

    ``replicas`` is how many it had, or has again; ``pods`` how many are there. ``remedy`` is how its owner stops it, or
    has it follow.
    """

    deployment: str
    state: ConsumerState
    replicas: int = 0
    pods: int = 0
    unobserved: Unobserved | None = None
    remedy: Remedy = ()


class ClusterPart(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a lane in one cluster; ``fault`` says why it could not be asked, then ``objects`` remain there."""

    cluster: str
    address: str = ""
    consumers: tuple[ConsumerPart, ...] = ()
    objects: tuple[Removal, ...] = ()
    fault: WardenError | None = None

    @property
    def exit(self) -> Exit:
        """Done; no, where something is left that is not the lane's; inconclusive, where it is not known."""
        if self.fault is not None:
            return self.fault.exit if self.fault.exit is Exit.REFUSED else Exit.INCONCLUSIVE
        states = {each.state for each in self.objects}
        unsure = states & {"not-known", "ending"} or {each.state for each in self.consumers} & {"not-known", "stopping"}
        return Exit.NO if "left" in states else Exit.INCONCLUSIVE if unsure else Exit.DONE


class TokensPart(msgspec.Struct, frozen=True, kw_only=True):
    """The live tokens of the lane's readers: those that were revoked, those that could not be, and what is not known.

    ``own`` is the caller's own token, if it is one of them: it is not revoked. ``fault`` says why nothing is known.
    """

    revoked: tuple[LiveToken, ...] = ()
    left: tuple[LiveToken, ...] = ()
    own: LiveToken | None = None
    unknown: tuple[Unknown, ...] = ()
    fault: WardenError | None = None

    @property
    def exit(self) -> Exit:
        """Inconclusive where a token may be left."""
        return Exit.INCONCLUSIVE if self.fault or self.unknown or self.left or self.own else Exit.DONE


class DenialPart(msgspec.Struct, frozen=True, kw_only=True):
    """Whether each former reader was refused; ``ms`` from the command to the last answer's audit line, 0 if not shown.

    ``fault`` says why nobody was asked.
    """

    verdicts: tuple[Verdict, ...] = ()
    ms: int = 0
    fault: WardenError | None = None

    @property
    def is_proven(self) -> bool:
        """Whether every former reader was refused, with an audit line."""
        return self.fault is None and conclusion(self.verdicts) == "proven"

    @property
    def exit(self) -> Exit:
        """No, where a former reader can still read."""
        if any(each.result == "wrong" for each in self.verdicts):
            return Exit.NO
        return Exit.DONE if self.is_proven else Exit.INCONCLUSIVE


class ClosedParts(msgspec.Struct, frozen=True, kw_only=True):
    """Every part of a closing beside the journal and OpenBao's policy."""

    tokens: TokensPart = TokensPart()
    denial: DenialPart = DenialPart()
    clusters: tuple[ClusterPart, ...] = ()

    @property
    def exit(self) -> Exit:
        """The worst of them."""
        return worst((self.tokens.exit, self.denial.exit, *(each.exit for each in self.clusters)))


def remaining(parts: Iterable[ClusterPart]) -> tuple[tuple[str, Removal], ...]:
    """What is still in the clusters, each with its cluster."""
    return tuple((part.cluster, each) for part in parts for each in part.objects if not each.is_gone)
