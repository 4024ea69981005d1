"""What an administrator does with an object of a delivery's cluster, as data."""

from warden.core.clusters.manifests import Ref
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.remedies import KubectlAction, RunKubectl


def kubectl(target: DeliveryTarget, action: KubectlAction, ref: Ref, value: str = "", index: int = 0) -> RunKubectl:
    """The action on that object, in the context that the cluster's administrators use."""
    return RunKubectl(
        context=target.admin_context,
        action=action,
        kind=ref.kind,
        namespace=ref.namespace,
        name=ref.name,
        value=value,
        index=index,
    )
