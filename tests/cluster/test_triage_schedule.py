"""When the triage is due, by the arithmetic of kube-controller-manager itself, held against Python's zones."""

import itertools
import os
import subprocess
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import overlay
import pytest
import yaml

from warden.adapters.dev import build

pytestmark = pytest.mark.cluster  # it needs Go, as what builds a cluster's programs
BERLIN, SCHEDULE = ZoneInfo("Europe/Berlin"), Path(__file__).parent / "schedule" / "moments.go"


def test_it_is_0720_in_berlin_on_every_day_of_five_years_by_the_schedulers_own_arithmetic():
    job = yaml.safe_load((overlay.TRIAGE / "cronjob.yaml").read_text())["spec"]
    asked = [f"TZ={job['timeZone']} {job['schedule']}", "2026-01-01T00:00:00Z", "1826"]
    done = subprocess.run(
        ["go", "run", SCHEDULE, *asked],
        cwd=build.CONTROL_PLANE.source,
        env=os.environ | {"GOFLAGS": "-mod=readonly"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    moments = [datetime.fromisoformat(line) for line in done.stdout.split()]
    there = [moment.astimezone(BERLIN) for moment in moments]
    assert {f"{each:%H:%M}" for each in there} == {"07:20"}
    assert [each.date() for each in there] == [date(2026, 1, 1) + timedelta(days=at) for at in range(1826)]
    assert {f"{each:%H:%M}" for each in moments} == {"05:20", "06:20"}
    changes = [f"{b.date()}" for a, b in itertools.pairwise(moments) if b - a != timedelta(days=1)]
    assert changes[:4] == ["2026-03-29", "2026-10-25", "2027-03-28", "2027-10-31"]
