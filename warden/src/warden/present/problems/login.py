"""Why a person did not get logged in, in words."""

from collections.abc import Mapping

from warden.core.login.answers import LoginFailed, Meaning, NothingStored, SomebodyElse, TokenInTheWay
from warden.core.login.choice import CallbackDeclared, NoBrowserHere, NoPeople, SeveralLogins, WhichMount
from warden.present.problems import describe

_FAILED: Mapping[Meaning, str] = {
    "denied": "OpenBao refused the login at {where}: {said}",
    "no-role": "{where} does not exist in OpenBao: {said}",
    "no-default-role": "auth/{mount} has no default role, and no role was named",
    "not-oidc": "auth/{mount} does not take browser logins: {said}",
    "other-callback": "{where} has another callback mode in OpenBao than platform.yaml declares: {said}",
    "redirect": "{where} does not take a login back at http://localhost:{port}/oidc/callback",
    "port-taken": "port {port} of this machine, where the browser would come back to, is in use",
    "nobody-came": "nobody completed the login in time",
    "other-login": "what the browser brought back is of another login, or came too late",
    "not-stored": "the login was accepted, and its token cannot be stored: {said}",
    "provider": "OpenBao could not complete the login with the identity provider: {said}",
    "sealed": "OpenBao is sealed",
    "server-fault": "OpenBao answered with a fault of its own: {said}",
    "no-answer": "OpenBao did not answer: {said}",
}


@describe.register
def _(problem: LoginFailed) -> str:
    where = _as(f"auth/{problem.mount}", problem.role)
    facts = {"where": where, "mount": problem.mount, "port": problem.port, "said": problem.said or "it gave no reason"}
    text = _FAILED[problem.meaning].format(**facts)
    return f"{text} (audit {problem.audit})" if problem.meaning == "denied" else text


@describe.register
def _(_effect: NothingStored) -> str:
    return "No token was stored; one that you had is still there."


@describe.register
def _(problem: TokenInTheWay) -> str:
    names = " and ".join(problem.variables)
    is_set = "is" if len(problem.variables) == 1 else "are"
    return f"{names} {is_set} set, and would be used instead of the token that a login stores"


@describe.register
def _(problem: SomebodyElse) -> str:
    asked, found = _as(f"auth/{problem.mount}", problem.role), _as(problem.found, problem.found_role)
    return (
        f"the login at {asked} was accepted, and the token that is stored here is of {found}: "
        "is bao's token helper another one?"
    )


def _as(where: str, role: str) -> str:
    return f"{where} as role {role}" if role else where


@describe.register
def _(problem: NoPeople) -> str:
    at = f" at auth/{problem.mount}" if problem.mount else ""
    return f"nobody logs in with a browser{at} to use {problem.subject}"


@describe.register
def _(problem: SeveralLogins) -> str:
    return f"people log in for {problem.subject} as {', '.join(map(str, problem.roles))}; choose one"


@describe.register
def _(problem: WhichMount) -> str:
    known = f"has {', '.join(problem.known)}" if problem.known else "declares none"
    return f"no login mount was named, and platform.yaml {known}"


@describe.register
def _(problem: NoBrowserHere) -> str:
    return f"auth/{problem.mount} of the embedded platform has no browser login"


@describe.register
def _(problem: CallbackDeclared) -> str:
    return f"platform.yaml declares callback: {problem.callback} for {problem.mount}, and a role works with one only"
