"""What a login that failed means, by the words of ``bao login`` (2.7.2, measured: docs/login.md).

``bao`` ends with 2 whatever happened, so its words are all there is. The first fragment that is found decides.
"""

import re
from typing import Literal

import msgspec

from warden.core.errors import (
    Effect,
    Inconclusive,
    NotNow,
    Refused,
    Sealed,
    ServerFault,
    Unreachable,
    UsageError,
    WardenError,
)
from warden.core.login.choice import PersonLogin
from warden.core.quoting import quoted
from warden.core.remedies import AskOwner, OneOf, Remedy, RunBao, RunProgram, RunWarden, SetVariable, warden

Meaning = Literal[
    "denied",
    "no-role",
    "no-default-role",
    "not-oidc",
    "other-callback",
    "redirect",
    "port-taken",
    "nobody-came",
    "other-login",
    "not-stored",
    "provider",
    "sealed",
    "server-fault",
    "no-answer",
]

_FRAGMENTS: tuple[tuple[str, Meaning], ...] = (
    ("Error storing token", "not-stored"),
    ("error validating claims", "denied"),
    ("claim does not match", "denied"),
    ("access_denied", "denied"),
    ("permission denied", "denied"),
    ("could not be found", "no-role"),
    ("missing role", "no-default-role"),
    ("is not configured for this mount", "not-oidc"),
    ("callback mode", "other-callback"),
    ("with redirect_uri", "redirect"),
    ("address already in use", "port-taken"),
    ("timed out waiting", "nobody-came"),
    ("expired_token", "nobody-came"),
    ("Expired or missing OAuth state", "other-login"),
    ("exchanging oidc code", "provider"),
    ("error authorizing device", "provider"),
    ("error getting provider", "provider"),
    ("sealed", "sealed"),
)
_READ = 1 << 14
"""Characters of ``bao``'s words; 200 of them are shown."""
_STATUS = re.compile(r"^Code: (\d{3})", re.MULTILINE)
_SERVER_FAULT = 500


class LoginFailed(msgspec.Struct, frozen=True, kw_only=True):
    """A login that came to nothing: what that means, and OpenBao's words for it.

    ``audit`` is what the requests carried in X-Lane-Probe: the audit log has it.
    """

    meaning: Meaning
    mount: str
    role: str
    port: int
    said: str
    audit: str


class NothingStored(msgspec.Struct, frozen=True):
    """The effect: there is no new token, and an earlier one stays as it is."""


def failed(ask: PersonLogin, words: str, audit: str) -> WardenError:
    """The error that ``bao``'s words mean."""
    meaning = meaning_of(words)
    problem = LoginFailed(
        meaning=meaning, mount=ask.mount, role=ask.role, port=ask.port, said=said_in(words), audit=audit
    )
    return _CLASSES[meaning](
        problem, effect=NothingStored(), system="OpenBao", subject=f"auth/{ask.mount}", remedy=_remedy(meaning, ask)
    )


def meaning_of(words: str) -> Meaning:
    """What is meant; an error of OpenBao's that is not known is a denial where OpenBao decided (4xx)."""
    known = next((meaning for fragment, meaning in _FRAGMENTS if fragment in words), None)
    status = _STATUS.search(words)
    if known:
        return known
    if status is None:
        return "no-answer"
    return "denied" if int(status[1]) < _SERVER_FAULT else "server-fault"


def said_in(words: str) -> str:
    """The server's own words on one line; the address is left out, since it has the login's one-time code."""
    lines = [line.strip() for line in words.splitlines()]
    listed = [line.removeprefix("* ") for line in lines if line.startswith("* ")]
    plain = [line.partition(": ")[2] or line for line in lines if line.startswith("Error ")]
    text = "; ".join(listed or plain[:1])
    return quoted(re.sub(r"https?://[^\s?]*\?\S*", "…", text.removeprefix("OpenBao login failed. ")[:_READ]))


_CLASSES: dict[Meaning, type[WardenError]] = {
    "denied": Refused,
    "no-role": Refused,
    "no-default-role": UsageError,
    "not-oidc": UsageError,
    "other-callback": UsageError,
    "redirect": Refused,
    "port-taken": UsageError,
    "nobody-came": NotNow,
    "other-login": NotNow,
    "not-stored": Inconclusive,
    "provider": Inconclusive,
    "sealed": Sealed,
    "server-fault": ServerFault,
    "no-answer": Unreachable,
}


def _remedy(meaning: Meaning, ask: PersonLogin) -> Remedy:
    """What to do next: who is in which group is not ours, so a denial leads to whoever owns what it was for."""
    run = warden("apply", ask.subject or "LANE")
    apply: Remedy = (AskOwner(ask.owner, run=run),) if ask.owner else (run,)
    again = warden("login", ask.mount, role=ask.role)
    steps: dict[Meaning, Remedy] = {
        "denied": (_whose(ask),),
        "no-role": apply,
        "other-callback": apply,
        "redirect": apply,
        "no-default-role": (OneOf((warden("login", lane="LANE"), warden("login", actor="ACTOR"))),),
        "not-oidc": (RunBao(action="read-login-config", mount=ask.mount),),
        "port-taken": (warden("login", ask.mount, role=ask.role, port=str(ask.port + 1)),),
        "nobody-came": (again,),
        "other-login": (again,),
        "not-stored": (SetVariable("BAO_TOKEN_PATH", "FILE"),),
        "provider": (warden("doctor"),),
        "server-fault": (warden("doctor"),),
        "no-answer": (warden("doctor"),),
        "sealed": (RunBao(action="unseal"),),
    }
    return steps[meaning]


def _whose(ask: PersonLogin) -> RunWarden:
    """The command that shows who owns what the login was for."""
    if ask.owner:
        return warden("route show", ask.subject)
    return warden("inventory list") if ask.subject else warden("route find", "log in")


class TokenInTheWay(msgspec.Struct, frozen=True):
    """These variables are used before the token that a login stores."""

    variables: tuple[str, ...]


class SomebodyElse(msgspec.Struct, frozen=True):
    """The token that is used after the login is not that login's: it is of another path, or of another role."""

    mount: str
    role: str
    found: str
    found_role: str


def expect_not_overridden(variables: tuple[str, ...]) -> None:
    """Raises `UsageError` where what the login stores would not be used."""
    if variables:
        raise UsageError(
            TokenInTheWay(variables), effect=Effect.NOTHING_ASKED, remedy=(RunProgram(("unset",), variables),)
        )
