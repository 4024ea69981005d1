"""A new kind of provider is one class and one registration: configuration, keys, budgets and routes know it then."""

from __future__ import annotations

import pytest

from llm_connect.common.errors import ConfigurationError
from llm_connect.config.settings import load_settings
from llm_connect.providers import registry
from llm_connect.providers.port import ProviderKind
from llm_connect.web.app import Gateway

CONFIGURATION = """
[providers.parrot]
kind = "echo"
shout = true
[profiles.loud]
provider = "parrot"
model = "polly/large"
"""


class EchoProvider:
    """Answers with the last message."""

    refuses = frozenset({"tools"})

    def __init__(self, config, connection):
        self.name = config.name
        self._shout = config.options["shout"]
        self._key = connection.keyring.current.secret

    async def complete(self, call):
        content = call.fields["messages"][-1]["content"]
        assert self._key.reveal() == "a-parrots-key"
        message = {"role": "assistant", "content": content.upper() if self._shout else content}
        return {"model": call.model, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}

    async def stream(self, call):
        whole = await self.complete(call)
        choice = whole["choices"][0]
        yield whole | {"choices": [choice | {"delta": choice["message"]}]}

    async def close(self):
        pass


class Echo(ProviderKind):
    name = "echo"
    default_url = "https://parrot.example"
    default_key = "PARROT_KEY"
    option_names = ("shout",)

    def read_options(self, table):
        return {"shout": table.flag("shout", otherwise=False)}

    def build(self, config, connection):
        return EchoProvider(config, connection)


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setitem(registry.KINDS, Echo.name, Echo())


@pytest.fixture
def settings_of(tmp_path):
    def load(text):
        (tmp_path / "llm-connect.toml").write_text(text)
        return load_settings({"PARROT_KEY": "a-parrots-key"}, config=str(tmp_path))

    return load


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("stream", [False, True])
def test_a_registered_kind_is_declared_and_called_as_every_other(settings_of, serving_application, call, stream):
    body = {"model": "loud", "messages": [{"role": "user", "content": "hello"}], "stream": stream}
    with serving_application(Gateway(settings_of(CONFIGURATION))) as url:
        reply = call("POST", f"{url}/v1/chat/completions", body)
        refused = call("POST", f"{url}/v1/chat/completions", body | {"tools": []})
    assert reply.status == 200
    assert b"HELLO" in reply.octets
    assert (refused.status, refused.json["error"]["param"]) == (400, "tools")


@pytest.mark.usefixtures("registered")
def test_its_own_settings_are_its_own(settings_of):
    with pytest.raises(ConfigurationError, match=r"shout: is not supported by a provider of kind openai; .*kind echo"):
        settings_of('[providers.other]\nkind = "openai"\nbase_url = "https://x.example/v1"\nshout = true\n')


def test_without_the_registration_it_is_unknown(settings_of):
    with pytest.raises(ConfigurationError, match=r"providers.parrot.kind: is \"echo\""):
        settings_of(CONFIGURATION)
