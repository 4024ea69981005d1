"""Counts are posted to the State Hub, once for each run. If the hub does not answer, the report is still made."""

import json

ALLOWED = {
    "event", "run", "day", "began_at", "state", "digest_sha256", "digest_age_seconds", "items", "needs_human",
    "quarantined", "dropped", "masked", "profile", "model", "prompt_tokens", "completion_tokens", "cost_usd",
}  # fmt: skip


def test_only_metadata_is_posted(world, gateway, hub, say):
    gateway.play = say.answering(say.item("N-1", action="Call Jana about the invoice"), summary="Jana is away.")
    done = world.triage(say.digest({"id": "N-1", "title": "A private title"}), "--post", f"{hub.url}/events")
    assert done.returncode == 0
    (seen,) = hub.seen
    event = seen.json
    assert set(event) == ALLOWED
    assert (event["items"], event["needs_human"], event["state"]) == (1, 1, "whole")
    assert (seen.path, seen.headers["idempotency-key"]) == ("/events", event["run"])
    for text in ("Jana", "private", "invoice", "N-1"):
        assert text not in seen.body.decode()


def test_a_text_in_place_of_the_model_is_not_posted(world, gateway, hub, say):
    for model, told in (("Jana is away", None), ("x" * 200, None), ("~a/b-1.5:free@q", "~a/b-1.5:free@q")):
        gateway.play = say.answering(say.item("N-1"), model=model)
        assert world.triage(None, "--again", "--post", hub.url).returncode == 0
        assert hub.seen[-1].json["model"] == told


def test_a_run_is_posted_once(world, hub):
    world.triage(None, "--post", hub.url)
    done = world.triage(None, "--post", hub.url)
    assert (done.returncode, len(hub.seen)) == (0, 1)
    assert "knows this run already" in done.stderr


def test_a_409_of_the_hub_counts_as_posted(world, hub):
    hub.play = lambda *_: (409, {}, b"")
    done = world.triage(None, "--post", hub.url)
    assert done.returncode == 0
    assert "the State Hub answered that it knows this run already (409)" in done.stderr
    assert world.runs[0]["posted_at"]
    assert world.triage(None, "--post", hub.url).returncode == 0
    assert len(hub.seen) == 1


def test_a_failed_post_costs_no_report_and_is_repeated_the_next_time(world, gateway, hub):
    for status, code in ((500, 3), (401, 4), (302, 3)):
        hub.play = lambda *_, status=status: (status, {"location": "http://192.0.2.1"}, b"")
        done = world.triage(None, "--post", hub.url)
        assert (done.returncode, bool(json.loads(done.stdout)["items"])) == (code, True)
        assert "The report is complete, but was not posted." in done.stderr
    hub.play = lambda *_: (200, {}, b"ok")
    assert world.triage(None, "--post", hub.url).returncode == 0
    assert (len(gateway.seen), len(hub.seen)) == (1, 4)
    assert world.runs[0]["posted_at"]


def test_a_denied_post_names_the_token_and_a_bad_token_file_costs_no_report(world, gateway, hub):
    hub.play = lambda *_: (403, {}, b"")
    done = world.triage(None, "--post", hub.url)
    assert "STATE_HUB_TOKEN_FILE=FILE" in json.loads(done.stderr)["hint"]
    done = world.triage(None, "--again", "--post", hub.url, STATE_HUB_TOKEN_FILE="nowhere")
    fault = json.loads(done.stderr)
    assert (done.returncode, bool(json.loads(done.stdout)["items"])) == (2, True)
    assert "The model was not asked" not in fault["message"]
    assert "The report is complete, but was not posted." in fault["message"]
    assert len(gateway.seen) == 2


def test_the_hint_of_a_failed_post_asks_no_model(world, gateway, hub, say):
    hub.play = lambda *_: (500, {}, b"")
    assert (
        "with --post and without --again" in json.loads(world.triage(None, "--again", "--post", hub.url).stderr)["hint"]
    )
    hub.play = lambda *_: (200, {}, b"ok")
    assert world.triage(None, "--post", hub.url).returncode == 0
    assert len(gateway.seen) == 1
    hub.play, gateway.play = (lambda *_: (500, {}, b"")), lambda *_: say.reply("")
    assert "the next run is posted" in world.triage(None, "--again", "--post", hub.url).stderr


def test_the_worst_outcome_is_the_exit_code(world, gateway, hub, say):
    gateway.play = lambda *_: say.reply("")
    assert world.triage(None, "--post", hub.url, STATE_HUB_TOKEN_FILE="nowhere").returncode == 3


def test_an_invalid_hub_url_is_reported_before_the_model_is_asked(world, gateway):
    done = world.triage(None, "--post", "hub")
    assert (done.returncode, gateway.seen) == (2, [])
