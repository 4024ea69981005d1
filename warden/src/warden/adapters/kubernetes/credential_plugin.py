"""Credentials from the program that a kubeconfig's ``exec`` names.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins and
https://kubernetes.io/docs/reference/config-api/client-authentication.v1/. As with kubectl its messages go to the
caller's own standard error, and it may ask on the terminal where ``interactiveMode`` lets it. The caller's OpenBao
token is not in its environment.
"""

import base64
import datetime as dt
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import msgspec

from warden.adapters.kubernetes.kubeconfig_format import Access, Plugin, data
from warden.adapters.machine.child import environment
from warden.core.secret import Secret

SECONDS = 300
"""How long it may take; somebody may have to log in with a browser."""
_CONFIG = "client.authentication.k8s.io/exec"
"""The cluster's extension that is handed to the plugin."""


class CredentialFault(Exception):
    """Why there is no credential, and what may help."""

    def __init__(self, why: str, hint: str = "") -> None:
        super().__init__(why)
        self.hint = hint


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """What proves who is asking. The certificate is PEM, ``expires`` when to ask for the next (``None``: never)."""

    token: Secret | None = None
    certificate: bytes = b""
    key: Secret | None = None
    expires: dt.datetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether its time is over."""
        return self.expires is not None and self.expires <= dt.datetime.now(dt.UTC)


class _Status(msgspec.Struct):
    token: str = ""
    certificate: str = msgspec.field(name="clientCertificateData", default="")
    key: str = msgspec.field(name="clientKeyData", default="")
    expires: dt.datetime | None = msgspec.field(name="expirationTimestamp", default=None)


class _Answer(msgspec.Struct):
    version: str = msgspec.field(name="apiVersion", default="")
    kind: str = ""
    status: _Status | None = None


def ask(access: Access, plugin: Plugin, environ: Mapping[str, str]) -> Credential:
    """Run the plugin once. Raises `CredentialFault`."""
    interactive = _may_ask(plugin)
    command = shutil.which(plugin.command, path=environ.get("PATH"))
    if command is None:
        raise CredentialFault(f"the plugin {plugin.command} is not here", plugin.install_hint)
    try:
        done = subprocess.run(
            [command, *plugin.args],
            env=_environment(access, plugin, environ, interactive=interactive),
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=SECONDS,
            check=False,
        )
    except OSError as fault:
        why = os.strerror(fault.errno or 0).lower()
        raise CredentialFault(f"the plugin {plugin.command} cannot be run ({why})", plugin.install_hint) from None
    except subprocess.TimeoutExpired:
        raise CredentialFault(f"the plugin {plugin.command} did not answer within {SECONDS} s") from None
    if done.returncode:
        raise CredentialFault(f"the plugin {plugin.command} ended with code {done.returncode}", plugin.install_hint)
    return _credential(plugin, done.stdout)


def _may_ask(plugin: Plugin) -> bool:
    """Whether it may read from the terminal; without a mode it is IfAvailable (client-go, v1beta1)."""
    terminal = sys.stdin is not None and sys.stdin.isatty()
    if plugin.interactive_mode == "Always" and not terminal:
        raise CredentialFault(f"the plugin {plugin.command} needs a terminal (interactiveMode: Always)")
    return terminal and plugin.interactive_mode != "Never"


def _environment(access: Access, plugin: Plugin, environ: Mapping[str, str], *, interactive: bool) -> dict[str, str]:
    spec: dict[str, Any] = {"interactive": interactive}
    if plugin.provide_cluster_info:
        spec["cluster"] = _cluster_info(access)
    asked = {"apiVersion": plugin.version, "kind": "ExecCredential", "spec": spec}
    inherited = environment(environ)
    named = {each.name: each.value for each in plugin.env}
    return {**inherited, **named, "KUBERNETES_EXEC_INFO": json.dumps(asked)}


def _cluster_info(access: Access) -> dict[str, Any]:
    cluster = access.cluster
    authorities = data(cluster.authority_data)
    if cluster.authority_file:
        with open(cluster.authority_file, "rb") as file:
            authorities = file.read()
    configured = [each.extension for each in cluster.extensions if each.name == _CONFIG]
    told = {
        "server": cluster.server,
        "tls-server-name": cluster.tls_server_name,
        "certificate-authority-data": base64.b64encode(authorities).decode(),
        "proxy-url": cluster.proxy_url,
        "disable-compression": cluster.disable_compression,
        "config": configured[0] if configured else None,
    }
    return {name: value for name, value in told.items() if value}


def _credential(plugin: Plugin, printed: bytes) -> Credential:
    try:
        answer = msgspec.json.decode(printed, type=_Answer)
    except ValueError:
        raise CredentialFault(f"the plugin {plugin.command} printed no ExecCredential") from None
    if answer.kind != "ExecCredential" or answer.version != plugin.version:
        raise CredentialFault(f"the plugin {plugin.command} printed another version or kind than {plugin.version}")
    status = answer.status
    if status is None or not (status.token or status.certificate or status.key):
        raise CredentialFault(f"the plugin {plugin.command} gave neither a token nor a certificate")
    if bool(status.certificate) != bool(status.key):
        raise CredentialFault(f"the plugin {plugin.command} gave a certificate or a key, and not both")
    return Credential(
        token=Secret(status.token) if status.token else None,
        certificate=status.certificate.encode(),
        key=Secret(status.key) if status.key else None,
        expires=status.expires,
    )
