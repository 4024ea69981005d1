"""`triage` as it is run, against a gateway that answers and one that does not: report, exit code, record."""

import gzip
import json
import os
import re
import socket
import struct
import threading
import time
import zlib
from pathlib import Path

import pytest
from free_ports import refusing_port
from jsonschema import Draft202012Validator

from activity_core.adapters import tokens
from activity_core.core import schemas
from activity_core.core.errors import UsageError

KEY = "sk-or-v1-" + "8f2c4e6a1b3d5f70" * 4


def report_of(done):
    report = json.loads(done.stdout)
    Draft202012Validator(schemas.schema("report")).validate(report)
    return report


def fault_of(done):
    fault = json.loads(done.stderr.splitlines()[-1])
    assert {"code", "kind", "system", "subject", "message", "hint"} <= set(fault)
    assert fault["code"] == done.returncode
    return fault


def test_a_whole_report(world, gateway, say):
    gateway.play = say.answering(say.item("N-1", 3, 2, 1, 2), say.item("N-3", 8, 13, 3, 1))
    done = world.triage()
    report = report_of(done)
    assert done.returncode == 0
    assert [(each["rank"], each["candidate"], each["wsjf"]) for each in report["items"]] == [
        (1, "N-3", 24),
        (2, "N-1", 3),
    ]
    assert report["state"] == "whole"
    assert [each["id"] for each in report["not_chosen"]] == ["N-2"]
    assert report["served"]["model"] == "example/model-1"
    assert (report["served"]["prompt_tokens"], report["served"]["cost_usd"]) == (900, 0.0021)
    assert report["served"]["request_id"] == "req-1"


def test_what_is_asked_is_the_contract(world, gateway):
    world.triage(LLM_CONNECT_TIMEOUT_SECONDS="40")
    (seen,) = gateway.seen
    assert seen.path == "/execute"
    config = seen.json["config"]
    assert (config["model_name"], config["timeout_seconds"]) == ("custodian-triage-balanced", 36)
    assert seen.candidates == ["N-1", "N-2", "N-3"]
    assert "authorization" not in seen.headers
    assert seen.headers["x-request-id"] == world.runs[0]["id"]


def test_without_a_time_of_its_own_it_waits_300_seconds_and_the_gateway_5_less(world, gateway):
    world.triage(LLM_CONNECT_TIMEOUT_SECONDS="")
    assert gateway.seen[0].json["config"]["timeout_seconds"] == 295


def test_the_schema_that_is_asked_for_is_strict_everywhere(world, gateway):
    world.triage()

    def objects(schema):
        if isinstance(schema, dict):
            if schema.get("type") == "object":
                yield schema
            for each in schema.values():
                yield from objects(each)

    for each in objects(gateway.seen[0].json["config"]["model_params"]["json_schema"]):
        assert each["additionalProperties"] is False
        assert sorted(each["required"]) == sorted(each["properties"])


def test_the_callers_token_is_sent(world, gateway):
    path = world.home / "token"
    path.write_text("first.token\n")
    world.triage(LLM_CONNECT_TOKEN_FILE=str(path))
    assert gateway.seen[0].headers["authorization"] == "Bearer first.token"


@pytest.mark.parametrize("octets", [b"", b"\n", b"two words", b"\xff", b"x" * 20000, None])
def test_a_file_without_a_token_is_reported(world, gateway, octets):
    path = world.home / "token"
    if octets is not None:
        path.write_bytes(octets)
    done = world.triage(None, LLM_CONNECT_TOKEN_FILE=str(path))
    assert (done.returncode, gateway.seen) == (2, [])
    assert "LLM_CONNECT_TOKEN_FILE" in fault_of(done)["message"]


def test_a_token_is_read_from_a_pipe_and_a_pipe_without_a_writer_times_out(world, gateway, monkeypatch):
    os.mkfifo(world.home / "pipe")
    path = str(world.home / "pipe")
    threading.Thread(target=lambda: Path(path).write_text("piped.token\n"), daemon=True).start()
    assert world.triage(None, LLM_CONNECT_TOKEN_FILE=path).returncode == 0
    assert gateway.seen[0].headers["authorization"] == "Bearer piped.token"
    monkeypatch.setattr(tokens, "_PIPE_SECONDS", 0.2)
    with pytest.raises(UsageError, match=r"LLM_CONNECT_TOKEN_FILE is a pipe that was not closed within 0\.2 s"):
        tokens.bearer(path, variable="LLM_CONNECT_TOKEN_FILE")


