"""What a completion says: its text, its usage, and whether it is text at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_NUMBER = (int, float)
_MAX_TOKENS, _MAX_USD = 10**12, 10**6
"""Of one call. A larger number is not plausible, and a much larger one does not fit into the ledger's database."""
NOT_TEXT = ("tool_calls", "function_call", "refusal", "audio")


def answer_of(completion: Mapping[str, Any]) -> dict[str, Any]:
    """Content, model, usage and finish_reason of a completion; an unknown count is null, not zero."""
    choice = completion["choices"][0]
    message = choice.get("message") or {}
    reason = choice.get("finish_reason")
    return {
        "content": text_of(message.get("content")) or "",
        "model": completion["model"],
        "usage": usage_of(completion.get("usage")),
        "finish_reason": reason if isinstance(reason, str) and reason else None,
    }


def text_of(content: Any) -> str | None:
    """The text in a message's content, which some providers send in parts (also for thinking); None without text."""
    if not isinstance(content, list):
        return content if isinstance(content, str) else None
    parts = [part for part in content if isinstance(part, dict) and part.get("type") == "text"]
    texts = [part["text"] for part in parts if isinstance(part.get("text"), str)]
    return "".join(texts) if texts else None


def is_not_text(message: Mapping[str, Any]) -> bool:
    """Whether a message, or a part of one, is something else than text: a tool call or a refusal, for example."""
    return any(message.get(name) for name in NOT_TEXT)


def usage_of(value: Any) -> dict[str, Any]:
    """The counts and the cost in a `usage` object; None for what is missing or not a number."""
    usage: Mapping[str, Any] = value if isinstance(value, dict) else {}
    details = usage.get("completion_tokens_details")
    return {
        "prompt_tokens": _count(usage.get("prompt_tokens")),
        "completion_tokens": _count(usage.get("completion_tokens")),
        "total_tokens": _count(usage.get("total_tokens")),
        "reasoning_tokens": _count(details.get("reasoning_tokens")) if isinstance(details, dict) else None,
        "cost": _amount(usage.get("cost")),
    }


def _amount(value: Any) -> float | None:
    known = isinstance(value, _NUMBER) and not isinstance(value, bool) and 0 <= value <= _MAX_USD
    return float(value) if known else None


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= _MAX_TOKENS else None  # a bool is an int to isinstance
