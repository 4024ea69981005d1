"""What ``clusters.yaml`` excepts from the findings of a cluster, and how each has to be written."""

import re
from collections.abc import Iterator

from warden.core.lanes.delivery_target import DeclaredCluster

NAMESPACED = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?/[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", re.ASCII)
"""``namespace/name`` of an object."""
_OBJECT = re.compile(r"[A-Z][A-Za-z]{2,62}(/[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?){1,2}", re.ASCII)


def exceptions(name: str, one: DeclaredCluster) -> Iterator[tuple[str, str]]:
    """(field, message) of everything that is wrong with the exceptions of one cluster."""
    for key, subjects in (("may_read_secrets", one.may_read_secrets), ("may_administer", one.may_administer)):
        for index, subject in enumerate(subjects):
            if not subject.startswith(("user:", "group:")) and not NAMESPACED.fullmatch(subject):
                clause = "is not a subject; write user:NAME, group:NAME or namespace/account"
                yield f"{name}.{key}[{index}]", clause
    for index, copy in enumerate(one.may_copy):
        if not _OBJECT.fullmatch(copy):
            clause = "is not an object; write Kind/namespace/name, or Kind/name for one of the whole cluster"
            yield f"{name}.may_copy[{index}]", clause