def test_the_complete_part_of_a_truncated_answer_is_kept(world, gateway, say):
    whole = say.content(*[say.item(f"N-{number}") for number in (1, 2, 3)])
    gateway.play = lambda *_: say.reply(whole[:-160], finish_reason="length")
    done = world.triage()
    report = report_of(done)
    assert (done.returncode, report["state"]) == (1, "review_required")
    assert [each["candidate"] for each in report["items"]] == ["N-1", "N-2"]
    assert any("finish_reason length" in each for each in report["problems"])
    assert report["quarantined"]


def test_another_finish_reason_or_an_exceeded_limit_needs_review(world, gateway, say):
    gateway.play = say.answering(say.item("N-1"), finish_reason="content_filter")
    done = world.triage()
    assert (done.returncode, report_of(done)["problems"]) == (1, ["the answer ended with finish_reason content_filter"])
    ids = [f"N-{number}" for number in range(1, 9)]
    gateway.play = say.answering(*map(say.item, ids))
    digest = world.digest(say.digest(*({"id": each, "title": "x"} for each in ids)))
    done = world.run("triage", "--digest", digest, "--again")
    assert (done.returncode, "exceeded a limit, see what was dropped." in done.stdout) == (1, True)
    assert "- `N-8` x: more than 7 recommendations\n" in done.stdout


def test_a_failed_validation_of_the_gateway_needs_review(world, gateway, say):
    problems = [{"path": "/recommendations", "problem": "[x](http://192.0.2.1) is too\x1b[2J short"}, {"path": ""}, 7]
    judged = {"valid": False, "reason": "schema", "problems": problems}
    gateway.play = say.answering(say.item("N-1"), metadata={"validation": judged, "new_field": [1]}, another=1)
    done = world.triage(None, "--out", "report.md")
    report = report_of(done)
    assert (done.returncode, report["state"]) == (1, "review_required")
    told = "[x](http://192.0.2.1) is too[2J short"
    assert report["served"]["validation"] == {
        "valid": False,
        "reason": "schema",
        "problems": [{"path": "/recommendations", "problem": told}, {"path": "", "problem": ""}],
    }
    assert report["problems"][0].startswith(f"llm-connect's validation failed: schema: /recommendations {told}")
    shown = (world.home / "report.md").read_text()
    assert "validation failed: schema: /recommendations" in shown
    assert "[x](http" not in shown


def test_an_answer_that_the_gateway_did_not_validate_is_complete_with_a_warning(world, gateway, say):
    judged = {"valid": None, "reason": "not_judged", "problems": [{"path": "", "problem": "it took too long"}]}
    gateway.play = say.answering(say.item("N-1"), metadata={"validation": judged})
    report = report_of(world.triage())
    assert report["state"] == "whole"
    assert "did not validate the answer (not_judged: it took too long)" in "".join(report["warnings"])


@pytest.mark.parametrize("odd", [7, {}, {"valid": "no"}, {"valid": True, "problems": 7}, {"valid": [], "reason": []}])
def test_an_invalid_validation_is_ignored(world, gateway, say, odd):
    gateway.play = say.answering(say.item("N-1"), metadata={"validation": odd})
    assert report_of(world.triage())["state"] == "whole"


ODD = [(None, None, None), ("x", 3, {}), ([], {"prompt_tokens": "9", "cost": -1}, 7)]


@pytest.mark.parametrize("odd", ODD)
def test_what_is_missing_beside_the_content_is_unknown(world, gateway, say, odd):
    gateway.play = say.answering(say.item("N-1"), **dict(zip(("metadata", "usage", "model"), odd, strict=True)))
    report = report_of(world.triage())
    assert report["state"] == "whole"
    assert (report["served"]["cost_usd"], report["served"]["prompt_tokens"]) == (None, None)


