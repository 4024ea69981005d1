"""The daily triage from end to end: a key from OpenBao through a lane, llm-connect with it, a report from a digest.

Everything is real except the provider, which `llm-connect simulate-openrouter` simulates on this machine: it checks the
key, and answers with a made-up document of the requested schema, the same one each time.
"""

import json
import shlex
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from demo.runner import (
    FIELD,
    LANE,
    REPOSITORY,
    Demo,
    DemoError,
    lane_served,
    other_key_served,
    play,
    search_for_the_key,
)

SAMPLE = REPOSITORY / "activity-core" / "samples" / "tuesday.json"


def laned(demo: Demo) -> None:
    """An OpenBao with the lane and the provider's key."""
    demo.say(
        "The lane",
        "A temporary OpenBao. Policy and role are derived from the lane's file; the key comes through a pipe.",
    )
    demo.run("warden dev up")
    demo.act_as("platform")
    demo.run(f"warden apply {LANE}", quiet=True)
    demo.run(f"warden put {LANE} {FIELD}", quiet=True, pipe=demo.key_file)


def triaged(demo: Demo) -> None:
    """The gateway with the lane's key, and the report."""
    demo.say("The gateway", "As the workload activity-core/llm-connect. The provider knows the key that OpenBao holds.")
    with lane_served(demo) as (url, upstream):
        reported(demo, url)
        counter_checked(demo, upstream)


def reported(demo: Demo, url: str) -> None:
    """The day's report, and a second call on the same day."""
    sample = demo.home / "digest.json"
    made = {"generated_at": f"{datetime.now(UTC) - timedelta(minutes=15):%Y-%m-%dT%H:%M:%SZ}"}
    sample.write_text(json.dumps(json.loads(SAMPLE.read_text()) | made))
    demo.say("The report", "The model (here a simulated one) estimates; activity-core ranks and marks.")
    demo.run(f"activity-core triage --digest {sample} --out {demo.home}/report.json", LLM_CONNECT_URL=url)
    demo.say("Once a day", "A second call does not ask the model. The record has the run, its tokens and its cost.")
    command = f"activity-core triage --digest {sample} --json > {demo.home}/again.json"
    again = demo.run(f"sh -c {shlex.quote(command)}", LLM_CONNECT_URL=url)
    if "the model was not asked" not in again:
        raise DemoError("the second call of the day asked the model again")
    demo.run("activity-core runs")


def counter_checked(demo: Demo, upstream: str) -> None:
    """With any other key the same provider refuses, so the report above was due to the lane."""
    demo.say("For comparison", "With another key the provider refuses. There is no report, and the record says why.")
    with other_key_served(demo, upstream) as url:
        command = f"activity-core triage --digest {demo.home}/digest.json --again"
        output = demo.run(command, expect=3, LLM_CONNECT_URL=url)
    if "provider_key_refused" not in output:
        raise DemoError("the provider did not refuse a key that it does not know")
    demo.run("activity-core runs")


def looked_back(demo: Demo) -> None:
    """The key is nowhere but in OpenBao."""
    demo.say("Look for the key", "In digest, report, record, logs, and OpenBao's storage and audit log.")
    search_for_the_key(demo)


def main() -> int:
    """The whole demo."""
    opening = f"The daily triage of {Path(SAMPLE).name}, with the provider's key from OpenBao."
    return play(opening, (laned, triaged, looked_back), "From the lane to the report.")


if __name__ == "__main__":
    sys.exit(main())
