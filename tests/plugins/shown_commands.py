"""Runs command lines exactly as they are shown, in a shell, as the people whom the texts name.

``warden`` is the platform engineer's, ``bao`` and ``kubectl`` are administrators', whose contexts have the clusters'
names.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from warden.core.lanes.lane import Delivery, Lane

ASKED = "ask "
"""How a remedy begins that is somebody else's turn, without a command."""


def entry_of(lane: Lane) -> dict[str, Any]:
    """The lane's file, for lanes as the benches make them."""
    owners = {name: {"repo": each.repo, "doc": each.doc} for name, each in _owners(lane)}
    return {
        "lane": lane.id,
        "title": lane.title,
        "status": lane.status,
        "reviewed": lane.reviewed,
        "owners": owners,
        "custody": {"path": lane.custody.path, "fields": list(lane.custody.fields)},
        "readers": [{"workload": str(each.workload)} for each in lane.readers],
        "deliveries": {name: _delivery(each) for name, each in lane.deliveries.items()},
        "consumers": [{"deployment": each.deployment} for each in lane.consumers],
    }


def _delivery(delivery: Delivery) -> dict[str, str]:
    names = {name: getattr(delivery, name) for name in ("external_secret", "bootstrap_secret", "store")}
    return {name: each for name, each in names.items() if each}


def _owners(lane: Lane) -> list[tuple[str, Any]]:
    found = [(name, getattr(lane.owners, name)) for name in ("custody", "consumer", "runtime")]
    return [(name, each) for name, each in found if each is not None]


class Shell:
    """A shell beside a bench of clusters, with the bench's lane in a platform directory."""

    def __init__(self, bench: Any) -> None:
        self._bench = bench
        self._folder = bench.folder / "shell"
        self._folder.mkdir(exist_ok=True)
        self.ran: list[str] = []

    def run(self, line: str) -> "subprocess.CompletedProcess[str]":
        """Paste one line; a value that is asked for is on standard input."""
        self.ran.append(line)
        self._declare()
        return subprocess.run(
            ["sh", "-c", line],
            input=self._bench.value,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            cwd=self._folder,
            env=self._environment(),
        )

    def _declare(self) -> None:
        directory = self._folder / "platform"
        (directory / "catalog").mkdir(parents=True, exist_ok=True)
        clusters = {
            name: {"context": name, "auth_mount": each.auth_mount} for name, each in self._bench.declared.items()
        }
        (directory / "clusters.yaml").write_text(yaml.safe_dump(clusters))
        lane = self._bench.lane
        (directory / "catalog" / f"{lane.id}.yaml").write_text(yaml.safe_dump(entry_of(lane), sort_keys=False))

    def _environment(self) -> dict[str, str]:
        platform = self._bench.platform
        return {
            "PATH": os.pathsep.join([str(self._programs()), str(Path(sys.executable).parent), os.environ["PATH"]]),
            "HOME": str(self._folder),
            "XDG_STATE_HOME": str(self._folder / "state"),
            "XDG_CACHE_HOME": str(self._folder / "cache"),
            "KF_RULE_CACHE_DIR": os.environ["KF_RULE_CACHE_DIR"],
            "WARDEN_PLATFORM": str(self._folder / "platform"),
            "WARDEN_STATE": platform.state,
            "WARDEN_JOURNAL": self._bench.journal.path,
            "WARDEN_AUDIT": platform.audit_file,
            "BAO_ADDR": platform.address,
            "BAO_CACERT": platform.ca,
            "BAO_TOKEN": platform.token("platform"),
            "KUBECONFIG": self._administrators(),
        }

    def _programs(self) -> Path:
        """``bao`` as OpenBao's administrator, in a folder of its own."""
        folder = self._folder / "bin"
        folder.mkdir(exist_ok=True)
        bao = folder / "bao"
        token = self._bench.platform.token("admin")
        bao.write_text(f'#!/bin/sh\nBAO_TOKEN={token} exec {Path(sys.executable).with_name("bao")} "$@"\n')
        bao.chmod(0o700)
        return folder

    def _administrators(self) -> str:
        """A kubeconfig in which each cluster's context is its administrator's."""
        path = self._folder / "admin.kubeconfig"
        if not path.exists():
            found = yaml.safe_load(Path(next(iter(self._bench.platform.clusters.values())).kubeconfig).read_text())
            users = {each["name"]: each["context"]["user"] for each in found["contexts"]}
            for each in found["contexts"]:
                each["context"]["user"] = users.get(f"{each['name']}-admin", each["context"]["user"])
            path.write_text(json.dumps(found))
        return str(path)
