"""The key as the kubelet delivers it: a directory of links into `..data`, which is exchanged in one step."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from dataclasses import replace

import pytest

from llm_connect.common.errors import ConfigurationError
from llm_connect.common.secret import Redactor, Secret
from llm_connect.config.profiles import CUSTODIAN_TRIAGE
from llm_connect.keys.keyring import Keyring, Versions
from llm_connect.keys.sources import FileKey, key_source
from llm_connect.providers.registry import BUILT_IN
from llm_connect.simulator.app import Simulator
from llm_connect.simulator.key import RotatingKey

NAME = CUSTODIAN_TRIAGE.name
OLD, NEW = "sk-or-v1-old-0123456789", "sk-or-v1-new-9876543210"


class Mount:
    """A Secret's directory as the kubelet keeps it (AtomicWriter)."""

    def __init__(self, path):
        self.path = path
        self._count = 0
        self._versions = {}

    def current(self):
        """The key in it, as a provider's accepted one: both sides change in the one instant of the swap."""
        return self._versions[os.readlink(self.path / "..data")]

    def put(self, **files):
        self._count += 1
        version = self.path / f"..2026_11_24_{self._count}"
        version.mkdir(parents=True)
        for name, content in files.items():
            (version / name).write_text(content)
        self._versions[version.name] = Secret(files.get("OPENROUTER_API_KEY") or "none")
        previous = os.readlink(self.path / "..data") if (self.path / "..data").is_symlink() else None
        (self.path / "..data_tmp").symlink_to(version.name)
        (self.path / "..data_tmp").rename(self.path / "..data")
        for name in files:
            if not (self.path / name).is_symlink():
                (self.path / name).symlink_to(f"..data/{name}")
        if previous:
            for file in (self.path / previous).iterdir():
                file.unlink()
            (self.path / previous).rmdir()


@pytest.fixture
def mount(tmp_path):
    return Mount(tmp_path / "provider")


def ring_of(mount, redactor=None):
    environment = {"LLM_CONNECT_KEY_DIRECTORY": str(mount.path)}
    return Keyring(key_source(environment), Versions(), redactor or Redactor())


def test_a_swapped_directory_is_seen_and_both_keys_are_redacted(mount):
    mount.put(OPENROUTER_API_KEY=OLD)
    redactor = Redactor()
    ring = ring_of(mount, redactor)
    first = ring.current
    mount.put(OPENROUTER_API_KEY=NEW)
    ring.refresh()
    assert (first.secret.reveal(), ring.current.secret.reveal()) == (OLD, NEW)
    assert first.version != ring.current.version
    assert redactor.text(f"{OLD} {NEW}") == "[key removed] [key removed]"


def test_a_key_that_comes_later_is_found(mount):
    mount.put()
    ring = ring_of(mount)
    assert ring.current is None
    mount.put(OPENROUTER_API_KEY=NEW)
    ring.refresh()
    assert ring.current.secret.reveal() == NEW


def test_a_key_that_is_taken_away_stays_in_force_and_the_log_says_so_once(mount, caplog):
    mount.put(OPENROUTER_API_KEY=OLD)
    ring = ring_of(mount)
    for _ in range(2):
        mount.put()
        ring.refresh()
        ring.refresh()
        assert ring.current.secret.reveal() == OLD
        assert [record.getMessage() for record in caplog.records] == ["key gone; the last one stays in force"]
        mount.put(OPENROUTER_API_KEY=OLD)
        ring.refresh()
        caplog.clear()


@pytest.mark.parametrize("content", ["", "with space", "x" * 9000])
def test_what_is_no_key_leaves_the_last_one_in_force(mount, content):
    mount.put(OPENROUTER_API_KEY=OLD)
    ring = ring_of(mount)
    mount.put(OPENROUTER_API_KEY=content)
    ring.refresh()
    assert ring.current.secret.reveal() == OLD


def test_a_version_is_the_same_in_every_process_with_the_same_digest_key_and_no_digest_of_the_key_alone():
    import hashlib

    one, two, other = Versions(b"k" * 32), Versions(b"k" * 32), Versions(b"o" * 32)
    secret = Secret(OLD)
    assert one.of(secret) == two.of(secret) != other.of(secret)
    assert len(one.of(secret)) == 12
    assert one.of(secret) != hashlib.sha256(OLD.encode()).hexdigest()[:12]
    assert (one.comparable, Versions().comparable) == (True, False)


