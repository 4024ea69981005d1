"""What the contract does not say of the sources openai and gitea, and gitea on a real server where there is one."""

import os

import byte_server
import pytest
import source_benches

from warden.adapters.sources import gitea, openai, openrouter
from warden.adapters.sources.http import ProviderHttp
from warden.core.errors import Inconclusive, Refused
from warden.core.rotation.provider import Carry, Intent, KeyId
from warden.core.secret import Secret

INTENT = Intent(rotation="01jd0000000000000000000000", lane="a-lane", field="KEY")
PROJECT = {"project": "proj_abc", "service_account": "svc_acct_abc"}
SERVER = {"url": "https://gitea.example.com", "user": "x"}


def test_openai_asks_for_the_life_and_the_scopes_that_the_lane_file_names():
    with source_benches.openai() as bench:
        made = bench.source(expires_in="30d", scopes="api.model.read api.chat.write").mint(INTENT, Carry())
        found = bench.server.keys[made.key].settings
        assert found["scopes"] == ["api.model.read", "api.chat.write"]
        assert found["expires_at"] - bench.server.keys[made.key].created == 30 * 86400
        assert "expires_at" not in bench.source().carried(made.key).settings
        assert bench.server.keys[bench.source().mint(INTENT, Carry()).key].settings["expires_at"] is None


def test_openai_deletes_no_key_of_another_project():
    with source_benches.openai() as bench:
        wrong = bench.source(project="proj_other")
        with pytest.raises(Refused):
            wrong.find("x")


def test_openai_finds_keys_whose_owner_has_no_access_any_more():
    with source_benches.openai() as bench:
        bench.server.keys[bench.add(f"x {INTENT.marker}")].settings["owner_is_gone"] = True
        assert len(bench.source().find(INTENT.marker)) == 1


@pytest.mark.parametrize(
    ("plugin", "settings", "answer"),
    [(openrouter, {}, b'{"deleted": false}'), (openai, PROJECT, b'{"deleted": false, "id": "x"}')],
)
def test_a_deletion_is_believed_only_where_the_answer_says_so(plugin, settings, answer):
    with byte_server.serving(byte_server.status(200, answer)) as (url, _):
        source = plugin.PLUGIN.source(settings | {"url": url}, Secret("x"), ProviderHttp())
        with pytest.raises(Inconclusive, match="not deleted"):
            source.delete(KeyId("x"))


@pytest.mark.parametrize("value", ["planted-words-only", "planted-words"])
def test_no_code_of_a_provider_is_repeated_that_is_part_of_the_value_or_has_it(value):
    answer = b'{"error": {"code": "planted-words-only"}}'
    with byte_server.serving(byte_server.status(401, answer)) as (url, _):
        found = openai.PLUGIN.source(PROJECT | {"url": url}, Secret("x"), ProviderHttp()).test(Secret(value))
    assert (found.answer, found.reason) == ("refused", "unauthorized")


def test_gitea_says_of_a_token_that_was_never_used_nothing():
    with source_benches.gitea() as bench:
        source = bench.source()
        assert source.last_used(KeyId(bench.old_id)) is None
        assert source.find("old")[0].last_used == ""
        source.test(Secret(bench.old))
        assert source.last_used(KeyId(bench.old_id)) is not None


def test_gitea_takes_scopes_from_the_lane_file_where_there_is_no_old_token():
    with source_benches.gitea() as bench:
        with pytest.raises(Refused, match="400"):
            bench.source().mint(INTENT, Carry())
        made = bench.source(scopes="read:user").mint(INTENT, Carry())
        assert bench.server.keys[made.key].settings["scopes"] == ["read:user"]


def test_gitea_says_of_a_token_without_the_scope_that_it_is_accepted():
    with source_benches.gitea() as bench:
        found = bench.source().test(Secret(bench.old))
        assert (found.answer, found.status) == ("accepted", 403)


def test_gitea_does_not_take_an_unknown_user_for_a_deleted_token():
    with source_benches.gitea() as bench, pytest.raises(Refused):
        bench.source(user="nobody", login="issue-core").delete(KeyId(bench.old_id))


@pytest.mark.parametrize(
    ("plugin", "good", "more", "key"),
    [
        (openai, {}, {}, ""),
        (openai, PROJECT, {"expires_in": "500d"}, "expires_in"),
        (openai, PROJECT, {"expires_in": "soon"}, "expires_in"),
        (openai, PROJECT, {"probe": "models"}, "probe"),
        (openai, PROJECT, {"project": "../x"}, "project"),
        (gitea, {}, {}, ""),
        (gitea, SERVER, {"user": "a/b"}, "user"),
        (gitea, SERVER, {"user": ""}, "user"),
    ],
)
def test_settings_that_cannot_be_used(plugin, good, more, key):
    assert not plugin.PLUGIN.faults(good) or not good
    assert {each.key for each in plugin.PLUGIN.faults(good | more)} == {key}


REAL = "WARDEN_TEST_GITEA"


@pytest.mark.skipif(REAL not in os.environ, reason=f"{REAL}='URL USER PASSWORD' names no Gitea")
def test_the_same_on_a_real_gitea():
    url, user, password = os.environ[REAL].split()
    source = gitea.PLUGIN.source({"url": url, "user": user}, Secret(password), ProviderHttp())
    intent = Intent(rotation=os.urandom(8).hex(), lane="a-lane", field="KEY")
    carry = Carry(settings={"scopes": ("write:issue", "read:repository")})
    made = source.mint(intent, carry)
    try:
        assert source.test(made.value).answer == "accepted"
        assert source.test(Secret("0" * 40)).answer == "refused"
        assert source.identify(made.value) == made.key
        assert source.carried(made.key).settings.keys() == carry.settings.keys()
        assert [each.key for each in source.find(intent.marker)] == [made.key]
        with pytest.raises(Refused):
            source.mint(intent, carry)
    finally:
        source.delete(made.key)
    source.delete(made.key)
    assert source.refused(made.value).answer == "refused"
    assert source.find(intent.marker) == []
