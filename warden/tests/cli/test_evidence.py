"""A pack of evidence from a proof on a real OpenBao, and everything that may be done to it afterwards."""

import base64
import contextlib
import json
import sqlite3

import pytest
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey
from ssh_keys import write_key

from warden.core import dsse
from warden.core.evidence.period import Period, period


@pytest.fixture
def signing(applied, tmp_path):
    """The engineer of an applied lane, and the key that platform.yaml names."""
    key = write_key(tmp_path / "signer")
    settings = applied.world.folder / "platform" / "platform.yaml"
    settings.write_text(f"{settings.read_text()}signing: {{ssh_key: {key}}}\n")
    return key


@pytest.fixture
def packed(applied, signing, tmp_path):
    """A pack of a lane that was proven twice and has a change request, and how it is checked."""
    drafted = applied("change", "new", applied.world.lane, "--type", "rotate")
    assert drafted.returncode == 0, drafted.stderr
    for _ in range(2):
        done = applied("prove", applied.world.lane)
        assert "journal" in done.stdout, done.stderr
    file = tmp_path / "pack.intoto.jsonl"
    done = applied("evidence", "pack", applied.world.lane, "-o", str(file))
    assert done.returncode == 0, done.stderr

    def verify(*more, key=f"{signing}.pub", at=file):
        return applied("evidence", "verify", str(at), "--key", str(key), *more, BAO_ADDR="", WARDEN_PLATFORM="/nowhere")

    verify.file, verify.said = file, done.stdout
    return verify


def lines_of(packed):
    return packed.file.read_bytes().splitlines()


def statement(line):
    return json.loads(base64.b64decode(json.loads(line)["payload"]))


def kind(line):
    return statement(line)["predicateType"].split(":")[-2]


def resigned(line, change):
    """The line with another payload, and the signature that it had."""
    envelope, made = json.loads(line), statement(line)
    change(made)
    envelope["payload"] = base64.b64encode(json.dumps(made).encode()).decode()
    return json.dumps(envelope).encode()


