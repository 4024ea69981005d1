"""The table `callers` of the configuration file: who may call."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from llm_connect.common.fields import Fields
from llm_connect.common.ranges import ANY_MODEL_ID, NAME_ALLOWED, Range
from llm_connect.common.urls import url_allowed, url_problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_connect.common.errors import Fault

ANYBODY = "anonymous"
# Kubernetes: a namespace is a DNS label, the name of an account a DNS subdomain.
_ACCOUNT = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?/[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)
_DIGEST_DIGITS = 64
_DIGESTS_OF_NOTHING = {hashlib.sha256(octets).hexdigest() for octets in (b"", b"\n")}


@dataclass(frozen=True)
class KubernetesCallers:
    """Service accounts with a token for `audience`; `allow` has `namespace/account`, and is never empty."""

    audience: str
    allow: tuple[str, ...]
    api_server: str | None = None
    token_file: str = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - a path
    ca_file: str = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"
    cache_seconds: float = 60


@dataclass(frozen=True)
class Callers:
    """Who may call: `static` maps the SHA-256 of a bearer token to a name. With neither, anybody on this machine."""

    static: Mapping[str, str] = field(default_factory=dict)
    kubernetes: KubernetesCallers | None = None

    @property
    def declared(self) -> bool:
        """Whether callers have to authenticate."""
        return bool(self.static) or self.kubernetes is not None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all callers, as in log, audit record and budgets."""
        accounts = self.kubernetes.allow if self.kubernetes else ()
        return (*self.static.values(), *accounts) if self.declared else (ANYBODY,)


def read_callers(root: Fields, faults: list[Fault]) -> Callers:
    """The table `callers`; faults are added to `faults`."""
    table = root.inner("callers", ("static", "kubernetes"))
    static: dict[str, str] = {}
    for name, item in table.tables("static").items():
        fields = Fields(item, f"callers.static.{name}", ("sha256",), faults)
        digest = (fields.text("sha256", required=True) or "").lower()
        if not ANY_MODEL_ID.fullmatch(name):  # in a budget, * and | have a meaning of their own
            fields.refuse("", "is not a valid caller name", NAME_ALLOWED)
        problem = _digest_problem(digest, static) if digest else None
        if problem:
            # The value is not repeated: it could be a token that was pasted instead of its digest.
            fields.refuse("sha256", problem, "64 hexadecimal digits: printf %s TOKEN | sha256sum")
        static[digest] = name
    return Callers(static, _kubernetes(table) if table.raw("kubernetes") is not None else None)


def _kubernetes(table: Fields) -> KubernetesCallers:
    names = ("audience", "allow", "api_server", "token_file", "ca_file", "cache_seconds")
    inner = table.inner("kubernetes", names)
    allow = inner.texts("allow")
    if not allow or not all(_ACCOUNT.fullmatch(each) for each in allow):
        problem = "is empty, or has an entry that is not an account (patterns are not supported)"
        inner.refuse("allow", problem, "a list of namespace/account")
    given: dict[str, Any] = {name: inner.text(name) for name in ("api_server", "token_file", "ca_file")}
    url = given["api_server"]
    invalid = url_problem(url, keyless=False) if url else None
    if invalid:
        inner.refuse("api_server", invalid, url_allowed(keyless=False))
    given["cache_seconds"] = inner.number("cache_seconds", Range(0, 60, unit="seconds"))
    usual = KubernetesCallers(inner.text("audience", required=True) or "", allow)
    return replace(usual, **{name: value for name, value in given.items() if value is not None})


def _digest_problem(digest: str, others: Mapping[str, str]) -> str | None:
    if len(digest) != _DIGEST_DIGITS or not set(digest) <= set("0123456789abcdef"):
        return "is not a SHA-256 digest"
    if digest in _DIGESTS_OF_NOTHING:
        return "is the digest of an empty string: the variable was not set when it was made"
    return f"is also the digest of {others[digest]}" if digest in others else None
