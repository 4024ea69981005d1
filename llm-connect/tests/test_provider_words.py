"""What a provider says in an error reaches the caller, whatever the shape, the encoding and the place of it."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from llm_connect.config.profiles import CUSTODIAN_TRIAGE, Profile
from llm_connect.providers.error_words import MAX_LENGTH

NAME = CUSTODIAN_TRIAGE.name
WORDS = "the model is asleep"
JSON, TEXT, HTML, EVENTS = "application/json", "text/plain", "text/html", "text/event-stream"


class Answer:
    """What the provider answers next."""

    status, octets, headers = 200, b"", {}

    def set(self, octets, status=400, kind=JSON, **headers):
        self.octets = octets if isinstance(octets, bytes) else json.dumps(octets).encode()
        self.status, self.headers = status, {"content-type": kind, **headers} if kind else headers


@pytest.fixture(scope="module")
def answer():
    return Answer()


@pytest.fixture(scope="module")
def error_of(serving, gateway_to, call, answer):
    """Sets the provider's answer, sends one request, and gives its error (streamed or not) with the status."""

    async def respond(_request):
        response = Response(answer.octets, answer.status)
        response.raw_headers = [(k.encode(), v.encode()) for k, v in answer.headers.items()] + [
            (b"content-length", str(len(answer.octets)).encode())
        ]
        return response

    app = Starlette(routes=[Route("/v1/chat/completions", respond, methods=["POST"])])
    with (
        serving(app) as upstream,
        gateway_to(f"{upstream}/v1", {NAME: Profile(NAME, "openrouter", "a/b", retries=0)}) as url,
    ):

        def ask(octets, *, stream=False, **more):
            answer.set(octets, **more)
            body = {"model": NAME, "messages": [{"role": "user", "content": "hello"}], "stream": stream}
            reply = call("POST", f"{url}/v1/chat/completions", body)
            last = reply.octets.decode().strip().split("data: ")[-1]
            return json.loads(last)["error"] | {"http": reply.status, "octets": reply.octets}

        yield ask


SHAPES = {
    "openai": {"error": {"message": WORDS, "type": "x", "code": None, "param": None}},
    "anthropic": {"type": "error", "error": {"type": "overloaded_error", "message": WORDS}},
    "google": [{"error": {"code": 400, "message": WORDS, "status": "INVALID_ARGUMENT", "details": [{"@type": "t"}]}}],
    "ollama": {"error": WORDS},
    "mistral": {"object": "error", "message": WORDS, "type": "invalid", "code": 1500},
    "aws": {"Message": WORDS, "__type": "ThrottlingException"},
    "fastapi": {"detail": WORDS},
    "problem": {"type": "about:blank", "title": "Bad Request", "status": 400, "detail": WORDS},
    "cloudflare": {"success": False, "errors": [{"code": 7003, "message": WORDS}], "messages": [], "result": None},
    "texts": {"errors": ["no", WORDS]},
    "by field": {"errors": {"model": ["no", WORDS]}},
    "apigee": {"fault": {"faultstring": WORDS, "detail": {"errorcode": "steps.oauth.v2"}}},
    "flag": {"error": True, "message": WORDS},
    "oauth": {"error": "invalid_request", "error_description": WORDS},
    "nested": {"error": {"error": {"message": WORDS}}},
    "a body within a text": {"error": {"message": json.dumps({"error": {"message": WORDS}})}},
    "openrouter": {"error": {"code": 400, "message": "Provider returned error", "metadata": {"raw": WORDS}}},
    "openrouter, JSON": {"error": {"message": "no", "metadata": {"raw": json.dumps({"detail": WORDS})}}},
    "message of an object": {"error": {"message": {"text": WORDS}}},
    "reason": {"error": {"reason": WORDS}},
}  # fmt: skip
TEXTS = {
    "text": (WORDS.encode(), TEXT),
    "a JSON text": (json.dumps(WORDS).encode(), JSON),
    "text that says it is JSON": (WORDS.encode(), JSON),
    "no content type": (WORDS.encode(), None),
    "JSON that says it is a page": (json.dumps({"error": WORDS}).encode(), HTML),
    "an unknown object": ({"code": 7, "why": WORDS}, JSON),
    "a page": (f"<html><head><title>{WORDS}</title><style>p {{}}</style></head><body>x</body></html>".encode(), HTML),
    "a page with a script": (b"<script>if (1 < 2) {}</script><!-- no --><h1>the model is <b>asleep</b></h1>", HTML),
    "xml": (f'<?xml version="1.0"?><Error><Code>Slow</Code><Message>{WORDS}</Message></Error>'.encode(), "text/xml"),
    "an event": (f'event: error\ndata: {{"error": "{WORDS}"}}\n\n'.encode(), EVENTS),
    "utf-8 with a mark": (b"\xef\xbb\xbf" + json.dumps({"error": WORDS}).encode(), JSON),
    "utf-16 JSON": (json.dumps({"error": WORDS}).encode("utf-16"), JSON),
    "utf-16 JSON without a mark": (json.dumps({"error": WORDS}).encode("utf-16-le"), JSON),
    "utf-16 text": (WORDS.encode("utf-16"), TEXT),
    "utf-16 by name": (WORDS.encode("utf-16-le"), 'text/plain; charset="UTF-16LE"'),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("stream", [False, True])
def test_the_words_of_an_error_status(error_of, shape, stream):
    error = error_of(SHAPES[shape], stream=stream)
    assert (error["http"], error["type"]) == (400, "provider_refused_request")
    assert WORDS in error["message"]
    assert "{" not in error["message"]


@pytest.mark.parametrize("name", TEXTS)
def test_the_words_of_what_is_not_an_error_object(error_of, name):
    octets, kind = TEXTS[name]
    error = error_of(octets, kind=kind, status=429)
    assert (error["http"], error["type"]) == (429, "provider_rate_limit")
    assert WORDS in error["message"]
    assert not {"<", "\ufffd", "\0"} & set(error["message"])


@pytest.mark.parametrize("shape", SHAPES)
def test_the_words_inside_a_200(error_of, shape):
    error = error_of(SHAPES[shape], status=200)
    assert error["type"].startswith("provider_")
    assert WORDS in error["message"]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["", "event: error\n"])
