"""What of External Secrets Operator takes a lane's value, writes it, or hands its Secret on: an index of one cluster.

It is built once from lists of the whole cluster. A lane is looked up in it by the path of its value and by its Secret,
so that a run costs the same requests however many lanes there are.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from warden.core.clusters.manifests import FIELD_MANAGER, Manifest, Reached, Ref, ref_of
from warden.core.clusters.operator_stores import STORES, Store, Vault, joined, store_from, vault_from

EVERYWHERE = "*"
"""Stands for every namespace, or for every Secret of one."""

SCANNED = (
    *STORES,
    "ExternalSecret",
    "ClusterExternalSecret",
    "PushSecret",
    "ClusterPushSecret",
    "VaultDynamicSecret",
    "ClusterGenerator",
)
"""The kinds that are listed."""

Effect = Literal["reads", "finds", "writes", "exports", "fills", "opens"]
"""``reads`` the path; ``finds`` it, among others below a folder; ``writes`` to it; ``exports`` the delivered Secret.

``fills`` writes into the delivered Secret, whatever it takes that from; ``opens`` lets namespaces read as its reader.
"""

_REPEATED = re.compile(r"[*+{]")
_REPEATED_GROUP = re.compile(r"\)[*+{]")
_SAFE = 3
"""Repetitions in a pattern that Python tries on a path of any length in no time."""


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """An object of the operator, and what it does with one path or Secret.

    ``store`` is what it does it by, ``managers`` are the field managers that wrote its spec, ``owner`` the object that
    made it, where one did. ``alone``: it does nothing else. ``deletes``: what it pushed is deleted together with it.
    """

    ref: Ref
    effect: Effect
    store: Ref | None = None
    managers: tuple[str, ...] = ()
    owner: Ref | None = None
    alone: bool = True
    deletes: bool = False


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A link with what has to be so for it to hold: the OpenBao, a pattern for the path, labels of the Secret."""

    link: Link
    vault: Vault | None = None
    pattern: str = ""
    folder: str = ""
    selector: Mapping[str, Any] | None = None


