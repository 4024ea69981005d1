"""A rotation of the first lane while llm-connect serves: what is real and what is not says `first_lane`.

The kubelet is a thread that lays out the Secret as soon as it has changed. The provider lies: it makes the first new
key without an answer, and accepts the old one for a while after its end.
"""

import contextlib
import http.client
import json
import sys
import threading
import time
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import overlay
import pytest
import yaml
from demo.kubelet import mounted
from first_lane import CLUSTER, FIELD, LANE, MANAGEMENT, Way, key, key_version, strays
from overlay import one, volume

pytestmark = [pytest.mark.cluster, pytest.mark.real, pytest.mark.xdist_group("overlay")]
CALLERS = 4
RELOADED, STILL_ACCEPTED, WINDOW = 5, 2, 2
"""Seconds: until llm-connect has a new key in use; for which the provider accepts an ended key; of refusals."""


class Load:
    """Callers that ask the gateway one thing after another, as the triage does; `failed` are answers other than 200."""

    def __init__(self, url, token):
        self._url, self._token = urlsplit(url), token
        self.answered, self.failed = 0, []
        self._stop, self._lock = threading.Event(), threading.Lock()

    @contextlib.contextmanager
    def running(self):
        threads = [threading.Thread(target=self._call) for _ in range(CALLERS)]
        for each in threads:
            each.start()
        try:
            yield self
        finally:
            self._stop.set()
            for each in threads:
                each.join(30)

    def _call(self):
        with contextlib.closing(
            http.client.HTTPConnection(self._url.hostname, self._url.port, timeout=30)
        ) as connection:
            self._calls(connection)

    def _calls(self, connection):
        body = json.dumps({"model": "custodian-triage-balanced", "messages": [{"role": "user", "content": "hello"}]})
        headers = {"authorization": f"Bearer {self._token}", "content-type": "application/json"}
        while not self._stop.wait(0.05):
            try:
                connection.request("POST", "/v1/chat/completions", body, headers)
                reply = connection.getresponse()
                said = reply.read()
            except OSError as fault:
                reply, said = None, repr(fault).encode()
            with self._lock:
                if reply is not None and reply.status == http.client.OK:
                    self.answered += 1
                else:
                    self.failed.append((reply and reply.status, said[:300]))


class Rotated(Way):
    """The lane with its rotation at the simulated provider."""

    def rotates_at(self, url, **settings):
        file = self.folder / "platform" / "catalog" / f"{LANE}.yaml"
        lane = yaml.safe_load(file.read_text())
        del lane["deliveries"]["railiance01"]  # one cluster is enough, and no Secret made by hand keeps the old key
        lane["consumers"][0]["reload_within"] = f"{RELOADED}s"
        lane["rotation"] |= {"settings": {"url": url, "timeout": 1} | settings}
        lane["rotation"] |= {"refused": {"times": 3, "over": f"{WINDOW}s"}}
        file.write_text(yaml.safe_dump(lane, sort_keys=False))

    @contextlib.contextmanager
    def managed_provider(self, value, management):
        self.provider_key.write_text(value)
        (self.folder / "management-key").write_text(management)
        argv = ["simulate-openrouter", "--key-file", str(self.provider_key), "--limit-usd", "1000"]
        argv += ["--management-key-file", str(self.folder / "management-key")]
        with self.program("provider", argv, {}) as url:
            yield Provider(url, management)

    def runs(self):
        """What a kubelet reports of the gateway's pods: they have been running for a long time."""
        started = "2026-01-01T00:00:00Z"
        state = {"name": "llm-connect", "image": "llm-connect", "imageID": "", "ready": True, "restartCount": 0}
        status = {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": started}],
        }
        status |= {"containerStatuses": [state | {"state": {"running": {"startedAt": started}}}]}
        end = time.monotonic() + 60
        pods = []
        while not pods and time.monotonic() < end:
            pods = [
                each["metadata"]["name"]
                for each in self.object("/api/v1/{}/pods")["items"]
                if each["metadata"]["labels"].get("app.kubernetes.io/name") == "llm-connect"
            ]
            time.sleep(0.1)
        for name in pods:
            path = f"/api/v1/namespaces/{self.namespace}/pods/{name}/status"
            self.cluster.must("PATCH", path, {"status": status}, "application/merge-patch+json")

    @contextlib.contextmanager
    def kubelet(self, place):
        """Lays out the volume `provider` whenever the Secret has changed."""
        declared = volume(one("Deployment"), "provider")["secret"]
        stop, seen = threading.Event(), [self.secret()]

        def follow():
            while not stop.wait(0.3):
                found = self.secret()
                if found != seen[-1]:
                    mounted(place, found, declared["defaultMode"])
                    seen.append(found)

        thread = threading.Thread(target=follow)
        thread.start()
        try:
            yield seen
        finally:
            stop.set()
            thread.join(30)


