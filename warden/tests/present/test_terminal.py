"""What the one printing file guarantees, whatever it is given."""

import io
import json
import re

import click
import pytest

from warden.cli import main
from warden.core.errors import Fault, Invalid, Sealed
from warden.core.remedies import RunBao, warden
from warden.core.secret import Secret
from warden.present import terminal
from warden.present.commands import command, to_paste
from warden.present.escaping import is_visible

FOREIGN = {
    "a\x1b]0;title\x07b\x1b[2Jc\rd": r"a\x1b]0;title\x07b\x1b[2Jc\rd",
    "ok\n  ok   proven\t": r"ok\n  ok   proven\t",
    "e\x9b31mf\x00": r"e\u009b31mf\x00",
    "\x1b[32mok\x1b[0m": r"\x1b[32mok\x1b[0m",
    "pay\u202egpj.exe\u2066": r"pay\u202egpj.exe\u2066",
    "A\u200bP\u00adI\u2060_\ufeffK\u3164E\u2800Y\ufe0f": r"A\u200bP\u00adI\u2060_\ufeffK\u3164E\u2800Y\ufe0f",
    "line\u2028para\u2029nel\x85": r"line\u2028para\u2029nel\u0085",
    "tag\U000e0041 \ue000 \U000f1234": r"tag\U000e0041 \ue000 \U000f1234",
    "file\udcff": r"file\xff",
    "ü · 界 …": "ü · 界 …",
}
"""What a name can hold, and how it is shown."""


@pytest.mark.parametrize("text", FOREIGN)
def test_foreign_text_is_one_line_without_control_over_the_terminal(capsys, text):
    shown = FOREIGN[text]
    for out in (terminal.line, terminal.sentence, terminal.note):
        out(f"<{text}>")
        told = capsys.readouterr()
        assert told.out + told.err == f"<{shown}>\n"
    assert terminal.question(f"<{text}>") == f"<{shown}>"
    assert " ".join(terminal.folded(f"<{text}>", 400, indent=0)) == f"<{shown}>".replace("  ", "  ")
    terminal.table(("A", "B"), [(f"<{text}>", "x")])
    assert capsys.readouterr().out.splitlines()[1] == f"<{shown}>  x"
    assert text == shown or len(capsys.readouterr().out.splitlines()) == 0


@pytest.mark.parametrize("text", FOREIGN)
def test_an_error_about_foreign_text_has_the_lines_that_it_would_have_anyway(capsys, text):
    fault = Invalid([Fault(text, 3, text, text)], text, subject=text, hint=text, remedy=(warden("apply", text),))
    terminal.error(fault, as_json=False)
    lines = capsys.readouterr().err.splitlines()
    assert [line.count(FOREIGN[text]) for line in lines[:2]] == [3, 1]
    assert len(lines) == 3
    terminal.error(fault, as_json=True)
    told = capsys.readouterr().err
    assert len(told.splitlines()) == 1
    assert all(is_visible(each) for each in told.rstrip("\n"))
    assert json.loads(told)["subject"] == text


@pytest.mark.parametrize("text", FOREIGN)
def test_a_usage_error_repeats_what_was_typed_without_control_over_the_terminal(capsys, text):
    terminal.usage(click.UsageError(f"No such option: {text}"), as_json=False)
    told = capsys.readouterr().err
    assert all(is_visible(each) for each in told.replace("\n", ""))


def test_a_json_document_escapes_what_could_steer_the_terminal_and_stays_the_same_document(capsys):
    said = {"reason": "a\x1b[2J\x9b31m\u202e\U000e0001 ü · 界"}
    terminal.document(said)
    told = capsys.readouterr().out
    assert all(char.isprintable() or char == "\n" for char in told)
    assert "ü · 界" in told
    assert json.loads(told) == said


def test_our_own_styles_stay_and_nobody_elses_do(monkeypatch, capsys):
    monkeypatch.setattr(terminal, "_coloured", lambda _: True)
    terminal.line(f"{terminal.styled('ok', 'ok')} \x1b[32mok\x1b[0m")
    assert capsys.readouterr().out == "\x1b[32mok\x1b[0m \\x1b[32mok\\x1b[0m\n"


def test_colour_is_for_terminals_only_and_can_be_switched_off(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert terminal.harmless(terminal.styled("x", "ok", Terminal())) == "\x1b[32mx\x1b[0m"
    assert terminal.styled("x", "ok", io.StringIO()) == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert terminal.styled("x", "ok", Terminal()) == "x"


@pytest.mark.parametrize("columns", [0, 40, 60, 80, 100, 140])
def test_a_table_fits_any_terminal_and_breaks_no_word(monkeypatch, capsys, columns):
    monkeypatch.setattr(terminal, "width", lambda: columns)
    ident, owner, title = "identity-of-a-lane", "platform-team", "Where the daily triage gets the key of its model from"
    terminal.table(("ID", "OWNER", "TITLE"), [(ident, owner, title)])
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert not columns or max(map(len, lines)) <= columns
    assert {ident, owner} <= set(out.split())
    known = set(f"{title} ID OWNER TITLE id owner title {ident} {owner}".split())
    assert {word.removesuffix("…") for word in out.split()} <= known
    assert (title in " ".join(out.split())) == (columns in {0, 40, 100, 140}), out


@pytest.mark.parametrize("columns", [0, 40])
def test_columns_of_a_table_stay_below_each_other_where_a_cell_has_a_colour(monkeypatch, capsys, columns):
    rows = [("first", "REVOKED", "in 7 h"), ("second", "valid", "in 29 d")]

    def shown() -> str:
        terminal.table(("ID", "STATUS", "UNTIL"), [(one, terminal.styled(two, "bad"), last) for one, two, last in rows])
        return capsys.readouterr().out

    monkeypatch.setattr(terminal, "width", lambda: columns)
    plain = shown()
    monkeypatch.setattr(terminal, "_coloured", lambda _: True)
    coloured = shown()
    assert "\x1b[1;31mREVOKED\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


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


def test_a_sentence_that_is_broken_stays_indented(monkeypatch, capsys):
    monkeypatch.setattr(terminal, "width", lambda: 30)
    terminal.sentence("     six signed checkpoints: signed up to record 281")
    assert capsys.readouterr().out == "     six signed checkpoints:\n     signed up to record 281\n"
