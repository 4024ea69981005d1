"""What a person reads of a pack of evidence."""

from warden.core.evidence.verification import PackFault, PackVerdict
from warden.present import evidence, terminal


def test_the_faults_of_a_pack_are_shown_on_a_terminal(monkeypatch, capsys):
    found = PackVerdict(
        contents=None,
        faults=(PackFault(kind="unreadable", line=1),),
        lines=1,
        records=0,
        files=(),
        proofs=(),
        rotations=0,
        checkpoints=0,
        unchecked_checkpoints=0,
    )
    monkeypatch.setattr(terminal, "_coloured", lambda _: True)
    evidence.show_verdict(found, "pack.jsonl")
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("\x1b[1;31mFAIL\x1b[0m ")
    assert shown[1] == "pack.jsonl does not hold: 1 fault"