def test_the_words_inside_a_stream(error_of, shape, name):
    event = f"{name}data: {json.dumps(SHAPES[shape])}\n\n".encode()
    error = error_of(event, status=200, kind=EVENTS, stream=True)
    assert error["type"].startswith("provider_")
    assert WORDS in error["message"]


@pytest.mark.parametrize(
    "octets",
    [
        f"event: error\ndata: {WORDS}\n\n",
        f"data: {WORDS}\n\n",
        f"event: error\ndata: {WORDS}",
        json.dumps({"error": WORDS}),
        json.dumps({"error": WORDS}, indent=2),
        WORDS,
        f"<html><title>{WORDS}</title></html>",
    ],
    ids=["event", "no JSON", "no last line", "not an event", "of several lines", "text", "page"],
)
def test_the_words_of_a_stream_that_is_none(error_of, octets):
    error = error_of(octets.encode(), status=200, kind=EVENTS, stream=True)
    assert error["type"].startswith("provider_")
    assert WORDS in error["message"]


@pytest.mark.parametrize(
    ("error", "status", "type_"),
    [
        ({"code": 429, "message": "no"}, 429, "provider_rate_limit"),
        ({"code": "429", "message": "no"}, 429, "provider_rate_limit"),
        ({"code": "rate_limit_exceeded", "message": "no"}, 429, "provider_rate_limit"),
        ({"type": "overloaded_error", "message": "no"}, 502, "provider_unavailable"),
        ({"type": "authentication_error", "message": "no"}, 502, "provider_key_refused"),
        ({"type": "server_error", "message": "no"}, 502, "provider_error"),
        ("no", 502, "provider_error"),
    ],
)
def test_the_kind_of_an_error_inside_a_200(error_of, error, status, type_):
    found = error_of({"error": error}, status=200)
    assert (found["http"], found["type"]) == (status, type_)


@pytest.mark.parametrize("octets", [b"", b" \n", b"\x1b\x00\x01\xff" * 9, gzip.compress(b"x")], ids=range(4))
def test_without_words_the_status_is_enough(error_of, octets):
    error = error_of(octets, status=503, kind="application/octet-stream")
    assert (error["type"], "message:" in error["message"]) == ("provider_unavailable", False)


BODY = json.dumps({"error": {"message": WORDS}}).encode()
CODED = {
    "gzip": ("gzip", gzip.compress(BODY)),
    "x-gzip": ("X-GZIP", gzip.compress(BODY)),
    "deflate": ("deflate", zlib.compress(BODY)),
    "raw deflate": ("deflate", zlib.compress(BODY)[2:-4]),
    "not what it says": ("gzip", BODY),
    "identity": ("identity", BODY),
}


@pytest.mark.parametrize("name", CODED)
@pytest.mark.parametrize("stream", [False, True])
def test_the_words_of_an_encoded_body(error_of, name, stream):
    coding, octets = CODED[name]
    error = error_of(octets, status=429, **{"content-encoding": coding}, stream=stream)
    assert (error["type"], WORDS in error["message"]) == ("provider_rate_limit", True)


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip"])
def test_a_coding_that_is_not_read_hides_no_status(error_of, coding):
    assert error_of(b"\x0b\x02\x80", status=429, **{"content-encoding": coding})["type"] == "provider_rate_limit"
    error = error_of(b"\x0b\x02\x80", status=200, **{"content-encoding": coding})
    assert (error["type"], "content coding" in error["message"]) == ("provider_malformed", True)


