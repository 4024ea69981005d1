"""Which records of the journal are evidence of which kind.

A proof's records are those from its ``probe.begin`` to its ``proof``; a rotation's, those of one ``rotate.begin``; of a
lane everything else is an effect. Records without a lane are left out, but for the checkpoints.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from warden.core.changes.request import ID, ChangeRequest
from warden.core.evidence.period import Period
from warden.core.evidence.statements import KeptLine, LinkedRow, Statement, of_records
from warden.core.journal.checkpoints import EVENT as CHECKPOINT

_PROOF = frozenset({"probe.begin", "probe", "probe.secret-id", "value.read", "token.begin", "token.done", "proof"})
_ROTATION = "rotate."


class ProofRows(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of one proof: the last one is the proof itself. ``run`` begins its nonces in the audit log."""

    lane: str
    run: str
    rows: tuple[LinkedRow, ...]

    @property
    def audited(self) -> frozenset[str]:
        """The ids of the requests that its verdicts name as their audit line."""
        return frozenset(filter(None, (str(body_of(each).get("audit") or "") for each in self.rows)))

    def statement(self, lines: Sequence[KeptLine]) -> Statement:
        """The proof with its audit lines; ``missing`` are the ids of which the log has no line any more."""
        kept = [each for each in lines if each.line.nonce.startswith(self.run)] if self.run else []
        missing = sorted(self.audited - {each.line.id for each in kept})
        return of_records("proof", self.rows, lane=self.lane, audit=msgspec.to_builtins(kept), missing=missing)


class Selected(msgspec.Struct, frozen=True, kw_only=True):
    """The records of the lanes, by kind."""

    proofs: tuple[ProofRows, ...]
    rotations: Mapping[tuple[str, int], tuple[LinkedRow, ...]]
    effects: Mapping[str, tuple[LinkedRow, ...]]
    checkpoints: tuple[LinkedRow, ...]

    def statements(self, lines: Sequence[KeptLine]) -> list[Statement]:
        """One for each proof, each rotation, each lane's other effects; and the checkpoints."""
        made = [each.statement(lines) for each in self.proofs]
        made += [of_records("rotation", rows, lane=lane) for (lane, _), rows in self.rotations.items()]
        made += [of_records("effects", rows, lane=lane) for lane, rows in self.effects.items()]
        return [*made, *([of_records("checkpoints", self.checkpoints)] if self.checkpoints else [])]


def is_of(request: ChangeRequest, period: Period) -> bool:
    """Whether somebody decided about it or applied it then; one without any such time counts in the year of its id."""
    times = [*(each.at for each in request.decisions), *([request.applied.at] if request.applied else [])]
    if times:
        return any(period.holds(each.isoformat()) for each in times)
    found = ID.fullmatch(request.id)
    return found is not None and period.first.year <= int(found[1]) <= period.last.year


def body_of(each: LinkedRow) -> dict[str, Any]:
    """The body of a row; an empty one where it cannot be read."""
    try:
        return msgspec.json.decode(each.row.body, type=dict[str, Any])
    except (ValueError, TypeError):  # msgspec's errors are ValueErrors
        return {}


def selected(rows: Iterable[LinkedRow]) -> Selected:
    """Sort these rows, oldest first."""
    sorter = _Sorter()
    for each in rows:
        sorter.take(each)
    return sorter.selected()


class _Sorter:
    def __init__(self) -> None:
        self._open: dict[str, list[LinkedRow]] = {}
        self._proofs: list[ProofRows] = []
        self._rotations: dict[tuple[str, int], list[LinkedRow]] = {}
        self._effects: dict[str, list[LinkedRow]] = {}
        self._checkpoints: list[LinkedRow] = []

    def take(self, each: LinkedRow) -> None:
        event, lane = each.row.event, each.row.lane
        if event == CHECKPOINT:
            self._checkpoints.append(each)
        elif not lane:
            return
        elif event in _PROOF:
            self._of_proof(each)
        elif event.startswith(_ROTATION):
            begin = body_of(each).get("begin", each.row.seq)
            self._rotations.setdefault((lane, begin if isinstance(begin, int) else 0), []).append(each)
        else:
            self._effects.setdefault(lane, []).append(each)

    def _of_proof(self, each: LinkedRow) -> None:
        lane = each.row.lane
        if each.row.event == "probe.begin":  # what is open is of a proof that was killed
            self._effects.setdefault(lane, []).extend(self._open.pop(lane, []))
        self._open.setdefault(lane, []).append(each)
        if each.row.event == "proof":
            run = str(body_of(each).get("run") or "")
            self._proofs.append(ProofRows(lane=lane, run=run, rows=tuple(self._open.pop(lane))))

    def selected(self) -> Selected:
        effects = {lane: [*self._effects.get(lane, []), *left] for lane, left in self._open.items()}
        return Selected(
            proofs=tuple(self._proofs),
            rotations={key: tuple(found) for key, found in self._rotations.items()},
            effects={
                lane: tuple(sorted(found, key=lambda each: each.row.seq))
                for lane, found in (self._effects | effects).items()
                if found
            },
            checkpoints=tuple(self._checkpoints),
        )
