"""apply of several lanes, actors and hosts, one after the other."""

from collections.abc import Sequence

import msgspec

from warden.core.errors import DoneBefore, Effect, Foreign, WardenError
from warden.core.lanes.lane import Lane
from warden.core.openbao.ssh_roles import SshResources
from warden.core.plans.lane_plan import LaneOptions, LaneReceipt
from warden.usecases.apply import apply
from warden.usecases.apply_ssh import apply_ssh
from warden.usecases.context import Context

Applied = Lane | SshResources
"""What is applied: a lane, or an actor or host by what it implies."""


class Applications(msgspec.Struct, frozen=True, kw_only=True):
    """What was done of each, or why it was refused; ``stopped`` is what ended the rest."""

    done: tuple[LaneReceipt | Foreign, ...]
    stopped: WardenError | None = None


def apply_all(wanted: Sequence[Applied], context: Context, options: LaneOptions) -> Applications:
    """A foreign object of one says nothing about the next one; any other fault ends the whole."""
    done: list[LaneReceipt | Foreign] = []
    for each in wanted:
        try:
            done.append(_apply(each, context, options))
        except Foreign as fault:
            done.append(fault)
        except WardenError as fault:
            if isinstance(fault.effect, Effect) and any(
                isinstance(each, LaneReceipt) and each.changed for each in done
            ):
                fault.effect = DoneBefore()
            return Applications(done=tuple(done), stopped=fault)
    return Applications(done=tuple(done))


def _apply(each: Applied, context: Context, options: LaneOptions) -> LaneReceipt:
    return apply(each, context, options) if isinstance(each, Lane) else apply_ssh(each, context, options)
