"""The lane on two real clusters: delivered, proven, broken, mended, and a Secret made by hand taken over.

Real are OpenBao, both API servers with their controllers, and External Secrets Operator in each. No kubelet is there,
so no pod runs: what a kubelet would report of a pod is written by hand, and said so. The lane's file is changed by
`warden adopt`, so that the demo works on a copy of `platform/`.
"""

import json
import os
import secrets
import shlex
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

from demo.run import FIELD, LANE, REPOSITORY, Demo, Wrong, play

from warden.adapters.dev.build import cache_directory, located

NAMESPACE, SECRET = "activity-core", "llm-connect-provider-secrets"
OVERLAY = "deploy/k8s/activity-core-llm-connect"
FIRST, SECOND = "coulombcore", "railiance01"


def kubectl(demo: Demo, cluster: str, command: str, *, quiet: bool = False) -> str:
    """`kubectl` as an administrator of the cluster."""
    return demo.run(f"kubectl --context {cluster}-admin -n {NAMESPACE} {command}", quiet=quiet)


def started(demo: Demo) -> None:
    """Two clusters and their OpenBao."""
    demo.env["WARDEN_PLATFORM"] = str(shutil.copytree(REPOSITORY / "platform", demo.home / "platform"))
    keep_programs(demo)
    demo.say(
        "A throw-away platform with two clusters",
        "Real API servers, controllers and External Secrets Operators, and one real OpenBao. No kubelet: no pod runs.",
    )
    demo.run(f"warden dev up --cluster {FIRST},{SECOND}")
    # Before the person's own, which may be of any version.
    demo.env["PATH"] = os.path.dirname(located().path("kubectl")) + os.pathsep + demo.env["PATH"]
    demo.become("platform")


def keep_programs(demo: Demo) -> None:
    """The demo has a cache of its own, and in it the programs that were built for clusters."""
    built = Path(cache_directory())
    if not os.path.exists(located().path("kubectl")):
        raise Wrong("the programs of a cluster are not built yet; make demo-cluster builds them first")
    seen = demo.home / "cache" / "warden" / "cluster"
    seen.parent.mkdir(parents=True)
    seen.symlink_to(built)


def delivered(demo: Demo) -> None:
    """From the lane's file to a Secret in the first cluster."""
    demo.say("Planned", "From the lane's one file: what is missing in OpenBao and in each cluster.")
    demo.run(f"warden plan {LANE}", expect=1)
    demo.say("Applied, and filled", "The key arrives by a pipe; External Secrets Operator hands it on at once.")
    demo.run(f"warden apply {LANE} --create-namespace", quiet=True)
    demo.run(f"warden put {LANE} {FIELD}", pipe=demo.key_file)


def deployed(demo: Demo) -> None:
    """The consumer's overlay in the first cluster, and the proof."""
    demo.say("Deployed", "llm-connect's own overlay. It mounts the Secret as a directory, which follows a rotation.")
    deploy(demo, FIRST)
    demo.say("Proven", "OpenBao's audit line of that very read, beside the Secret; and who else may read it.")
    demo.run(f"warden prove {LANE} --cluster {FIRST}")


def deploy(demo: Demo, cluster: str) -> None:
    """Apply the overlay, and be the kubelet for its one pod."""
    kubectl(demo, cluster, f"apply -k {OVERLAY}")
    kubectl(demo, cluster, "wait deployment/llm-connect --for=jsonpath={.status.replicas}=1 --timeout=20s", quiet=True)
    print("\n   No kubelet is here: that the pod runs and is ready is written by hand, and is not true.")
    running = demo.home / "running.json"
    running.write_text(json.dumps({"status": running_pod()}))
    pod = kubectl(demo, cluster, "get pod -l app.kubernetes.io/name=llm-connect -o name").strip()
    kubectl(demo, cluster, f"patch {pod} --subresource=status --type=merge --patch-file={running}")
    kubectl(demo, cluster, "rollout status deployment/llm-connect --timeout=20s", quiet=True)


