"""Whatever a provider sends back of the key, in pieces or in another form, does not leave the gateway."""

from __future__ import annotations

import base64
import json
import re
from random import Random
from urllib.parse import quote

import pytest

from llm_connect.common.secret import REMOVED, Redactor, Secret, forms_of
from llm_connect.config.profiles import CUSTODIAN_TRIAGE
from llm_connect.providers.split_keys import HELD_CHARACTERS, SplitKeys, remove_split_keys

NAME = CUSTODIAN_TRIAGE.name
SECRET = "sk-or-v1-split/6f1c1b5e+0d7e4c4e9a573f5b0c1d2e3f"
FORMS_OF_IT = forms_of(SECRET)


def event(content, index=0, reason=None, **delta):
    given = {"content": content} if content is not None else {}
    return {
        "id": "1",
        "model": "m",
        "choices": [{"index": index, "delta": {**given, **delta}, "finish_reason": reason}],
    }


def passed(events):
    split = SplitKeys(FORMS_OF_IT)
    return [each for one in events for each in split.take(one)] + split.end()


def content(events, index=0):
    texts = [
        choice["delta"].get("content") or "" for one in events for choice in one["choices"] if choice["index"] == index
    ]
    return "".join(texts)


def pieces(text, random):
    while text:
        size = random.choice((1, 2, 3, 7, 30))
        yield text[:size]
        text = text[size:]


