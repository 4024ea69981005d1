"""The port Signer on OpenBao's transit engine (https://openbao.org/api-docs/secret/transit/), as the caller.

The private key does not leave OpenBao. The key's version is named with each signature, so that a rotation between two
requests cannot have one version sign as another.
"""

import base64
import binascii
from functools import cached_property
from typing import Any, NamedTuple

from warden.adapters.openbao.answers import FORBIDDEN, NOT_FOUND, OK, error_of, is_openbao
from warden.core.errors import Refused, ServerFault, UsageError, WardenError
from warden.core.openbao.api import Answer, Request, said_by
from warden.core.public_key import LENGTH, PublicKey
from warden.core.quoting import quoted
from warden.core.remedies import RunBao, warden
from warden.ports.vault import Vault

KIND = "ed25519"
_NO_MOUNT = "no handler for route"


class _Keys(NamedTuple):
    """The versions of the key, oldest first, and the number of the newest."""

    versions: tuple[PublicKey, ...]
    newest: int


class TransitSigner:
    """A key of the transit engine: `name` is MOUNT/KEY."""

    def __init__(self, vault: Vault, name: str) -> None:
        self._vault = vault
        self._mount, _, self._name = name.rpartition("/")
        self._system = f"OpenBao {vault.address}"
        self.where = f"transit key {name} of {self._system}"

    @property
    def key_id(self) -> str:
        """The fingerprint of the newest version."""
        return self._keys.versions[-1].id

    def sign(self, payload: bytes) -> bytes:
        """``<mount>/sign/<key>``."""
        body = {"input": base64.b64encode(payload).decode(), "key_version": self._keys.newest}
        answer = self._asked("POST", f"{self._mount}/sign/{self._name}", body)
        try:
            return base64.b64decode(str(answer.body["data"]["signature"]).rpartition(":")[2], validate=True)
        except (KeyError, TypeError, binascii.Error):
            raise self._strange() from None

    def public_keys(self) -> tuple[PublicKey, ...]:
        """Every version that OpenBao still has."""
        return self._keys.versions

    @cached_property
    def _keys(self) -> _Keys:
        """``<mount>/keys/<key>``: metadata and public keys."""
        answer = self._asked("GET", f"{self._mount}/keys/{self._name}")
        found = answer.body.get("data")
        if not isinstance(found, dict):
            raise self._strange()
        if found.get("type") != KIND:
            raise UsageError(
                f"{self.where} is of type {quoted(str(found.get('type')))}, and checkpoints are signed with {KIND}",
                system=self._system,
                subject=self._name,
                hint="make a key of that type, and name it in platform.yaml (signing.transit)",
            )
        return self._versions(found)

    def _versions(self, found: dict[str, Any]) -> _Keys:
        try:
            by_number = {int(number): str(each["public_key"]) for number, each in found["keys"].items()}
            raws = [base64.b64decode(by_number[number], validate=True) for number in sorted(by_number)]
        except (KeyError, TypeError, ValueError, AttributeError):  # binascii.Error is a ValueError
            raise self._strange() from None
        if not raws or any(len(raw) != LENGTH for raw in raws):
            raise self._strange()
        return _Keys(tuple(map(PublicKey, raws)), max(by_number))

    def _asked(self, method: str, path: str, body: dict[str, Any] | None = None) -> Answer:
        answer = self._vault.send(self._vault.as_caller(Request(method=method, path=path, body=body)))
        if is_openbao(answer, OK):
            return answer
        raise self._error(answer, f"{method} {path}")

    def _error(self, answer: Answer, what: str) -> WardenError:
        if is_openbao(answer, NOT_FOUND) and _NO_MOUNT in said_by(answer):
            return UsageError(
                f"{self._system} has no transit engine at {self._mount}/",
                system=self._system,
                subject=self._mount,
                hint="whoever administers OpenBao enables it",
                remedy=(RunBao(action="enable-transit", mount=self._mount),),
            )
        if is_openbao(answer, NOT_FOUND):
            return UsageError(
                f"{self.where} does not exist",
                system=self._system,
                subject=self._name,
                hint="whoever administers OpenBao makes it",
                remedy=(RunBao(action="write", path=f"{self._mount}/keys/{self._name}", settings=(("type", KIND),)),),
            )
        if not is_openbao(answer, FORBIDDEN):
            return error_of(answer, self._system, what)
        return Refused(
            f"{self._system} refused {what} ({quoted(said_by(answer)) or 'permission denied'})",
            system=self._system,
            hint="which rights are missing for which command",
            remedy=(warden("doctor"),),
        )

    def _strange(self) -> ServerFault:
        return ServerFault(
            f"{self._system} did not answer as the transit engine does for {self._mount}/{self._name}",
            system=self._system,
            hint="check what is mounted there",
        )
