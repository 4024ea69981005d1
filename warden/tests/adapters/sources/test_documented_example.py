"""The plug-in of docs/rotate.md does what the page says, on a provider that answers as its code expects."""

import re
from pathlib import Path

import pytest

from warden.core.errors import Refused, ServerFault, Unreachable
from warden.core.rotation.provider import Carry, Intent
from warden.core.secret import Secret
from warden.ports.http import HttpReply

PAGE = Path(__file__).parents[4] / "docs" / "rotate.md"


class AcmeServer:
    """Acme's API, and the port HttpClient to it."""

    def __init__(self) -> None:
        self.keys = {"k1": {"id": "k1", "name": "old", "value": "old-value", "quota": 7}}
        self.answers = True

    def send(self, request):
        if not self.answers:
            raise Unreachable("no answer")
        key = request.headers["authorization"].reveal().removeprefix("Bearer ")
        if request.url.endswith("/whoami"):
            known = any(each["value"] == key for each in self.keys.values())
            return self._reply(200 if known else 401, {})
        if key != "manager":
            return self._reply(401, {})
        path = request.url.removeprefix("https://acme.example").split("/")[1:]
        return self._managed(request.method, path, request.body)

    def _managed(self, method, path, body):
        if method == "POST" and path == ["keys"]:
            made = {"id": f"k{len(self.keys) + 1}", "value": f"new-{len(self.keys)}", **body}
            self.keys[made["id"]] = made
            return self._reply(200, made)
        if method == "POST":
            found = [each for each in self.keys.values() if each["value"] == body["value"]]
            return self._reply(200, found[0]) if found else self._reply(404, {})
        if path == ["keys"]:
            return self._reply(200, {"keys": list(self.keys.values())})
        if method == "DELETE":
            return self._reply(200 if self.keys.pop(path[1], None) else 404, {})
        return self._reply(200, self.keys[path[1]])

    @staticmethod
    def _reply(status, body):
        return HttpReply(status=status, headers={}, body=body)


@pytest.fixture
def acme():
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names = {}
    exec(compile(code, str(PAGE), "exec"), names)
    return names["PLUGIN"], AcmeServer()


def test_its_settings_are_checked(acme):
    plugin, _ = acme
    assert plugin.needs_management
    assert [each.key for each in plugin.faults({})] == ["url"]
    assert [each.key for each in plugin.faults({"url": "https://acme.example", "x": "y"})] == ["x"]


def test_a_key_is_replaced_with_it(acme):
    plugin, server = acme
    source = plugin.source({"url": "https://acme.example/"}, Secret("manager"), server)
    assert not source.capabilities().disable
    assert source.identify(Secret("old-value")) == "k1"
    assert source.identify(Secret("nobodys")) is None
    intent = Intent(rotation="3f9a", lane="a-lane", field="KEY")
    made = source.mint(intent, source.carried("k1"))
    assert server.keys[made.key]["quota"] == 7
    assert [each.key for each in source.find(intent.marker)] == [made.key]
    source.bind(made.key, Carry())
    assert source.test(made.value).answer == "accepted"
    source.delete("k1")
    source.delete("k1")
    assert source.refused(Secret("old-value")).answer == "refused"


def test_what_gives_no_answer_is_no_refusal(acme):
    plugin, server = acme
    source = plugin.source({"url": "https://acme.example"}, Secret("manager"), server)
    server.answers = False
    assert source.test(Secret("old-value")).answer == "unclear"
    with pytest.raises(Unreachable):
        source.find("x")
    server.answers = True
    with pytest.raises(Refused):
        plugin.source({"url": "https://acme.example"}, Secret("nobodys"), server).find("x")
    server.send = lambda _: HttpReply(status=200, headers={}, body={"error": "overloaded"})
    assert source.test(Secret("old-value")).answer == "unclear"
    with pytest.raises(ServerFault):
        source.delete("k1")