FORMS = {
    "as it is": SECRET,
    "hexadecimal": SECRET.encode().hex(),
    "upper hexadecimal": SECRET.encode().hex().upper(),
    "percent-encoded": quote(SECRET, safe=""),
    **{
        f"base64 after {skip}": base64.b64encode(b"Bearer "[:skip] + SECRET.encode() + b" tail").decode()
        for skip in range(7)
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_a_key_is_removed_wherever_it_is_split(form):
    random = Random(form)
    sent = f"one s sk two {FORMS[form]} three sk"
    for _ in range(50):
        found = content(passed([event(piece) for piece in pieces(sent, random)]))
        assert REMOVED in found
        assert not shows(found)
        assert found.startswith("one s sk two ")
        assert found.endswith(" three sk")


def shows(text):
    """Whether the text has more of the key, in any form, than may be sent before it is known to be one."""
    size = HELD_CHARACTERS + 1
    return any(form[at : at + size] in text for form in FORMS_OF_IT for at in range(len(form) - size + 1))


def test_only_what_may_be_a_key_is_held():
    split = SplitKeys(FORMS_OF_IT)
    sent = [event(text) for text in ("the ways", " of sk-or-v", "1", " are many", "s")]
    assert [len(split.take(each)) for each in sent] == [1, 0, 0, 3, 1]
    assert split.end() == []


def test_a_text_that_is_held_does_not_hold_another_choice_for_long():
    """Both end at last, in their order, and neither loses a character."""
    sent = [event("a sk-or-v1-", 0), event("b", 1), event("c", 1), event("x", 0), event("d", 1)]
    found = passed(sent)
    assert (content(found, 0), content(found, 1)) == ("a sk-or-v1-x", "bcd")
    assert found == sent


def test_texts_in_other_places_do_not_make_a_key_together():
    found = passed([event(SECRET[:9], 0), event(SECRET[9:], 1)])
    assert (content(found, 0), content(found, 1)) == (SECRET[:9], SECRET[9:])
    assert content(passed([event(SECRET[:9]), event(None, reasoning=SECRET[9:])])) == SECRET[:9]


def test_the_arguments_of_a_tool_call_are_one_text():
    def call(index, text):
        return event(None, tool_calls=[{"index": index, "function": {"arguments": text}}])

    found = passed([call(0, SECRET[:10]), call(1, "{}"), call(0, SECRET[10:20]), call(0, SECRET[20:]), call(1, "x")])
    assert SECRET[12:] not in json.dumps(found)
    texts = [
        (each["index"], each["function"]["arguments"])
        for one in found
        for each in one["choices"][0]["delta"]["tool_calls"]
    ]
    assert "".join(text for index, text in texts if index == 0) == REMOVED
    assert "".join(text for index, text in texts if index == 1) == "{}x"


def test_tokens_and_their_bytes_are_removed_with_the_text():
    tokens = [
        {"token": piece, "bytes": list(piece.encode()), "top_logprobs": []} for piece in pieces(SECRET, Random(1))
    ]
    sent = [{"choices": [{"index": 0, "delta": {}, "logprobs": {"content": [token]}}]} for token in tokens]
    found = [entry for one in passed(sent) for entry in one["choices"][0]["logprobs"]["content"]]
    assert len("".join(entry["token"] for entry in found).replace(REMOVED, "")) < HELD_CHARACTERS
    assert sum(len(entry["bytes"] or ()) for entry in found) < HELD_CHARACTERS


def test_most_of_a_key_at_the_end_of_a_stream_is_removed_too():
    found = content(passed([event("it is "), event(SECRET[:30])]))
    assert found == f"it is {REMOVED}"
    assert content(passed([event("it begins with "), event("sk-or-v1-")])) == "it begins with sk-or-v1-"


def test_the_parts_of_an_answer_are_joined():
    parts = [{"type": "text", "text": piece} for piece in pieces(f"a {SECRET} b", Random(2))]
    tokens = [{"token": piece, "top_logprobs": [{"token": "x"}] * 20} for piece in pieces(SECRET, Random(3))]
    choice = {"index": 0, "message": {"role": "assistant", "content": parts}, "logprobs": {"content": tokens}}
    found = remove_split_keys({"choices": [choice]}, FORMS_OF_IT)["choices"][0]
    assert "".join(part["text"] for part in found["message"]["content"]) == f"a {REMOVED} b"
    assert found["logprobs"] is None


def test_an_answer_may_be_nested_as_deep_as_it_likes():
    nested = json.loads('{"a":' * 900 + "1" + "}" * 900)
    assert passed([event(None, extra=nested)])[0]["choices"][0]["delta"]["extra"] == nested


def test_an_answer_without_the_key_stays_as_it_is():
    choice = {"index": 0, "message": {"content": "sk-or-v1- and more"}, "logprobs": {"content": [{"token": "sk-"}]}}
    completion = {"choices": [choice]}
    assert remove_split_keys(json.loads(json.dumps(completion)), FORMS_OF_IT) == completion


def test_a_redactor_knows_every_form_of_a_key():
    redactor = Redactor(Secret(SECRET))
    for form in FORMS.values():
        assert not shows(redactor.text(form))
        assert not shows(redactor.octets(form.encode()).decode())


class Echo:
    """A provider that streams the key of the request back, one piece an event, or answers with its parts."""

    def __init__(self, size, encode=lambda key: key):
        self.size, self.encode = size, encode

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            for step in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{step}.complete"})
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        key = self.encode(dict(scope["headers"])[b"authorization"].decode())
        texts = [key[at : at + self.size] for at in range(0, len(key), self.size)]
        stream = json.loads(body)["stream"]
        kind = b"text/event-stream" if stream else b"application/json"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
        if stream:
            events = [*(event(text) for text in texts), event("", reason="stop")]
            lines = [f"data: {json.dumps(each)}\n\n".encode() for each in events]
            for line in [*lines, b"data: [DONE]\n\n"]:
                await send({"type": "http.response.body", "body": line, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        else:
            parts = [{"type": "text", "text": text} for text in texts]
            choice = {"index": 0, "message": {"role": "assistant", "content": parts}, "finish_reason": "stop"}
            answer = json.dumps({"id": "1", "model": "m", "choices": [choice]}).encode()
            await send({"type": "http.response.body", "body": answer})


ENCODINGS = {
    "as it is": lambda text: text,
    "in base64": lambda text: base64.b64encode(text.encode()).decode(),
    "in base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "in hexadecimal": lambda text: text.encode().hex(),
}


@pytest.fixture(params=ENCODINGS)
def echoing(request, serving):
    """A provider that sends the key back, in an encoding and in pieces of a size."""
    return lambda size: serving(Echo(size, ENCODINGS[request.param]))


@pytest.mark.parametrize("size", [1, 2, 5, 20, 1000])
@pytest.mark.parametrize("stream", [False, True])
def test_an_echoed_key_reaches_no_caller(echoing, gateway_to, call, size, stream):
    with echoing(size) as upstream, gateway_to(f"{upstream}/v1", key=SECRET) as url:
        body = {"model": NAME, "messages": [{"role": "user", "content": "x"}], "stream": stream}
        reply = call("POST", f"{url}/v1/chat/completions", body)
        plain = call("POST", f"{url}/execute", {"prompt": "x"})
    assert (reply.status, plain.status) == (200, 200)
    if stream:
        assert reply.octets.endswith(b"data: [DONE]\n\n")
        lines = re.findall(r"^data: (\{.*)", reply.octets.decode(), re.MULTILINE)
        found = "".join(json.loads(line)["choices"][0]["delta"]["content"] for line in lines)
    else:
        found = "".join(part["text"] for part in reply.json["choices"][0]["message"]["content"])
    for text in (found, plain.json["content"]):
        assert REMOVED in text
        assert not shows(text)
