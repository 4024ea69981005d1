"""The steps of a rotation as data: position x event -> what comes next. Nothing here knows a value, a clock or a wire.

    mint -> write -> deliver -> reload -> prove -> disable -> refuse -> delete -> destroy -> record

Up to `disable` (or `delete`, where a provider cannot disable) the old value works, so everything can be taken back:

    enable -> restore -> deliver -> reload -> prove -> withdraw -> erase -> record

The old key ends only after every part of the lane was proven to have the new value. What is not known stops the
rotation where it stands; it is never taken for a yes, nor for a no.
"""

from typing import Literal, get_args

import msgspec

Forward = Literal["mint", "write", "deliver", "reload", "prove", "disable", "refuse", "delete", "destroy", "record"]
"""The steps of a rotation that goes forward, in order."""

Step = Literal[Forward, "enable", "restore", "withdraw", "erase"]
"""Forward: a new key is made and tested (``mint``), written, delivered to every Secret, taken by consumers (``reload``)
and proven with each of them; the old one is switched off, shown to be refused, deleted; its versions are destroyed;
ids are kept beside the path. Back: the old key is switched on, its value written again and delivered; the new one is
deleted (``withdraw``), and its version destroyed (``erase``)."""

Event = Literal["done", "failed", "kept", "unclear", "waiting", "lost"]
"""How a step ended. ``failed``: the new value is not accepted, or a consumer fails with it. ``kept``: a part of the
lane keeps the old value, or the provider accepts it still. ``unclear``: somebody did not answer. ``waiting``: a person
has to do something. ``lost``: the new value was never written, and whoever had it is gone."""

End = Literal["done", "unproven", "waiting", "rolled-back", "stopped"]
"""How a run ends. ``unproven``: the old value may still be of use to somebody; ``stopped``: a system did not answer.
After ``unproven``, ``waiting`` and ``stopped`` the rotation goes on with ``--resume``."""


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What a rotation is like, by the lane and by what its source can do.

    Attributes:
        replaces: there is an old value.
        delivered: a cluster gets the value.
        provider: somebody can be asked whether a value is accepted.
        overlap: the old value works until it is ended.
        disable: the old key can be switched off before it is deleted.
        person_deletes: a person ends the old key.
    """

    replaces: bool = True
    delivered: bool = False
    provider: bool = True
    overlap: bool = True
    disable: bool = False
    person_deletes: bool = False


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """Where a rotation stands: the step that is to be done. ``reached`` is where it turned back, empty before that."""

    step: Step = "mint"
    reached: Step | Literal[""] = ""

    @property
    def back(self) -> bool:
        """Whether it is being taken back."""
        return bool(self.reached)


def plan_of(shape: Shape) -> tuple[Step, ...]:
    """Every step of a rotation, in order, if nothing goes wrong."""
    delivered: tuple[Step, ...] = ("deliver", "reload", "prove") if shape.delivered else ()
    replaced: tuple[Step, ...] = (*_ending(shape), "destroy") if shape.replaces else ()
    return ("mint", "write", *delivered, *replaced, "record")


def _ending(shape: Shape) -> tuple[Step, ...]:
    """How the old key ends. Where it cannot be disabled it is refused only once it is deleted."""
    if not shape.provider:
        return ("delete",) if shape.person_deletes else ()
    if shape.person_deletes:
        return ("delete", "refuse")
    if not shape.overlap:
        return ("refuse", "delete")
    return ("disable", "refuse", "delete") if shape.disable else ("delete", "refuse")


def way_back(shape: Shape, reached: Step) -> tuple[Step, ...]:
    """The steps that take back a rotation that came to `reached`, which may have been done in part."""
    done = plan_of(shape)
    done = done[: done.index(reached) + 1]
    enable: tuple[Step, ...] = ("enable",) if "disable" in done else ()
    restore: tuple[Step, ...] = ("restore",) if "write" in done else ()
    again: tuple[Step, ...] = ("deliver", "reload", "prove") if "deliver" in done else ()
    erase: tuple[Step, ...] = ("erase",) if "write" in done else ()
    return (*enable, *restore, *again, "withdraw", *erase, "record")


def can_turn_back(shape: Shape, step: Step) -> bool:
    """Whether the old value still works, or can be made to work, once `step` was begun.

    A lane that had no value has nothing to go back to but none, which is possible until the new one is written.
    """
    if not shape.replaces:
        return step == "mint"
    done = plan_of(shape)
    return shape.overlap and "delete" not in done[: done.index(step) + 1] and step not in {"destroy", "record"}


def steps_from(position: Position, shape: Shape) -> tuple[Step, ...]:
    """What is still to be done, `position.step` first.

    A step that is no longer part of the plan, because the lane file or the source has changed, counts as the next
    one of the order that is.
    """
    plan = way_back(shape, _known(position.reached, shape)) if position.reached else plan_of(shape)
    if position.step in plan:
        return plan[plan.index(position.step) :]
    order = _BACK if position.back else _FORWARD
    left = order[order.index(position.step) :]
    return tuple(each for each in plan if each in left)


def was_refused(position: Position, shape: Shape) -> bool:
    """Whether the old value was shown to be refused before: nothing but that leads to what comes after `refuse`."""
    return not position.back and "refuse" in plan_of(shape) and "refuse" not in steps_from(position, shape)


def after(position: Position, event: Event, shape: Shape) -> Position | End:
    """What comes after a step that ended so."""
    if event == "done":
        left = steps_from(position, shape)[1:]
        return _at(position, left[0]) if left else ("rolled-back" if position.back else "done")
    if event == "waiting":
        return "waiting"
    if event == "lost" and position.step == "write" and not position.back:
        return Position(step="mint")
    if event == "failed" and not position.back and can_turn_back(shape, position.step):
        return Position(step=way_back(shape, position.step)[0], reached=position.step)
    return "stopped" if event in {"unclear", "lost"} and position.step != "refuse" else "unproven"


def _at(position: Position, step: Step) -> Position:
    return msgspec.structs.replace(position, step=step)


def _known(step: Step | Literal[""], shape: Shape) -> Step:
    """The step itself, or the last one before it that this plan has."""
    plan = plan_of(shape)
    before = _FORWARD[: _FORWARD.index(step) + 1] if step else _FORWARD[:1]
    return next(each for each in reversed(before) if each in plan)


_FORWARD: tuple[Step, ...] = get_args(Forward)
_BACK: tuple[Step, ...] = ("enable", "restore", "deliver", "reload", "prove", "withdraw", "erase", "record")
