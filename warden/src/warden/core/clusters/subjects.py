"""Whom an API server knows: users, groups and service accounts, as bindings and reviews name them."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

ACCOUNTS = "system:serviceaccounts"
"""The group of every service account; with ``:NAMESPACE``, of those of one namespace."""


class Subject(msgspec.Struct, frozen=True, order=True):
    """Somebody the API server knows: ``user``, ``group`` or ``account`` (then the name is ``namespace/account``)."""

    kind: str
    name: str

    def __str__(self) -> str:
        return self.name if self.kind == "account" else f"{self.kind}:{self.name}"

    @property
    def user(self) -> str:
        """The user name by which the API server is asked."""
        if self.kind == "account":
            return f"system:serviceaccount:{self.name.replace('/', ':')}"
        return self.name if self.kind == "user" else ""

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups that it is in by itself (Kubernetes: *Authenticating*)."""
        if self.kind == "group":
            return (self.name,)
        if self.kind == "account":
            return (ACCOUNTS, f"{ACCOUNTS}:{self.namespace}", "system:authenticated")
        return ("system:authenticated",)

    @property
    def namespace(self) -> str:
        """Where an account is, or all of a group are; empty for everybody else."""
        if self.kind == "account":
            return self.name.partition("/")[0]
        prefix = f"{ACCOUNTS}:"
        return self.name.removeprefix(prefix) if self.kind == "group" and self.name.startswith(prefix) else ""


def subject_named(text: str) -> Subject | None:
    """``user:NAME``, ``group:NAME`` or ``namespace/account``; ``None`` for anything else."""
    kind, mark, name = text.partition(":")
    if mark and kind in {"user", "group"} and name:
        return Subject(kind, name)
    namespace, slash, account = text.partition("/")
    return Subject("account", text) if slash and namespace and account and "/" not in account else None


def subject_of(user: str) -> Subject:
    """The subject of a user name, as the API server has it."""
    prefix = "system:serviceaccount:"
    if user.startswith(prefix):
        return Subject("account", user.removeprefix(prefix).replace(":", "/", 1))
    return Subject("user", user)


class Member(msgspec.Struct, frozen=True):
    """A subject of a binding: its place there, and its name as it is written there."""

    index: int
    name: str
    subject: Subject


def members_of(binding: Mapping[str, Any]) -> Iterator[Member]:
    """Whom a binding is for.

    An account may be named by its user name as well, and without a namespace is one of the binding's own (Kubernetes,
    ``rbac/validation.appliesToUser``).
    """
    home = (binding.get("metadata") or {}).get("namespace", "")
    for index, each in enumerate(binding.get("subjects") or ()):
        kind, name = each.get("kind"), each.get("name", "")
        if kind == "ServiceAccount":
            yield Member(index, name, Subject("account", f"{each.get('namespace') or home}/{name}"))
        elif kind == "User":
            yield Member(index, name, subject_of(name))
        elif kind == "Group":
            yield Member(index, name, Subject("group", name))
