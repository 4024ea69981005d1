"""The daily triage from end to end: a key from OpenBao through a lane, llm-connect with it, a report from a digest.

Everything is real except the provider, which `llm-connect simulate-openrouter` simulates on this machine: it checks the
key, and answers with a made-up document of the requested schema, the same one each time.
"""

import json
import secrets
import shlex
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from demo.run import FIELD, LANE, REPOSITORY, Demo, DemoError, play

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
    token = demo.home / "service-account-token"
    demo.run(f"warden dev token activity-core/llm-connect --out {token}")
    del demo.env["BAO_TOKEN"]
    provider = f"llm-connect simulate-openrouter --port 0 --key-file {demo.key_file}"
    with demo.serving(provider, "provider.log") as upstream:
        gateway = f"warden access {LANE} --token-file {token} --as fd -- llm-connect serve --port 0"
        with demo.serving(gateway, "gateway.log", LLM_CONNECT_OPENROUTER_BASE_URL=upstream) as url:
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
    other = {FIELD: f"sk-or-v1-{secrets.token_hex(32)}", "LLM_CONNECT_OPENROUTER_BASE_URL": upstream}
    before, demo.env = demo.env, demo.env | other
    try:
        with demo.serving("llm-connect serve --port 0", "counter.log") as url:
            command = f"activity-core triage --digest {demo.home}/digest.json --again"
            output = demo.run(command, expect=3, LLM_CONNECT_URL=url)
    finally:
        demo.env = before
    if "provider_key_refused" not in output:
        raise DemoError("the provider did not refuse a key that it does not know")
    demo.run("activity-core runs")


def search_for_the_key(demo: Demo) -> None:
    """The key is nowhere but in OpenBao."""
    key = demo.key.encode()
    files = [path for path in demo.home.rglob("*") if path.is_file() and path != demo.key_file]
    found = [path for path in files if key in path.read_bytes()]
    demo.say("Look for the key", "In digest, report, record, logs, and OpenBao's storage and audit log.")
    demo.show(f"searched {len(files)} files for the key: found in {len(found)}")
    if found:
        raise DemoError(f"the key was found in {', '.join(demo.short(str(path)) for path in found)}")


def main() -> int:
    """The whole demo."""
    opening = f"The daily triage of {Path(SAMPLE).name}, with the provider's key from OpenBao."
    return play(opening, (laned, triaged, search_for_the_key), "From the lane to the report.")


if __name__ == "__main__":
    sys.exit(main())
