"""What a rotation says of itself, and that its exit code and its JSON say the same."""

import pytest

from warden.core.errors import Effect, Exit, NotNow
from warden.core.remedies import warden
from warden.core.rotation.provider import Verdict
from warden.core.rotation.refusal import Pair
from warden.core.rotation.result import (
    NothingToResume,
    Part,
    RotationPlan,
    RotationResult,
    StepResult,
    worst_exit,
)
from warden.present import terminal
from warden.present.rotate import (
    failed_json,
    note_unanswered,
    plan_json,
    result_json,
    show_failed,
    show_plan,
    show_result,
)
from warden.usecases.rotate import Failed

PAIR = Pair(at=60.0, old=Verdict(answer="refused", status=401), new=Verdict(answer="accepted", status=200))


def result(**changed) -> RotationResult:
    usual = {
        "lane": "a-lane",
        "field": "KEY",
        "source": "acme",
        "rotation": "3f9a1c2b",
        "state": "done",
        "steps": (StepResult(step="mint", event="done"),),
        "version": 4,
        "record": 9,
    }
    return RotationResult(**usual | changed)


CASES = {
    "done": (
        result(old="refused", pairs=(PAIR,) * 3, destroyed=(3,)),
        Exit.DONE,
        [
            "done: KEY in version 4 is in use · journal 9",
            "The old value is refused (3 of 3 questions in 60 s, each beside a call that the new value passed);",
            "version 3 is destroyed.",
            "Next: warden prove a-lane",
        ],
    ),
    "refused in an earlier run": (
        result(old="refused", destroyed=(3,)),
        Exit.DONE,
        ["The old value was refused when an earlier run asked; version 3 is destroyed."],
    ),
    "nobody to ask": (
        result(old="nobody-to-ask", destroyed=(2, 3)),
        Exit.DONE,
        ["Nobody issued the old value, so nobody can be asked whether it is refused; versions 2, 3 are destroyed."],
    ),
    "first value": (result(old="none"), Exit.DONE, ["There was no old value."]),
    "accepted": (
        result(state="unproven", old="accepted", old_key="k1", left=("refuse",)),
        Exit.NO,
        ["unproven: the rotation is not done", "still accepted", "Next: warden rotate a-lane --field KEY --resume"],
    ),
    "accepted, and nobody knows which key": (
        result(state="unproven", old="accepted"),
        Exit.NO,
        ["Which key of acme has the old value is not known: end it there by hand, then go on."],
    ),
    "unclear": (result(state="unproven", old="unclear"), Exit.INCONCLUSIVE, ["is not known"]),
    "by hand": (
        result(
            state="unproven",
            parts=(
                Part(cluster="c1", kind="secret", name="ns/s", state="has"),
                Part(cluster="c2", kind="secret", name="ns/s", state="other", by_hand=True),
            ),
        ),
        Exit.NO,
        [
            "c2: Secret ns/s has another value, and is made by hand",
            "Next: warden adopt a-lane --cluster c2 && warden rotate a-lane --field KEY --resume",
        ],
    ),
    "not connected": (
        result(state="unproven", parts=(Part(cluster="c2", kind="cluster", name="c2", state="unseen"),)),
        Exit.INCONCLUSIVE,
        ["cluster c2 is not connected from here"],
    ),
    "dropped": (
        result(state="unproven", parts=(Part(cluster="c2", kind="secret", name="n/s", state="other", dropped=True),)),
        Exit.NO,
        ["has another value, and is not in the lane file any more"],
    ),
    "a person makes": (
        result(state="waiting", task="create", where="the console", steps=()),
        Exit.NOT_NOW,
        ["waiting: make a new value at its provider (the console), then give it when you go on"],
    ),
    "a person ends": (
        result(state="waiting", task="delete"),
        Exit.NOT_NOW,
        ["waiting: end the old key at its provider, then go on"],
    ),
    "back": (
        result(state="rolled-back", version=5, steps=(StepResult(step="withdraw", event="done", back=True),)),
        Exit.NO,
        ["ok   withdraw  back: delete the new key", "rolled back: the old value is in use (version 5)"],
    ),
    "stopped": (result(state="stopped"), Exit.INCONCLUSIVE, ["stopped: a system did not answer"]),
    "not delivered": (
        result(state="stopped", steps=(StepResult(step="deliver", event="unclear"),)),
        Exit.INCONCLUSIVE,
        [
            "stopped: not every delivery was refreshed",
            "Next: warden sync a-lane && warden rotate a-lane --field KEY --resume",
        ],
    ),
    "still starting": (
        result(state="stopped", parts=(Part(cluster="c", kind="consumer", name="n/app", state="pending"),)),
        Exit.INCONCLUSIVE,
        ["c: consumer n/app does not show yet that it has the value", "stopped: not everything shows yet"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_how_a_rotation_ended_is_said_with_what_to_do_next(capsys, name):
    done, code, words = CASES[name]
    show_result(done)
    shown = " ".join(capsys.readouterr().out.split())
    assert done.exit == code
    for each in words:
        assert " ".join(each.split()) in shown, shown
    assert result_json(done)["state"] == done.state
    assert result_json(done)["next_action"] in shown


def test_a_pair_and_a_part_in_json():
    found = result_json(result(pairs=(PAIR,), parts=(Part(cluster="c", kind="secret", name="n/s", state="has"),)))
    assert found["pairs"] == [
        {
            "at": 60.0,
            "old": {"answer": "refused", "status": 401, "reason": ""},
            "new": {"answer": "accepted", "status": 200, "reason": ""},
        }
    ]
    (part,) = found["parts"]
    assert (part["state"], part["why"]) == ("has", "")


PLAN = RotationPlan(
    lane="a-lane",
    field="KEY",
    source="manual",
    steps=("mint", "delete", "refuse", "destroy"),
    person=("create", "delete"),
    provider=False,
    times=3,
    over=60,
    secrets=("c1: ns/s",),
    consumers=(("ns/app", "restart"),),
)


def test_a_plan_fits_a_terminal_of_80_columns(capsys, monkeypatch):
    monkeypatch.setattr(terminal, "width", lambda: 80)
    show_plan(PLAN)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "(3 times over 60 s)" in " ".join(" ".join(lines).split())


def test_a_plan_names_secrets_consumers_and_what_a_person_does(capsys):
    show_plan(PLAN)
    shown = capsys.readouterr().out
    for each in (
        "c1: ns/s",
        "ns/app (restart)",
        "(3 times over 60 s)",
        "a person makes the new value",
        "Nobody issues",
    ):
        assert each in shown
    assert plan_json(PLAN)["consumers"] == [{"deployment": "ns/app", "on_new_value": "restart"}]


def test_who_is_waited_for_is_said_also_where_stderr_is_a_file(capsys):
    note_unanswered("a-lane", "acme", 4.0)
    assert capsys.readouterr().err == "a-lane: the source acme did not answer; asking again in 4 s\n"


def test_one_that_failed_among_others_says_its_own_next_step(capsys):
    fault = NotNow(NothingToResume("a-lane"), effect=Effect.NOTHING_CHANGED, remedy=(warden("rotate", "a-lane"),))
    show_failed(Failed("a-lane", "KEY", fault))
    shown = capsys.readouterr().out
    assert "no rotation of a-lane is under way. Nothing was changed." in shown
    assert "warden rotate a-lane" in shown
    assert failed_json(Failed("a-lane", "KEY", fault))["error"]["code"] == Exit.NOT_NOW


def test_a_certain_no_outweighs_what_is_not_known_and_that_a_wait():
    assert worst_exit([]) == Exit.DONE
    assert worst_exit([Exit.DONE, Exit.NOT_NOW]) == Exit.NOT_NOW
    assert worst_exit([Exit.INCONCLUSIVE, Exit.NOT_NOW]) == Exit.INCONCLUSIVE
    assert worst_exit([Exit.INCONCLUSIVE, Exit.NO, Exit.REFUSED]) == Exit.NO
