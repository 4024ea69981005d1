"""The first lane from end to end on a real OpenBao, step by step; nothing is left running or on disk.

Everything is real except the provider, which `llm-connect simulate-openrouter` simulates on this machine. Each command
that is shown is the command that is run. Exits with 0 only if every step gave the expected answer.
"""

import json
import re
import sys
import urllib.error
import urllib.request

from demo.runner import FIELD, LANE, Demo, DemoError, lane_served, other_key_served, play, search_for_the_key

POLICY = "workload-kv-read-llm-connect-provider-secrets"
HOLE = 'path "platform/data/workloads/*" { capabilities = ["read"] }\n'
OTHER = "nightly-report"
"""Somebody else's AppRole, and its policy."""

FIX = re.compile(r"fix: (.*)")
"""How `warden prove` names the command that mends a line."""

SCHEMA = {
    "type": "object",
    "required": ["summary", "recommendations"],
    "properties": {
        "summary": {"type": "string"},
        "recommendations": {"type": "array", "maxItems": 7, "items": {"type": "object"}},
    },
}


def declared(demo: Demo) -> None:
    """The platform, and the lane's file."""
    demo.say("A temporary platform", "One real OpenBao with an audit log and no root token. It is removed at the end.")
    demo.run("warden dev up")
    demo.say(
        "Declare", "One file: where the value is kept, who may read it, who owns what. Everything else is derived."
    )
    demo.show((demo.home / "platform" / "catalog" / f"{LANE}.yaml").read_text())
    demo.run("warden catalog check")
    demo.run("warden route find 'openrouter key'")


def applied(demo: Demo) -> None:
    """Policy, role and marks on the server, and the value in OpenBao."""
    demo.say("Apply", "As the platform engineer, who cannot read any value. The second run changes nothing.")
    demo.act_as("platform")
    demo.run(f"warden plan {LANE}", expect=1)
    demo.run(f"warden apply {LANE}", quiet=True)
    demo.run(f"warden apply {LANE}")
    demo.say(
        "Put the value in", "The provider's key comes through a pipe. It is never an argument, and nothing prints it."
    )
    demo.run(f"warden put {LANE} {FIELD}", pipe=demo.key_file)


def used(demo: Demo) -> None:
    """Somebody else is denied before anything starts; the workload runs with the key, and the provider accepts it."""
    demo.say("Denied", "A developer is not a declared reader: nothing is read, and the command is not started.")
    demo.act_as("developer")
    demo.run(f"warden access {LANE} -- llm-connect serve --port 0", expect=125)
    demo.say("Use", "As the workload activity-core/llm-connect. The key goes from OpenBao into a sealed memory file.")
    with lane_served(demo) as (url, upstream):
        expect_answer(demo, url)
        expect_refusal(demo, upstream)


def expect_answer(demo: Demo, url: str) -> None:
    """The provider checks the key, so an answer shows that the right key was delivered."""
    demo.run(f"llm-connect smoke --url {url}")
    status, answer = execute(url)
    demo.show(
        f"POST {url}/execute -> {status}, model {answer.get('model')}, finish_reason {answer.get('finish_reason')}"
    )
    if status != 200 or not answer.get("content"):
        raise DemoError(f"the gateway answered {status}: {answer}")


def expect_refusal(demo: Demo, upstream: str) -> None:
    """With any other key the same provider refuses, so the answer above was due to the lane."""
    print("\n   For comparison: with another key the same provider refuses.")
    with other_key_served(demo, upstream) as url:
        status, answer = execute(url)
    demo.show(f"POST {url}/execute -> {status}, {answer.get('type')}, provider_status {answer.get('provider_status')}")
    if status == 200:
        raise DemoError("the provider accepted a key that it does not know")


def execute(url: str) -> tuple[int, dict[str, object]]:
    """One question to the gateway, as activity-core asks it."""
    config = {"model_name": "custodian-triage-balanced", "model_params": {"json_schema": SCHEMA}}
    body = json.dumps({"prompt": "Rank the day's work.", "config": config}).encode()
    request = urllib.request.Request(f"{url}/execute", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, json.load(refusal)


def proven(demo: Demo) -> None:
    """The lane is proven; a second way in is found and removed, a widened policy is found and repaired."""
    demo.say(
        "Prove", "The reader can read, nobody else can: asked live, each answer with its line in OpenBao's audit log."
    )
    demo.act_as("platform")
    demo.run(f"warden prove {LANE}")
    second_way(demo)
    demo.say("Somebody widens the policy", "An administrator, by hand. The proof finds it and changes nothing.")
    write_policy(demo, POLICY)
    demo.act_as("platform")
    demo.run(f"warden prove {LANE}", expect=1)
    demo.say("Repair", "The policy has lost its mark, so warden takes it over only if you say so.")
    demo.run(f"warden apply {LANE}", expect=1)
    demo.run(f"warden apply {LANE} --take-over --yes")
    demo.run(f"warden prove {LANE}", brief=True)
    demo.run(f"warden status {LANE}")


def second_way(demo: Demo) -> None:
    """Somebody else can read the value, and the lane's own policy and role are as they were."""
    demo.say(
        "Somebody opens a second way in",
        "An AppRole for a report, with a policy for all workloads. The lane's own policy and role stay as they are.",
    )
    write_policy(demo, OTHER)
    demo.run(f"bao write auth/approle/role/{OTHER} token_policies={OTHER}")
    demo.act_as("platform")
    found = FIX.search(demo.run(f"warden prove {LANE}", expect=1, brief=True))
    if found is None:
        raise DemoError("the proof names no command that removes the second way in")
    demo.say("Remove it", "With the command that the proof names, as somebody who may.")
    demo.act_as("admin")
    demo.run(found[1])
    demo.act_as("platform")
    demo.run(f"warden prove {LANE}", brief=True)


def write_policy(demo: Demo, name: str) -> None:
    """Write a policy for all workloads, as an administrator."""
    demo.act_as("admin")
    wide = demo.home / "wide.hcl"
    wide.write_text(HOLE)
    demo.run(f"bao policy write {name} -", pipe=wide)


def looked_back(demo: Demo) -> None:
    """The journal is unbroken, and the key is nowhere but in OpenBao."""
    demo.say("Look back", "Every effect is in the hash-chained journal. The key itself is in no file that was written.")
    demo.run("warden journal verify")
    search_for_the_key(demo)


def main() -> int:
    """The whole demo."""
    opening = f"The lane {LANE}, from its file to its proof."
    return play(
        opening,
        (declared, applied, used, proven, looked_back),
        "The lane is declared, applied, filled, used and proven.",
    )


if __name__ == "__main__":
    sys.exit(main())
