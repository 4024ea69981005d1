"""The requests by which a path of a secrets engine is read or written, as OpenBao's policies know them."""

import msgspec

from warden.core.access_index.acl import full_path
from warden.core.access_index.snapshot import SecretMount, Snapshot

Requests = tuple[tuple[str, tuple[str, ...]], ...]
"""Paths, namespaces included, each with the capabilities of which one is enough."""


class PathRequests(msgspec.Struct, frozen=True, kw_only=True):
    """What reads a path, and what writes it: every one of them gives or takes a value."""

    reads: Requests
    writes: Requests


_READ = ("read",)
_KEY_IS_WRITTEN = ("create", "update", "patch", "delete")


def mount_of(snapshot: Snapshot, namespace: str, path: str) -> SecretMount | None:
    """The secrets engine that the path is in: the one with the longest name that it begins with."""
    here = snapshot.namespaces.get(namespace)
    mounts = here.secret_mounts if here else ()
    covering = [each for each in mounts if f"{path}/".startswith(f"{each.path}/")]
    return max(covering, key=lambda each: len(each.path), default=None)


def requests_for(snapshot: Snapshot, namespace: str, path: str) -> PathRequests:
    """By the version of the mount; where it is not known, and has to be guessed, it is KV version 2.

    KV version 2 keeps values under ``data``, and deletes them under ``delete``, ``destroy`` and ``metadata``;
    ``subkeys`` and ``metadata`` hold names and no value. Without the mount itself there is nothing to read. A deletion
    with a slash at its end is of the same key (2.7.2, measured), and other stanzas cover it.
    """
    mount = mount_of(snapshot, namespace, path)
    if mount is not None and mount.type == "ssh":
        return _of_ssh_role(namespace, mount.path, path.rpartition("/")[2])
    if mount is not None and (mount.type != "kv" or mount.version == 1):
        whole = full_path(namespace, path)
        return PathRequests(
            reads=((whole, _READ),),
            writes=((whole, _KEY_IS_WRITTEN), *_of_mount(namespace, mount.path)),
        )
    name = mount.path if mount is not None else path.partition("/")[0]
    key = path.removeprefix(f"{name}/")

    def at(folder: str) -> str:
        return full_path(namespace, f"{name}/{folder}/{key}")

    return PathRequests(
        reads=((at("data"), _READ),),
        writes=(
            (at("data"), _KEY_IS_WRITTEN),
            *((at(each), ("update",)) for each in ("delete", "undelete", "destroy")),
            (at("metadata"), _KEY_IS_WRITTEN),
            *((f"{at(each)}/", ("delete",)) for each in ("data", "metadata")),
            (full_path(namespace, f"{name}/config"), ("update",)),
            *_of_mount(namespace, name),
        ),
    )


_CHANGED = ("create", "update", "patch")


def _of_ssh_role(namespace: str, mount: str, role: str) -> PathRequests:
    """What has a certificate signed by an SSH role, and what changes the role or the key that signs.

    Deleting any of it ends certificates, and gives nobody one.
    """

    def at(path: str) -> str:
        return full_path(namespace, f"{mount}/{path}")

    keys = ("config/ca", "config/issuers", "issuer/default", "issuers/import", "issuers/import/any")
    return PathRequests(
        reads=tuple((at(f"{verb}/{role}"), ("create", "update")) for verb in ("sign", "issue")),
        writes=tuple((at(each), _CHANGED) for each in (f"roles/{role}", *keys)),
    )


def _of_mount(namespace: str, name: str) -> Requests:
    """To disable the engine, or delete the namespace, deletes all of it; to tune it can log values in clear."""
    above, _, own = namespace.rpartition("/")
    return (
        (full_path(namespace, f"sys/mounts/{name}"), ("delete",)),
        (full_path(namespace, f"sys/mounts/{name}/tune"), ("update",)),
        *(((full_path(above, f"sys/namespaces/{own}"), ("delete",)),) if own else ()),
    )
