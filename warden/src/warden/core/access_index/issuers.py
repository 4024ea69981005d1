"""Whom an auth mount believes besides the one issuer that is meant: that is a way to every role at it."""

from collections.abc import Iterable, Iterator

from warden.core.access_index.snapshot import AuthMount, Snapshot
from warden.core.access_index.ways import Identity, Step, StepKind, WayIn
from warden.core.remedies import RunBao


def issuer_ways(snapshot: Snapshot, reads: Iterable[WayIn]) -> Iterator[WayIn]:
    """A way for each weakness of a mount that somebody can log in at to read."""
    shown: set[tuple[str, str, StepKind]] = set()
    for way in reads:
        if way.identity.kind != "login":
            continue
        mount = _mount(snapshot, way.identity)
        for does in weaknesses(mount) if mount else ():
            key = (way.identity.namespace, way.identity.mount, does)
            if mount and key not in shown:
                shown.add(key)
                yield _way(mount, does, way, snapshot)


def weaknesses(mount: AuthMount) -> Iterator[StepKind]:
    """``signs-tokens``: there is a second key. ``names-any-issuer``: the issuer that a token names is not looked at."""
    config = mount.config or {}
    if mount.type not in {"jwt", "oidc"}:
        return
    keys = config.get("jwt_validation_pubkeys") or ()
    if len(keys) > 1:
        yield "signs-tokens"
    if (keys or config.get("jwks_url")) and not config.get("bound_issuer"):
        yield "names-any-issuer"


def _mount(snapshot: Snapshot, identity: Identity) -> AuthMount | None:
    here = snapshot.namespaces[identity.namespace].auth_mounts
    return next((each for each in here if f"auth/{each.path}" == identity.mount), None)


def _way(mount: AuthMount, does: StepKind, way: WayIn, snapshot: Snapshot) -> WayIn:
    config = f"auth/{mount.path}/config"
    return WayIn(
        identity=Identity(mount.namespace, "issuer", config, mount=f"auth/{mount.path}", label=does),
        effect="reads",
        rules=way.rules,
        via=(Step(does=does, path=config, gains=way.identity.name),),
        conditions=way.conditions,
        remedy=(RunBao(action="read", path=config, namespace=snapshot.option(mount.namespace)),),
    )