@pytest.mark.parametrize(
    "text", ["", "Sure! Here is what I think about it.", '{"summary": "x", "recommendations": []}']
)
def test_an_unusable_answer_does_not_read_like_a_quiet_day(world, gateway, say, text):
    gateway.play = lambda *_: say.reply(text)
    first, second, *rest = world.run("triage", "--digest", world.digest(say.digest())).stdout.splitlines()[2:]
    assert (first, second) == ("**The answer could not be used; a review is required.**", "")
    assert rest[0].startswith("> **Why: ")
    whole = "\n".join(rest)
    assert "over a limit" not in whole
    assert "was kept" not in whole
    assert "uarantined" not in whole


@pytest.mark.parametrize("text", ["", "   ", "Sure! Here is what I think about it.", "[]", '{"recommendations": []}'])
def test_an_unusable_answer_is_an_empty_report_and_the_next_run_asks_again(world, gateway, say, text):
    gateway.play = lambda *_: say.reply(text)
    done = world.triage()
    report = report_of(done)
    assert (done.returncode, report["state"], report["items"]) == (3, "unusable", [])
    assert len(report["not_chosen"]) == 3
    gateway.play = say.answering(say.item("N-1"))
    assert world.triage().returncode == 0
    assert [run["state"] for run in world.runs] == ["whole", "unusable"]


def test_the_model_is_not_asked_about_an_empty_digest(world, gateway, say):
    done = world.triage(say.digest() | {"next_steps": []})
    assert (done.returncode, report_of(done)["state"], gateway.seen) == (0, "empty", [])
    assert world.runs[0]["state"] == "empty"


def test_a_digest_without_usable_entries_is_not_a_quiet_day(world, gateway, say):
    done = world.triage(say.digest({"key": "N-1", "title": "x"}, {"key": "N-2"}))
    report = report_of(done)
    assert (done.returncode, report["state"], len(report["dropped"]), gateway.seen) == (1, "empty", 2, [])
    assert "none can be used" in report["warnings"][-1]


@pytest.mark.parametrize("name", ["", "a\udcffb", "a\x1b[31mb", "a\nb", "x" * 201])
def test_an_invalid_profile_name_is_a_usage_error(world, gateway, name):
    done = world.triage(None, "--profile", name)
    assert (done.returncode, gateway.seen) == (2, [])
    assert "--profile" in fault_of(done)["message"]


REFUSALS = [
    (401, {"type": "caller_unknown", "message": "no token"}, {}, 4, "LLM_CONNECT_TOKEN_FILE"),
    (403, {"type": "caller_not_allowed"}, {}, 4, "LLM_CONNECT_TOKEN_FILE"),
    (429, {"type": "provider_rate_limit"}, {"retry-after": "7"}, 5, "triage again in 7 s"),
    (429, {"type": "provider_rate_limit"}, {"retry-after": "x" * 99}, 5, "later"),
    (402, {"type": "budget_exhausted"}, {"retry-after": "40012"}, 5, "triage again in 40012 s (11 h)"),
    (402, {"type": "budget_exhausted"}, {}, 5, "no future period"),
    (402, {"type": "model_unpriced"}, {}, 5, "prices"),
    (503, {"type": "gateway_busy"}, {"retry-after": "1"}, 5, "triage again in 1 s"),
    (404, {"type": "unknown_profile"}, {}, 1, "llm-connect profiles"),
    (400, {"type": "invalid_request", "faults": [{"field": "prompt", "problem": "x", "allowed": "y"}]}, {}, 1, "smoke"),
    (502, {"type": "provider_key_refused", "message": "401"}, {}, 3, "warden prove"),
    (502, {"type": "provider_credit"}, {}, 3, "credit"),
    (502, {"type": "answer_invalid"}, {}, 3, 'validation = "report"'),
    (502, {"type": "provider_unavailable"}, {"retry-after": "30"}, 3, "triage again in 30 s"),
    (503, {"type": "callers_unverifiable"}, {"retry-after": "1"}, 3, "triage again in 1 s"),
    (503, {"type": "stopping"}, {}, 3, "smoke"),
    (500, {"type": "key_missing"}, {}, 3, "warden route show"),
    (504, {"type": "deadline"}, {}, 3, "smoke"),
    (502, None, {}, 3, "smoke"),
    (500, {"type": 7, "message": ["x"]}, {}, 3, "smoke"),
    (204, None, {}, 3, "smoke"),
    (302, None, {"location": "http://192.0.2.1/"}, 3, "smoke"),
]
CONTRACT = Path(__file__).parents[2] / "llm-connect" / "README.md"


