"""The life of a lane: approved by two people, promoted by proof, rotated under load, closed, and ended after a leak.

OpenBao, the API server with its controllers, External Secrets Operator and the signatures are real. The provider is
`llm-connect simulate-openrouter`. There is no kubelet: the status that it would report is written by hand, and a thread
lays out the Secret for llm-connect as a kubelet does.
"""

import base64
import contextlib
import json
import os
import re
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from demo.cluster import FIRST, NAMESPACE, SECRET, expect_output, keep_programs, kubectl, running_pod
from demo.kubelet import mounted
from demo.runner import FIELD, LANE, Demo, DemoError, play, search_for_the_key

from warden.adapters.dev.build import located

OVERLAY = "deploy/k8s/activity-core-llm-connect"
MANAGEMENT, MANAGEMENT_FIELD = "provisioning-key", "OPENROUTER_MANAGEMENT_KEY"
PEOPLE = ("alice", "bob", "carol")
RELOADED = 3
"""Seconds until llm-connect has read a new key."""


def begun(demo: Demo) -> None:
    """A platform, and three people with SSH keys."""
    keep_programs(demo)
    demo.say("A temporary platform", "A real OpenBao, a real API server with External Secrets Operator; no kubelet.")
    demo.run(f"warden dev up --cluster {FIRST}", quiet=True)
    demo.env["PATH"] = os.path.dirname(located().path("kubectl")) + os.pathsep + demo.env["PATH"]
    demo.act_as("platform")


def lived(demo: Demo) -> None:
    """Everything that needs the provider."""
    management = demo.home / "management-key"
    management.write_text(f"sk-or-v1-{secrets.token_hex(32)}")
    management.chmod(0o600)
    provider = f"llm-connect simulate-openrouter --key-file {demo.key_file} --management-key-file {management}"
    demo.say("The provider", "Simulated: it makes and ends keys like OpenRouter, and answers calls with a valid key.")
    with demo.serving(provider, "provider.log") as url:
        declared(demo, url)
        approved(demo)
        promoted(demo, management)
        with gateway(demo, url) as calls:
            rotated(demo, calls)
            closed(demo, calls)
            compromised(demo, calls)


def declared(demo: Demo, provider: str) -> None:
    """The lane as it would be before its first promotion, with people who have to approve."""
    file = demo.home / "platform" / "catalog" / f"{LANE}.yaml"
    text = file.read_text().replace("status: active", "status: draft")
    text = re.sub(r"(?m)^  railiance01:\n    .*\n", "", text)  # one cluster is enough here
    text = text.replace("on_new_value: reload", f"reload_within: {RELOADED}s\n    on_new_value: reload")
    approvers = ", ".join(f"{each}@example.org" for each in PEOPLE)
    text = text.replace("\nrotation:\n", f"\nprotected: {{approvers: [{approvers}], approvals: 2}}\nrotation:\n")
    rotation = f"  settings: {{url: '{provider}'}}\n  refused: {{times: 3, over: 2s}}\n"
    text = text.replace(f"  management: {MANAGEMENT}\n", f"  management: {MANAGEMENT}\n{rotation}")
    file.write_text(text)
    signers = []
    for each in PEOPLE:
        key = demo.home / f"{each}.key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", each, "-f", str(key)], check=True)
        signers.append(f"{each}@example.org {key.with_suffix('.key.pub').read_text()}")
    (demo.home / "platform" / "allowed_signers").write_text("".join(signers))


def approved(demo: Demo) -> None:
    """A change request, two signatures, and exactly that plan."""
    demo.say("A change request", "The lane is protected: two people have to approve, and not who asks for it.")
    said = demo.run(f"warden change new {LANE} --type create --create-namespace")
    request = re.findall(r"CCR-\d{4}-\d{4}", said)[0]
    demo.run(f"warden change propose {request} --key {demo.home}/alice.key", quiet=True)
    alone = f"warden change approve {request} --yes --comment"
    demo.run(f'{alone} "looks good" --key {demo.home}/alice.key', expect=4)
    demo.run(f'{alone} "reviewed" --key {demo.home}/bob.key', quiet=True)
    demo.say("Apply, too early", "One approval is missing.")
    demo.run(f"warden apply {LANE} --create-namespace", expect=4)
    demo.run(f'{alone} "agreed with the consumer" --key {demo.home}/carol.key', quiet=True)
    demo.say("Apply", "The plan is the one that was approved, line by line.")
    demo.run(f"warden apply {LANE} --create-namespace")


def promoted(demo: Demo, management: Path) -> None:
    """A value, a consumer, and the proof that makes the lane active."""
    demo.say(
        "A value and a consumer", "llm-connect's own overlay. That its pod runs is written by hand, and is not true."
    )
    demo.run(f"warden put {LANE} {FIELD}", quiet=True, pipe=demo.key_file)
    demo.run(f"warden apply {MANAGEMENT}", quiet=True)
    demo.run(f"warden put {MANAGEMENT} {MANAGEMENT_FIELD}", quiet=True, pipe=management)
    kubectl(demo, FIRST, f"apply -k {OVERLAY}", quiet=True)
    runs(demo)
    demo.say("Promote", "The gate is a proof of custody, access and every delivery, made now.")
    demo.run(f"warden promote {LANE}")


