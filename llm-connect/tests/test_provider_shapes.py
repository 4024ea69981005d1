"""Answers that are JSON and still none, or nearly none: each is read as what it is, and none is a fault of ours."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from llm_connect.common.errors import ProviderFailed
from llm_connect.config.model import AuditConfig, Budget
from llm_connect.config.profiles import CUSTODIAN_TRIAGE, Profile, Target
from llm_connect.providers import sse as events_module
from llm_connect.providers.port import ProviderConfig
from llm_connect.providers.sse import EventReader

NAME = CUSTODIAN_TRIAGE.name
HELLO = [{"role": "user", "content": "hello"}]
EVENTS = "text/event-stream"
DONE = b"data: [DONE]\n\n"


def chunk(choices, **more):
    return b"data: " + json.dumps({"id": "1", "model": "m", "choices": choices, **more}).encode() + b"\n\n"


def text_chunk(content, reason=None, **more):
    return chunk([{"index": 0, "delta": {"content": content}, "finish_reason": reason}], **more)


def plain(choice):
    return json.dumps({"id": "1", "model": "m", "choices": [choice]}).encode()


@pytest.fixture
def answered(serving, gateway_to, call):
    """What a gateway makes of these bytes of a provider: the reply to one request."""

    def ask(octets, kind=EVENTS, profile=None, body=None, path="/v1/chat/completions", **more):
        async def answer(_request):
            return Response(octets, media_type=kind)

        asked = {"model": NAME, "messages": HELLO, "stream": kind.lower() == EVENTS} if body is None else body
        profile = profile or Profile(NAME, "openrouter", "a/b", retries=0)
        with (
            serving(Starlette(routes=[Route("/v1/chat/completions", answer, methods=["POST"])])) as upstream,
            gateway_to(f"{upstream}/v1", {NAME: profile}, **more) as url,
        ):
            return call("POST", f"{url}{path}", asked)

    return ask


def error_of(reply):
    """The error of a plain answer, or the one that ends a stream; none where a stream is whole."""
    last = reply.octets.decode().strip().split("data: ")[-1]
    return None if last == "[DONE]" else json.loads(last)["error"]


NO_CHOICES = {
    "a list of null": [None],
    "a text": "x",
    "a number": 5,
    "a text as its delta": [{"index": 0, "delta": "x"}],
    "a list as its index": [{"index": [], "delta": {"content": "x"}}],
    "a list as its reason": [{"index": 0, "delta": {"content": "x"}, "finish_reason": ["stop"]}],
}


@pytest.mark.parametrize("name", NO_CHOICES)
@pytest.mark.parametrize("first", [b"", text_chunk("a")], ids=["at once", "later"])
def test_choices_that_are_none_are_the_providers_fault(answered, name, first):
    reply = answered(first + chunk(NO_CHOICES[name]) + DONE)
    assert error_of(reply)["type"] == "provider_malformed"
    assert reply.status == (200 if first else 502)


@pytest.mark.parametrize(
    "choice",
    [
        {"message": "x", "finish_reason": "length"},
        {"message": {}, "finish_reason": []},
        {"message": {"content": "x"}, "finish_reason": {}},
    ],
)
@pytest.mark.parametrize(
    ("path", "body"),
    [("/execute", {"prompt": "hello"}), ("/v1/chat/completions", {"model": NAME, "messages": HELLO})],
)
def test_so_it_is_in_a_plain_answer(answered, choice, path, body):
    reply = answered(plain(choice), "application/json", path=path, body=body)
    found = reply.json if path == "/execute" else reply.json["error"]
    assert (reply.status, found["type"]) == (502, "provider_malformed")


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (DONE, 502),
        (b": a comment\n\n" + DONE, 502),
        (chunk([]) + DONE, 200),
        (chunk([], usage={"prompt_tokens": 1, "completion_tokens": 0}) + DONE, 200),
        (chunk([{"index": 0, "delta": {"role": "assistant", "content": ""}}]) + text_chunk(None, "stop") + DONE, 200),
    ],
    ids=["only its end", "a comment", "no choice", "usage", "no text"],
)
def test_a_stream_that_says_nothing_is_no_answer(answered, octets, status):
    reply = answered(octets)
    assert (reply.status, error_of(reply)["type"]) == (status, "provider_empty")


@pytest.mark.parametrize(
    "octets",
    [
        text_chunk("", "length"),
        chunk([{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"name": "f"}}]}}])
        + text_chunk(None, "stop"),
        chunk([{"index": 0, "delta": {"refusal": "no"}}]) + text_chunk(None, "stop"),
    ],
    ids=["reasoned away", "a tool", "a refusal"],
)
def test_what_says_something_without_a_text_is_one(answered, octets):
    assert error_of(answered(octets + DONE)) is None


def test_a_byte_order_mark_costs_no_event(answered):
    reply = answered(b"\xef\xbb\xbf" + text_chunk("first") + text_chunk("second", "stop") + DONE)
    assert b"first" in reply.octets


def test_a_media_type_is_read_in_any_case(answered):
    assert error_of(answered(text_chunk("x", "stop") + DONE, "Text/Event-Stream")) is None


def test_the_lines_of_one_event_are_bounded_together(monkeypatch):
    monkeypatch.setattr(events_module, "MAX_EVENT_BYTES", 1000)
    reader = EventReader()
    for _ in range(100):  # each event for itself is small
        assert reader.feed(b"data: " + b"x" * 90 + b"\n\n")
    assert not any(reader.feed(b"data: " + b"x" * 90 + b"\n") for _ in range(10))
    with pytest.raises(ProviderFailed) as caught:
        reader.feed(b"data: " + b"x" * 90 + b"\n")
    assert caught.value.type == "provider_too_large"


SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}


@pytest.mark.parametrize("mode", ["strict", "report"])
def test_a_stream_that_does_not_say_why_it_ends_passes_for_no_judged_answer(answered, mode):
    profile = Profile(NAME, "openrouter", "a/b", validation=mode)
    body = {"model": NAME, "messages": HELLO, "stream": True}
    assert error_of(answered(text_chunk("prose") + DONE, profile=profile, body=body)) is None
    reply = answered(text_chunk("prose") + DONE, profile=profile, body=body | {"response_format": SCHEMA})
    assert error_of(reply)["type"] == "provider_malformed"


@pytest.mark.parametrize("mode", ["strict", "report"])
@pytest.mark.parametrize("first", [0, 1])
def test_nor_does_one_of_which_only_one_choice_says_so(answered, mode, first):
    profile = Profile(NAME, "openrouter", "a/b", validation=mode)
    octets = delta_chunk({"content": "{}"}, index=first) + delta_chunk({"content": "prose"}, index=1 - first)
    body = {"model": NAME, "messages": HELLO, "stream": True, "response_format": SCHEMA}
    reply = answered(octets + delta_chunk({}, "stop", first) + DONE, profile=profile, body=body)
    assert error_of(reply)["type"] == "provider_malformed"
    reply = answered(
        octets + delta_chunk({}, "stop", first) + DONE, profile=profile, body={**body, "response_format": None}
    )
    assert error_of(reply) is None


def usage(written):
    return {"usage": {"prompt_tokens": 3, "completion_tokens": written, "total_tokens": 3 + written}}


@pytest.mark.parametrize("whole", [True, False])
def test_usage_so_far_is_not_what_a_stream_used(answered, tmp_path, caplog, whole):
    """Some providers report it with each chunk. Cut, the stream keeps its bound; complete, it pays the last report."""
    octets = text_chunk("a", **usage(1)) + text_chunk("b", **usage(2))
    end = text_chunk("c", "stop", **usage(3)) + DONE
    profile = replace(CUSTODIAN_TRIAGE, retries=0)
    budgets = {"budgets": (Budget("total", tokens=9000),), "state": str(tmp_path)}
    reply = answered(octets + (end if whole else b""), profile=profile, **budgets)
    assert (error_of(reply) or {}).get("type") == (None if whole else "provider_cut")
    assert (tokens_of(tmp_path) == 6) is whole
    assert (tokens_of(tmp_path) > 8000) is not whole
    assert "used more than its upper bound" not in caplog.text


def tokens_of(directory):
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(directory / "ledger.sqlite")) as database:
        return database.execute("SELECT tokens FROM account").fetchone()[0]


NO_ANSWERS = {
    "no text": ({"choices": [{"index": 0, "message": {"content": ""}, "finish_reason": "stop"}]}, "provider_empty"),
    "no choice": ({"choices": []}, "provider_empty"),
    "an error in its choice": ({"choices": [{"index": 0, "finish_reason": "error"}]}, "provider_error"),
    "an error": ({"error": {"code": 502, "message": "no"}}, "provider_down"),
}


@pytest.mark.parametrize("path", ["/execute", "/v1/chat/completions"])
@pytest.mark.parametrize("name", NO_ANSWERS)
def test_an_answer_that_is_none_pays_what_the_provider_says_it_used(answered, tmp_path, request_lines, name, path):
    """As a stream does; where nothing is reported it keeps its bound."""
    body, type_ = NO_ANSWERS[name]
    profile = replace(CUSTODIAN_TRIAGE, retries=0)
    budgets = {"budgets": (Budget("total", tokens=90_000),), "state": str(tmp_path)}
    asked = {"prompt": "hello"} if path == "/execute" else {"model": NAME, "messages": HELLO}
    for said_usage in (usage(3), {}):
        octets = json.dumps({"id": "1", "model": "m", **body, **said_usage}).encode()
        reply = answered(octets, "application/json", profile, asked, path, **budgets)
        assert (reply.json if path == "/execute" else error_of(reply))["type"] == type_
        assert (tokens_of(tmp_path) == 6) is bool(said_usage)
    assert [line.get("total_tokens") for line in request_lines()] == [6, None]


@pytest.mark.parametrize("stream", [False, True])
def test_what_a_request_used_in_all_of_its_attempts_is_counted_and_logged(
    serving, gateway_to, call, tmp_path, *, request_lines, stream
):
    """The error is plain JSON in both: a stream that was never begun has no other form."""
    ended = {"choices": [{"index": 0, "message": {"content": "a"}, "finish_reason": "stop"}]}

    async def answer(request):
        if (await request.json())["model"] == "a/b":
            return JSONResponse({"error": {"code": 502, "message": "no"}, **usage(3)})
        octets = text_chunk("a", "stop") + chunk([], **usage(4)) + DONE
        return Response(octets, media_type=EVENTS) if stream else JSONResponse({"model": "m", **ended, **usage(4)})

    profile = Profile(NAME, "openrouter", "a/b", max_tokens=100, fallbacks=(Target("openrouter", "c/d"),))
    budgets = {"budgets": (Budget("total", tokens=9000),), "state": str(tmp_path)}
    with (
        serving(Starlette(routes=[Route("/v1/chat/completions", answer, methods=["POST"])])) as upstream,
        gateway_to(f"{upstream}/v1", {NAME: profile}, **budgets) as url,
    ):
        body = {"model": NAME, "messages": HELLO, "stream": stream}
        assert call("POST", f"{url}/v1/chat/completions", body).status == 200
    assert tokens_of(tmp_path) == 6 + 7
    (line,) = request_lines()
    assert (line["attempts"], line["completion_tokens"], line["total_tokens"]) == (2, 3 + 4, 6 + 7)


def test_of_a_cut_stream_the_record_has_what_was_passed_on(answered, tmp_path):
    audit = tmp_path / "audit.jsonl"
    reply = answered(text_chunk("half an"), audit=AuditConfig(str(audit), content=True))
    assert error_of(reply)["type"] == "provider_cut"
    assert json.loads(audit.read_text().splitlines()[-1])["answer"] == ["half an"]


def tool(index, **more):
    return {"tool_calls": [{"index": index, **more}]}


CALLS = [
    tool(0, id="c1", type="function", function={"name": "look", "arguments": ""}),
    tool(0, id=None, function={"name": None, "arguments": '{"a"'}),
    tool(1, id="c2", type="custom", custom={"name": "say", "input": "hel"}),
    tool(0, id="c1", type="function", function={"arguments": ": 1}"}),  # some say again whose piece it is
    tool(1, custom={"input": "lo"}),
]
MADE = [
    {"index": 0, "id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}},
    {"index": 1, "id": "c2", "type": "custom", "custom": {"name": "say", "input": "hello"}},
]


def test_of_a_stream_that_calls_tools_the_record_has_the_calls(answered, tmp_path):
    """In one piece each; a choice that only says something is its text, as of every stream."""
    audit = tmp_path / "audit.jsonl"
    pieces = [
        delta_chunk({"content": "Let me see"}),
        *map(delta_chunk, CALLS),
        delta_chunk({"content": "words"}, index=1),
    ]
    refusal = [delta_chunk({"refusal": text}, index=2) for text in ("I ", "won't")]
    odd = [delta_chunk({"tool_calls": [{"id": name}, "x"]}, index=3) for name in ("a", "b")]
    ends = [delta_chunk({}, "stop", index) for index in range(4)]
    reply = answered(b"".join((*pieces, *refusal, *odd, *ends)) + DONE, audit=AuditConfig(str(audit), content=True))
    assert error_of(reply) is None
    assert json.loads(audit.read_text().splitlines()[-1])["answer"] == [
        {"content": "Let me see", "tool_calls": MADE},
        "words",
        {"content": "", "refusal": "I won't"},
        {"content": "", "tool_calls": [{"id": "a"}, "x", {"id": "b"}, "x"]},
    ]


PARTS = [
    {"type": "thinking", "thinking": [{"type": "text", "text": "7"}]},
    {"type": "text", "text": "{"},
    {"type": "text", "text": "}"},
    {"type": "reasoning", "text": "7"},
    {"type": "text"},
    None,
]
WANTS_A = {"type": "object", "required": ["a"]}


@pytest.mark.parametrize("mode", ["report", "strict"])
def test_a_stream_that_is_refused_at_its_end_pays_what_it_used(answered, tmp_path, mode):
    """The usage comes after the chunk that ends the answer, with which the judgement goes."""
    octets = text_chunk("prose", "stop") + b": a sign of life\n\n" + text_chunk("more") + chunk([], **usage(3)) + DONE
    profile = replace(CUSTODIAN_TRIAGE, retries=0, validation=mode)
    body = {"model": NAME, "messages": HELLO, "stream": True, "response_format": SCHEMA}
    budgets = {"budgets": (Budget("total", tokens=9000),), "state": str(tmp_path)}
    reply = answered(octets, profile=profile, body=body, **budgets)
    assert (error_of(reply) or {}).get("type") == (None if mode == "report" else "answer_invalid")
    assert (b"more" in reply.octets) is (mode == "report")
    assert tokens_of(tmp_path) == 6


def test_what_becomes_of_a_stream_after_it_was_refused_changes_only_what_it_pays(answered, tmp_path):
    profile = replace(CUSTODIAN_TRIAGE, retries=0, validation="strict")
    body = {"model": NAME, "messages": HELLO, "stream": True, "response_format": SCHEMA}
    budgets = {"budgets": (Budget("total", tokens=9000),), "state": str(tmp_path)}
    broken = b'data: {"error": {"code": 502, "message": "no"}}\n\n'
    reply = answered(text_chunk("prose", "stop", **usage(3)) + broken, profile=profile, body=body, **budgets)
    assert error_of(reply)["type"] == "answer_invalid"
    assert tokens_of(tmp_path) > 8000


def delta_chunk(delta, reason=None, index=0):
    return chunk([{"index": index, "delta": delta, "finish_reason": reason}])


@pytest.mark.parametrize("second", [None, "stop"])
def test_without_a_last_sign_every_choice_has_to_say_why_it_ends(answered, second):
    octets = delta_chunk({"content": "a"}) + delta_chunk({"content": "b"}, index=1) + delta_chunk({}, "stop")
    reply = answered(octets + (delta_chunk({}, second, 1) if second else b""))
    assert (error_of(reply) or {}).get("type") == (None if second else "provider_cut")


@pytest.mark.parametrize("asked", [1, 2])
def test_a_choice_that_was_asked_for_and_never_began_is_missing(serving, gateway_to, call, asked):
    async def answer(_request):
        return Response(text_chunk("a", "stop"), media_type=EVENTS)

    with serving(Starlette(routes=[Route("/v1/chat/completions", answer, methods=["POST"])])) as upstream:
        local = ProviderConfig("local", "openai", f"{upstream}/v1")
        with gateway_to("", {NAME: Profile(NAME, "local", "a/b")}, providers={"local": local}) as url:
            body = {"model": NAME, "messages": HELLO, "stream": True, "n": asked}
            reply = call("POST", f"{url}/v1/chat/completions", body)
    assert (error_of(reply) or {}).get("type") == (None if asked == 1 else "provider_cut")


WORDLESS = {
    "reasoning only": ({"reasoning": "hm"}, "stop", "not_json"),
    "reasoned away": ({"content": None, "reasoning": "hm"}, "length", "truncated"),
    "filtered": ({"content": None}, "content_filter", "not_json"),
    "a tool": ({"content": "", "tool_calls": [{"index": 0, "function": {"name": "f"}}]}, "tool_calls", None),
    "words and a tool": ({"content": "Let me see", "tool_calls": [{"index": 0}]}, "tool_calls", None),
    "a refusal": ({"content": None, "refusal": "no"}, "stop", None),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("mode", ["report", "strict"])
@pytest.mark.parametrize("name", WORDLESS)
def test_an_answer_without_a_text_is_judged_unless_it_says_something_else(answered, name, mode, stream):
    message, reason, judged = WORDLESS[name]
    whole = {"index": 0, "message": message, "finish_reason": reason}
    octets, kind = (
        (delta_chunk(message) + delta_chunk({}, reason) + DONE, EVENTS)
        if stream
        else (plain(whole), "application/json")
    )
    body = {"model": NAME, "messages": HELLO, "stream": stream, "response_format": SCHEMA}
    reply = answered(octets, kind, Profile(NAME, "openrouter", "a/b", validation=mode), body)
    if judged and mode == "strict":
        assert error_of(reply)["type"] == "answer_invalid"
        assert f"({judged})" in error_of(reply)["message"]
        return
    assert reply.status == 200
    chunks = [json.loads(each[6:]) for each in reply.octets.decode().splitlines() if each.startswith("data: {")]
    found = [each["metadata"]["validation"] for each in (chunks if stream else [reply.json]) if "metadata" in each]
    assert [json.loads(each)["reason"] for each in found] == ([judged] if judged else [])


def test_of_two_choices_that_end_together_the_worse_judgement_is_reported(answered):
    ends = [{"index": index, "delta": {}, "finish_reason": "stop"} for index in (0, 1)]
    octets = delta_chunk({"content": "prose"}) + delta_chunk({"content": "{}"}, index=1) + chunk(ends) + DONE
    body = {"model": NAME, "messages": HELLO, "stream": True, "response_format": SCHEMA}
    assert b"not_json" in answered(octets, body=body).octets


@pytest.mark.parametrize("stream", [False, True])
def test_a_content_in_parts_is_judged_too(answered, stream):
    whole = {"index": 0, "message": {"role": "assistant", "content": PARTS}, "finish_reason": "stop"}
    octets, kind = (text_chunk(PARTS, "stop") + DONE, EVENTS) if stream else (plain(whole), "application/json")
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": WANTS_A}}
    body = {"model": NAME, "messages": HELLO, "stream": stream, "response_format": form}
    strict = Profile(NAME, "openrouter", "a/b", retries=0, validation="strict")
    reply = answered(octets, kind, strict, body)
    assert error_of(reply)["type"] == "answer_invalid"
    assert "(schema)" in error_of(reply)["message"]


def test_a_content_in_parts_is_the_text_of_execute(answered):
    whole = {"index": 0, "message": {"role": "assistant", "content": PARTS}, "finish_reason": "stop"}
    reply = answered(plain(whole), "application/json", body={"prompt": "x"}, path="/execute")
    assert (reply.status, reply.json["content"]) == (200, "{}")