def test_a_pack_is_checked_with_the_public_key_alone(packed, applied):
    assert "2 proofs with" in packed.said
    assert "1 change request," in packed.said
    done = packed("--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert (found["holds"], found["faults"]) == (True, [])
    assert found["lanes"] == [applied.world.lane]
    assert [each["lane"] for each in found["proofs"]] == [applied.world.lane] * 2
    assert all(each["audited"] > 5 and each["lines"] == each["audited"] for each in found["proofs"])
    assert found["checkpoints"]["signed"] >= 2
    requests = [
        f"change-requests/{each.name}" for each in (applied.world.folder / "platform/change-requests").iterdir()
    ]
    assert len(requests) == 1
    assert found["files"] == [f"catalog/{applied.world.lane}.yaml", *requests]
    people = packed()
    assert people.returncode == 0
    assert "signed by SHA256:" in people.stdout


def test_somebody_elses_library_reads_the_envelopes(packed, signing):
    kinds = []
    for line in lines_of(packed):
        raw = json.loads(line)
        key = base64.b64decode((signing.parent / "signer.pub").read_text().split()[1])[-32:].hex()
        keyid = raw["signatures"][0]["keyid"]
        known = SSlibKey(keyid, "ed25519", "ed25519", {"public": key})
        envelope = Envelope.from_dict(raw)
        assert envelope.payload_type == "application/vnd.in-toto+json"
        assert set(envelope.verify([known], 1)) == {keyid}
        kinds.append(kind(line))
        assert statement(line)["_type"] == "https://in-toto.io/Statement/v1"
        assert all(len(each["digest"]["sha256"]) == 64 for each in statement(line)["subject"])
    assert kinds[0] == "contents"
    assert set(kinds) == {"contents", "lane", "change-request", "proof", "effects", "checkpoints"}


def test_whatever_is_changed_is_found_and_named(packed, tmp_path):
    whole = lines_of(packed)
    proof = next(number for number, line in enumerate(whole) if kind(line) == "proof")

    def another_state(made):
        made["predicate"]["records"][-1]["body"] = "{}"

    changed = {
        "' was taken out": [*whole[:proof], *whole[proof + 1 :]],
        "changed since": [*whole[:proof], resigned(whole[proof], another_state), *whole[proof + 1 :]],
        "is there again": [*whole, whole[proof]],
        "stands where": [*whole[:proof], whole[proof + 1], whole[proof], *whole[proof + 2 :]],
        "not the list": whole[1:],
        "not an envelope": [*whole, b"{}"],
        "no signature": [json.dumps(json.loads(whole[0]) | {"signatures": []}).encode(), *whole[1:]],
    }
    for said, lines in changed.items():
        file = tmp_path / "changed.jsonl"
        file.write_bytes(b"\n".join(lines) + b"\n")
        done = packed(at=file)
        assert done.returncode == 1, said
        assert said in done.stdout, done.stdout
        assert "Traceback" not in done.stderr


def test_another_key_another_pack_and_no_pack(packed, applied, signing, tmp_path):
    other = write_key(tmp_path / "other")
    done = packed(key=f"{other}.pub")
    assert done.returncode == 1
    assert "FAIL signed by SHA256:" in done.stdout
    assert done.stdout.count("not one of the given keys") == 1
    assert "does not hold: 1 fault" in done.stdout
    for wrong, said in (("/nowhere", "cannot be read"), (str(tmp_path), "is a directory")):
        done = packed(at=wrong)
        assert done.returncode == 2
        assert said in done.stderr
    again = applied("evidence", "pack", applied.world.lane, "-o", str(packed.file))
    assert again.returncode == 2
    assert "exists" in again.stderr


def test_a_statement_that_its_own_signer_put_in_or_bent_is_found(packed, signing, tmp_path):
    """Whoever has the key can sign anything; what contradicts itself is found all the same."""
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    key = load_ssh_private_key(signing.read_bytes(), None)
    whole = lines_of(packed)

    def signed(line, change):
        envelope, made = json.loads(line), statement(line)
        change(made)
        payload = json.dumps(made).encode()
        envelope["payload"] = base64.b64encode(payload).decode()
        raw = key.sign(dsse.pae(envelope["payloadType"], payload))
        envelope["signatures"][0]["sig"] = base64.b64encode(raw).decode()
        return json.dumps(envelope).encode()

    def bent(made):
        body = json.loads(made["predicate"]["records"][-1]["body"])
        made["predicate"]["records"][-1]["body"] = json.dumps(body | {"state": "proven", "failed": 0})

    def without_lines(made):
        made["predicate"]["audit"] = []

    def other_text(made):
        made["predicate"]["text"] += "# more\n"

    places = {kind(line): number for number, line in enumerate(whole)}
    for where, change, said in (
        ("proof", bent, "is not what the journal had"),
        ("proof", without_lines, "says something else"),
        ("lane", other_text, "does not have the digest"),
    ):
        lines = list(whole)
        lines[places[where]] = signed(lines[places[where]], change)
        file = tmp_path / "bent.jsonl"
        file.write_bytes(b"\n".join(lines) + b"\n")
        done = packed(at=file)
        assert done.returncode == 1
        assert said in done.stdout, done.stdout


def test_a_period_without_records_and_wrong_ones(applied, signing, tmp_path):
    for named, code, said in (
        ("2019Q1", 1, "has no record"),
        ("2026Q5", 2, "is not a period"),
        ("2026-02-30", 2, "is not a period"),
    ):
        done = applied("evidence", "pack", "--period", named, "-o", str(tmp_path / "p.jsonl"))
        assert done.returncode == code, done.stderr
        assert said in done.stderr
    assert applied("evidence", "pack", "-o", str(tmp_path / "p.jsonl")).returncode == 2
    assert not (tmp_path / "p.jsonl").exists()


def test_allowed_signers_that_cannot_be_read_are_not_left_out(applied, signing, tmp_path):
    (applied.world.folder / "platform" / "allowed_signers").mkdir()
    done = applied("evidence", "pack", applied.world.lane, "-o", str(tmp_path / "p.jsonl"))
    assert done.returncode == 2
    assert "allowed_signers cannot be read (is a directory)" in done.stderr
    assert not (tmp_path / "p.jsonl").exists()


def test_a_journal_that_was_changed_is_not_packed(applied, signing, tmp_path):
    with contextlib.closing(sqlite3.connect(applied.own["WARDEN_JOURNAL"])) as db:
        triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            db.execute(f'DROP TRIGGER "{name}"')
        db.execute("UPDATE journal SET actor = 'nobody' WHERE seq = 1")
        for _, made in triggers:
            db.execute(made)
        db.commit()
    done = applied("evidence", "pack", applied.world.lane, "-o", str(tmp_path / "p.jsonl"))
    assert done.returncode == 3
    assert "does not verify" in done.stderr
    assert not (tmp_path / "p.jsonl").exists()


def test_lost_audit_lines_are_said(applied, signing, tmp_path):
    assert "journal" in applied("prove", applied.world.lane).stdout
    file = tmp_path / "pack.jsonl"
    done = applied("evidence", "pack", applied.world.lane, "-o", str(file), "--audit", str(tmp_path / "gone.log"))
    assert done.returncode == 0, done.stderr
    assert "audit lines are missing" in done.stdout
    found = json.loads(applied("evidence", "verify", str(file), "--key", f"{signing}.pub", "--json").stdout)
    assert found["holds"] is True
    assert found["proofs"][0]["lines"] == 0


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026", "2026-01-01", "2026-12-31"),
        ("2026Q1", "2026-01-01", "2026-03-31"),
        ("2026Q4", "2026-10-01", "2026-12-31"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2026-07-14", "2026-07-14", "2026-07-14"),
        ("2026-07..2026-08-15", "2026-07-01", "2026-08-15"),
    ],
)
def test_periods_are_whole_days(text, first, last):
    found = period(text)
    assert (str(found.first), str(found.last)) == (first, last)
    assert found.holds(f"{first}T00:00:00Z")
    assert found.holds(f"{last}T23:59:59.999Z")


@pytest.mark.parametrize("text", ["", "Q3", "2026Q0", "2026-13", "2026..", "2026-08..2026-07", "\uff12026", "26Q3"])
def test_other_texts_are_no_periods(text):
    assert period(text) is None


def test_a_period_ends_at_midnight_utc():
    day = period("2026-07-14")
    assert isinstance(day, Period)
    assert not day.holds("2026-07-15T00:30:00+00:00")
    assert day.holds("2026-07-15T00:30:00+02:00")
