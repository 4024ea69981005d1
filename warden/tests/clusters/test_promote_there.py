"""promote on a real cluster: "ESO delivers" is a condition of the gate, and one that was not seen does not hold."""

import json

import pytest

pytestmark = pytest.mark.cluster
FIRST, SECOND = "coulombcore", "railiance01"


def promote(engineer, **changed):
    return engineer.run("promote", engineer.lane, **changed)


def test_a_lane_is_promoted_once_it_is_delivered_everywhere(engineer):
    engineer.declare({FIRST: {"external_secret": engineer.secret}, SECOND: {"external_secret": engineer.secret}})
    engineer.lane_file.write_text(
        engineer.lane_file.read_text().replace("status: active", "status: draft") + "playbook: docs/p.md\n"
    )
    (engineer.folder / "docs").mkdir()
    (engineer.folder / "docs" / "p.md").write_text("# How\n")
    engineer.tenant_in(FIRST, SECOND)
    assert engineer.run("apply", engineer.lane, "--cluster", FIRST).returncode == 0
    engineer.fill()
    assert engineer.run("sync", engineer.lane, "--cluster", FIRST).returncode == 0

    half = promote(engineer)
    assert half.returncode == 1, half.stdout + half.stderr
    assert f"ok   ESO delivers to {FIRST}" in half.stdout
    assert f"FAIL ESO delivers to {SECOND}" in half.stdout
    assert f"warden apply {engineer.lane}" in half.stdout
    assert "status: draft" in engineer.lane_file.read_text()

    away = promote(engineer, **engineer.down(SECOND))
    assert away.returncode in {1, 3}
    assert f"ok   ESO delivers to {SECOND}" not in away.stdout
    assert "status: draft" in engineer.lane_file.read_text()

    assert engineer.run("apply", engineer.lane).returncode == 0
    assert engineer.run("sync", engineer.lane).returncode == 0
    done = promote(engineer)
    assert done.returncode == 0, done.stdout + done.stderr
    for cluster in (FIRST, SECOND):
        assert f"ok   ESO delivers to {cluster}" in done.stdout
        assert f"ok   nobody else gets at it in {cluster}" in done.stdout
    assert "status: active" in engineer.lane_file.read_text()
    shown = json.loads(engineer.run("route", "show", engineer.lane, "--json").stdout)
    assert (shown["resolvable"], shown["proof"]["state"]) == (True, "proven")
    assert engineer.delivered(SECOND) == engineer.value
    assert engineer.value not in done.stdout + done.stderr + json.dumps(shown)
