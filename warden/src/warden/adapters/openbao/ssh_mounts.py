"""The port SshMounts on the HTTP API (https://openbao.org/api-docs/secret/ssh/: roles, issuers, config/issuers)."""

from collections.abc import Mapping
from typing import Any

from warden.adapters.openbao.answers import NOT_FOUND
from warden.adapters.openbao.sender import Sender
from warden.core.openbao.ssh_comparison import ENGINE
from warden.core.openbao.ssh_issuers import Issuer
from warden.core.openbao.ssh_roles import SshRole


class SshMounts:
    """The SSH engines of one server, as one caller."""

    def __init__(self, caller: Sender) -> None:
        self._caller = caller

    def create(self, mount: str) -> None:
        """``sys/mounts/<mount>``."""
        self._caller.asked("POST", f"sys/mounts/{mount}", {"type": ENGINE})

    def roles(self, mount: str) -> tuple[str, ...]:
        """``LIST <mount>/roles``: 404 where there is none."""
        answer = self._caller.asked("LIST", f"{mount}/roles", none=(NOT_FOUND,))
        return () if answer.status == NOT_FOUND else self._caller.parsed(answer, _names)

    def role(self, role: SshRole) -> dict[str, Any] | None:
        """``<mount>/roles/<name>``."""
        answer = self._caller.asked("GET", str(role), none=(NOT_FOUND,))
        return None if answer.status == NOT_FOUND else dict(self._caller.part_of(answer))

    def write_role(self, role: SshRole, fields: Mapping[str, Any]) -> None:
        """All fields at once: those that are left out go back to their defaults."""
        self._caller.asked("POST", str(role), fields)

    def delete_role(self, role: SshRole) -> None:
        """Gone afterwards, whether it was there or not."""
        self._caller.asked("DELETE", str(role))

    def issuers(self, mount: str) -> tuple[Issuer, ...]:
        """``LIST <mount>/issuers``: 404 where there is no key, and where nothing is mounted."""
        answer = self._caller.asked("LIST", f"{mount}/issuers", none=(NOT_FOUND,))
        if answer.status == NOT_FOUND:
            return ()
        return self._caller.parsed(answer, _issuers)

    def new_issuer(self, mount: str, name: str, *, signs: bool) -> Issuer:
        """``<mount>/issuers/import/<name>``: 400 where there is one of that name already."""
        body = {"generate_signing_key": True, "key_type": "ed25519", "set_default": signs}
        answer = self._caller.asked("POST", f"{mount}/issuers/import/{name}", body)
        return self._caller.parsed(answer, lambda made: _issuer(str(made["issuer_id"]), made, signs=signs))

    def switch_to(self, mount: str, issuer: Issuer) -> None:
        """``<mount>/config/issuers``."""
        self._caller.asked("POST", f"{mount}/config/issuers", {"default": issuer.id})

    def delete_issuer(self, mount: str, issuer: Issuer) -> None:
        """``<mount>/issuer/<id>``."""
        self._caller.asked("DELETE", f"{mount}/issuer/{issuer.id}")


def _names(found: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(map(str, found.get("keys") or ()))


def _issuers(found: Mapping[str, Any]) -> tuple[Issuer, ...]:
    each = sorted(found["key_info"].items())
    return tuple(_issuer(key, info, signs=bool(info.get("is_default"))) for key, info in each)


def _issuer(key: str, found: Mapping[str, Any], *, signs: bool) -> Issuer:
    return Issuer(
        id=key, name=str(found.get("issuer_name") or ""), public_key=line_in(found, "public_key"), signs=signs
    )


def line_in(found: Mapping[str, Any], name: str) -> str:
    """A line of OpenSSH in an answer. Raises what `Sender.parsed` takes for an answer that is not OpenBao's."""
    line: str = found[name].strip()
    if not line:
        raise ValueError
    return line
