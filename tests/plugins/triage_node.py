"""What a kubelet does for the pod of the triage, by a local process; and a State Hub that has a digest."""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from listening import listening

BIN = Path(sys.executable).parent
FOREIGN = ("LLM_CONNECT_", "OPENROUTER_", "ACTIVITY_CORE_", "STATE_HUB_", "XDG_")


class Node:
    """Runs the container of a pod as a local process, with what the cluster says of it and two addresses of the test.

    placed   has `got` and `token`: what kubectl gets, and a token of an account of the namespace
    folder   where the volumes are
    gateway  the address of llm-connect
    digest   the address of the State Hub
    """

    def __init__(self, placed, folder, gateway, digest):
        self.placed, self.folder, self.gateway, self.digest = placed, folder, gateway, digest

    def container(self, pod):
        (container,) = pod["spec"]["containers"]
        return container

    def environment(self, pod, given):
        """As the pod has it: of the ConfigMap that it names, and its own; the test's addresses in place of theirs."""
        container = self.container(pod)
        name = container["envFrom"][0]["configMapRef"]["name"]
        said = self.placed.got("configmap", name)["data"]
        here = {each["mountPath"]: str(self.folder / each["name"]) for each in container["volumeMounts"]}
        own = {each["name"]: moved(each["value"], here) for each in container["env"]}
        assert {"LLM_CONNECT_URL", "DIGEST_URL", "STATE_HUB_URL"} <= set(said)
        urls = {
            "LLM_CONNECT_URL": self.gateway,
            "DIGEST_URL": f"{self.digest}/digest",
            "STATE_HUB_URL": f"{self.digest}/hub",
        }
        return said | urls | own | given

    def mounts(self, pod, account):
        """A directory for each volume, with the projected token of this account."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for volume in pod["spec"]["volumes"]:
            (self.folder / volume["name"]).mkdir(parents=True)
            if "projected" in volume:
                source = volume["projected"]["sources"][0]["serviceAccountToken"]
                token = self.placed.token(account or pod["spec"]["serviceAccountName"], source["audience"])
                (self.folder / volume["name"] / source["path"]).write_text(token)

    def run(self, pod, *, account="", busy=False, **given):
        """Its exit code and what it said."""
        self.mounts(pod, account)
        environment = self.environment(pod, given)
        argv = [
            re.sub(r"\$\((\w+)\)", lambda found: environment[found[1]], each) for each in self.container(pod)["args"]
        ]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        with held(environment["ACTIVITY_CORE_RECORD"]) if busy else open(os.devnull):
            return subprocess.run(
                [BIN / self.container(pod)["image"].partition(":")[0], *argv],
                env=kept | environment | {"HOME": "/nonexistent"},
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )


def moved(value, here):
    """A path below a mount, where that mount is here."""
    for mount, place in here.items():
        if value.startswith(f"{mount}/"):
            return value.replace(mount, place, 1)
    return value


@contextmanager
def held(record):
    """Another run is under way."""
    with open(f"{record}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def serving(answers):
    """A State Hub: GET gives the digest that `answers` has now, POST takes an event; its address and the events."""
    events = []

    def answer(method, body):
        if method == "GET":
            return answers["digest"]
        events.append(json.loads(body))
        return 202, b""

    with listening(answer) as address:
        yield address, events
