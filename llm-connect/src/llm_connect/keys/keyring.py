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
    """Names a key without telling it: the start of a keyed digest, the same in every process with the same digest key.

    Args:
        digest_key: the HMAC key; without one, one of this process's own, so that versions can be compared only
            within it. Not the bare digest: anybody could check a guess, or a leaked list, against that.
    """

    def __init__(self, digest_key: bytes | None = None) -> None:
        self.comparable = digest_key is not None
        self._digest_key = digest_key or secrets.token_bytes(32)

    def of(self, secret: Secret) -> str:
        """Twelve hexadecimal digits."""
        digest = hmac.new(self._digest_key, _VERSIONED + secret.reveal().encode(), hashlib.sha256)
        return digest.hexdigest()[:_VERSION_CHARACTERS]


@dataclass(frozen=True)
class Key:
    """A key in force and its version."""

    secret: Secret
    version: str


class Keyring:
    """The key in force of one provider; `current` is None as long as there was none.

    Args:
        source: where it is read.
        versions: names it.
        redactor: learns each key, before it is used for the first time.
    """

    def __init__(self, source: KeySource, versions: Versions, redactor: Redactor) -> None:
        self.field = source.field
        self.current: Key | None = None
        self._source = source
        self._versions = versions
        self._redactor = redactor
        self._signature: Signature = ()
        self._told = ""
        self.reload()

    def refresh(self) -> None:
        """Reload where the state on the disk is another one: cheap enough for every second."""
        if self._source.signature() != self._signature:
            self.reload()

    def reload(self) -> bool:
        """Read the source; whether another key is in force now. What cannot be used leaves the last one in force."""
        self._signature = self._source.signature()  # before reading: a change in between is seen at the next look
        try:
            secret = self._source.read()
        except ConfigurationError as fault:
            self._signature = ()  # looked at again, until it can be used
            if self.current is None:
                raise
            if self._told != str(fault):
                logger.warning("key not usable; the last one stays in force", extra={"fields": {"fault": str(fault)}})
            self._told = str(fault)
            return False
        if secret is None:
            self._signature = ()
            self._tell_gone()
            return False
        return self._take(secret)

    def _tell_gone(self) -> None:
        if self.current is not None and self._told != _GONE:
            logger.warning("key gone; the last one stays in force", extra={"fields": {"field": self.field}})
            self._told = _GONE

    def _take(self, secret: Secret) -> bool:
        self._told = ""
        self._redactor.add(secret)
        key = Key(secret, self._versions.of(secret))
        if self.current is not None and self.current.version == key.version:
            return False
        if self.current is not None:
            logger.info("key replaced", extra={"fields": {"field": self.field, "key_version": key.version}})
        self.current = key
        return True
