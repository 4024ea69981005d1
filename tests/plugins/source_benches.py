"""Each source on the simulator of its provider, behind one interface: what the contract's tests need of it."""

import contextlib
from dataclasses import dataclass
from typing import Any

from gitea_server import OLD as GITEA_OLD
from gitea_server import PASSWORD, SCOPES, USER, GiteaServer
from key_server import Key, Lie
from openai_server import ACCOUNT, ADMIN, PROJECT, OpenAiServer
from openai_server import OLD as OPENAI_OLD
from openrouter_server import MANAGEMENT, OpenRouterServer
from openrouter_server import OLD as OPENROUTER_OLD

from warden.adapters.sources.http import ProviderHttp
from warden.adapters.sources.loader import InstalledSources
from warden.core.secret import Secret

_HTTP = ProviderHttp()
"""One for all tests: it takes as long to make as a hundred requests."""
_OPENROUTER = {
    "test": "show-own-key",
    "list": "list-keys",
    "create": "create-key",
    "delete": "delete-key",
    "change": "change-key",
    "bind": "assign-keys",
}


@dataclass
class Bench:
    """`old` is a key that is there from the start, `unknown` one that never was."""

    name: str
    server: Any
    old: str
    old_id: str
    management: str
    settings: dict[str, str]
    unknown: str

    def source(self, management: str = "", **settings: str):
        plugin = InstalledSources().plugin(self.name)
        chosen = self.settings | {"timeout": "1.5"} | settings
        assert not plugin.faults(chosen)
        return plugin.source(chosen, Secret(management or self.management), _HTTP)

    def lie(self, on: str, how: str, *, done: bool = False, times: int = 1) -> None:
        if self.name == "openrouter":
            chosen = {"on": _OPENROUTER[on], "how": how, "done": done, "times": times}
            self.server.simulator.faults.choose([chosen])
        else:
            self.server.lies = [Lie(on, how, done, times)]

    def keep_accepting(self, seconds: float) -> None:
        if self.name == "openrouter":
            self.server.simulator.account.still_accepted_seconds = seconds
        else:
            self.server.still_accepted = seconds

    def names(self) -> list[str]:
        if self.name == "openrouter":
            return [each.name for each in self.server.simulator.account.keys]
        return [each.name for each in self.server.keys.values()]

    def add(self, name: str, value: str = "") -> str:
        """One more key that is there already; its id."""
        if self.name == "openrouter":
            return self.server.simulator.account.create(name).hash
        number = str(900 + len(self.server.keys))
        self.server.keys[number] = Key(
            number, name, value or f"sk-other-{number}-{name}-0123456789", {"scopes": SCOPES}
        )
        return number

    @property
    def planted(self) -> tuple[str, str]:
        return self.old, self.management


@contextlib.contextmanager
def openrouter():
    with OpenRouterServer(page=2).running() as server:
        first = server.simulator.account.keys[0]
        yield Bench(
            "openrouter",
            server,
            OPENROUTER_OLD,
            first.hash,
            MANAGEMENT,
            {"url": server.url},
            "sk-or-v1-unknown-0123456789",
        )


@contextlib.contextmanager
def openai():
    with OpenAiServer(page=2).running() as server:
        settings = {"url": f"{server.url}/v1", "project": PROJECT, "service_account": ACCOUNT}
        yield Bench("openai", server, OPENAI_OLD, "key_old", ADMIN, settings, "sk-svcacct-unknown-0123456789")


@contextlib.contextmanager
def gitea():
    with GiteaServer(page=2).running() as server:
        settings = {"url": server.url, "user": USER}
        yield Bench("gitea", server, GITEA_OLD, "7", PASSWORD, settings, "0123456789abcdef0123456789abcdef01234567")


BENCHES = {"openrouter": openrouter, "openai": openai, "gitea": gitea}
