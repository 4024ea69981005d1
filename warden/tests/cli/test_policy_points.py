"""Policy points as people meet them: `access`, `doctor` and `catalog check` on a platform that names one."""

import json

import pytest
from bad_answers import json_answer
from byte_server import serving
from policy_server import policy_server
from ssh_actor import ActorWorld

from warden.adapters.journal.sqlite import SqliteJournal

pytestmark = pytest.mark.real


@pytest.fixture
def pdp(lane_world):
    """A decision point that permits nothing yet; the platform names it, and it wants a token."""
    with policy_server("authzen", token="t0ken-of-the-pdp") as server:
        declare(lane_world, f"  - {{authzen: '{server.url}', name: company}}\n")
        yield server


def declare(world, points: str, more: str = "") -> None:
    file = world.folder / "platform" / "platform.yaml"
    file.write_text(f"{file.read_text()}policy_points:\n{points}{more}")


def permit(world, pdp) -> None:
    """What the lane's own reader asks for from here on."""
    world.run("access", world.lane, "--", "true", **as_reader(world))
    asked = pdp.asked[-1]
    pdp.permits.add((asked["subject"]["id"], "access", world.lane))


def as_reader(world) -> dict[str, str]:
    return {"BAO_TOKEN": world.token(), "WARDEN_POLICY_TOKEN_COMPANY": "t0ken-of-the-pdp"}


def last_decision(world):
    return [each for each in SqliteJournal(str(world.journal)).log() if each.event == "decision"][-1].body


def test_what_the_point_permits_is_handed_over_and_its_token_is_not(lane_world, pdp):
    permit(lane_world, pdp)
    done = lane_world.run("access", lane_world.lane, "--", "env", **as_reader(lane_world))
    assert done.returncode == 0, done.stderr
    assert f"API_KEY={lane_world.values['API_KEY']}" in done.stdout
    assert "t0ken-of-the-pdp" not in done.stdout + done.stderr
    body = last_decision(lane_world)
    assert [(each["point"], each["effect"]) for each in body["points"]] == [("cedar", "allow"), ("company", "allow")]
    assert body["policies"] == ["declared-readers", "company"]
    assert "t0ken-of-the-pdp" not in lane_world.journal.read_bytes().decode("latin-1")


def test_what_the_point_denies_is_not(lane_world, pdp):
    pdp.reason = {"id": "d-7", "reason_user": {"en": "Out of hours"}}
    done = lane_world.run("access", lane_world.lane, "--fetch", "API_KEY", "--json", **as_reader(lane_world))
    assert (done.returncode, done.stdout) == (4, "")
    error = json.loads(done.stderr)
    assert (error["kind"], error["system"], error["subject"]) == ("refused", "policy point company", lane_world.lane)
    assert "policy point company denies" in error["message"]
    assert "Out of hours" in error["message"]
    body = last_decision(lane_world)
    assert (body["effect"], body["points"][1]) == (
        "deny",
        {"point": "company", "effect": "deny", "id": "d-7", "reason": "Out of hours"},
    )


def test_a_point_that_is_away_is_inconclusive_and_nothing_is_read(lane_world):
    with policy_server("authzen") as server:
        pass
    declare(lane_world, f"  - {{authzen: '{server.url}', name: company}}\n")
    done = lane_world.run("access", lane_world.lane, "--fetch", "API_KEY", **as_reader(lane_world))
    assert (done.returncode, done.stdout) == (3, "")
    assert "policy point company" in done.stderr
    assert "Nothing was read" in done.stderr


def test_a_wrong_token_is_inconclusive_and_not_shown(lane_world, pdp):
    environ = as_reader(lane_world) | {"WARDEN_POLICY_TOKEN_COMPANY": "an-0ld-token"}
    done = lane_world.run("access", lane_world.lane, "--fetch", "API_KEY", **environ)
    assert (done.returncode, done.stdout) == (3, "")
    assert "does not let warden ask" in done.stderr
    assert "an-0ld-token" not in done.stderr


def test_who_is_denied_by_the_access_policies_is_not_told_to_the_point(lane_world, pdp):
    nobody = lane_world.server.must("POST", "auth/token/create", {"policies": ["default"]})["auth"]["client_token"]
    environ = as_reader(lane_world) | {"BAO_TOKEN": nobody}
    done = lane_world.run("access", lane_world.lane, "--fetch", "API_KEY", **environ)
    assert (done.returncode, done.stdout) == (4, "")
    assert not pdp.asked


def test_a_secret_in_a_reason_is_neither_shown_nor_journaled(lane_world, pdp):
    secret = "hvs.CAESIJlU2v9kq3p0c4xT1yZb7d8e9f0aQwErTyUiOpAsDf"
    pdp.reason = {"reason": f"the token {secret} is old", "id": secret}
    done = lane_world.run("access", lane_world.lane, "--fetch", "API_KEY", **as_reader(lane_world))
    assert done.returncode == 4
    assert secret not in done.stderr
    assert secret not in lane_world.journal.read_bytes().decode("latin-1")


def test_an_answer_with_terminal_controls_prints_none(lane_world):
    answer = json_answer(rb'{"decision": false, "context": {"reason": "\u001b[2Jgone\nok   reads API_KEY"}}')
    with serving(answer) as (url, _):
        declare(lane_world, f"  - {{authzen: '{url}', evaluation: '{url}/e', name: company}}\n")
        done = lane_world.run("access", lane_world.lane, "--fetch", "API_KEY", **as_reader(lane_world))
    assert done.returncode == 4
    assert "\x1b" not in done.stderr
    assert not [line for line in done.stderr.splitlines() if line.startswith("ok ")]


