"""Every step, every way it can end, of every shape a rotation can have."""

import itertools
import random
from typing import get_args

import pytest

from warden.core.rotation.steps import (
    End,
    Event,
    Forward,
    Position,
    Shape,
    after,
    can_turn_back,
    plan_of,
    steps_from,
    was_refused,
    way_back,
)

EVENTS: tuple[Event, ...] = get_args(Event)
FLAGS = ("replaces", "delivered", "provider", "overlap", "disable", "person_deletes")
SHAPES = [Shape(**dict(zip(FLAGS, each, strict=True))) for each in itertools.product((True, False), repeat=len(FLAGS))]
WHOLE = Shape(delivered=True, disable=True)


def positions(shape: Shape) -> list[Position]:
    """Everywhere a rotation of that shape can stand."""
    forward = [Position(step=step) for step in plan_of(shape)]
    back = [
        Position(step=step, reached=reached)
        for reached in plan_of(shape)
        if can_turn_back(shape, reached)
        for step in way_back(shape, reached)
    ]
    return forward + back


def test_the_whole_order_is_that_of_the_issue():
    assert plan_of(WHOLE) == (
        "mint",
        "write",
        "deliver",
        "reload",
        "prove",
        "disable",
        "refuse",
        "delete",
        "destroy",
        "record",
    )
    assert way_back(WHOLE, "refuse") == (
        "enable",
        "restore",
        "deliver",
        "reload",
        "prove",
        "withdraw",
        "erase",
        "record",
    )
    assert way_back(WHOLE, "mint") == ("withdraw", "record")
    assert way_back(WHOLE, "write") == ("restore", "withdraw", "erase", "record")


@pytest.mark.parametrize(
    ("shape", "ending"),
    [
        (Shape(disable=True), ("disable", "refuse", "delete", "destroy")),
        (Shape(), ("delete", "refuse", "destroy")),
        (Shape(overlap=False), ("refuse", "delete", "destroy")),
        (Shape(person_deletes=True), ("delete", "refuse", "destroy")),
        (Shape(provider=False), ("destroy",)),
        (Shape(provider=False, person_deletes=True), ("delete", "destroy")),
        (Shape(replaces=False), ()),
    ],
)
def test_how_the_old_key_ends_depends_on_what_the_provider_can(shape, ending):
    assert plan_of(shape)[2:-1] == ending


@pytest.mark.parametrize("shape", SHAPES)
def test_every_rotation_ends_and_no_step_is_done_twice(shape):
    for start in positions(shape):
        position, done = start, []
        while not isinstance(position, str):
            assert position.step not in done
            done.append(position.step)
            position = after(position, "done", shape)
        assert position == ("rolled-back" if start.back else "done")
        assert tuple(done) == steps_from(start, shape)
        assert done[-1] == "record"


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("event", EVENTS)
def test_only_what_was_done_goes_on_and_what_is_unclear_is_taken_for_nothing(shape, event):
    for position in positions(shape):
        following = after(position, event, shape)
        if isinstance(following, str):
            assert following in get_args(End)
            assert following not in {"done", "rolled-back"} or (event == "done" and position.step == "record")
        elif event != "done":
            assert event in {"failed", "lost"}
            assert not position.back
            assert following.step in {"mint", *way_back(shape, position.step)[:1]}
        if event in {"unclear", "kept"}:
            assert following in {"unproven", "stopped"}


@pytest.mark.parametrize("shape", SHAPES)
def test_no_key_ends_before_the_other_one_was_proven(shape):
    """The old one only after every part was shown to have the new value; the new one only after the way back."""
    plan = plan_of(shape)
    for ending in {"disable", "delete", "destroy"} & set(plan):
        before = plan[: plan.index(ending)]
        assert "write" in before
        assert ("prove" in before) == shape.delivered
    if shape.provider and shape.replaces:
        assert "refuse" in plan
        assert plan.index("refuse") < plan.index("destroy")
    for reached in plan:
        if can_turn_back(shape, reached):
            back = way_back(shape, reached)
            done = plan[: plan.index(reached) + 1]
            assert ("restore" in back) == ("write" in done)
            assert ("enable" in back) == ("disable" in done)
            assert back.index("withdraw") > max(
                (back.index(each) for each in ("restore", "prove") if each in back), default=-1
            )


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_is_taken_back_once_the_old_key_may_be_gone(shape):
    plan = plan_of(shape)
    for step in plan:
        gone = "delete" in plan[: plan.index(step) + 1] or step in {"destroy", "record"} or not shape.overlap
        if gone and shape.replaces:
            assert not can_turn_back(shape, step)
            assert after(Position(step=step), "failed", shape) == "unproven"


def test_a_first_value_is_taken_back_only_before_it_is_written():
    first = Shape(replaces=False, delivered=True)
    assert after(Position(step="mint"), "failed", first) == Position(step="withdraw", reached="mint")
    assert after(Position(step="prove"), "failed", first) == "unproven"


def test_a_lost_value_is_made_again_and_only_before_it_was_written():
    assert after(Position(step="write"), "lost", WHOLE) == Position(step="mint")
    assert after(Position(step="deliver"), "lost", WHOLE) == "stopped"


def test_what_was_not_shown_to_be_refused_is_unproven_and_not_stopped():
    assert after(Position(step="refuse"), "unclear", WHOLE) == "unproven"
    assert after(Position(step="refuse"), "kept", WHOLE) == "unproven"
    assert after(Position(step="refuse"), "failed", WHOLE) == Position(step="enable", reached="refuse")
    assert after(Position(step="deliver"), "unclear", WHOLE) == "stopped"
    assert after(Position(step="delete"), "waiting", Shape(person_deletes=True)) == "waiting"


@pytest.mark.parametrize("shape", SHAPES)
def test_a_step_that_another_shape_has_goes_on_with_the_next_one_that_this_has(shape):
    """The lane file was edited in between: a delivery is gone, or the source learnt to disable."""
    for step in get_args(Forward):
        left = steps_from(Position(step=step), shape)
        assert left
        assert left == plan_of(shape)[-len(left) :]
    for reached in plan_of(WHOLE):
        if can_turn_back(WHOLE, reached):
            for step in way_back(WHOLE, reached):
                assert steps_from(Position(step=step, reached=reached), shape)[-1] == "record"


@pytest.mark.parametrize("shape", SHAPES)
def test_what_comes_after_the_question_was_refused_and_nothing_else(shape):
    plan = plan_of(shape)
    after_it = plan[plan.index("refuse") + 1 :] if "refuse" in plan else ()
    for position in positions(shape):
        assert was_refused(position, shape) == (not position.back and position.step in after_it)


def test_any_sequence_of_ends_stays_within_what_is_known():
    """A walk of ten thousand steps with everything going wrong at random."""
    chance = random.Random(14)
    for _ in range(500):
        shape, position = chance.choice(SHAPES), Position()
        for _ in range(20):
            following = after(position, chance.choice(EVENTS), shape)
            if isinstance(following, str):
                break
            assert following.step in (way_back(shape, following.reached) if following.back else plan_of(shape))
            position = following
