"""``warden who-can`` and ``warden can-reach`` as processes, on a real server."""

import json
import re

import pytest

pytestmark = pytest.mark.real


def told(world, *argv, **env):
    done = world.run(*argv, **({"BAO_TOKEN": world.server.token("admin")} | env))
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def second(lane_world):
    """A second way in: a user whose entity has the lane's policy."""
    server, name = lane_world.server, lane_world.tenant
    server.must("POST", f"auth/userpass/users/{name}", {"password": "a-password-of-the-tests"})
    accessor = server.must("GET", "sys/auth")["data"]["userpass/"]["accessor"]
    policies = [f"workload-kv-read-{lane_world.lane}"]
    entity = server.must("POST", "identity/entity", {"name": name, "policies": policies})["data"]["id"]
    alias = {"name": name, "canonical_id": entity, "mount_accessor": accessor}
    server.must("POST", "identity/entity-alias", alias)
    login = {"password": "a-password-of-the-tests"}
    token = server.must("POST", f"auth/userpass/login/{name}", login, token=None)["auth"]["client_token"]
    server.must("GET", lane_world.path.replace("platform/", "platform/data/", 1), token=token)
    return entity


def test_names_another_way_its_last_use_and_the_command_that_removes_it(lane_world, second):
    done = told(lane_world, "who-can", "read", lane_world.lane, "--audit", lane_world.server.audit_file)
    assert done.returncode == 1
    assert f"entity:{lane_world.tenant}" in done.stdout
    assert f"fix: bao write identity/entity/id/{second} policies=\n" in done.stdout
    assert "audit log: reaches back to" in done.stdout
    found = json.loads(
        told(lane_world, "who-can", lane_world.path, "--json", "--audit", lane_world.server.audit_file).stdout
    )
    way = next(each for each in found["ways"] if each["identity"]["label"] == second)
    assert way["last_used"]
    assert [each.partition(",")[0] for each in found["not_listed"]] == ["batch tokens"]
    assert "\nnot counted: batch tokens, which OpenBao does not list: " in done.stdout
    assert (way["effect"], way["standing"]) == ("reads", "other")
    assert way["via"][0]["path"] == f"auth/userpass/users/{lane_world.tenant}"


def test_the_declared_reader_is_one_for_the_lane_and_not_for_the_bare_path(lane_world):
    role = f"auth/kubernetes/role/workload-{lane_world.tenant}-api"

    def standing(name):
        found = json.loads(told(lane_world, "who-can", "read", name, "--json", "--no-history").stdout)
        return next(each["standing"] for each in found["ways"] if each["identity"]["name"] == role)

    assert standing(lane_world.lane) == "reader"
    assert standing(lane_world.path) == "other"


def test_what_may_not_be_looked_at_is_named_with_its_right(lane_world):
    token = lane_world.server.token("developer")
    done = told(lane_world, "who-can", "read", lane_world.lane, "--no-history", BAO_TOKEN=token)
    assert done.returncode == 3
    assert "  ??  the policies: permission denied (needs list on sys/policies/detailed/acl)" in done.stdout
    assert done.stdout.count("\n  not known\n") == 1
    last = done.stdout.rstrip().rpartition("\n")[2]
    assert last.startswith("not known whether anybody else can · ")
    assert last.endswith(" not looked at")
    assert "nobody" not in done.stdout


def test_who_perhaps_can_is_not_counted_among_those_who_can(lane_world):
    """Whom a template lets in depends on who logs in: `prove` says that it is not known, and so does who-can."""
    server, name = lane_world.server, lane_world.tenant
    text = 'path "platform/data/workloads/{{identity.entity.name}}/*" { capabilities = ["read"] }'
    server.must("PUT", f"sys/policies/acl/{name}-templated", {"policy": text})
    role = {"role_type": "jwt", "user_claim": "sub", "bound_audiences": ["x"], "bound_claims": {"team": "x"}}
    server.must("POST", f"auth/kubernetes/role/{name}-any", role | {"token_policies": f"{name}-templated"})
    done = told(lane_world, "who-can", "read", lane_world.lane, "--no-history")
    assert done.returncode == 3, done.stdout
    assert re.search(rf"^  \?\? +auth/kubernetes/role/{name}-any ", done.stdout, re.MULTILINE)
    assert done.stdout.splitlines()[-1] == "not known whether anybody else can · 1 not certain"
    found = json.loads(told(lane_world, "who-can", "read", lane_world.lane, "--json", "--no-history").stdout)
    assert found["counts"] == {"reads": 0}


@pytest.mark.parametrize("words", [("see", "LANE"), ("read", "LANE", "LANE"), ("read", "no-such-lane")])
def test_refuses_what_is_not_a_question(lane_world, words):
    done = told(lane_world, "who-can", *(lane_world.lane if each == "LANE" else each for each in words))
    assert done.returncode in {1, 2}
    assert not done.stdout


