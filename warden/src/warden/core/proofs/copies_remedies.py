"""What ends another way to a value, or a copy of it."""

from collections.abc import Sequence

from warden.core.clusters.copies import Copy
from warden.core.clusters.kubectl import kubectl
from warden.core.clusters.manifests import Ref, secret_of
from warden.core.clusters.operator_index import Link
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.remedies import Remedy

_DATA, _ANNOTATIONS = "data.", "metadata.annotations."


def end_link(target: DeliveryTarget, link: Link) -> Remedy:
    """Delete an object that does nothing else, otherwise edit it. What it pushed has to stay when it goes."""
    if not link.alone:
        return (kubectl(target, "edit", link.ref),)
    keep = (kubectl(target, "keep-pushed", link.ref),) if link.deletes else ()
    return (*keep, kubectl(target, "delete", link.ref))


def remove_annotations(target: DeliveryTarget, keys: Sequence[str]) -> Remedy:
    """Have no controller copy the Secret any more."""
    return tuple(kubectl(target, "remove-annotation", secret_of(target), key) for key in keys)


def end_copy(target: DeliveryTarget, copy: Copy) -> Remedy:
    """Remove the value where it is: by what made the object, with the object where it holds nothing else, or by key."""
    if copy.field.startswith(_ANNOTATIONS):
        return (kubectl(target, "remove-annotation", copy.ref, copy.field.removeprefix(_ANNOTATIONS)),)
    if copy.owner is not None and copy.owner.kind == "ExternalSecret":
        return (kubectl(target, "delete", Ref("ExternalSecret", copy.ref.namespace, copy.owner.name)),)
    if copy.ref.kind == "ReplicaSet":  # of an earlier template: a Deployment with the value is reported instead
        return (kubectl(target, "delete", copy.ref),)
    if not copy.field.startswith(_DATA):
        return (kubectl(target, "edit", copy.ref),)
    if copy.alone:
        return (kubectl(target, "delete", copy.ref),)
    return (kubectl(target, "remove-key", copy.ref, copy.field.removeprefix(_DATA)),)
