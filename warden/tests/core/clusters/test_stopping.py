"""A consumer is stopped for each closed lane that it uses, and started when the last of them is opened."""

import copy

import pytest

from warden.core.clusters.stopping import replicas_of, restoring, stopped_for, stopping


def deployment(replicas=3, **annotations):
    return {"metadata": {"annotations": annotations}, "spec": {} if replicas is None else {"replicas": replicas}}


def merged(found, changes):
    """The Deployment with the changes of RFC 7396."""
    after = copy.deepcopy(found)
    for key, value in (changes or {}).get("metadata", {}).get("annotations", {}).items():
        if value is None:
            after["metadata"]["annotations"].pop(key, None)
        else:
            after["metadata"]["annotations"][key] = value
    after["spec"] |= (changes or {}).get("spec", {})
    return after


@pytest.mark.parametrize(("replicas", "had"), [(3, 3), (1, 1), (None, 1)])
def test_it_is_scaled_to_0_and_back(replicas, had):
    before = deployment(replicas)
    stopped = merged(before, stopping(before, "a"))
    assert (replicas_of(stopped), stopped_for(stopped)) == (0, ("a",))
    assert stopping(stopped, "a") is None
    started = merged(stopped, restoring(stopped, "a"))
    assert (replicas_of(started), started["metadata"]["annotations"]) == (had, {})
    assert restoring(started, "a") is None


def test_what_somebody_else_had_scaled_to_0_stays_so():
    before = deployment(0)
    assert stopping(before, "a") is None
    assert restoring(before, "a") is None


@pytest.mark.parametrize("first", ["a", "b"])
def test_two_closed_lanes_keep_it_stopped_until_both_are_open(first):
    found = deployment(4)
    for lane in ("a", "b"):
        found = merged(found, stopping(found, lane))
    assert (replicas_of(found), stopped_for(found)) == (0, ("a", "b"))
    second = "b" if first == "a" else "a"
    found = merged(found, restoring(found, first))
    assert (replicas_of(found), stopped_for(found)) == (0, (second,))
    found = merged(found, restoring(found, second))
    assert (replicas_of(found), stopped_for(found)) == (4, ())


def test_what_was_scaled_up_meanwhile_is_stopped_again_and_keeps_that_number():
    found = merged(deployment(2), stopping(deployment(2), "a"))
    found["spec"]["replicas"] = 5
    again = merged(found, stopping(found, "a"))
    assert (replicas_of(again), stopped_for(again)) == (0, ("a",))
    assert replicas_of(merged(again, restoring(again, "a"))) == 5
    assert replicas_of(merged(found, restoring(found, "a"))) == 5


@pytest.mark.parametrize("edited", ["", "many", "-3", "0"])
def test_a_number_that_was_edited_away_becomes_one(edited):
    found = merged(deployment(2), stopping(deployment(2), "a"))
    found["metadata"]["annotations"]["ops-warden/replicas"] = edited
    assert replicas_of(merged(found, restoring(found, "a"))) == 1
