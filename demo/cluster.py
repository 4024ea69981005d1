"""The lane on two real clusters: delivered, proven, broken, repaired, and a Secret made by hand taken over.

OpenBao, both API servers with their controllers, and External Secrets Operator in each are real. There is no kubelet,
so no pod runs: the status that a kubelet would report is written by hand, and the demo says so. `warden adopt` changes
the lane's file, so the demo works on a copy of `platform/`.
"""

import json
import os
import secrets
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

from demo.runner import FIELD, LANE, Demo, DemoError, play, search_for_the_key

from warden.adapters.dev.build import cache_directory, located

NAMESPACE, SECRET = "activity-core", "llm-connect-provider-secrets"
OVERLAY = "deploy/k8s/activity-core-llm-connect"
FIRST, SECOND = "coulombcore", "railiance01"


def kubectl(demo: Demo, cluster: str, command: str, *, quiet: bool = False) -> str:
    """`kubectl` as an administrator of the cluster."""
    return demo.run(f"kubectl --context {cluster}-admin -n {NAMESPACE} {command}", quiet=quiet)


def started(demo: Demo) -> None:
    """Two clusters and their OpenBao."""
    shutil.copytree(demo.home / "platform", demo.home / "before")
    keep_programs(demo)
    demo.say(
        "A temporary platform with two clusters",
        "Real API servers, controllers and External Secrets Operators, and a real OpenBao. No kubelet: no pod runs.",
    )
    demo.run(f"warden dev up --cluster {FIRST},{SECOND}")
    # Before the caller's own kubectl, which may be of any version.
    demo.env["PATH"] = os.path.dirname(located().path("kubectl")) + os.pathsep + demo.env["PATH"]
    demo.act_as("platform")


def keep_programs(demo: Demo) -> None:
    """Link the programs that were built for clusters into the demo's own cache."""
    built = Path(cache_directory())
    if not os.path.exists(located().path("kubectl")):
        raise DemoError("the programs of a cluster are not built yet: make demo-cluster")
    seen = demo.home / "cache" / "warden" / "cluster"
    seen.parent.mkdir(parents=True)
    seen.symlink_to(built)


def delivered(demo: Demo) -> None:
    """From the lane's file to a Secret in the first cluster."""
    demo.say("Plan", "What the lane's file implies, and OpenBao and the clusters do not have yet.")
    demo.run(f"warden plan {LANE}", expect=1)
    demo.say(
        "Apply, and put the value in", "The key comes through a pipe; External Secrets Operator delivers it at once."
    )
    demo.run(f"warden apply {LANE} --create-namespace", quiet=True)
    demo.run(f"warden put {LANE} {FIELD}", pipe=demo.key_file)


def deployed(demo: Demo) -> None:
    """The consumer's overlay in the first cluster, and the proof."""
    demo.say(
        "Deploy", "With llm-connect's own overlay. It mounts the Secret as a directory, which follows a new value."
    )
    deploy(demo, FIRST)
    demo.say(
        "Prove", "OpenBao's audit line of the operator's read, compared with the Secret; and who else can read it."
    )
    demo.run(f"warden prove {LANE} --cluster {FIRST}")


def deploy(demo: Demo, cluster: str) -> None:
    """Apply the overlay, and report its one pod as a kubelet would."""
    kubectl(demo, cluster, f"apply -k {OVERLAY}")
    kubectl(demo, cluster, "wait deployment/llm-connect --for=jsonpath={.status.replicas}=1 --timeout=20s", quiet=True)
    print("\n   There is no kubelet. That the pod runs is written by hand, and is not true.")
    running = demo.home / "running.json"
    running.write_text(json.dumps({"status": running_pod()}))
    pod = kubectl(demo, cluster, "get pod -l app.kubernetes.io/name=llm-connect -o name").strip()
    kubectl(demo, cluster, f"patch {pod} --subresource=status --type=merge --patch-file={running}")
    kubectl(demo, cluster, "rollout status deployment/llm-connect --timeout=20s", quiet=True)