class OperatorIndex:
    """Every object of the operator in one cluster. `lists` has those of each kind of `SCANNED` that was listed."""

    def __init__(self, lists: Mapping[str, Sequence[Manifest]]) -> None:
        self.size = sum(map(len, lists.values()))
        self._paths: dict[str, list[_Entry]] = {}
        self._folders: dict[str, list[_Entry]] = {}
        self._secrets: dict[tuple[str, str], list[_Entry]] = {}
        stores = [store_from(each) for kind in STORES for each in lists.get(kind, ())]
        wide = lists.get("ClusterSecretStore", ())
        self._managers = {ref_of(each): managers_of(each["metadata"]) for each in wide}
        self._stores: dict[tuple[str, str], list[Store]] = {}
        for each in stores:
            self._stores.setdefault((each.ref.kind, each.ref.name), []).append(each)
        for kind, found in lists.items():
            for manifest in found:
                self._add(kind, manifest)

    def links(self, path: str, secret: Ref, labels: Mapping[str, str], reached: Reached) -> tuple[Link, ...]:
        """What does something with that path (``mount/data/…``) of this OpenBao, or with that Secret."""
        full = joined(reached.namespace, path)
        found = [each for each in self._paths.get(full, ()) if _is_of(each, reached)]
        found += [each for each in self._above(full) if _is_of(each, reached)]
        for namespace in (secret.namespace, EVERYWHERE):
            for name in (secret.name, EVERYWHERE):
                entries = self._secrets.get((namespace, name), ())
                found += [each for each in entries if each.selector is None or selects(each.selector, labels)]
        return tuple(dict.fromkeys(each.link for each in found))

    def opening(self, account: str, role: str, reached: Reached) -> tuple[Link, ...]:
        """The stores by which more than certain namespaces log in to this OpenBao as that account, by that role."""
        return tuple(
            Link(ref=each.ref, effect="opens", managers=self._managers.get(each.ref, ()))
            for stores in self._stores.values()
            for each in stores
            if each.login == (account, role) and each.vault is not None and each.vault.is_same(reached)
        )

    def _above(self, full: str) -> Iterator[_Entry]:
        """What finds paths below a folder that this one is in, and by a name that this one has."""
        segments = full.split("/")
        for depth in range(len(segments)):
            for entry in self._folders.get("/".join(segments[:depth]), ()):
                name = joined(entry.folder, "/".join(segments[depth:]))
                if may_match(entry.pattern, name):
                    yield entry

    # -- building -----------------------------------------------------------------------------------------------------

    def _add(self, kind: str, manifest: Manifest) -> None:
        spec = manifest.get("spec") or {}
        match kind:
            case "ExternalSecret":
                self._external(manifest, spec)
            case "ClusterExternalSecret":
                self._external(manifest, spec.get("externalSecretSpec") or {}, spec.get("externalSecretName") or "")
            case "PushSecret":
                self._push(manifest, spec)
            case "ClusterPushSecret":
                self._push(manifest, spec.get("pushSecretSpec") or {})
            case "VaultDynamicSecret":
                self._generator(manifest, spec)
            case "ClusterGenerator":
                self._generator(manifest, (spec.get("generator") or {}).get("vaultDynamicSecretSpec") or {})

    def _external(self, manifest: Manifest, spec: Mapping[str, Any], called: str = "") -> None:
        usual = spec.get("secretStoreRef") or {}
        keys = list(_keys_read(spec, usual))
        alone = len({key for _, key in keys}) == 1 and not any(each.get("find") for each in spec.get("dataFrom") or ())
        for chosen, key in keys:
            self._key(manifest, chosen, key, alone=alone)
        for each in spec.get("dataFrom") or ():
            if (find := each.get("find")) is not None:
                self._find(manifest, _store_ref(each, usual), find or {})
        target = spec.get("target") or {}
        template = target.get("template") or {}
        if target.get("creationPolicy") != "None":
            filled = target.get("name") or called or manifest["metadata"]["name"]
            self._export(_link(manifest, "fills"), _home(manifest), filled)
        for each in template.get("templateFrom") or ():
            if source := (each.get("secret") or {}).get("name"):
                self._export(_link(manifest, "exports", alone=False), _home(manifest), source)

    def _key(self, manifest: Manifest, chosen: Mapping[str, Any], key: str, *, alone: bool) -> None:
        for store in self._chosen(manifest, chosen):
            if store.vault is not None:
                entry = _Entry(link=_link(manifest, "reads", store.ref, alone=alone), vault=store.vault)
                self._paths.setdefault(store.vault.path(key), []).append(entry)
            elif store.namespace:
                self._export(_link(manifest, "exports", store.ref, alone=alone), store.namespace, key)

    def _find(self, manifest: Manifest, chosen: Mapping[str, Any], find: Mapping[str, Any]) -> None:
        folder = joined(str(find.get("path") or ""))
        for store in self._chosen(manifest, chosen):
            if store.vault is not None:
                entry = _Entry(
                    link=_link(manifest, "finds", store.ref, alone=False),
                    vault=store.vault,
                    pattern=str((find.get("name") or {}).get("regexp") or ""),
                    folder=folder,
                )
                where = store.vault.path(folder) if folder or store.vault.mount is not None else store.vault.namespace
                self._folders.setdefault(where, []).append(entry)
            elif store.namespace:
                self._export(_link(manifest, "exports", store.ref, alone=False), store.namespace, EVERYWHERE)

    def _push(self, manifest: Manifest, spec: Mapping[str, Any]) -> None:
        source = ((spec.get("selector") or {}).get("secret")) or {}
        if source.get("name"):
            self._export(_link(manifest, "exports"), _home(manifest), source["name"])
        elif (selector := source.get("selector")) is not None:
            self._export(_link(manifest, "exports", alone=False), _home(manifest), EVERYWHERE, selector)
        deletes = spec.get("deletionPolicy") == "Delete"
        keys = {_key_written(each) for each in spec.get("data") or ()}
        for chosen in spec.get("secretStoreRefs") or ():
            for store in self._chosen(manifest, chosen):
                link = _link(manifest, "writes", store.ref, alone=len(keys) == 1, deletes=deletes)
                self._write(link, store, keys)

    def _write(self, link: Link, store: Store, keys: Iterable[str]) -> None:
        for key in keys:
            if store.vault is not None:
                self._paths.setdefault(store.vault.path(key), []).append(_Entry(link=link, vault=store.vault))
            elif store.namespace:
                self._export(msgspec.structs.replace(link, effect="fills"), store.namespace, key)

    def _generator(self, manifest: Manifest, spec: Mapping[str, Any]) -> None:
        if spec.get("provider"):
            vault = vault_from(spec["provider"])
            path = joined(vault.namespace, str(spec.get("path") or ""))
            entry = _Entry(link=_link(manifest, "reads"), vault=vault)
            self._paths.setdefault(path, []).append(entry)

    def _export(self, link: Link, namespace: str, name: str, selector: Mapping[str, Any] | None = None) -> None:
        self._secrets.setdefault((namespace, name), []).append(_Entry(link=link, selector=selector))

    def _chosen(self, manifest: Manifest, chosen: Mapping[str, Any]) -> Iterator[Store]:
        """The stores that a reference may mean; one of another namespace is only meant from the whole cluster."""
        kind = str(chosen.get("kind") or "SecretStore")
        home = manifest["metadata"].get("namespace", "")
        for store in self._named(kind, chosen):
            if kind == "ClusterSecretStore" or not home or store.ref.namespace == home:
                yield store

    def _named(self, kind: str, chosen: Mapping[str, Any]) -> Iterable[Store]:
        if name := chosen.get("name"):
            return self._stores.get((kind, name), ())
        selector = chosen.get("labelSelector")
        if selector is None:
            return ()
        return [
            each
            for (of_kind, _), stores in self._stores.items()
            for each in stores
            if of_kind == kind and selects(selector, each.labels)
        ]


