"""All that an OpenBao says about itself, by path: to compare before and after, and to put back what a test planted."""

from collections.abc import Iterator, Mapping
from typing import Any

from platform_server import PlatformServer

FOLDERS = {
    "approle": ("role",),
    "cert": ("certs",),
    "jwt": ("role", "cel/role"),
    "oidc": ("role", "cel/role"),
    "kubernetes": ("role",),
    "token": ("roles",),
    "userpass": ("users",),
}
"""Where a mount of that type keeps who may log in."""

CONFIGURED = frozenset({"jwt", "kubernetes", "oidc"})
CLOCKS = frozenset({"last_update_time", "last_updated_time", "modify_index", "creation_time"})

State = Mapping[str, Any]
"""Each path with what reading it answered; the accessor of a token with ``None``."""


def state_of(server: PlatformServer) -> State:
    """The state as the administrator sees it: policies, mounts, logins, identities, audit settings and live tokens."""
    return dict(_read(server))


def _read(server: PlatformServer) -> Iterator[tuple[str, Any]]:
    for name, policy in server.must("LIST", "sys/policies/detailed/acl")["data"]["key_info"].items():
        yield f"sys/policies/acl/{name}", policy
    for mount, about in server.must("GET", "sys/auth")["data"].items():
        yield f"sys/auth/{mount.rstrip('/')}", about
        yield from _logins(server, f"auth/{mount.rstrip('/')}", about["type"])
    for mount, about in server.must("GET", "sys/mounts")["data"].items():
        yield f"sys/mounts/{mount.rstrip('/')}", about
        if (about["options"] or {}).get("version") == "2":
            yield f"{mount}config", server.call("GET", f"{mount}config")[1].get("data")  # none while it is set up
    for folder in ("identity/entity/id", "identity/group/id", "sys/namespaces"):
        yield from _each(server, folder)
    for name, how in server.must("GET", "sys/config/auditing/request-headers")["data"]["headers"].items():
        yield f"sys/config/auditing/request-headers/{name}", how
    yield "sys/audit", server.must("GET", "sys/audit")["data"]
    for accessor in listed(server, "auth/token/accessors"):
        yield f"auth/token/accessors/{accessor}", None


def _logins(server: PlatformServer, mount: str, kind: str) -> Iterator[tuple[str, Any]]:
    for folder in FOLDERS.get(kind, ()):
        yield from _each(server, f"{mount}/{folder}")
    if kind in CONFIGURED:
        yield f"{mount}/config", server.call("GET", f"{mount}/config")[1].get("data")


def _each(server: PlatformServer, folder: str) -> Iterator[tuple[str, Any]]:
    for name in listed(server, folder):
        found = server.must("GET", f"{folder}/{name}".rstrip("/"))["data"]
        yield f"{folder}/{name}".rstrip("/"), {key: value for key, value in found.items() if key not in CLOCKS}


def listed(server: PlatformServer, folder: str) -> list[str]:
    """The names below a path; none where there are none."""
    return server.call("LIST", folder)[1].get("data", {}).get("keys") or []


def put_back(server: PlatformServer, before: State) -> None:
    """Remove what was not there, and write again what is another now."""
    now = state_of(server)
    for path in sorted(now.keys() - before.keys(), key=_order):
        _remove(server, path)
    for path in sorted(path for path in before if path in now and now[path] != before[path]):
        _write_again(server, path, before[path])


def _order(path: str) -> tuple[bool, str]:
    """A mount goes last, and what is below it first."""
    return path.startswith(("sys/auth/", "sys/mounts/")), path


def _remove(server: PlatformServer, path: str) -> None:
    folder, _, name = path.rpartition("/")
    if folder == "auth/token/accessors":
        server.call("POST", "auth/token/revoke-accessor", {"accessor": name})
    else:
        server.call("DELETE", path)


def _write_again(server: PlatformServer, path: str, body: Mapping[str, Any]) -> None:
    if path.startswith("sys/policies/acl/"):
        server.must("PUT", path, {"policy": body["policy"]})
    elif path.startswith(("sys/auth/", "sys/mounts/")):
        tuned = {key: value for key, value in body["config"].items() if key in TUNED}
        server.must("POST", f"{path}/tune", {key: tuned.get(key, empty) for key, empty in TUNED.items()})
    elif path.startswith(("auth/", "sys/config/")) or path.endswith("/config"):
        server.must("POST", path, body)


TUNED: Mapping[str, Any] = {
    "audit_non_hmac_request_keys": [],
    "audit_non_hmac_response_keys": [],
    "default_lease_ttl": 0,
    "max_lease_ttl": 0,
    "listing_visibility": "hidden",
}
"""What tests tune of a mount, and what it is where nobody did."""