def test_doctor_examines_it(lane_world, pdp):
    done = lane_world.run("doctor", "--for", "plan", "--json", **as_reader(lane_world))
    (finding,) = [each for each in json.loads(done.stdout)["findings"] if each["about"] == "policy point"]
    assert (finding["verdict"], finding["text"]) == ("ok", f"company at {pdp.url} answers")
    assert "t0ken-of-the-pdp" not in done.stdout + done.stderr


def test_catalog_check_reports_what_is_wrong_with_points(lane_world):
    declare(
        lane_world, "  - {authzen: 'http://pdp.example.com', name: cedar}\n  - {flex_auth: x, name: f, tenant: t}\n"
    )
    done = lane_world.run("catalog", "check")
    assert done.returncode == 1
    for words in (
        "platform.yaml:3: policy_points[0].authzen: is not an https URL",
        "platform.yaml:3: policy_points[0].name: is the name of the access policies",
        "platform.yaml:4: policy_points[1].name: is not a name",
        "platform.yaml:4: policy_points[1].flex_auth: is not a valid http or https URL",
    ):
        assert words in done.stdout


def test_catalog_check_names_both_points_that_share_a_variable(lane_world):
    point = "  - {{flex_auth: 'https://pdp.example.com', tenant: t, name: {}}}\n"
    declare(lane_world, point.format("ab") + point.format("ab-file"))
    done = lane_world.run("catalog", "check")
    assert done.returncode == 1
    shared = "shares the variable WARDEN_POLICY_TOKEN_AB_FILE with"
    assert f"platform.yaml:3: policy_points[0].name: {shared} ab-file" in done.stdout
    assert f"platform.yaml:4: policy_points[1].name: {shared} ab;" in done.stdout


def test_catalog_check_names_policies_that_are_replaced(lane_world):
    policies = lane_world.folder / "platform" / "policies" / "access"
    policies.mkdir(parents=True)
    (policies / "own.cedar").write_text("permit (principal, action, resource);")
    declare(lane_world, "  - {authzen: 'https://pdp.example.com', name: company}\n", "access_policies: replaced\n")
    done = lane_world.run("catalog", "check")
    assert "own.cedar: warning: is not asked: access_policies in platform.yaml is replaced" in done.stdout


def test_what_a_flex_auth_denies_is_not_signed_and_what_it_permits_is(lane_world):
    world = ActorWorld(lane_world)
    with policy_server("flex-auth", reason="not on call") as server:
        declare(lane_world, f"  - {{flex_auth: '{server.url}', name: flex, tenant: coulomb}}\n")
        refused = world.run("sign", world.actor, "--pubkey", str(world.public_key), "--json")
        assert (refused.returncode, refused.stdout) == (4, "")
        error = json.loads(refused.stderr)
        assert error["system"] == "policy point flex"
        assert "a certificate for" in error["message"]
        assert "not on call" in error["message"]
        assert "Nothing was signed." in error["message"]
        (asked,) = server.asked
        assert asked["resource"]["id"] == f"ssh-cert:actor/{world.actor}"
        assert asked["context"]["pubkey_fingerprint"].startswith("SHA256:")
        assert not server.faults
        server.permits.add((asked["subject"]["id"], "sign", world.actor))
        done = world.run("sign", world.actor, "--pubkey", str(world.public_key))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ssh-ed25519-cert-v01@openssh.com ")
    body = last_decision(lane_world)
    assert [(each["point"], each["effect"], each.get("id")) for each in body["points"]] == [
        ("cedar", "allow", None),
        ("flex", "allow", "flex-2"),
    ]


def test_a_point_that_is_away_has_nothing_signed(lane_world):
    world = ActorWorld(lane_world)
    declare(lane_world, "  - {flex_auth: 'http://127.0.0.1:1', name: flex, tenant: coulomb}\n")
    done = world.run("sign", world.actor, "--pubkey", str(world.public_key))
    assert (done.returncode, done.stdout) == (3, "")
    assert "policy point flex" in done.stderr


@pytest.mark.cluster
def test_a_real_openfga_decides_about_reads_and_certificates(lane_world, openfga):
    world = ActorWorld(lane_world)
    reader, signer = lane_world.token(), world.token()
    permitted = {(f"kubernetes/workload-{lane_world.tenant}-api", "access", lane_world.lane)}
    short = {(f"kubernetes/{world.role}", "sign", world.actor)}
    url = openfga.store(permitted, short)
    (lane_world.folder / "platform" / "pdp.pem").write_text(openfga.authority())
    (lane_world.folder / "token").write_text(openfga.token)
    declare(lane_world, f"  - {{authzen: '{url}', name: my-fga, subject: role, ca: pdp.pem}}\n")
    token = {"WARDEN_POLICY_TOKEN_MY_FGA_FILE": str(lane_world.folder / "token")}
    read = lane_world.run("access", lane_world.lane, "--fetch", "API_KEY", BAO_TOKEN=reader, **token)
    assert (read.returncode, read.stdout.strip()) == (0, lane_world.values["API_KEY"])
    assert last_decision(lane_world)["points"][1]["point"] == "my-fga"
    world.replace("principals:", "ttl: 2h\n    principals:")
    argv = ("sign", world.actor, "--pubkey", str(world.public_key))
    signed = world.run(*argv, "--ttl", "1h", BAO_TOKEN=signer, **token)
    assert signed.returncode == 0, signed.stderr
    refused = world.run(*argv, "--ttl", "2h", BAO_TOKEN=signer, **token)
    assert (refused.returncode, refused.stdout) == (4, "")
    assert "policy point my-fga denies" in refused.stderr
    unknown = world.run(*argv, BAO_TOKEN=signer)
    assert (unknown.returncode, unknown.stdout) == (3, "")
    assert "export WARDEN_POLICY_TOKEN_MY_FGA_FILE=FILE" in unknown.stderr
