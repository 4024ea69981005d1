"""Logging in as a person, with a browser."""

from collections.abc import Generator
from typing import Protocol

import msgspec

from warden.core.login.choice import PersonLogin


class LoginPage(msgspec.Struct, frozen=True, kw_only=True):
    """The page that the person has to open, and the code to type there where it asks for one."""

    url: str
    code: str = ""


class PersonLogins(Protocol):
    """Logs people in and keeps their tokens where ``bao login`` does."""

    @property
    def in_the_way(self) -> tuple[str, ...]:
        """The variables that name another identity, which is used before the token that a login stores."""

    def login(self, ask: PersonLogin) -> Generator[LoginPage]:
        """Yield the page, then end when the token is stored; closed before, it stores nothing.

        Raises `Refused`, `UsageError`, `NotNow`, `Inconclusive` as `core.login.answers` says, `NotFound` where the
        program ``bao`` is missing.
        """
