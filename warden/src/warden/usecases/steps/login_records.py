"""The records around the proof of an actor: one before anything is tried, one after the proof or its failure."""

from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import msgspec

from warden.core.errors import JournalUnwritable, failure_kind
from warden.core.routes.proof_summary import ProofSummary, as_record
from warden.core.ssh.login_proof import LoginProof
from warden.ports.journal import Journal


class LoginRecords:
    """As a context: begins when it is entered, and says of a proof that ended with an error that it did.

    Raises `JournalUnwritable`.
    """

    def __init__(self, journal: Journal, actor: str, run: str, body: Mapping[str, Any]) -> None:
        self._journal = journal
        self._actor = actor
        self._run = run
        self._body = body
        self._begin = 0

    def __enter__(self) -> Self:
        self._begin = self._journal.record("probe.begin", self._actor, {"run": self._run, **self._body})
        return self

    def end(self, proof: LoginProof) -> LoginProof:
        """Record each verdict and the proof, which is answered with its number."""
        lines, _ = proof.lines
        summary = ProofSummary(
            state=proof.state,
            passed=proof.count("ok"),
            failed=proof.count("wrong"),
            inconclusive=proof.count("inconclusive"),
            total=len(proof.verdicts),
            evidence=lines,
            run=self._run,
            system=proof.host,
        )
        ended = ("proof", self._actor, as_record(summary) | {"begin": self._begin})
        numbers = self._journal.record_all([*(("probe", self._actor, each.facts) for each in proof.verdicts), ended])
        return msgspec.structs.replace(proof, record=numbers[-1])

    def __exit__(self, kind: object, fault: BaseException | None, _: TracebackType | None) -> None:
        if fault is None or isinstance(fault, JournalUnwritable):
            return
        with suppress(JournalUnwritable):  # the error that ended it is the one to report
            self._journal.record("probe.failed", self._actor, {"begin": self._begin, "kind": failure_kind(fault)})
