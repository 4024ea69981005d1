"""The OpenAPI document at /openapi.json, made from the tables that requests are checked with."""

from __future__ import annotations

from typing import Any

from llm_connect import __version__
from llm_connect.calls import chat_request as chat
from llm_connect.common.ranges import MAX_DEPTH, MAX_TOKENS, REASONING_EFFORTS, TEMPERATURE, TIMEOUT_SECONDS, Range
from llm_connect.config.profiles import VALIDATION_MODES

Schema = dict[str, Any]
_ERRORS = {
    "400": "The request cannot be used.",
    "401": "The caller is not known.",
    "402": "The budget has less left.",
    "403": "The caller is not allowed.",
    "404": "There is no such profile, or no endpoint for it.",
    "405": "The path exists, with another method.",
    "408": "The body did not come in time.",
    "413": "The body is too large.",
    "415": "The body has another media type or content coding.",
    "421": "No callers are declared, and the Host is not this machine.",
    "429": "The provider limits the rate.",
    "500": "The gateway has no key, or has a bug.",
    "501": "The body has another transfer coding.",
    "502": "The provider gave no usable answer.",
    "503": "The gateway is busy, stopping, or cannot write.",
    "504": "There was no answer in time.",
}

TYPES = (
    "answer_invalid", "audit_unwritable", "body_cut", "body_slow", "body_too_large", "budget_exhausted",
    "budget_unwritable", "caller_not_allowed", "caller_unknown", "callers_unverifiable", "content_encoding",
    "content_type", "deadline", "gateway_busy", "header_repeated", "host_missing", "host_not_local", "internal",
    "invalid_json", "invalid_request", "key_missing", "method_not_allowed", "model_unpriced", "provider_credit",
    "provider_cut", "provider_down", "provider_empty", "provider_error", "provider_first_byte",
    "provider_forbidden", "provider_idle", "provider_key_refused", "provider_malformed", "provider_no_endpoint",
    "provider_not_json", "provider_rate_limit", "provider_refused_request", "provider_reset", "provider_stalled",
    "provider_timeout", "provider_tls", "provider_too_large", "provider_unavailable", "provider_unreachable",
    "stopping", "too_many_values", "transfer_coding", "undecodable", "unknown_path", "unknown_profile",
)  # fmt: skip
"""The values of an error's `type`; README.md explains them."""