def running_pod() -> dict[str, object]:
    """The status that a kubelet reports for a pod that has just act_as ready."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    state = {"ready": True, "restartCount": 0, "imageID": "", "state": {"running": {"startedAt": now}}}
    return {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": now}],
        "containerStatuses": [{"name": "llm-connect", "image": "llm-connect", **state}],
    }


def broken(demo: Demo) -> None:
    """Somebody gets a right on the Secret; it is found and removed."""
    demo.say("Somebody gets a right to read Secrets", "The proof finds it and changes nothing.")
    kubectl(demo, FIRST, "create role debugging --verb=get,list --resource=pods,secrets")
    kubectl(demo, FIRST, "create rolebinding debugging --role=debugging --group=interns")
    output = demo.run(f"warden prove {LANE} --cluster {FIRST}", expect=1, brief=True)
    expect_output(output, "group:interns", "owner railiance-platform", f"rolebinding debugging -n {NAMESPACE}")
    demo.say("Repair", "The binding is not warden's, so whoever made it removes it.")
    kubectl(demo, FIRST, "delete rolebinding debugging")
    demo.run(f"warden prove {LANE} --cluster {FIRST}", brief=True)


def expect_output(output: str, *parts: str) -> None:
    """Check that each part is in the output; line breaks do not count."""
    whole = " ".join(output.split())
    for each in parts:
        if each not in whole:
            raise DemoError(f"not in the output: {each}")


def taken_over(demo: Demo) -> None:
    """The second cluster, whose Secret was once made by hand."""
    demo.say(f"{SECOND}: a Secret made by hand", "It has an older key, and kubectl left a copy of it in an annotation.")
    by_hand(demo)
    deploy(demo, SECOND)
    output = demo.run(f"warden prove {LANE} --cluster {SECOND}", expect=1, brief=True)
    expect_output(output, "kubectl.kubernetes.io/last-applied-configuration")
    demo.say(
        "Take it over",
        "Its value is compared with OpenBao's first. They differ, so somebody has to say which is right.",
    )
    demo.run(f"warden adopt {LANE} --cluster {SECOND} --yes", expect=1)
    demo.run(f"warden adopt {LANE} --cluster {SECOND} --keep openbao --yes")
    file = f"catalog/{LANE}.yaml"
    demo.run(f"diff {demo.home}/before/{file} {demo.home}/platform/{file}", expect=1)


def by_hand(demo: Demo) -> None:
    """The Secret as somebody made it long ago."""
    made = demo.home / "by-hand.json"
    made.touch(0o600)
    metadata = {"name": SECRET, "namespace": NAMESPACE}
    old = f"sk-or-v1-{secrets.token_hex(32)}"
    made.write_text(
        json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {FIELD: old}})
    )
    kubectl(demo, SECOND, f"create namespace {NAMESPACE}")
    kubectl(demo, SECOND, f"apply -f {made}")


def proven(demo: Demo) -> None:
    """Everything together."""
    demo.say("Prove everything", "OpenBao, both deliveries, both consumers.")
    demo.run(f"warden prove {LANE}", brief=True)
    demo.run(f"warden status {LANE}")
    demo.run("warden journal verify")
    looked_back(demo)


def looked_back(demo: Demo) -> None:
    """The key is in OpenBao and in etcd, and in nothing else that was written."""
    demo.say(
        "Look for the key",
        "A cluster keeps Secrets in etcd, unencrypted unless encryption is configured. No other file may have the key.",
    )
    if not search_for_the_key(demo, except_below="etcd"):
        raise DemoError("the key is not even in etcd, so the search does not work")


def main() -> int:
    """The whole demo."""
    opening = f"The lane {LANE} on the clusters {FIRST} and {SECOND}."
    steps = (started, delivered, deployed, broken, taken_over, proven)
    return play(opening, steps, "Delivered, deployed and proven on two clusters.")


if __name__ == "__main__":
    sys.exit(main())