def test_a_short_digest_key_is_refused(tmp_path):
    from llm_connect.config.settings import load_settings

    path = tmp_path / "hmac"
    path.write_bytes(b"short")
    with pytest.raises(ConfigurationError, match="LLM_CONNECT_VERSION_KEY_FILE"):
        load_settings({"LLM_CONNECT_VERSION_KEY_FILE": str(path)})


@pytest.fixture
def provider(serving, tmp_path):
    """A provider whose accepted key is the content of a file."""
    path = tmp_path / "accepted"
    path.write_text(OLD)
    with serving(Simulator(RotatingKey(str(path), Secret(OLD))).application()) as url:
        yield path, f"{url}/api/v1"


def gateway(gateway_to, mount, base_url):
    redactor = Redactor()
    providers = {**BUILT_IN, "openrouter": replace(BUILT_IN["openrouter"], base_url=base_url)}
    keys = {"openrouter": ring_of(mount, redactor)}
    return gateway_to(base_url, {NAME: CUSTODIAN_TRIAGE}, providers=providers, keys=keys)


@pytest.mark.parametrize("stream", [False, True])
def test_a_refused_key_is_tried_once_more_with_the_one_that_has_come(gateway_to, provider, mount, call, stream):
    accepted, base_url = provider
    mount.put(OPENROUTER_API_KEY=OLD)
    body = {"model": NAME, "messages": [{"role": "user", "content": "hello"}], "stream": stream}
    with gateway(gateway_to, mount, base_url) as url:
        accepted.write_text(NEW)
        refused = call("POST", f"{url}/v1/chat/completions", body)
        assert (refused.status, refused.json["error"]["type"]) == (502, "provider_key_refused")
        mount.put(OPENROUTER_API_KEY=NEW)
        assert call("POST", f"{url}/v1/chat/completions", body).status == 200


def test_a_key_that_is_swapped_under_load_fails_no_request(serving, program, mount, call):
    """The kubelet swaps, and from that moment on the provider takes the new key only, eight times."""
    mount.put(OPENROUTER_API_KEY=OLD)
    found, stop = Counter(), threading.Event()
    with serving(Simulator(mount, limit_usd=1e6).application()) as provider:
        environment = {
            "LLM_CONNECT_KEY_DIRECTORY": str(mount.path),
            "LLM_CONNECT_OPENROUTER_BASE_URL": f"{provider}/api/v1",
        }
        with program("serve", "--port", "0", "--log-level", "error", environment=environment) as process:

            def load(number):
                stream = bool(number % 2)
                body = {"model": NAME, "messages": [{"role": "user", "content": "hello"}], "stream": stream}
                while not stop.is_set():
                    reply = call("POST", f"{process.url}/v1/chat/completions", body)
                    whole = reply.octets.endswith(b"[DONE]\n\n") if stream else reply.status == 200
                    found[number if whole else reply.octets] += 1

            threads = [threading.Thread(target=load, args=(number,)) for number in range(4)]
            for thread in threads:
                thread.start()
            for turn in range(8):
                enough = {number: found[number] + 5 for number in range(4)}
                mount.put(OPENROUTER_API_KEY=f"sk-or-v1-turn-{turn:04}-0123456789")
                # No call lives through two swaps: it is promised one more try.
                while any(found[each] < least for each, least in enough.items()) and found.keys() <= enough.keys():
                    time.sleep(0.01)
            stop.set()
            for thread in threads:
                thread.join()
    assert set(found) == set(range(4))


def test_without_a_request_ready_shows_the_version_of_the_key_that_came(gateway_to, provider, mount, call):
    mount.put(OPENROUTER_API_KEY=OLD)
    with gateway(gateway_to, mount, provider[1]) as url:
        before = call("GET", f"{url}/ready").json["key_versions"]["openrouter"]
        mount.put(OPENROUTER_API_KEY=NEW)
        deadline = time.monotonic() + 30
        while (after := call("GET", f"{url}/ready").json["key_versions"]["openrouter"]) == before:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert after not in OLD + NEW


def test_a_file_that_was_named_is_looked_at_too(tmp_path):
    path = tmp_path / "key"
    path.write_text(OLD)
    ring = Keyring(FileKey(path, "X_FILE"), Versions(), Redactor())
    path.write_text(NEW)
    ring.refresh()
    assert ring.current.secret.reveal() == NEW