class Provider:
    """The simulated provider, as whoever has its management key sees it."""

    def __init__(self, url, management):
        self.url, self._management = url, management

    def ask(self, method, path, body=None, bearer=""):
        octets = None if body is None else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {bearer or self._management}", "content-type": "application/json"}
        with urlopen(Request(self.url + path, octets, headers, method=method), timeout=10) as answer:
            return json.load(answer)

    def lie(self, **how):
        url = self.url.removesuffix("/api/v1")
        headers = {"authorization": f"Bearer {self._management}"}
        urlopen(Request(f"{url}/simulator/faults", json.dumps(how).encode(), headers, method="PUT"), timeout=10).close()

    def names(self):
        return [each["name"] for each in self.ask("GET", "/keys?include_disabled=true")["data"]]

    def status_of(self, value):
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
        connection.request("GET", f"{parts.path}/key", headers={"authorization": f"Bearer {value}"})
        status = connection.getresponse().status
        connection.close()
        return status


@pytest.fixture
def way(cluster_platform, tmp_path):
    made = Rotated(cluster_platform, tmp_path)
    yield made
    made.remove()


def test_llm_connect_loses_no_request_while_its_key_is_rotated_at_a_provider_that_lies(
    way, cluster_platform, record_property
):
    old, management = key(), key()
    with way.managed_provider(old, management) as provider:
        way.rotates_at(provider.url)
        way.run("warden", "apply", LANE, "--create-namespace", "--cluster", CLUSTER)
        way.run("warden", "put", MANAGEMENT, "OPENROUTER_MANAGEMENT_KEY", stdin=management)
        way.put(old)
        applied = way.cluster.kubectl("apply", "-k", str(way.overlay))
        assert applied.returncode == 0, applied.stderr
        applied = way.cluster.kubectl("apply", "-k", str(way.overlay / "smoke"))
        assert applied.returncode == 0, applied.stderr
        way.runs()
        places = way.volumes()
        projected = volume(one("Job", overlay.SMOKE), "llm-connect-token")["projected"]["sources"][0]
        token = way.token("llm-connect-smoke", projected["serviceAccountToken"])
        with (
            way.gateway(places, provider.url) as url,
            way.kubelet(places["provider"]),
            Load(url, token).running() as load,
        ):
            version, began = key_version(url), time.monotonic()
            provider.lie(
                still_accepted_seconds=STILL_ACCEPTED,
                faults=[{"on": "create-key", "how": "silent", "done": True}],
            )
            way.env["BAO_TOKEN"] = cluster_platform.token("admin")
            said = way.run("warden", "rotate", LANE, "--yes", "--json")
            took = time.monotonic() - began
            time.sleep(1)
            assert key_version(url) != version
        (done,) = json.loads(said[: said.rindex("}") + 1])["rotations"]
        record_property("load", f"{load.answered} answered, {len(load.failed)} failed, {took:.1f} s")
        sys.stdout.write(f"{load.answered} answered, {len(load.failed)} failed, {took:.1f} s\n")
        assert load.failed == []
        assert load.answered > 100
        assert (done["state"], done["old"]) == ("done", "refused")
        assert provider.status_of(old) == 401
        (name,) = provider.names()
        assert f"warden-{done['rotation']}" in name
        new = way.secret()[FIELD].decode()
        assert provider.status_of(new) == 200
    assert strays(way.folder, places["provider"], old, new, management) == []
    assert not any(each in said for each in (old, new, management))
