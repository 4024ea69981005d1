"""Planted secrets show up nowhere: not in prompts, output, errors, the record, files, posts or arguments."""

import contextlib
import json
import secrets
from pathlib import Path

import pytest

TOKENS = {
    "LLM_CONNECT_TOKEN_FILE": "eyJ" + "hbGciOiJSUzI1NiJ9.eyJzdWIiOiJ0cmlhZ2UifQ." + secrets.token_urlsafe(24),
    "ACTIVITY_CORE_DIGEST_TOKEN_FILE": secrets.token_urlsafe(32),
    "STATE_HUB_TOKEN_FILE": secrets.token_urlsafe(32),
}
PLANTED = {
    "title": f"sk-or-v1-{secrets.token_hex(32)}",
    "detail": f"hvs.{secrets.token_urlsafe(40)}7",
    "owner": f"ghp_{secrets.token_hex(18)}",
    "action": f"sk-or-v1-{secrets.token_hex(32)}",
    "why": f"npm_{secrets.token_hex(18)}",
    "summary": f"sk-proj-{secrets.token_hex(20)}",
    "reason": f"xoxb-{secrets.token_hex(14)}",
    "candidate": f"glpat-{secrets.token_hex(10)}",
    "problem": secrets.token_hex(9),
    "message": f"sk-or-v1-{secrets.token_hex(32)}",
}


@pytest.fixture
def files(world):
    """The token files, outside of what is searched."""
    place = world.home.parent / f"{world.home.name}-tokens"
    place.mkdir()
    for name, value in TOKENS.items():
        (place / name).write_text(value)
    return {name: str(place / name) for name in TOKENS}


def written(home):
    return b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file() and path.name != "digest.json")


def planted_digest(say):
    entry = {"id": "N-1", "title": f"use {PLANTED['title']}", "detail": PLANTED["detail"], "owner": PLANTED["owner"]}
    return say.digest(entry, {"id": "N-2", "title": "Step"}, {"id": PLANTED["candidate"], "title": "x"})


def planted_answer(say):
    texts = {"action": PLANTED["action"], "why": PLANTED["why"], "needs_human_reason": PLANTED["reason"]}
    items = [say.item("N-1", **texts, needs_human=True), say.item(PLANTED["candidate"])]
    problem = f"{'word ' * 57}{PLANTED['problem']}"[:300]  # as llm-connect cuts it
    judged = {"valid": False, "reason": PLANTED["reason"], "problems": [{"path": "/x", "problem": problem}]}
    metadata = {"validation": judged}
    return say.reply(say.content(*items, summary=PLANTED["summary"]), model=PLANTED["message"], metadata=metadata)


def assert_nowhere(*places):
    whole = b"\n".join(place.encode() if isinstance(place, str) else place for place in places)
    for name, value in (PLANTED | TOKENS).items():
        for part in (value, value[: len(value) // 2], value[len(value) // 2 :]):
            assert part.encode() not in whole, name


@pytest.mark.parametrize("form", [["--json"], []])
def test_a_run_from_a_planted_digest_to_a_planted_answer(world, hub, say, files, form):
    gateway = world.gateway
    gateway.play = lambda *_: planted_answer(say)
    path = world.digest(planted_digest(say))
    out = ["--out", "report.json", "--out", "report.md", "--post", hub.url]
    done = world.run("triage", "--digest", path, *form, *out, **files)
    assert done.returncode == 1
    assert "secret masked" in done.stdout
    told = json.loads((world.home / "report.json").read_text())
    assert told["items"][0]["needs_human_reasons"][0]["category"] == "secrets"
    sent = [seen.body for seen in (*gateway.seen, *hub.seen)]
    shown = [world.run("runs").stdout, world.run("runs", "--json").stdout, world.run("runs", told["run"]).stdout]
    assert_nowhere(done.stdout, done.stderr, written(world.home), *sent, *shown)


@pytest.mark.parametrize("status", [400, 401, 429, 502])
def test_a_gateway_that_repeats_what_it_should_not(world, gateway, say, files, status):
    token = TOKENS["LLM_CONNECT_TOKEN_FILE"]
    body = {
        "message": f"no: {PLANTED['message']} Bearer {token}",
        "type": PLANTED["reason"],
        "faults": [{"field": token}],
    }
    gateway.play = lambda *_: (status, {"retry-after": PLANTED["why"]}, json.dumps(body).encode())
    done = world.triage(planted_digest(say), **files)
    assert_nowhere(done.stdout, done.stderr, written(world.home))


def test_a_hub_and_an_address_that_repeat_their_tokens(world, hub, files):
    hub.play = lambda _, seen: (500, {}, json.dumps(seen.headers).encode())
    done = world.triage(hub.url, **files)
    posted = world.triage(None, "--post", hub.url, **files)
    assert hub.seen[0].headers["authorization"] == f"Bearer {TOKENS['ACTIVITY_CORE_DIGEST_TOKEN_FILE']}"
    assert hub.seen[1].headers["authorization"] == f"Bearer {TOKENS['STATE_HUB_TOKEN_FILE']}"
    assert_nowhere(done.stdout, done.stderr, posted.stdout, posted.stderr, written(world.home))


def test_no_token_is_in_the_arguments_or_the_environment_of_a_run(world, gateway, say, files):
    seen = []

    def play(*_):
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                command = (process / "cmdline").read_bytes()
                if f"{world.home}/digest.json".encode() in command:
                    seen.append(command + (process / "environ").read_bytes())
        return say.reply(say.content(say.item("N-1")))

    gateway.play = play
    world.triage(None, **files)
    assert seen
    assert_nowhere(*seen)


@pytest.mark.parametrize("octets", [b"{", b"\xff", b"[]"])
def test_an_invalid_digest_is_not_quoted(world, octets):
    planted = json.dumps(PLANTED).encode()
    done = world.triage(octets + planted)
    assert done.returncode == 1
    assert_nowhere(done.stdout, done.stderr, written(world.home))
