"""``warden login`` where no browser is reached: what is in the way, and what the error says to do."""

import json

import pytest

NETKINGDOM = 'logins: {netkingdom: {redirect_uris: ["http://localhost:8250/oidc/callback"]}}\n'


@pytest.fixture
def world(lane_world):
    file = lane_world.folder / "platform" / "platform.yaml"
    file.write_text(file.read_text() + NETKINGDOM)
    people = "readers:\n  - people: devs\n    login: netkingdom\n"
    text = lane_world.lane_file.read_text()
    lane_world.lane_file.write_text(text[: text.index("readers:")] + people)
    return lane_world


@pytest.mark.parametrize("name", ["BAO_TOKEN", "VAULT_TOKEN", "WARDEN_SA_TOKEN_FILE", "WARDEN_ID_TOKEN"])
def test_an_identity_that_would_be_used_instead_stops_it_before_anything_is_asked(world, name):
    done = world.run("login", "--lane", world.lane, **{name: "planted", "BAO_ADDR": "http://127.0.0.1:1"})
    assert done.returncode == 2
    assert f"{name} is set, and would be used instead" in done.stderr
    assert f"unset {name}" in done.stderr
    assert "planted" not in done.stderr


def test_a_mount_without_a_provider_is_named_with_what_to_do(world):
    done = world.run("login", "--lane", world.lane)
    assert done.returncode == 2, done.stderr
    assert "auth/netkingdom does not take browser logins" in done.stderr
    assert "No token was stored" in done.stderr
    assert "bao read auth/netkingdom/config" in done.stderr


@pytest.mark.parametrize("token", ["", "planted"], ids=["without-a-token", "with-a-token"])
def test_at_the_embedded_platform_the_command_of_whoever_is_declared_is_named_at_once(world, token):
    """Also with the token of `warden dev env` in the environment: its people log in beside it."""
    (world.folder / "platform" / "inventory.yaml").write_text(
        "actors:\n  adm-ada:\n    identities: [{person: ada, login: netkingdom}]\n    hosts: [web]\nhosts: {web: {}}\n"
    )
    for argv, command in (
        (("--actor", "adm-ada"), "log in as ada: warden dev login person:ada --role ssh-adm-ada && "),
        (("--lane", world.lane), "warden dev login person:NAME --group devs --role api-workload-kv-read && "),
        (("--role", "r"), "log in as one of GROUP: warden dev login person:NAME --group GROUP --role r && "),
        ((), "warden dev login person:NAME --group GROUP --role ROLE && "),
    ):
        done = world.run("login", *argv, WARDEN_STATE=world.server.state, BAO_TOKEN=token)
        assert done.returncode == 2, done.stderr
        said = " ".join(done.stderr.split())
        assert "auth/netkingdom of the embedded platform has no browser login. Nothing was asked." in said
        assert command in said
        assert "unset" not in said


def test_a_mount_that_is_not_there_is_a_denial(world):
    done = world.run("login", "auth/nowhere/", "--role", "r", "--json")
    assert done.returncode == 4
    error = json.loads(done.stderr)
    assert error["kind"] == "refused"
    assert "OpenBao refused the login at auth/nowhere as role r: permission denied" in error["message"]


@pytest.mark.parametrize("name", ["BAO_HTTP_PROXY", "BAO_PROXY_ADDR", "VAULT_HTTP_PROXY", "VAULT_PROXY_ADDR"])
def test_an_openbao_of_this_machine_is_not_reached_through_a_proxy(world, name):
    """As every other command has it: over plain http a proxy would see the token."""
    done = world.run("login", "--lane", world.lane, **{name: "http://127.0.0.1:1"})
    assert done.returncode == 2, done.stderr
    assert "auth/netkingdom does not take browser logins" in done.stderr


def test_a_server_that_does_not_answer_is_no_denial(world):
    done = world.run("login", "--lane", world.lane, BAO_ADDR="http://127.0.0.1:1")
    assert done.returncode == 3
    assert "OpenBao did not answer" in done.stderr
    assert "connection refused" in done.stderr


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("--lane", "LANE", "--role", "r"), "give one of --lane, --actor and --role"),
        (("--lane", "LANE", "--device"), "platform.yaml declares callback: client for netkingdom"),
        (("corp", "--lane", "LANE"), "nobody logs in with a browser at auth/corp to use LANE"),
    ],
)
def test_what_is_not_clear_is_asked_of_nobody(world, argv, words):
    named = [world.lane if each == "LANE" else each for each in argv]
    done = world.run("login", *named, BAO_ADDR="http://127.0.0.1:1")
    assert done.returncode == 2
    assert words.replace("LANE", world.lane) in " ".join(done.stderr.split())
