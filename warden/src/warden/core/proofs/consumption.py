"""How the containers of a pod take a Secret, and which of its keys reach them.

A mounted directory follows the Secret (Kubernetes, *Secrets*: mounted Secrets are updated automatically); environment
variables and ``subPath`` mounts keep what was there when the container started. A key that is not in the Secret reaches
nobody, and with ``optional`` no error says so. Of several variables of one name the last one counts: ``env`` over
``envFrom``, and later ones over earlier ones (Kubernetes API, Container).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

Way = Literal["directory", "subpath", "environment"]


NOTHING: Mapping[str, frozenset[str]] = {}


class Taking(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which a container takes the Secret.

    Attributes:
        container: its name.
        way: ``directory`` follows a new value, ``subpath`` and ``environment`` do not.
        lasting: whether the container runs as long as the pod does; an init container does not.
        missing: the key that it asks for, where the Secret has none of that name.
        overridden: the variable that something else sets, too, and that wins.
        after: what is taken into the environment later and may set the same variables, where its keys are not known:
            ``configmap/NAME`` or ``secret/NAME``.
    """

    container: str
    way: Way
    lasting: bool = True
    missing: str = ""
    overridden: str = ""
    after: tuple[str, ...] = ()

    @property
    def arrives(self) -> bool:
        """Whether a value reaches the container by it."""
        return not self.missing and not self.overridden


def takings(
    spec: Mapping[str, Any],
    secret: str,
    keys: frozenset[str] | None = None,
    others: Mapping[str, frozenset[str]] = NOTHING,
) -> tuple[Taking, ...]:
    """Every way in which the containers of a pod take the Secret of that name.

    `keys` are those that it has, where that is known; `others` those of what is taken into the environment besides.
    """
    volumes = {volume["name"]: files for volume in spec.get("volumes") or () if (files := _files(volume, secret))}
    found: list[Taking] = []
    for kind in ("initContainers", "containers"):
        for container in spec.get(kind) or ():
            lasting = kind == "containers" or container.get("restartPolicy") == "Always"
            each = [*_mounted(container, volumes, keys), *_environment(container, secret, keys, others)]
            found += [msgspec.structs.replace(taking, lasting=lasting) for taking in each]
    return tuple(found)


# -- volumes ----------------------------------------------------------------------------------------------------------

_Files = Mapping[str, str] | Literal["all"]
"""Path of a file -> the key that is in it; ``all`` where each key is a file of its name."""


def _files(volume: Mapping[str, Any], secret: str) -> _Files | None:
    """What a volume has of the Secret; ``None`` where that is nothing."""
    own = volume.get("secret") or {}
    if own.get("secretName") == secret:
        return _items(own)
    for source in (volume.get("projected") or {}).get("sources") or ():
        if (source.get("secret") or {}).get("name") == secret:
            return _items(source["secret"])
    return None


def _items(source: Mapping[str, Any]) -> _Files:
    items = source.get("items")
    return {str(each.get("path")): str(each.get("key")) for each in items} if items else "all"


def _mounted(
    container: Mapping[str, Any], volumes: Mapping[str, _Files], keys: frozenset[str] | None
) -> Iterator[Taking]:
    for mount in container.get("volumeMounts") or ():
        files = volumes.get(mount.get("name", ""))
        if files is None:
            continue
        part = str(mount.get("subPath") or "")
        way: Way = "subpath" if part or mount.get("subPathExpr") else "directory"
        wanted = _keys_of(files, part)
        missing = "" if keys is None or not wanted or wanted & keys else ", ".join(sorted(wanted))
        yield Taking(container=str(container.get("name")), way=way, missing=missing)


def _keys_of(files: _Files, part: str) -> frozenset[str]:
    """The keys that a mount shows; empty where it shows all of them. A part may be a file or a directory of them."""
    if files == "all":
        return frozenset({part}) if part else frozenset()
    if not part:
        return frozenset(files.values())
    found = {key for path, key in files.items() if path == part or path.startswith(f"{part}/")}
    return frozenset(found or {part})


# -- environment ------------------------------------------------------------------------------------------------------


def _environment(
    container: Mapping[str, Any], secret: str, keys: frozenset[str] | None, others: Mapping[str, frozenset[str]]
) -> Iterator[Taking]:
    name = str(container.get("name"))
    single = {str(each.get("name")): each for each in container.get("env") or ()}  # the last one of a name counts
    for each in container.get("env") or ():
        key = _key(each, secret)
        if key is None:
            continue
        missing = key if keys is not None and key not in keys else ""
        variable = str(each.get("name"))
        overridden = "" if single[variable] is each or _key(single[variable], secret) is not None else variable
        yield Taking(container=name, way="environment", missing=missing, overridden=overridden)
    sources = list(container.get("envFrom") or ())
    for index, source in enumerate(sources):
        if (source.get("secretRef") or {}).get("name") == secret:
            variables = {f"{source.get('prefix') or ''}{key}" for key in keys or ()}
            by_hand = {each for each in variables if each in single and _key(single[each], secret) is None}
            later = [each for each in sources[index + 1 :] if _named(each) != f"secret/{secret}"]
            known = {each for one in later for each in _variables(one, others)}
            yield Taking(
                container=name,
                way="environment",
                overridden=", ".join(sorted(by_hand | (variables & known))),
                after=tuple(sorted({_named(each) for each in later if _named(each) not in others})),
            )


def _variables(source: Mapping[str, Any], others: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """The variables that an entry of ``envFrom`` sets, as far as its keys are known."""
    for key in others.get(_named(source), ()):
        yield f"{source.get('prefix') or ''}{key}"


def _key(entry: Mapping[str, Any], secret: str) -> str | None:
    """The key of the Secret that an entry of ``env`` takes; ``None`` where it takes none."""
    chosen = (entry.get("valueFrom") or {}).get("secretKeyRef") or {}
    return str(chosen.get("key")) if chosen.get("name") == secret else None


def _named(source: Mapping[str, Any]) -> str:
    for field, kind in (("secretRef", "secret"), ("configMapRef", "configmap")):
        if name := (source.get(field) or {}).get("name"):
            return f"{kind}/{name}"
    return ""