def openapi(names: list[str]) -> Schema:
    """The document; `names` are the profiles and model ids in force."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "llm-connect", "version": __version__},
        "paths": {
            "/health": {"get": _read("health", "The process is alive.", open_=True)},
            "/ready": {
                "get": _read(
                    "ready", "Keys are there, records can be written, and it is not stopping.", {"503"}, open_=True
                )
            },
            "/metrics": {"get": _read("metrics", "For Prometheus.", kind="text/plain", open_=True)},
            "/openapi.json": {"get": _read("openapi", "This document.", open_=True)},
            "/v1/models": {"get": _read("models", "The names that `model` may have.", {"401", "403", "503"})},
            "/v1/models/{name}": {"get": _read("model", "One of them.", {"401", "403", "404", "503"}) | _NAMED},
            "/execute": {"post": _call("execute", "One prompt, one answer.", _execute(names), _EXECUTED, "Error")},
            "/v1/chat/completions": {
                "post": _call("chat", "OpenAI's chat completions.", _chat(names), _COMPLETION, "ChatError", events=True)
            },
        },
        "components": {
            "schemas": {"Error": _ERROR, "ChatError": _CHAT_ERROR},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _read(
    name: str, what: str, errors: set[str] | None = None, *, kind: str = "application/json", open_: bool = False
) -> Schema:
    responses = {"200": {"description": what, "content": {kind: {}}}}
    for status in sorted({"400", "421", *(errors or ())}):
        responses[status] = {"description": _ERRORS[status], "content": {"application/json": {}}}
    return {"operationId": name, "summary": what, "responses": responses, "security": [{}] if open_ else _SECURITY}


_NAMED: Schema = {"parameters": [{"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}]}
_SECURITY: list[Schema] = [{}, {"bearer": []}]


def _call(name: str, what: str, request: Schema, answer: Schema, error: str, *, events: bool = False) -> Schema:
    answers: Schema = {"application/json": {"schema": answer}}
    if events:
        answers["text/event-stream"] = {}
    refused = {"application/json": {"schema": {"$ref": f"#/components/schemas/{error}"}}}
    responses = {status: {"description": text, "content": refused} for status, text in _ERRORS.items()}
    return {
        "operationId": name,
        "summary": what,
        "requestBody": {"required": True, "content": {"application/json": {"schema": request}}},
        "responses": {"200": {"description": what, "content": answers}} | responses,
        "security": _SECURITY,
    }


def _object(properties: Schema, required: list[str], *, closed: bool = False) -> Schema:
    schema = {"type": "object", "properties": properties, "required": required}
    return schema | ({"additionalProperties": False} if closed else {})


def _number(allowed: Range) -> Schema:
    kind = "integer" if allowed.whole else "number"
    return {"type": [kind, "null"], "minimum": allowed.low, "maximum": allowed.high}


def _words(words: tuple[str, ...]) -> Schema:
    return {"enum": [*words, None]}


def _execute(names: list[str]) -> Schema:
    params = {"reasoning_effort": _words(REASONING_EFFORTS), "json_schema": {"type": ["object", "null"]}}
    config = {
        "model_name": {"enum": [*names, None]},
        "temperature": _number(TEMPERATURE),
        "max_tokens": _number(MAX_TOKENS),
        "timeout_seconds": _number(TIMEOUT_SECONDS),
        "max_depth": _number(MAX_DEPTH) | {"description": "Checked and echoed; it has no effect."},
        "validation": _words(VALIDATION_MODES),
        "model_params": _object(params, [], closed=True) | {"type": ["object", "null"]},
    }
    whole = _object(config, [], closed=True) | {"type": ["object", "null"]}
    return _object({"prompt": {"type": "string", "pattern": "\\S"}, "config": whole}, ["prompt"], closed=True)


_KINDS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (chat.FLAGS, ("boolean",)),
    (chat.TEXTS, ("string",)),
    (chat.OBJECTS, ("object",)),
    (chat.LISTS, ("array",)),
    (chat.EITHER, ("string", "array", "object")),
)


def _chat(names: list[str]) -> Schema:
    message = _object({"role": {"enum": list(chat.ROLES)}, "content": {"type": ["string", "array", "null"]}}, ["role"])
    properties: Schema = {name: _number(allowed) for name, allowed in (chat.NUMBERS | chat.WHOLE).items()}
    for names_of_kind, kinds in _KINDS:
        properties |= {name: {"type": [*kinds, "null"]} for name in names_of_kind}
    properties |= {
        "reasoning_effort": _words(REASONING_EFFORTS),
        "model": {"enum": names},
        "messages": {"type": "array", "minItems": 1, "items": message},
    }
    return _object(properties, ["model", "messages"], closed=True)


_TEXT: Schema = {"type": "string"}
_TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
_FAULTS: Schema = {"type": "array", "items": _object(dict.fromkeys(("field", "problem", "allowed"), _TEXT), ["field"])}
# Examples and not an enum: a generated client must not fail when a new one is added.
_TYPE: Schema = {"type": "string", "examples": list(TYPES)}
_STATUS: Schema = {"type": ["integer", "null"]}
_ERROR = _object(
    {"error": _TEXT, "message": _TEXT, "type": _TYPE, "provider_status": _STATUS, "faults": _FAULTS},
    ["error", "message", "type", "provider_status"],
)
_CHAT_ERROR = _object(
    {
        "error": _object(
            {"message": _TEXT, "type": _TYPE, "code": _TYPE, "param": _TEXT_OR_NULL, "provider_status": _STATUS},
            ["message", "type", "code", "param"],
        )
    },
    ["error"],
)
_EXECUTED = _object(
    {
        "content": _TEXT,
        "model": _TEXT,
        "usage": {"type": "object"},
        "finish_reason": _TEXT_OR_NULL,
        "metadata": {"type": "object"},
    },
    ["content", "model", "usage", "finish_reason", "metadata"],
)
_COMPLETION = _object({"model": _TEXT, "choices": {"type": "array", "minItems": 1}}, ["model", "choices"])