def _keys_read(spec: Mapping[str, Any], usual: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """(store, key) of everything that an ExternalSecret reads by its name."""
    for each in spec.get("data") or ():
        remote = each.get("remoteRef") or {}
        if remote.get("metadataPolicy") != "Fetch":  # that is custom metadata, and no value
            yield _store_ref(each, usual), str(remote.get("key") or "")
    for each in spec.get("dataFrom") or ():
        if extract := each.get("extract"):
            yield _store_ref(each, usual), str(extract.get("key") or "")


def _key_written(pushed: Mapping[str, Any]) -> str:
    return str(((pushed.get("match") or {}).get("remoteRef") or {}).get("remoteKey") or "")


def _store_ref(each: Mapping[str, Any], usual: Mapping[str, Any]) -> Mapping[str, Any]:
    """The store of one entry; nothing where a generator makes it."""
    source = each.get("sourceRef") or {}
    return {} if source.get("generatorRef") else source.get("storeRef") or usual


def _home(manifest: Manifest) -> str:
    return manifest["metadata"].get("namespace") or EVERYWHERE


def _is_of(entry: _Entry, reached: Reached) -> bool:
    return entry.vault is not None and entry.vault.is_same(reached)


def _link(
    manifest: Manifest, effect: Effect, store: Ref | None = None, *, alone: bool = True, deletes: bool = False
) -> Link:
    if store is not None and not manifest["metadata"].get("namespace"):
        store = Ref(store.kind, "", store.name)  # whichever namespace it is used from
    owner = next((each for each in manifest["metadata"].get("ownerReferences") or () if each.get("controller")), None)
    return Link(
        ref=ref_of(manifest),
        effect=effect,
        store=store,
        managers=managers_of(manifest["metadata"]),
        owner=Ref(str(owner.get("kind")), "", str(owner.get("name"))) if owner else None,
        alone=alone,
        deletes=deletes,
    )


def managers_of(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """Who wrote an object, but for its status and for warden itself."""
    entries = metadata.get("managedFields") or ()
    found = {str(each.get("manager") or "") for each in entries if not each.get("subresource")}
    return tuple(sorted(found - {"", FIELD_MANAGER}))


def may_match(pattern: str, name: str) -> bool:
    """Whether a regular expression finds something in the name; yes where that cannot be told safely.

    Go's syntax is nearly Python's. A group that is repeated could take Python very long, so it is not tried.
    """
    if not pattern:
        return True
    if _REPEATED_GROUP.search(pattern) or len(_REPEATED.findall(pattern)) > _SAFE:
        return True
    try:
        return re.search(pattern, name) is not None
    except re.error:
        return True


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector selects these labels (Kubernetes, LabelSelector); an empty one selects everything."""
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_satisfies(each, labels) for each in selector.get("matchExpressions") or ())


def _satisfies(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = str(expression.get("key")), expression.get("values") or ()
    match expression.get("operator"):
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    return True
