"""What the one printing file guarantees, whatever it is given."""

import io
import json

import pytest

from warden.cli import main
from warden.core.errors import Fault, Invalid, Sealed
from warden.core.remedies import RunBao, warden
from warden.core.secret import Secret
from warden.present import terminal
from warden.present.commands import command, to_paste


def test_nothing_that_is_printed_can_steer_the_terminal(capsys):
    terminal.line("a\x1b]0;title\x07b\x1b[2Jc\rd")
    terminal.note("e\x9b31mf\x00")
    told = capsys.readouterr()
    assert told.out == "a\ufffd]0;title\ufffdb\ufffd[2Jc\ufffdd\n"
    assert told.err == "e\ufffd31mf\ufffd\n"


def test_a_json_document_escapes_what_could_steer_the_terminal_and_stays_the_same_document(capsys):
    said = {"reason": "a\x1b[2J\x9b31m\u202e\U000e0001 ü · 界"}
    terminal.document(said)
    told = capsys.readouterr().out
    assert all(char.isprintable() or char == "\n" for char in told)
    assert "ü · 界" in told
    assert json.loads(told) == said


def test_our_own_styles_stay(capsys):
    terminal.line("\x1b[32mok\x1b[0m two\nlines")
    assert capsys.readouterr().out == "\x1b[32mok\x1b[0m two\nlines\n"


def test_colour_is_for_terminals_only_and_can_be_switched_off(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert terminal.styled("x", "ok", Terminal()) == "\x1b[32mx\x1b[0m"
    assert terminal.styled("x", "ok", io.StringIO()) == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert terminal.styled("x", "ok", Terminal()) == "x"


@pytest.mark.parametrize("columns", [0, 80, 100])
def test_an_id_is_never_cut_and_a_piped_table_not_at_all(monkeypatch, capsys, columns):
    monkeypatch.setattr(terminal, "width", lambda: columns)
    ident, title = "i" * 40, "t" * 90
    terminal.table(("ID", "TITLE"), [(ident, title)])
    row = capsys.readouterr().out.splitlines()[1]
    assert row.startswith(ident)
    assert (title in row) == (columns == 0)
    assert not columns or len(row) == columns


def test_an_error_has_its_faults_its_message_and_its_hint_and_one_object_with_json(capsys):
    fault = Invalid([Fault("a.yaml", 3, "x.y", "is wrong")], "a has faults.", subject="a", hint="mend it")
    terminal.error(fault, as_json=False)
    assert capsys.readouterr().err.splitlines() == [
        "a.yaml:3: x.y: is wrong",
        "warden: a has faults.",
        "        mend it",
    ]
    terminal.error(fault, as_json=True)
    shown = json.loads(capsys.readouterr().err)
    assert {"code", "kind", "system", "subject", "message", "hint"} <= shown.keys()
    assert shown["faults"][0]["line"] == 3
    terminal.error(Sealed("it is sealed.", system="OpenBao x"), as_json=True)
    assert json.loads(capsys.readouterr().err)["code"] == 3


def test_a_secret_is_printed_by_value_alone(capfd):
    secret = Secret("planted")
    terminal.line(f"{secret} {secret!r} {secret:>20}")
    with pytest.raises(TypeError):
        terminal.document({"value": secret})
    assert "planted" not in capfd.readouterr().out
    terminal.value(secret)
    assert capfd.readouterr().out == "planted"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s ago"), (59, "59 s ago"), (60, "1 min ago"), (7200, "2 h ago"), (200000, "2 d ago")]
)
def test_times_are_relative_for_people(seconds, words):
    import datetime as dt

    now = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
    assert terminal.ago((now - dt.timedelta(seconds=seconds)).isoformat(), now) == words


BAO = RunBao(action="enable-auth", mount="kubernetes-of-the-first-cluster")
APPLY = warden("apply", "openrouter-llm-connect", create_namespace=True, take_over=True)


def long(written):
    return (
        f"the platform enables auth mounts: {written(BAO)}; then again, once it is there and the platform is ready: "
        f"{written(APPLY)}"
    )


def test_long_text_is_broken_between_words_and_commands_stay_whole():
    lines = terminal.folded(long(to_paste), 60, indent=4)
    assert " ".join(each.strip() for each in lines) == long(command)
    assert all(each.startswith("    ") for each in lines)
    whole = [each.strip() for each in lines]
    assert f"{command(BAO)};" in whole
    assert command(APPLY) in whole
    assert all(len(each) <= 60 for each in lines if "bao" not in each and "warden" not in each)


@pytest.mark.parametrize("name", main.COMMANDS)
def test_each_command_stays_whole(name):
    step = warden(name, "a-lane", reason="it's a long reason", json=True)
    lines = terminal.folded(f"look at what is there; then: {to_paste(step)}", 30, indent=0)
    assert lines[-1].endswith(f"""warden {name} a-lane --reason 'it'"'"'s a long reason' --json""")


def test_prose_that_speaks_of_a_program_is_broken_like_any_other():
    text = "not marked as made by warden for this lane, and warden doctor shows which of the rights are missing there"
    assert [len(each) <= 40 for each in terminal.folded(text, 40, indent=0)] == [True, True, True]


def test_what_is_piped_is_never_broken(capsys):
    terminal.note(long(to_paste))
    terminal.sentence(long(to_paste))
    told = capsys.readouterr()
    assert (told.out, told.err) == (f"{long(command)}\n", f"{long(command)}\n")
    assert terminal.question(long(to_paste)) == long(command)
