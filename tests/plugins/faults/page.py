"""The tables of docs/seeded-faults.md: one row a fault, written from what the proof said about it.

A test compares its row; with WARDEN_WRITE=1 it writes the row in its place first.
"""

import fcntl
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from faults import Fault, cluster, openbao
from warden.core.lanes.lane import Lane
from warden.core.proofs.verdict import Proof
from warden.present.commands import commands
from warden.present.proofs import owner_of
from warden.present.verdicts import explanation

PAGE = Path(__file__).parents[3] / "docs" / "seeded-faults.md"

HEAD = """\
# Seeded faults and the verdicts that caught them

Each of these faults is planted in a sound lane, on real systems. The proof has to catch it with exactly these verdicts,
name whose turn it is, and give the command that fixes it. Reason, owner and command are those of the first wrong
verdict. `??` is inconclusive: a system that had to answer did not, which never counts as a pass.

The tests write the rows. After an intended change, run them with `WARDEN_WRITE=1`.
"""

COLUMNS = """\
| where | what is wrong | caught by | reason | owner | fixed by |
|---|---|---|---|---|---|
"""

TABLES = {
    "cluster": (
        cluster.FAULTS,
        """
## Of a delivered lane

`warden/tests/clusters/test_seeded_faults.py`: on a real API server, External Secrets Operator and OpenBao.

""",
    ),
    "openbao": (
        [*openbao.FAULTS, *openbao.NAMESPACED],
        """
## Of OpenBao alone

`warden/tests/usecases/test_seeded_faults.py`: on a real OpenBao, without clusters. Its mount `auth/kubernetes` is of
type jwt and knows the keys of the accounts. Nearly all of these are a second way in: the lane's own policy and role
stay as they are. No proof of them shows the value, changes anything on the server, or leaves a token.

""",
    ),
}


def row(fault: Fault, lane: Lane, proof: Proof, replaced: Mapping[str, str]) -> str:
    """The fault's row; `replaced` says what stands for names of one run."""
    first = min((v for v in proof.verdicts if v.result != "ok"), key=lambda v: v.result == "inconclusive")
    caught = [f"FAIL {v.probe}" for v in proof.verdicts if v.result == "wrong"] or [f"?? {first.probe}"]
    said = f"{explanation(first)} | {owner_of(lane, first)} | `{commands(first.remedy)}`"
    return plainly(f"| {fault.area} | {fault.name} | {', '.join(dict.fromkeys(caught))} | {said} |", replaced)


def expect(fault: Fault, shown: str) -> None:
    """Fail unless the row is on the page."""
    if os.environ.get("WARDEN_WRITE"):
        _write(fault, shown)
    assert shown in PAGE.read_text().splitlines(), f"not in {PAGE.name}: {shown}"


def plainly(text: str, replaced: Mapping[str, str]) -> str:
    """Without what is of one run alone."""
    for name, said in replaced.items():
        text = text.replace(name, said)
    text = re.sub(r"\(its last word: .*?\)", "", text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}", "UUID", text)
    text = re.sub(r"entity_[0-9a-f]+(\.\w+)?", "ENTITY", text)
    text = re.sub(r"-accessor [0-9A-Za-z.]{20,}", "-accessor ACCESSOR", text)
    text = re.sub(r"app-[0-9a-f]{5,10}-[a-z0-9]{5}", "POD", text)
    text = re.sub(r"\bapp-[0-9a-f]{8,10}\b", "REPLICASET", text)
    return re.sub(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]+Z", "TIME", text).replace("``", "-")


def _write(fault: Fault, shown: str) -> None:
    """Put the row in its place; the workers take turns."""
    with open(Path(tempfile.gettempdir()) / f"seeded-faults-{os.getuid()}.lock", "w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        rows = _rows()
        rows[_head(fault)] = shown
        PAGE.write_text(HEAD + "".join(_table(faults, about, rows) for faults, about in TABLES.values()))


def _head(fault: Fault) -> str:
    return f"| {fault.area} | {fault.name} |"


def _rows() -> dict[str, str]:
    """The rows of the page by the first two columns."""
    lines = PAGE.read_text().splitlines() if PAGE.exists() else []
    heads = [_head(fault) for faults, _ in TABLES.values() for fault in faults]
    return {head: line for line in lines for head in heads if line.startswith(head)}


def _table(faults: list[Fault], about: str, rows: Mapping[str, str]) -> str:
    found = [rows[_head(fault)] for fault in faults if _head(fault) in rows]
    return about + COLUMNS + "".join(f"{line}\n" for line in found) if found else ""
