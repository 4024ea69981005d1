"""The fields of a kubeconfig's clusters, users and contexts, and which of them go together.

https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/ and what client-go accepts
(k8s.io/client-go/tools/clientcmd, `validation.go`).
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import field

from warden.core.secret import Secret

PLUGIN_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")


class _Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    pass


class Extension(_Part, frozen=True):
    """What another program keeps in a kubeconfig."""

    name: str
    extension: Any = None


class Cluster(_Part, frozen=True):
    """Where an API server is and how it is verified. Files are absolute once it is read."""

    server: str = ""
    tls_server_name: str = field(name="tls-server-name", default="")
    insecure: bool = field(name="insecure-skip-tls-verify", default=False)
    authority_file: str = field(name="certificate-authority", default="")
    authority_data: str = field(name="certificate-authority-data", default="")
    proxy_url: str = field(name="proxy-url", default="")
    disable_compression: bool = field(name="disable-compression", default=False)
    extensions: tuple[Extension, ...] = ()


class Variable(_Part, frozen=True):
    """A variable of a credential plugin's environment."""

    name: str = ""
    value: str = ""


class Plugin(_Part, frozen=True):
    """A program that prints credentials."""

    command: str = ""
    args: tuple[str, ...] = ()
    env: tuple[Variable, ...] = ()
    version: str = field(name="apiVersion", default="")
    install_hint: str = field(name="installHint", default="")
    provide_cluster_info: bool = field(name="provideClusterInfo", default=False)
    interactive_mode: Literal["", "Never", "IfAvailable", "Always"] = field(name="interactiveMode", default="")


class User(_Part, frozen=True):
    """How a caller proves who it is, and as whom it acts."""

    certificate_file: str = field(name="client-certificate", default="")
    certificate_data: str = field(name="client-certificate-data", default="")
    key_file: str = field(name="client-key", default="")
    key_data: Secret | None = field(name="client-key-data", default=None)
    token: Secret | None = None
    token_file: str = field(name="tokenFile", default="")
    username: str = ""
    password: Secret | None = None
    act_as: str = field(name="as", default="")
    act_as_uid: str = field(name="as-uid", default="")
    act_as_groups: tuple[str, ...] = field(name="as-groups", default=())
    act_as_extra: dict[str, tuple[str, ...]] = field(name="as-user-extra", default_factory=dict)
    auth_provider: Any = field(name="auth-provider", default=None)
    plugin: Plugin | None = field(name="exec", default=None)
    extensions: tuple[Extension, ...] = ()

    @property
    def has_certificate(self) -> bool:
        """Whether there is a client certificate."""
        return bool(self.certificate_file or self.certificate_data)

    @property
    def has_credential(self) -> bool:
        """Whether anything here proves who it is."""
        return bool(self.has_certificate or self.token or self.token_file or self.username or self.plugin)


class Context(_Part, frozen=True):
    """A cluster and a user. The namespace is what other programs fall back on; warden always names one."""

    cluster: str = ""
    user: str = ""
    namespace: str = ""
    extensions: tuple[Extension, ...] = ()


class Access(_Part, frozen=True):
    """One context: its name, where its cluster is, and who asks there."""

    context: str
    cluster: Cluster
    user: User


P = TypeVar("P", Cluster, User, Context)


def part(kind: type[P], fields: Mapping[str, Any]) -> P:
    """The fields of one entry. Raises `ValueError` that names the first field that has no such meaning."""
    known = {each.encode_name for each in msgspec.structs.fields(kind)}
    if unknown := [str(name) for name in fields if name not in known]:
        raise ValueError(f"{', '.join(sorted(unknown))}: no such field")
    return msgspec.convert(_without_empty(fields), kind, dec_hook=_secret)


def fields_of(one: Cluster | User) -> dict[str, Any]:
    """What a file says of it, secrets in clear."""
    return dict(msgspec.to_builtins(one, enc_hook=Secret.reveal))


def data(text: str) -> bytes:
    """Base64 as Go reads it: line breaks do not count. Raises `ValueError`."""
    try:
        return base64.b64decode(text.replace("\r", "").replace("\n", ""), validate=True)
    except binascii.Error:
        raise ValueError("is not base64") from None


def cluster_faults(cluster: Cluster) -> Iterator[str]:
    """Each field that cannot be honoured."""
    if cluster.insecure or not cluster.server.startswith("https://"):
        yield "does not verify whom it speaks to (https, no insecure-skip-tls-verify)"
    if "@" in cluster.server:
        yield "server holds a user name or password"
    if cluster.authority_file and cluster.authority_data:
        yield "certificate-authority and certificate-authority-data are both there"
    if cluster.proxy_url and not cluster.proxy_url.startswith(("http://", "https://")):
        yield "proxy-url is not an http or https URL (socks5 is not supported)"


def user_faults(user: User) -> Iterator[str]:
    """Each field that cannot be honoured."""
    if user.auth_provider is not None:
        yield "auth-provider is not supported; Kubernetes replaced it by exec"
    if user.certificate_file and user.certificate_data:
        yield "client-certificate and client-certificate-data are both there"
    if user.key_file and user.key_data:
        yield "client-key and client-key-data are both there"
    if user.has_certificate and not (user.key_file or user.key_data):
        yield "client-certificate has no client-key"
    if user.token and user.username:
        yield "token and username are both there, and only one can be sent"
    if (user.act_as_uid or user.act_as_groups or user.act_as_extra) and not user.act_as:
        yield "as-uid, as-groups and as-user-extra need as"
    if user.plugin is not None:
        yield from _plugin_faults(user.plugin)


def _plugin_faults(plugin: Plugin) -> Iterator[str]:
    if not plugin.command:
        yield "exec has no command"
    if plugin.version not in PLUGIN_VERSIONS:
        yield f"exec.apiVersion is not one of {', '.join(PLUGIN_VERSIONS)}"
    if plugin.version == PLUGIN_VERSIONS[0] and not plugin.interactive_mode:
        yield "exec has no interactiveMode"
    if not all(each.name for each in plugin.env):
        yield "exec.env has a variable without a name"


def _without_empty(value: Any) -> Any:
    """A field that is null or empty is as one that is not there, as in Go."""
    if isinstance(value, Mapping):
        return {key: _without_empty(each) for key, each in value.items() if each is not None and each != ""}
    return [_without_empty(each) for each in value] if isinstance(value, list) else value


def _secret(kind: type, value: Any) -> Secret:
    if kind is not Secret or not isinstance(value, str):
        raise ValueError(f"Expected `str`, got `{type(value).__name__}`")
    return Secret(value)