def test_the_errors_tested_here_are_those_of_the_contract():
    rows = [line.split("|") for line in CONTRACT.read_text().splitlines() if re.match(r"\| [45]\d\d \| \w", line)]
    documented = {(int(row[1]), name) for row in rows for name in re.findall(r"`(\w+)`", row[3])}
    played = {(status, body["type"]) for status, body, *_ in REFUSALS if body and isinstance(body["type"], str)}
    assert len(documented) > 30
    assert played - documented == set()
    assert {status for status, _ in documented} - {status for status, _ in played} == {405, 408, 413, 415, 421, 501}


def test_a_status_without_a_type_is_shown_alone(world, gateway):
    gateway.play = lambda *_: (500, {}, b"oops")
    assert "gave no answer (500). There" in fault_of(world.triage())["message"]


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_gateway_that_gives_no_answer(world, gateway, refusal):
    status, body, headers, code, hint = refusal
    octets = json.dumps(body).encode() if body else b"<html>no</html>" if status != 204 else b""
    gateway.play = lambda *_: (status, headers, octets)
    done = world.triage()
    fault = fault_of(done)
    assert (done.returncode, done.stdout) == (code, "")
    assert hint in fault["hint"]
    assert "no report" in fault["message"]
    if body and isinstance(body["type"], str):
        assert body["type"] in fault["message"]
    (run,) = world.runs
    assert (run["state"], run["fault"]["system"]) == ("failed", "llm-connect")
    assert len(gateway.seen) == 1


@pytest.mark.parametrize(
    "octets", [b"", b"not json", b"[]", b'{"content": null}', b"\xff\xfe", b'{"content": "a", "content": "b"}']
)
def test_a_200_outside_the_contract(world, gateway, octets):
    gateway.play = lambda *_: (200, {}, octets)
    assert (world.triage().returncode, world.runs[0]["fault"]["kind"]) == (3, "no-contract")


def test_too_large_an_answer_is_not_read_to_its_end(world, gateway):
    gateway.play = lambda *_: (200, {}, b" " * 3_000_000)
    assert "more than 2097152 bytes" in fault_of(world.triage())["message"]


def reset(handler, _seen):
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def cut(handler, _seen):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{")
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)


def garbage(handler, _seen):
    handler.wfile.write(b"\x00\x01 no http\r\n\r\n")


@pytest.mark.parametrize("broken", [reset, cut, garbage])
def test_a_connection_that_breaks(world, gateway, broken):
    gateway.play = broken
    done = world.triage()
    assert (done.returncode, fault_of(done)["kind"]) in [(3, "broken"), (3, "cut")]


def trickle(handler, _seen):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n")
    for _ in range(60):
        time.sleep(0.1)
        handler.wfile.write(b" ")
        handler.wfile.flush()


@pytest.mark.parametrize("late", [lambda *_: time.sleep(4), trickle])
def test_the_time_limit_is_for_the_whole_answer(world, gateway, late):
    gateway.play = late
    done = world.triage(LLM_CONNECT_TIMEOUT_SECONDS="1")
    # Waited for by the octet, the first would be answered after 4 s and the second end as cut off after 6.
    assert (done.returncode, fault_of(done)["kind"]) == (3, "late")


