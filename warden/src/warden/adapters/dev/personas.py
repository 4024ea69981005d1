"""The people of the embedded platform: how they log in, and where their tokens lie."""

import re
from collections.abc import Sequence

import msgspec

from warden.adapters.dev import state
from warden.adapters.dev.config import PERSONAS
from warden.adapters.dev.issuer import LocalIssuer
from warden.adapters.openbao.client import OpenBao
from warden.adapters.openbao.endpoint import parse_address
from warden.core.errors import Effect, Inconclusive, NotFound, Unidentified, UsageError
from warden.core.openbao.api import jwt_login
from warden.core.remedies import RunWarden, warden
from warden.core.secret import Secret

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_ENOUGH = 60  # seconds a kept token must have left to be used again
PATIENCE = 5.0
"""Seconds for one answer: it is on this machine, and `status` is asked of servers that hang, too."""


def connect(address: str, ca_file: str = "", token: Secret | None = None) -> OpenBao:
    """The embedded OpenBao; ``ca_file`` is the authority of an https address."""
    where = parse_address(address, "the embedded platform's address")
    return OpenBao(msgspec.structs.replace(where, timeout=PATIENCE, ca_file=ca_file), token)


class Personas:
    """Logs people in and keeps their tokens, each in a 0600 file of the state directory."""

    def __init__(self, layout: state.Layout, address: str, ca_file: str = "") -> None:
        self._layout = layout
        self._address = address
        self._ca_file = ca_file

    def token_file(self, persona: str) -> str:
        """The file with a token of `persona` that works now; logs in where there is none (not for ``person-NAME``)."""
        path = f"{self._layout.tokens}/{persona}"
        if not persona.startswith("person-"):
            return path if persona in PERSONAS and self._works(path) else self.login(persona)
        if self._works(path):
            return path
        name = persona.removeprefix("person-")
        raise NotFound(
            f"{name} is not logged in, or no longer",
            system=state.SYSTEM,
            subject=persona,
            remedy=(_login_person(name),),
        )

    def login(self, persona: str) -> str:
        """Log in as one of `PERSONAS`; answers the file that the token was written to."""
        if persona not in PERSONAS:
            raise UsageError(
                f'unknown persona "{persona}"; choose one of {", ".join(PERSONAS)}',
                effect=Effect.NOTHING_DONE,
                system=state.SYSTEM,
                subject=persona,
                hint="somebody else",
                remedy=(_login_person("NAME"),),
            )
        password = Secret(state.read(f"{self._layout.passwords}/{persona}"))
        return self._keep(persona, self._vault().login_userpass(persona, password))

    def login_person(self, name: str, groups: Sequence[str], role: str) -> str:
        """Log in at ``netkingdom`` as a person with these groups; answers the file that the token was written to."""
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} is not a valid name of a person: letters, digits and ._@- only",
                effect=Effect.NOTHING_DONE,
                system=state.SYSTEM,
                subject=name,
                remedy=(_login_person("ada"),),
            )
        jwt = LocalIssuer(self._layout.keys).person(name, groups)
        return self._keep(f"person-{name}", self._vault().enter(jwt_login("netkingdom", role, jwt)).token)

    def _vault(self, token: Secret | None = None) -> OpenBao:
        return connect(self._address, self._ca_file, token)

    def _keep(self, persona: str, token: Secret) -> str:
        path = f"{self._layout.tokens}/{persona}"
        state.write(path, token.reveal())
        return path

    def _works(self, path: str) -> bool:
        try:
            return self._vault(Secret(state.read(path))).identity().ttl > _ENOUGH
        except (NotFound, Unidentified, Inconclusive):
            return False


def _login_person(name: str) -> RunWarden:
    return warden("dev login", f"person:{name}", group="GROUP", role="ROLE")
