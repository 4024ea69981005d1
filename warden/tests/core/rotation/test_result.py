"""How a rotation's run is judged, and what is to be done after it."""

import pytest

from warden.core.errors import Exit
from warden.core.remedies import warden
from warden.core.rotation.result import Part, RotationResult, StepResult, worst_exit

RESUME = warden("rotate", "key", field="API_KEY", resume=True)
WITHOUT = Part(cluster="one", kind="consumer", name="ns/app", state="other")
BY_HAND = Part(cluster="two", kind="secret", name="ns/s", state="other", by_hand=True)


def result(state="unproven", **changed) -> RotationResult:
    usual = {"lane": "key", "field": "API_KEY", "source": "random", "rotation": "0a", "state": state, "steps": ()}
    return RotationResult(**usual | changed)


def test_the_cluster_of_a_secret_made_by_hand_is_the_one_to_adopt_from():
    assert result(parts=(WITHOUT, BY_HAND)).next == (warden("adopt", "key", cluster="two"), RESUME)
    assert result(parts=(WITHOUT,)).next == (RESUME,)


def test_what_stopped_at_the_delivery_is_delivered_first():
    at = (StepResult(step="deliver", event="failed"),)
    assert result("stopped", parts=(BY_HAND,), steps=at).next == (warden("sync", "key"), RESUME)


@pytest.mark.parametrize(
    ("how", "exit_code"),
    [
        ({"parts": (WITHOUT,)}, Exit.NO),
        ({"old": "accepted"}, Exit.NO),
        ({"old": "new-refused"}, Exit.NO),
        ({"parts": (Part(cluster="one", kind="cluster", name="one", state="unseen"),)}, Exit.INCONCLUSIVE),
        ({"old": "unclear"}, Exit.INCONCLUSIVE),
        ({}, Exit.INCONCLUSIVE),
        ({"state": "done", "old": "accepted"}, Exit.DONE),
        ({"state": "waiting"}, Exit.NOT_NOW),
        ({"state": "rolled-back"}, Exit.NO),
        ({"state": "stopped"}, Exit.INCONCLUSIVE),
    ],
)
def test_what_was_not_proven_is_no_success(how, exit_code):
    assert result(**how).exit == exit_code


def test_of_several_rotations_the_worst_counts():
    assert worst_exit([]) == Exit.DONE
    assert worst_exit([Exit.NOT_NOW, Exit.INCONCLUSIVE, Exit.DONE]) == Exit.INCONCLUSIVE
    assert worst_exit([Exit.INCONCLUSIVE, Exit.NO, Exit.NOT_NOW]) == Exit.NO