def test_connection_refused(world):
    with refusing_port() as port:
        done = world.triage(LLM_CONNECT_URL=f"http://127.0.0.1:{port}")
    assert (done.returncode, fault_of(done)["kind"]) == (3, "unreachable")
    assert "connection refused" in fault_of(done)["message"]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://host",
        "host:8080",
        "http://",
        "http://a b",
        "http://user:pw@host",
        "http://h:0",
        "http://h/?key=pw",
        "http://h#x",
    ],
)
def test_an_invalid_gateway_url(world, url):
    done = world.triage(LLM_CONNECT_URL=url)
    assert (done.returncode, done.stdout) == (2, "")
    assert "LLM_CONNECT_URL" in fault_of(done)["message"]
    assert "pw" not in done.stderr


@pytest.mark.parametrize("seconds", ["0", "601", "many", "nan", "-3"])
def test_an_invalid_timeout(world, seconds):
    assert world.triage(LLM_CONNECT_TIMEOUT_SECONDS=seconds).returncode == 2


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"", "not JSON"),
        (b'{"a', "unterminated string starting at line 1, column 2"),
        (b'{"a": 1}', "schema"),
        (b" " * 5_300_000, "5 MiB"),
        (b"\xff\xfe\x00", "UTF-8"),
    ],
)
def test_an_invalid_digest_is_reported_and_recorded(world, gateway, document, said):
    done = world.triage(document)
    assert (done.returncode, gateway.seen) == (1, [])
    assert said in fault_of(done)["message"]
    assert world.runs[0]["fault"]["kind"] == "faulty-digest"


def test_a_5_megabyte_digest_is_read_and_cut(world, say):
    done = world.triage(say.digest({"id": "N-1", "title": "x", "detail": "word " * 1_030_000}))
    assert done.returncode == 0
    assert report_of(done)["dropped"] == [{"what": "N-1", "reason": "detail: cut to 2000 characters"}]


@pytest.mark.parametrize("path", ["nowhere.json", ".", "/proc/self/mem"])
def test_a_file_that_cannot_be_read(world, path):
    done = world.run("triage", "--digest", path)
    assert done.returncode == 2
    assert "The model was not asked." in done.stderr


def test_a_pipe_is_not_waited_for(world):
    os.mkfifo(world.home / "pipe")
    done = world.run("triage", "--digest", "pipe", "--json")
    assert (done.returncode, "not a regular file; pass a pipe as -" in fault_of(done)["message"]) == (2, True)
    world.triage()
    assert world.run("triage", "--digest", "pipe").returncode == 2


ADDRESSES = ["ftp://host/d", "file:///etc/passwd", "http://", "http://u:hunter22@host/d", "ftp://u:hunter22@host/d"]


@pytest.mark.parametrize("url", ADDRESSES)
def test_an_invalid_digest_url_is_reported_even_if_the_day_has_its_report(world, gateway, url):
    for _ in range(2):
        done = world.run("triage", "--digest", url, "--json")
        fault = fault_of(done)
        assert (done.returncode, done.stdout, fault["kind"]) == (2, "", "url")
        assert "no such file" not in fault["message"]
        assert "hunter22" not in done.stderr
        if "u:" not in url:
            assert "http://HOST or https://HOST" in fault["hint"]
        world.triage()
    assert len(gateway.seen) == 1


def test_the_scheme_of_an_address_is_in_any_case(world, hub, say):
    hub.play = lambda *_: (200, {}, json.dumps(say.digest()).encode())
    assert world.triage(hub.url.replace("http", "HTTP")).returncode == 0


def test_standard_input(world, say):
    done = world.run("triage", "--digest", "-", "--json", stdin=json.dumps(say.digest()).encode())
    assert report_of(done)["digest"]["candidates"] == 3


def test_a_digest_at_an_address(world, hub, say):
    token = world.home / "digest-token"
    token.write_text("digest.token")
    hub.play = lambda *_: (200, {}, json.dumps(say.digest()).encode())
    done = world.triage(f"{hub.url}/digest?day=today", ACTIVITY_CORE_DIGEST_TOKEN_FILE=str(token))
    assert done.returncode == 0
    assert (hub.seen[0].path, hub.seen[0].headers["authorization"]) == ("/digest?day=today", "Bearer digest.token")


