"""The provider key in force, its version, and its replacement.

A file is checked every second by its state on the disk. New content is in force at once, without a restart and without
a failed request.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llm_connect.common.errors import ConfigurationError
from llm_connect.common.logs import logger

if TYPE_CHECKING:
    from llm_connect.common.secret import Redactor, Secret
    from llm_connect.keys.sources import KeySource, Signature

_GONE = "gone"
_VERSION_CHARACTERS = 12
_VERSIONED = b"llm-connect key version\0"


class Versions:
    """Names a key without revealing it: the start of a keyed digest, equal in all processes with the same digest key.

    Args:
        digest_key: the HMAC key; without one, a random key, so that versions can be compared only within this process.
            A digest without a key would let anybody check a guess, or a leaked list, against it.
    """

    def __init__(self, digest_key: bytes | None = None) -> None:
        self.comparable = digest_key is not None
        self._digest_key = digest_key or secrets.token_bytes(32)

    def of(self, secret: Secret) -> str:
        """The version: twelve hexadecimal digits."""
        digest = hmac.new(self._digest_key, _VERSIONED + secret.reveal().encode(), hashlib.sha256)
        return digest.hexdigest()[:_VERSION_CHARACTERS]


@dataclass(frozen=True)
class Key:
    """A key and its version."""

    secret: Secret
    version: str


class Keyring:
    """The key in force of one provider; `current` is None until there is one.

    Args:
        source: where it is read.
        versions: names it.
        redactor: gets each key before it is used for the first time.
    """

    def __init__(self, source: KeySource, versions: Versions, redactor: Redactor) -> None:
        self.field = source.field
        self.current: Key | None = None
        self._source = source
        self._versions = versions
        self._redactor = redactor
        self._signature: Signature = ()
        self._logged = ""
        self.reload()

    def refresh(self) -> None:
        """Reload if the state on the disk has changed: cheap enough for every second."""
        if self._source.signature() != self._signature:
            self.reload()

    def reload(self) -> bool:
        """Read the source; returns whether another key is in force now. An invalid key leaves the last one in force."""
        self._signature = self._source.signature()  # before reading: a change in between is noticed the next time
        try:
            secret = self._source.read()
        except ConfigurationError as fault:
            self._signature = ()  # read again until it is valid
            if self.current is None:
                raise
            if self._logged != str(fault):
                logger.warning("key not valid; the last one stays in force", extra={"fields": {"fault": str(fault)}})
            self._logged = str(fault)
            return False
        if secret is None:
            self._signature = ()
            self._log_gone()
            return False
        return self._take(secret)

    def _log_gone(self) -> None:
        if self.current is not None and self._logged != _GONE:
            logger.warning("key gone; the last one stays in force", extra={"fields": {"field": self.field}})
            self._logged = _GONE

    def _take(self, secret: Secret) -> bool:
        self._logged = ""
        self._redactor.add(secret)
        key = Key(secret, self._versions.of(secret))
        if self.current is not None and self.current.version == key.version:
            return False
        if self.current is not None:
            logger.info("key replaced", extra={"fields": {"field": self.field, "key_version": key.version}})
        self.current = key
        return True