def running_pod() -> dict[str, object]:
    """The status that a kubelet reports of a pod that started now and is ready."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    state = {"ready": True, "restartCount": 0, "imageID": "", "state": {"running": {"startedAt": now}}}
    return {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": now}],
        "containerStatuses": [{"name": "llm-connect", "image": "llm-connect", **state}],
    }


def broken(demo: Demo) -> None:
    """Somebody is given a right that opens the Secret; it is found, and mended."""
    demo.say("A hole, made by hand", "Somebody gets a right to read Secrets. Nothing is changed by finding it.")
    kubectl(demo, FIRST, "create role debugging --verb=get,list --resource=pods,secrets")
    kubectl(demo, FIRST, "create rolebinding debugging --role=debugging --group=interns")
    told = demo.run(f"warden prove {LANE} --cluster {FIRST}", expect=1, brief=True)
    expect_told(told, "group:interns", "owner railiance-platform", f"rolebinding debugging -n {NAMESPACE}")
    demo.say("Mended", "The binding is none of warden's: it is named, and whoever made it takes it away.")
    kubectl(demo, FIRST, "delete rolebinding debugging")
    demo.run(f"warden prove {LANE} --cluster {FIRST}", brief=True)


def expect_told(told: str, *parts: str) -> None:
    """Each part is in what was told; line breaks do not count."""
    whole = " ".join(told.split())
    for each in parts:
        if each not in whole:
            raise Wrong(f"it was not told: {each}")


def taken_over(demo: Demo) -> None:
    """The second cluster, whose Secret was once made by hand."""
    demo.say(
        f"{SECOND}: a Secret made by hand", "With an older key, and with a copy of it in an annotation of kubectl's."
    )
    by_hand(demo)
    deploy(demo, SECOND)
    told = demo.run(f"warden prove {LANE} --cluster {SECOND}", expect=1, brief=True)
    expect_told(told, "kubectl.kubernetes.io/last-applied-configuration")
    demo.say("Taken over", "Its value is compared with OpenBao's first. They differ, so warden asks which is right.")
    demo.run(f"warden adopt {LANE} --cluster {SECOND} --yes", expect=1)
    demo.run(f"warden adopt {LANE} --cluster {SECOND} --keep openbao --yes")
    file = f"catalog/{LANE}.yaml"
    demo.run(f"diff platform/{file} {demo.home}/platform/{file}", expect=1)


def by_hand(demo: Demo) -> None:
    """The Secret as somebody once made it."""
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
    demo.say("Proven everywhere", "OpenBao, both deliveries, both consumers.")
    demo.run(f"warden prove {LANE}", brief=True)
    demo.run(f"warden status {LANE}")
    demo.run("warden journal verify")
    kept(demo)


def kept(demo: Demo) -> None:
    """The key is in OpenBao and in etcd, and in nothing else that was written."""
    files = [path for path in demo.home.rglob("*") if path.is_file() and path != demo.key_file]
    found = [path for path in files if demo.key.encode() in path.read_bytes()]
    strays = [path for path in found if "etcd" not in path.parts]
    demo.say(
        "Kept", "A cluster keeps its Secrets in etcd, in clear unless it was told to encrypt them. Nothing else may."
    )
    demo.show(f"the key was looked for in {len(files)} files: outside etcd found in {len(strays)}")
    if strays:
        raise Wrong(f"the key was found in {', '.join(shlex.quote(demo.short(str(path))) for path in strays)}")
    if not found:
        raise Wrong("the key is not even in etcd: it was not looked for in the right way")


def main() -> int:
    """The whole demo."""
    opening = f"The lane {LANE} on the clusters {FIRST} and {SECOND}."
    steps = (started, delivered, deployed, broken, taken_over, proven)
    return play(opening, steps, "Delivered, deployed and proven on two clusters.")


if __name__ == "__main__":
    sys.exit(main())