@pytest.mark.parametrize("path", ["/digests/latest/", "/digests/latest"])
def test_a_digests_url_is_used_as_given(world, hub, say, path):
    hub.play = lambda *_: (200, {}, json.dumps(say.digest()).encode())
    assert world.triage(f"{hub.url}{path}").returncode == 0
    assert hub.seen[0].path == path


@pytest.mark.parametrize(
    "given",
    [
        ((404, {}, b""), 3, "answered 404"),
        ((401, {}, b""), 4, "denied access"),
        ((301, {"location": "http://192.0.2.1/"}, b""), 3, "redirect (301), which is not followed"),
        ((200, {}, b"<html>"), 1, "is an HTML or XML page, not JSON"),
        ((200, {}, b"{"), 1, "not JSON: "),
        ((200, {}, b" " * 5_300_000), 3, "more than"),
        ((200, {"content-encoding": "gzip"}, gzip.compress(b" " * 50_000_000)), 3, "more than"),
        ((200, {"content-encoding": "gzip"}, b"no gzip at all"), 3, "content-encoding"),
        ((200, {"content-encoding": "br"}, b"\x1b\x00xx"), 3, "content-encoding other than gzip and deflate"),
        ((200, {"content-length": "900"}, b"{"), 3, "closed the connection before the end of its answer"),
    ],
)
def test_an_address_that_gives_no_digest(world, gateway, hub, given):
    reply, code, said = given
    hub.play = lambda handler, _: setattr(handler, "close_connection", True) or reply
    done = world.triage(f"{hub.url}/digest?key={KEY}")
    fault = fault_of(done)
    assert (done.returncode, gateway.seen) == (code, [])
    assert said in fault["message"]
    assert "The model was not asked" in fault["message"]
    assert (fault["system"], fault["subject"]) == ("digest", f"{hub.url}/digest")
    assert fault["hint"]
    assert KEY not in done.stderr
    (run,) = world.runs
    assert (run["state"], run["fault"]["message"]) == ("failed", fault["message"])


@pytest.mark.parametrize("encoded", [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)])
def test_a_digest_may_come_compressed_and_under_any_type(world, hub, say, encoded):
    name, compress = encoded
    headers = {"content-encoding": name, "content-type": "text/plain"}
    hub.play = lambda *_: (200, headers, compress(json.dumps(say.digest()).encode()))
    assert report_of(world.triage(f"{hub.url}/digest"))["digest"]["candidates"] == 3


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 no TLS here\r\n\r\n", b""])
def test_https_to_a_server_that_speaks_http(world, gateway, answer):
    with socket.create_server(("127.0.0.1", 0)) as plain:
        thread = threading.Thread(target=spoken_once, args=(plain, answer))
        thread.start()
        done = world.triage(f"https://127.0.0.1:{plain.getsockname()[1]}/digest")
        thread.join(5)
    assert (done.returncode, gateway.seen) == (3, [])
    assert "cannot be reached (the server does not speak TLS)" in fault_of(done)["message"]


def spoken_once(listening, answer):
    connection, _ = listening.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(answer)


def test_an_unknown_host(world):
    assert "cannot be reached (no such host)" in fault_of(world.triage("http://nowhere.invalid/digest"))["message"]


def test_needs_human_is_decided_here_whatever_the_model_says(world, gateway, say):
    gateway.play = say.answering(say.item("N-1", needs_human=False))
    report = report_of(world.triage(say.digest({"id": "N-1", "title": "Pay the invoice"})))
    assert report["items"][0]["needs_human"] is True
    assert report["items"][0]["needs_human_reasons"] == [{"category": "money", "source": "digest", "word": "pay"}]


def test_the_age_of_a_digest_is_a_warning(world, say):
    report = report_of(world.triage(say.digest(generated_at="2020-01-01T00:00:00Z")))
    assert "old" in report["warnings"][0]
    first = report_of(world.triage(say.digest(generated_at="0001-01-01T00:00:00Z"), "--again"))
    assert first["digest"]["generated_at"] == "0001-01-01T00:00:00Z"
    again = world.triage(say.digest(generated_at="2999-01-01T00:00:00Z"), "--again")
    assert "a clock is wrong" in report_of(again)["warnings"][0]
