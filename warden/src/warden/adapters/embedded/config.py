"""The embedded platform's server configuration: one file that describes a whole OpenBao, its first start included.

The ``initialize`` stanza runs once, on an empty data directory, with a root token that OpenBao revokes itself before
it listens (OpenBao documentation, "Declarative self-initialization"). Passwords are read by the server from their
0600 files, so that they are in no argument, no environment and no configuration.
"""

import json
from collections.abc import Mapping
from typing import Any

from warden.adapters.embedded.state import Layout
from warden.adapters.issuer import ALGORITHM, ISSUER, LOGIN_ISSUER
from warden.domain.rights import VERBS, Verb, policy_text

PROBE_HEADER = "X-Lane-Probe"
KV_MOUNT = "platform"

PLATFORM_VERBS: tuple[Verb, ...] = ("plan", "apply", "put", "prove", "status", "doctor")
"""What the part ``platform`` may do: no ``access``, so it never reads a value."""

PARTS: dict[str, tuple[str, ...]] = {
    "admin": ("admin",),
    "platform": tuple(f"warden-{verb}" for verb in PLATFORM_VERBS),
    "developer": (),
}
"""The people of the embedded platform and their policies; everyone has ``default`` besides."""

_ALL = ["create", "read", "update", "patch", "delete", "list", "scan", "sudo"]
_ADMIN = f'# the keeper: everything, as no root token is left\npath "*" {{ capabilities = {json.dumps(_ALL)} }}\n'


def policies() -> dict[str, str]:
    """Every policy of the embedded platform by name."""
    return {"admin": _ADMIN} | {f"warden-{verb}": policy_text(verb, extras=True) for verb in VERBS if verb != "access"}


def server_config(layout: Layout, port: int, public_keys: Mapping[str, str]) -> str:
    """The configuration as HCL.

    Args:
        layout: where the server keeps its things.
        port: the loopback port of the API. The cluster port is left to the kernel: a single node is never called.
        public_keys: PEM of the auth mounts ``kubernetes`` and ``netkingdom``; empty where it is initialised already.
    """
    stanzas = [
        f'api_addr = "http://127.0.0.1:{port}"\ncluster_addr = "https://127.0.0.1:{port}"',
        _stanza('storage "raft"', path=layout.raft, node_id="embedded", performance_multiplier="1"),
        _stanza('listener "tcp"', address=f"127.0.0.1:{port}", cluster_address="127.0.0.1:0", tls_disable=True),
        # Relative to the server's own directory: OpenBao reads this as a URL, which not every path can be part of.
        _stanza('seal "static"', current_key_id="embedded", current_key="file://keys/unseal.key"),
        _stanza('audit "file" "file"', options={"file_path": layout.audit_file}),
    ]
    if public_keys:
        requests = "".join(_request(*request) for request in enumerate(_first_requests(layout, public_keys)))
        stanzas.append(f'initialize "platform" {{\n{requests}}}')
    return "\n".join(stanzas) + "\n"


def _first_requests(layout: Layout, public_keys: Mapping[str, str]) -> list[tuple[str, dict[str, Any]]]:
    """(path, body) of every request of the first start, in order."""
    return [
        (f"sys/config/auditing/request-headers/{PROBE_HEADER}", {"hmac": False}),
        *((f"sys/policies/acl/{name}", {"policy": text}) for name, text in policies().items()),
        (f"sys/mounts/{KV_MOUNT}", {"type": "kv", "options": {"version": "2"}}),
        *_jwt_mount("kubernetes", ISSUER, public_keys["kubernetes"]),
        *_jwt_mount("netkingdom", LOGIN_ISSUER, public_keys["netkingdom"]),
        ("sys/auth/userpass", {"type": "userpass"}),
        *((f"auth/userpass/users/{part}", _user(f"{layout.passwords}/{part}", held)) for part, held in PARTS.items()),
    ]


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
