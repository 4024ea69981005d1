"""Asks OpenBao for certificates that it has to refuse, as one of an actor's identities and as nobody."""

import time
from collections.abc import Sequence

import msgspec

from warden.core.errors import WardenError
from warden.core.inventory.inventory import NamedActor
from warden.core.openbao.api import Answer, Request
from warden.core.proofs.probes import HEADER
from warden.core.ssh.callers import callers_of
from warden.core.ssh.login_proof import LoginVerdict
from warden.core.ssh.signer_probes import SignerProbe, judge_answer, signer_probes
from warden.core.unobserved import Unobserved, unobserved
from warden.ports.audit_log import AuditLog
from warden.ports.caller import Caller
from warden.ports.vault import Vault
from warden.usecases.steps.audit_lines import read_evidence
from warden.usecases.steps.logged_in import logged_in


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked, and what came of it."""

    probe: SignerProbe
    nonce: str
    answer: Answer | Unobserved
    ms: float


def ask_all(
    actor: NamedActor,
    mount: str,
    other: NamedActor | None,
    run: str,
    *,
    key: str,
    played: Caller | None,
    caller: Caller,
) -> list[Answered]:
    """Ask as `played`, and as nobody. Raises as `logged_in` where the identity cannot log in."""
    probes = tuple(signer_probes(actor, mount, key, other, played=played is not None))
    found = [_ask(probe, caller.vault(), f"{run}-n{index}") for index, probe in enumerate(probes) if probe.by_nobody]
    if played is None:
        return found
    with logged_in(callers_of(actor), played) as session:
        mine = [_ask(each, session.vault, f"{run}-s{index}") for index, each in enumerate(probes) if not each.by_nobody]
    return [*found, *mine]


def judged(answered: Sequence[Answered], audit: AuditLog | None, run: str) -> tuple[LoginVerdict, ...]:
    """The verdicts, with OpenBao's audit log read once."""
    if not answered or audit is None:
        return ()
    expected = {each.nonce for each in answered if isinstance(each.answer, Answer)}
    evidence = read_evidence(expected, set(), audit, run)
    return tuple(
        judge_answer(each.probe, each.answer, evidence.lines.get(each.nonce, ()), evidence.unavailable, each.ms)
        for each in answered
    )


def _ask(probe: SignerProbe, vault: Vault, nonce: str) -> Answered:
    started = time.perf_counter()
    answer: Answer | Unobserved
    try:
        request = Request(method="POST", path=probe.path, body=probe.body, headers={HEADER: nonce})
        answer = vault.send(request if probe.by_nobody else vault.as_caller(request))
    except WardenError as fault:
        answer = unobserved(fault)
    return Answered(probe=probe, nonce=nonce, answer=answer, ms=(time.perf_counter() - started) * 1000)