@pytest.mark.parametrize(
    "octets", [gzip.compress(BODY, mtime=0)[:-9], gzip.compress(BODY, mtime=0) + b"more", b"\x1f\x8b nonsense"]
)
def test_a_200_that_is_not_what_its_coding_says_cannot_be_used(error_of, octets):
    error = error_of(octets, status=200, **{"content-encoding": "gzip"})
    assert (error["http"], error["type"]) == (502, "provider_malformed")


@pytest.mark.parametrize("status", [200, 500])
def test_a_few_bytes_that_become_many_are_not_read_to_their_end(error_of, status):
    error = error_of(gzip.compress(b" " * 40_000_000), status=status, **{"content-encoding": "gzip"})
    assert error["type"] == "provider_too_large"


def escaped(text):
    return "".join(f"\\u{ord(each):04x}" for each in text)


UTF16 = "text/plain; charset=utf-16le"
HIDING = {
    "in a text": lambda key: (f"no: {key}".encode(), TEXT),
    "in a page": lambda key: (f"<pre>{key[:9]}<b>{key[9:]}</b></pre>".encode(), HTML),
    "as entities": lambda key: (("<p>" + "".join(f"&#{ord(c)};" for c in key)).encode(), HTML),
    "as escapes": lambda key: (f'{{"error": {{"message": "no: {escaped(key)}"}}}}'.encode(), JSON),
    "as escapes, at the end": lambda key: (f'{{"error": "{"." * (MAX_LENGTH - 9)}{escaped(key)}"}}'.encode(), JSON),
    "at the end of a text": lambda key: (b"." * (MAX_LENGTH - 9) + key.encode(), TEXT),
    "behind much space": lambda key: ({"error": " " * (16 * 1024 - 9) + key}, JSON),
    "behind much space, in utf-16": lambda key: ((" " * (8 * 1024 - 9) + key).encode("utf-16-le"), UTF16),
    "in utf-16": lambda key: (json.dumps({"error": key}).encode("utf-16"), JSON),
    "in a text in utf-16": lambda key: (key.encode("utf-16"), TEXT),
    "in a field name": lambda key: ({"errors": {f"Bearer {key}": ["no"]}}, JSON),
    "in a body within a text": lambda key: ({"error": json.dumps({"detail": f"{key}"})}, JSON),
    "in what an endpoint said": lambda key: ({"error": {"message": "no", "metadata": {"raw": key}}}, JSON),
    "in a fault": lambda key: ({"detail": [{"loc": ["header", key], "msg": "no"}]}, JSON),
}  # fmt: skip


@pytest.mark.parametrize("name", HIDING)
@pytest.mark.parametrize("place", ["status", "gzip", "200", "event"])
def test_a_key_among_the_words_is_removed(error_of, key, name, place):
    octets, kind = HIDING[name](key)
    octets = octets if isinstance(octets, bytes) else json.dumps(octets).encode()
    if place == "event" and b"\0" not in octets:  # events are UTF-8
        octets, kind = b"data: " + octets + b"\n\n", EVENTS
    coded = {"content-encoding": "gzip"} if place == "gzip" else {}
    octets = gzip.compress(octets) if coded else octets
    error = error_of(
        octets, status=200 if place in ("200", "event") else 401, kind=kind, stream=place == "event", **coded
    )
    shown = error["message"].replace(" ", "")
    assert not any(key[start : start + 8] in shown for start in range(len(key) - 8))


def test_long_words_are_cut_and_say_so(error_of):
    message = error_of({"error": "ä" * 5000})["message"]
    assert message.endswith("ä" * MAX_LENGTH + "…")


def test_words_are_one_line_that_nothing_can_be_forged_in(error_of):
    message = error_of({"error": 'no\r\n{"level": "error"}\x1b[31m\u2028red\u202e'})["message"]
    assert message.endswith('no {"level": "error"} [31m red')


@pytest.mark.parametrize(
    "value",
    ["[" * 5000, {"error": {"message": "[" * 3000}}, {"detail": {"a": {"b": {"c": {"d": {"e": {"f": {"g": 1}}}}}}}}],
    ids=["levels", "levels in a text", "objects"],
)
def test_any_depth_is_an_error_with_its_status(error_of, value):
    octets = value.encode() if isinstance(value, str) else value
    assert error_of(octets, status=503)["type"] == "provider_unavailable"


@pytest.mark.parametrize("nothing", [None, False, "", {}, []])
def test_an_error_that_is_none_is_none(serving, gateway_to, call, answer, nothing):
    """Some send the field with every answer."""
    choice = {"index": 0, "message": {"content": "hi"}, "finish_reason": "stop", "error": nothing}

    async def respond(_request):
        return Response(json.dumps({"model": "m", "error": nothing, "choices": [choice]}), media_type=JSON)

    app = Starlette(routes=[Route("/v1/chat/completions", respond, methods=["POST"])])
    with serving(app) as upstream, gateway_to(f"{upstream}/v1") as url:
        assert call("POST", f"{url}/execute", {"prompt": "x"}).json["content"] == "hi"