def runs(demo: Demo) -> None:
    """Report the overlay's pod as a kubelet would: it has been running for a long time, and mounts the Secret."""
    kubectl(demo, FIRST, "wait deployment/llm-connect --for=jsonpath={.status.replicas}=1 --timeout=20s", quiet=True)
    since = json.dumps({"status": running_pod()})
    reported = demo.home / "running.json"
    reported.write_text(re.sub(r'"startedAt": "[^"]*"', '"startedAt": "2026-01-01T00:00:00Z"', since))
    pod = kubectl(demo, FIRST, "get pod -l app.kubernetes.io/name=llm-connect -o name", quiet=True).strip()
    kubectl(demo, FIRST, f"patch {pod} --subresource=status --type=merge --patch-file={reported}", quiet=True)


class Calls:
    """A caller that asks the gateway one thing after another, and counts the answers by their status."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self.answered, self.failed = 0, 0

    def ask(self) -> int:
        """One call; its status, 0 where there was no answer."""
        body = json.dumps({"model": "custodian-triage-balanced", "messages": [{"role": "user", "content": "hello"}]})
        connection = HTTPConnection(self._url.hostname or "", self._url.port, timeout=30)
        try:
            connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Ask all the time, from a thread."""
        stop = threading.Event()

        def call() -> None:
            while not stop.wait(0.03):
                if self.ask() == 200:
                    self.answered += 1
                else:
                    self.failed += 1

        with _thread(call, stop):
            yield


@contextlib.contextmanager
def gateway(demo: Demo, provider: str) -> Iterator[Calls]:
    """The gateway with the delivered Secret, as its Deployment mounts it."""
    demo.say("llm-connect", "It reads the key from the Secret that External Secrets Operator made.")
    place = demo.home / "volumes" / "provider"
    read = ["kubectl", "--context", f"{FIRST}-admin", "-n", NAMESPACE, "get", "secret", SECRET, "-o"]
    read.append(f"jsonpath={{.data.{FIELD}}}")
    stop, seen = threading.Event(), [""]

    def lay_out() -> None:
        got = subprocess.run(read, env=demo.env, capture_output=True, text=True, check=False).stdout
        if got and got != seen[0]:
            seen[0] = got
            mounted(place, {FIELD: base64.b64decode(got)})

    def follow() -> None:
        while not stop.wait(0.4):
            lay_out()

    lay_out()
    settings = {"LLM_CONNECT_KEY_DIRECTORY": str(place), "LLM_CONNECT_OPENROUTER_BASE_URL": provider}
    with _thread(follow, stop), demo.serving("llm-connect serve --port 0", "gateway.log", **settings) as url:
        yield Calls(url)


@contextlib.contextmanager
def _thread(work: Callable[[], None], stop: threading.Event) -> Iterator[None]:
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)


def rotated(demo: Demo, calls: Calls) -> None:
    """A new key in use, the old one refused, and no call lost."""
    demo.say("Rotate, while it serves", "A new key is made, delivered and taken; the old one is ended, and refused.")
    demo.act_as("admin")
    with calls.running():
        demo.run(f"warden rotate {LANE} --yes")
    demo.show(f"meanwhile llm-connect answered {calls.answered} calls; {calls.failed} failed")
    if calls.failed or not calls.answered:
        raise DemoError(f"{calls.failed} of {calls.answered + calls.failed} calls failed")


def closed(demo: Demo, calls: Calls) -> None:
    """Closed for everyone, and what that does not end."""
    demo.say("Close", "OpenBao refuses every former reader, and the Secret is removed from the cluster.")
    demo.run(f'warden deactivate {LANE} --reason "the tenant leaves" --yes')
    demo.run(f"warden access {LANE} -- true", expect=125)
    demo.show(f"llm-connect still has the key in memory, and the provider accepts it: {calls.ask()}")


def compromised(demo: Demo, calls: Calls) -> None:
    """The key is ended at its provider, too."""
    demo.say("It has leaked", "So the key is ended at its provider first, and every version is destroyed.")
    output = demo.run(f'warden compromise {LANE} --reason "key in a public log" --yes')
    expect_output(output, " ms")
    status = calls.ask()
    demo.show(f"llm-connect, which still has it: {status}")
    if status == 200:
        raise DemoError("the provider still accepts the key")


def looked_back(demo: Demo) -> None:
    """What the journal keeps of it, and that no file has a key."""
    demo.say("What remains", "The journal has every step. No file has the first key but etcd, which kept the Secret.")
    demo.run(f"warden journal log --lane {LANE} --last 8")
    demo.run("warden journal verify", quiet=True)
    search_for_the_key(demo, except_below="etcd")


def main() -> int:
    """The whole demo."""
    opening = f"The life of the lane {LANE}, on one real cluster with a simulated provider."
    return play(opening, (begun, lived, looked_back), "Approved, promoted, rotated, closed and ended.")


if __name__ == "__main__":
    sys.exit(main())
