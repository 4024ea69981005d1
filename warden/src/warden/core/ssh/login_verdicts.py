"""What a login and sshd's own line about it prove."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from warden.core.routes.proof_states import Result
from warden.core.ssh.login_proof import (
    FromElsewhere,
    LoginDetail,
    LoginExpectation,
    LoginProbe,
    LoginVerdict,
    NoLogLine,
    NotAnswered,
    OtherOutput,
    OtherReason,
)
from warden.core.ssh.sshd_log import Reason, SeenLogin, logins
from warden.core.unobserved import Unobserved


class Attempted(msgspec.Struct, frozen=True, kw_only=True):
    """What ssh says of a login: whether the host let it in (``None``: no answer), its last words, and the output."""

    let_in: bool | None
    said: str = ""
    out: str = ""
    ms: float = 0.0


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """A login that was tried, and what had to come of it.

    Attributes:
        serial, authority, record: of the certificate, as in `LoginVerdict`.
        reason: why sshd has to refuse it.
        from_elsewhere: the addresses that the certificate is for: this machine may have none of them.
        own_host: then it is as expected that sshd finds nothing else wrong with it; a control has logged in there.
        forced, asked: what the host's forced command prints, and what the command prints that was asked for instead.
    """

    probe: LoginProbe
    expected: LoginExpectation
    attempted: Attempted
    serial: int
    authority: str
    record: int = 0
    reason: Reason | None = None
    from_elsewhere: str = ""
    own_host: bool = True
    forced: str = ""
    asked: str = ""
    subject: str = ""


def judge_all(shown: Sequence[Login], log: str | Unobserved) -> tuple[LoginVerdict, ...]:
    """A verdict for each login, in the order in which they were tried; `log` may be why it cannot be read."""
    found, earlier = [], Counter[int]()
    for each in shown:
        seen = [] if isinstance(log, Unobserved) else logins(log, each.serial)
        nth = earlier[each.serial]
        verdict = judge(each, seen[nth] if nth < len(seen) else None)
        if isinstance(log, Unobserved) and isinstance(verdict.detail, NoLogLine):
            verdict = msgspec.structs.replace(verdict, detail=log)
        found.append(verdict)
        earlier[each.serial] += 1
    return tuple(found)


def judge(login: Login, seen: SeenLogin | None) -> LoginVerdict:
    """The verdict. A refusal counts only for the reason that was tested, and only where sshd's log says so."""
    let_in = login.attempted.let_in
    if let_in is None or (seen is not None and seen.accepted != let_in):
        return _verdict(login, seen, "inconclusive", NotAnswered(said=login.attempted.said))
    if seen is None:
        return _verdict(login, seen, "inconclusive", NoLogLine())
    return _of_login(login, seen) if let_in else _of_refusal(login, seen)


def _of_login(login: Login, seen: SeenLogin) -> LoginVerdict:
    if login.expected == "refused":
        return _verdict(login, seen, "wrong")
    if not login.forced or login.attempted.out.strip() == login.forced:
        return _verdict(login, seen)
    if login.asked in login.attempted.out:
        return _verdict(login, seen, "wrong", OtherOutput())
    return _verdict(login, seen, "inconclusive", OtherOutput())


def _of_refusal(login: Login, seen: SeenLogin) -> LoginVerdict:
    if login.expected == "allowed" and login.from_elsewhere and seen.reason == "source-address":
        return _from_elsewhere(login, seen)
    if login.expected == "allowed":
        return _verdict(login, seen, "wrong")
    if seen.reason == login.reason:
        return _verdict(login, seen)
    return _verdict(login, seen, "inconclusive", OtherReason(reason=seen.reason or "not-listed"))


def _from_elsewhere(login: Login, seen: SeenLogin) -> LoginVerdict:
    detail = FromElsewhere(addresses=login.from_elsewhere)
    found = _verdict(login, seen, "ok" if login.own_host else "inconclusive", detail)
    return msgspec.structs.replace(found, observed="source-address")


def _verdict(
    login: Login, seen: SeenLogin | None, result: Result = "ok", detail: LoginDetail | None = None
) -> LoginVerdict:
    let_in = login.attempted.let_in
    return LoginVerdict(
        probe=login.probe,
        result=result,
        expected=login.expected,
        observed="no-answer" if let_in is None else "allowed" if let_in else "refused",
        serial=login.serial,
        authority=login.authority,
        record=login.record,
        reason=seen.reason if seen else None,
        said=seen.said if seen else "",
        subject=login.subject,
        detail=detail,
        ms=login.attempted.ms,
    )


def without_control(verdicts: Sequence[LoginVerdict]) -> tuple[LoginVerdict, ...]:
    """The verdicts; where the control was not let in, no refusal shows anything."""
    control = next((each for each in verdicts if each.probe == "control"), None)
    if control is None or control.result == "ok":
        return tuple(verdicts)
    return tuple(
        msgspec.structs.replace(each, result="inconclusive")
        if each.expected == "refused" and each.result == "ok"
        else each
        for each in verdicts
    )
