"""The embedded platform's server configuration: one file that describes a whole OpenBao, its first start included.

The ``initialize`` stanza runs once, on an empty data directory, with a root token that OpenBao revokes itself before
it listens (OpenBao documentation, "Declarative self-initialization"). Passwords are read by the server from their
0600 files, so that they are in no argument, no environment and no configuration.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from warden.adapters.dev.issuer import ALGORITHM, ISSUER, JOB_ISSUERS, LOGIN_ISSUER
from warden.adapters.dev.state import Layout
from warden.core.openbao.right import Scope
from warden.core.openbao.rights import VERBS, Verb, policy_text

PROBE_HEADER = "X-Lane-Probe"
KV_MOUNT = "platform"
TRANSIT = "transit/warden-journal"
"""The key that the persona ``platform`` may have sign checkpoints of the journal, once somebody makes it."""
CLUSTER_PORT = 8201
"""Where other nodes would call, says the configuration; there are none, and nothing listens there."""

PLATFORM_VERBS: tuple[Verb, ...] = (
    *("plan", "apply", "put", "prove", "status", "doctor", "who-can", "deactivate", "compromise"),
    *("ssh-ca", "ssh-host-sign"),
)
"""What the persona ``platform`` may do: no ``access``, so it never reads a value; no ``sign`` for an actor."""
SSH_MOUNTS = ("ssh", "ssh-hosts")
"""Where it may mount SSH engines: that of actors, which is the usual one, and one for hosts."""

PERSONAS: dict[str, tuple[str, ...]] = {
    "admin": ("admin",),
    "platform": tuple(f"warden-{verb}" for verb in PLATFORM_VERBS),
    "developer": (),
}
"""The people of the embedded platform and their policies; everyone has ``default`` besides."""

ADMINISTRATORS = ("auth/userpass/users/admin in root", "auth/userpass/users/platform in root")
"""Who may reach every lane of the embedded platform: nobody declares them in platform.yaml."""

_ALL = ["create", "read", "update", "patch", "delete", "list", "scan", "sudo"]
_ADMIN = f'# the keeper: everything, as no root token is left\npath "*" {{ capabilities = {json.dumps(_ALL)} }}\n'


def mount_of(cluster: str, clusters: Sequence[str]) -> str:
    """The auth mount where a cluster's accounts log in: the first cluster has the plain name."""
    return "kubernetes" if cluster == clusters[0] else f"kubernetes-{cluster}"


def policies(clusters: Sequence[str] = ()) -> dict[str, str]:
    """Every policy of the embedded platform by name; `clusters` are those it has, the first of them first."""
    mounts = ["kubernetes", *(mount_of(cluster, clusters) for cluster in clusters[1:]), "netkingdom", *JOB_ISSUERS]
    scope = Scope(
        auth=tuple(mounts), approle=("approle",), cert=("cert",), ssh=SSH_MOUNTS, transit=TRANSIT, approval=True
    )
    left_out = {"access", "approve", "sign"}
    return {"admin": _ADMIN} | {
        f"warden-{verb}": policy_text(verb, scope, extras=True) for verb in VERBS if verb not in left_out
    }


def server_config(layout: Layout, port: int, public_keys: Mapping[str, str], *, tls: bool = False) -> str:
    """The configuration as HCL.

    Args:
        layout: where the server keeps its things.
        port: the loopback port of the API. The cluster port is left to the kernel: a single node is never called.
        public_keys: PEM of the keys ``kubernetes``, ``netkingdom`` and ``jobs``; empty where it is initialised already.
        tls: whether it listens with the certificate in ``layout.tls``, else with plain http.
    """
    listener = {"address": f"127.0.0.1:{port}", "cluster_address": "127.0.0.1:0"} | (
        {"tls_cert_file": f"{layout.tls}/server.pem", "tls_key_file": f"{layout.tls}/server.key"}
        if tls
        else {"tls_disable": True}
    )
    stanzas = [
        f'api_addr = "{"https" if tls else "http"}://127.0.0.1:{port}"\ncluster_addr = "https://127.0.0.1:{CLUSTER_PORT}"',
        _stanza('storage "raft"', path=layout.raft, node_id="embedded", performance_multiplier="1"),
        _stanza('listener "tcp"', **listener),
        # Relative to the server's own directory: OpenBao reads this as a URL, which not every path can be part of.
        _stanza('seal "static"', current_key_id="embedded", current_key="file://keys/unseal.key"),
        _stanza('audit "file" "file"', options={"file_path": layout.audit_file}),
    ]
    if public_keys:
        requests = "".join(_request(*request) for request in enumerate(_first_requests(layout, public_keys, tls=tls)))
        stanzas.append(f'initialize "platform" {{\n{requests}}}')
    return "\n".join(stanzas) + "\n"


def _first_requests(layout: Layout, public_keys: Mapping[str, str], *, tls: bool) -> list[tuple[str, dict[str, Any]]]:
    """(path, body) of every request of the first start, in order. With TLS, clusters come and bring their mounts."""
    return [
        (f"sys/config/auditing/request-headers/{PROBE_HEADER}", {"hmac": False}),
        *((f"sys/policies/acl/{name}", {"policy": text}) for name, text in policies().items()),
        (f"sys/mounts/{KV_MOUNT}", {"type": "kv", "options": {"version": "2"}}),
        *([] if tls else _jwt_mount("kubernetes", ISSUER, public_keys["kubernetes"])),
        *_jwt_mount("netkingdom", LOGIN_ISSUER, public_keys["netkingdom"]),
        *machine_mounts(public_keys["jobs"]),
        ("sys/auth/userpass", {"type": "userpass"}),
        *(
            (f"auth/userpass/users/{name}", _user(f"{layout.passwords}/{name}", held))
            for name, held in PERSONAS.items()
        ),
    ]


def machine_mounts(public_key: str) -> list[tuple[str, dict[str, Any]]]:
    """(path, body) of the requests that make the auth mounts of readers that are not pods."""
    jobs = (request for mount, issuer in JOB_ISSUERS.items() for request in _jwt_mount(mount, issuer, public_key))
    return [*jobs, *((f"sys/auth/{kind}", {"type": kind}) for kind in ("approle", "cert"))]


def _jwt_mount(mount: str, issuer: str, public_key: str) -> list[tuple[str, dict[str, Any]]]:
    config = {"jwt_validation_pubkeys": [public_key], "bound_issuer": issuer, "jwt_supported_algs": [ALGORITHM]}
    return [(f"sys/auth/{mount}", {"type": "jwt"}), (f"auth/{mount}/config", config)]


def _user(password_file: str, held: tuple[str, ...]) -> dict[str, Any]:
    password = {"eval_type": "string", "eval_source": "file", "path": password_file}
    return {"password": password, "token_policies": list(held), "token_ttl": "8h", "token_max_ttl": "24h"}


def _request(number: int, request: tuple[str, dict[str, Any]]) -> str:
    path, body = request
    return (
        f'  request "r{number}" {{\n    operation = "update"\n    path = {_hcl(path)}\n    data = {_hcl(body)}\n  }}\n'
    )


def _stanza(head: str, **settings: object) -> str:
    return f"{head} {{\n" + "".join(f"  {key} = {_hcl(value)}\n" for key, value in settings.items()) + "}"


def _hcl(value: object) -> str:
    """A value as HCL writes it: JSON, but for the equals sign in objects."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_hcl(key)} = {_hcl(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_hcl, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
