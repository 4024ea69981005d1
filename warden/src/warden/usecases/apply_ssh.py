"""apply of an actor or a host: make OpenBao what the inventory declares; idempotent, and safe to be killed.

What applies a target is shared with lanes; `apply` is not, since approvals, clusters and closing are for lanes alone.
"""

from warden.core.openbao.ssh_roles import SshResources
from warden.core.plans.lane_plan import LaneOptions, LaneReceipt
from warden.core.remedies import Remedy, warden
from warden.usecases.context import Context
from warden.usecases.steps.apply_target import apply_target
from warden.usecases.targets.ssh_roles import SshTarget


def apply_ssh(resources: SshResources, context: Context, options: LaneOptions) -> LaneReceipt:
    """Apply it. Raises as `apply_target`: nothing else is asked than OpenBao."""
    target = SshTarget(resources, context, take_over=options.take_over)
    receipt = apply_target(target, context.journal, options)
    return LaneReceipt(lane=resources.subject, parts=(receipt,), next=_next(resources), kind=resources.kind)


def _next(resources: SshResources) -> Remedy:
    """What comes after it."""
    if resources.gone:
        return ()
    command = "ssh host sign" if resources.type == "host" else "sign"
    return (warden(command, resources.subject, pubkey="FILE"),)
