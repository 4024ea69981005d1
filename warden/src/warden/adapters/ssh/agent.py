"""The port KeyAgent: messages over the socket of ssh-agent.

The messages are those of draft-ietf-sshm-ssh-agent; certificates travel as OpenSSH's PROTOCOL.certkeys and sshkey.c
write them. Not by ssh-add: it takes a certificate from a file beside the private key only, and `identities` is on the
way of every login, where starting a program would cost more than the rest. paramiko cannot add keys, and asyncssh
takes longer to import than `ssh` to log in.
"""

from __future__ import annotations

import os
import socket
from base64 import b64decode, b64encode
from struct import pack, unpack_from
from typing import TYPE_CHECKING

from warden.core.errors import Effect, Inconclusive, NotNow, UsageError
from warden.core.remedies import RunProgram
from warden.core.ssh.kept import FOLDER_OPTION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from warden.core.ssh.fresh_key import FreshKey

_REQUEST_IDENTITIES, _IDENTITIES_ANSWER = 11, 12
_SUCCESS = 6
_REMOVE_IDENTITY = 18
_ADD_ID_CONSTRAINED, _CONSTRAIN_LIFETIME = 25, 1
_LARGEST = 256 * 1024
"""Bytes of a message (OpenSSH, authfd.c: MAX_AGENT_REPLY_LEN)."""
_SECONDS = 5.0
"""How long an agent may take; none of these messages has anybody asked anything."""
_PLAIN, _CERTIFICATE = b"ssh-ed25519", b"ssh-ed25519-cert-v01@openssh.com"


def agent_of(environ: Mapping[str, str], folder_option: str = FOLDER_OPTION) -> SshAgent:
    """The agent that SSH_AUTH_SOCK names. Raises `UsageError` where it names none."""
    where = environ.get("SSH_AUTH_SOCK", "")
    if not where:
        raise UsageError(
            "SSH_AUTH_SOCK is not set, and the certificate goes to the ssh-agent that it names",
            effect=Effect.NOTHING_ASKED,
            system="ssh-agent",
            hint=f"write files with {folder_option}, or start one",
            remedy=(RunProgram(("ssh-agent", "bash")),),
        )
    return SshAgent(where, folder_option)


class SshAgent:
    """The agent at a socket; see the port. ``folder_option`` is how the caller asks for files instead."""

    def __init__(self, where: str, folder_option: str = FOLDER_OPTION) -> None:
        self.where = where
        self._folder_option = folder_option

    def identities(self) -> tuple[str, ...]:
        """What it holds."""
        answer = self._ask(bytes([_REQUEST_IDENTITIES]))
        if answer[:1] != bytes([_IDENTITIES_ANSWER]):
            raise self._silent("it does not list its keys")
        try:
            return tuple(_line(blob) for blob in _blobs(answer))
        except (ValueError, IndexError):
            raise self._silent("its list of keys cannot be read") from None

    def add(self, key: FreshKey, certificate: str, seconds: int, comment: str) -> None:
        """Hand it a key, with its certificate or alone."""
        public, private = _halves(key)
        kind = _string(_CERTIFICATE) + _string(_blob(certificate)) if certificate else _string(_PLAIN)
        message = kind + _string(public) + _string(private + public) + _string(comment.encode())
        until = pack(">BI", _CONSTRAIN_LIFETIME, seconds)
        if self._ask(bytes([_ADD_ID_CONSTRAINED]) + message + until)[:1] != bytes([_SUCCESS]):
            raise NotNow(
                "ssh-agent did not take the key: it is locked, or does not hold keys of this type",
                effect=Effect.NOTHING_DONE,
                system="ssh-agent",
                subject=self.where,
                hint=f"write files with {self._folder_option}, or unlock it",
                remedy=(RunProgram(("ssh-add", "-X")),),
            )

    def remove(self, identity: str) -> bool:
        """Take one away."""
        return self._ask(bytes([_REMOVE_IDENTITY]) + _string(_blob(identity)))[:1] == bytes([_SUCCESS])

    def _ask(self, message: bytes) -> bytes:
        """The answer to one message, over a connection of its own."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as there:
                there.settimeout(_SECONDS)
                there.connect(self.where)
                there.sendall(_string(message))
                (length,) = unpack_from(">I", _read(there, 4))
                if not 0 < length <= _LARGEST:
                    raise self._silent("its answer is not one of an agent")
                return _read(there, length)
        except TimeoutError:
            raise self._silent(f"it did not answer within {_SECONDS:.0f} s") from None
        except OSError as fault:
            raise self._silent((os.strerror(fault.errno) if fault.errno else str(fault)).lower()) from None

    def _silent(self, why: str) -> Inconclusive:
        return Inconclusive(
            f"ssh-agent at {self.where} cannot be used: {why}",
            effect=Effect.NOTHING_DONE,
            system="ssh-agent",
            subject=self.where,
            hint=f"write files with {self._folder_option}, or start another one",
            remedy=(RunProgram(("ssh-agent", "bash")),),
        )


def _read(there: socket.socket, length: int) -> bytes:
    found = bytearray()
    while len(found) < length:
        part = there.recv(length - len(found))
        if not part:
            raise OSError("it closed the connection")
        found += part
    return bytes(found)


def _string(text: bytes) -> bytes:
    return pack(">I", len(text)) + text


def _blob(line: str) -> bytes:
    return b64decode(line.split()[1])


def _line(blob: bytes) -> str:
    """``TYPE BASE64``: the type is the first string of the blob. Raises `ValueError`."""
    kind, _ = _taken(blob, 0)
    return f"{kind.decode('ascii')} {b64encode(blob).decode()}"


def _blobs(answer: bytes) -> list[bytes]:
    """The keys of a list, without their comments. Raises `ValueError`."""
    if len(answer) < 5:  # noqa: PLR2004 - a type and a number
        raise ValueError
    found, at = [], 5
    for _ in range(unpack_from(">I", answer, 1)[0]):
        blob, at = _taken(answer, at)
        _, at = _taken(answer, at)
        found.append(blob)
    return found


def _taken(text: bytes, at: int) -> tuple[bytes, int]:
    """The string at that place, and the place behind it. Raises `ValueError`."""
    if at + 4 > len(text):
        raise ValueError
    (length,) = unpack_from(">I", text, at)
    end = at + 4 + length
    if end > len(text):
        raise ValueError
    return text[at + 4 : end], end


def _halves(key: FreshKey) -> tuple[bytes, bytes]:
    """The public and the private half, 32 bytes each (RFC 8032)."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    pair = load_ssh_private_key(key.private_key.reveal().encode(), password=None)
    assert isinstance(pair, Ed25519PrivateKey)  # noqa: S101 - `FreshKey` is always one
    return pair.public_key().public_bytes_raw(), pair.private_bytes_raw()