@pytest.mark.parametrize("words", [("",), (" ",), ("/",), ("read", ""), ("read", "read", "")])
def test_nothing_is_no_lane_and_no_path(lane_world, words):
    done = told(lane_world, "who-can", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "name one lane, or one path as MOUNT/KEY, with read, write or grant before it" in done.stderr
    assert "warden who-can" not in done.stderr


@pytest.mark.parametrize("words", ["LANE read", "LANE grant", "see LANE"])
def test_suggests_the_question_in_its_order(lane_world, words):
    done = told(lane_world, "who-can", *words.replace("LANE", lane_world.lane).split())
    asked = "grant" if "grant" in words else "read"
    assert done.returncode == 2
    assert f"warden who-can {asked} {lane_world.lane}\n" in done.stderr


@pytest.mark.parametrize("identity", ["", " ", "entity:", "accessor: ", "bob", "user:bob", "auth/userpass/", "a/b/c"])
def test_a_text_of_no_known_form_is_nobodys_name(lane_world, identity):
    done = told(lane_world, "can-reach", identity)
    assert (done.returncode, done.stdout) == (2, "")
    assert "auth/MOUNT/role/NAME" in done.stderr
    assert "NAMESPACE/ACCOUNT" in done.stderr


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("secret/foo", "secret/foo is not on a KV mount; the KV mounts here are "),
        ("sys/foo", "sys/foo is not on a KV mount; the KV mounts here are "),
        ("../x", "../x is not a valid path"),
        ("platform//x", "platform//x is not a valid path"),
        ("platform/", "platform names a mount but no key"),
        ("platform/x/*", "platform/x/* is a pattern"),
        ("platform/+/x", "platform/+/x is a pattern"),
        ("platform/data/workloads/x", "did you mean: warden who-can read platform/workloads/x\n"),
    ],
)
def test_concludes_nothing_about_what_is_no_key(lane_world, path, says):
    done = told(lane_world, "who-can", "read", path, "--no-history")
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    if "mounts here" in says:
        assert "platform" in done.stderr.partition("mounts here are ")[2]


def test_a_key_on_a_mount_that_cannot_be_seen_is_looked_for(lane_world):
    token = lane_world.server.token("developer")
    done = told(lane_world, "who-can", "read", "unseen/x", "--no-history", BAO_TOKEN=token)
    assert done.returncode == 3
    assert "  ??  the secrets engines: permission denied" in done.stdout


def test_what_an_identity_can_reach(lane_world, second):
    by_role = told(lane_world, "can-reach", f"auth/kubernetes/role/workload-{lane_world.tenant}-api")
    assert by_role.returncode == 0
    assert f"{lane_world.lane}  read" in by_role.stdout
    assert lane_world.path in by_role.stdout
    by_user = json.loads(told(lane_world, "can-reach", f"auth/userpass/users/{lane_world.tenant}", "--json").stdout)
    assert [each["can"] for each in by_user["lanes"]] == [["read"]]
    by_entity = json.loads(told(lane_world, "can-reach", f"entity:{lane_world.tenant}", "--json").stdout)
    assert by_entity["rules"][0]["capabilities"] == ["read"]
    workload = json.loads(told(lane_world, "can-reach", lane_world.reader, "--json").stdout)
    assert workload["names"] == [f"auth/kubernetes/role/workload-{lane_world.tenant}-api"]


def test_somebody_whom_nobody_knows(lane_world):
    done = told(lane_world, "can-reach", "entity:no-such-entity")
    assert done.returncode == 1
    assert "entity:no-such-entity not found in OpenBao" in done.stderr


def test_somebody_who_may_be_where_it_cannot_be_looked_at(lane_world):
    """A mount whose roles cannot be listed hides its own users, and nobody of another kind."""
    server, name = lane_world.server, lane_world.tenant
    seen = ("sys/auth", "read"), ("identity/entity/id", "list"), ("identity/entity/id/*", "read")
    text = "\n".join(f'path "{path}" {{ capabilities = ["{right}"] }}' for path, right in seen)
    token = server.token_with(text)
    for who in (f"auth/userpass/users/{name}", f"group:{name}", f"{name}/api"):
        done = told(lane_world, "can-reach", who, BAO_TOKEN=token)
        assert (done.returncode, done.stderr) == (3, "")
        assert f"not known whether {who} exists" in done.stdout
        assert "reaches no lane" not in done.stdout
        found = json.loads(told(lane_world, "can-reach", who, "--json", BAO_TOKEN=token).stdout)
        assert (found["names"], bool(found["unknown"])) == ([], True)
    told_of = told(lane_world, "can-reach", f"auth/userpass/users/{name}", BAO_TOKEN=token).stdout
    right = "needs list on auth/userpass/users"
    assert f"  ??  the roles at auth/userpass: permission denied ({right})" in told_of
    assert "auth/kubernetes" not in told_of
    assert told(lane_world, "can-reach", f"entity:no-{name}", BAO_TOKEN=token).returncode == 1


def test_a_path_is_one_of_the_callers_own_namespace(lane_world):
    """Somebody of the namespace above who has the same path there is no way in; the command says where it holds."""
    server, name = lane_world.server, lane_world.tenant
    server.must("POST", f"sys/namespaces/{name}")
    server.within(name).must("POST", "sys/mounts/platform", {"type": "kv", "options": {"version": "2"}})
    for part, path in (("here", f"{name}/platform/*"), ("there", "platform/*")):
        server.must(
            "PUT", f"sys/policies/acl/{name}-{part}", {"policy": f'path "{path}" {{ capabilities = ["read"] }}'}
        )
        body = {"password": "a-password-of-the-tests", "token_policies": [f"{name}-{part}"]}
        server.must("POST", f"auth/userpass/users/{name}-{part}", body)
    done = told(lane_world, "who-can", "read", "platform/some/path", "--no-history", BAO_NAMESPACE=name)
    assert f"fix: bao write -namespace=root auth/userpass/users/{name}-here token_policies=\n" in done.stdout
    assert f"users/{name}-there" not in done.stdout
    reach = told(lane_world, "can-reach", f"auth/userpass/users/{name}-there", BAO_NAMESPACE=name)
    assert lane_world.lane not in reach.stdout
