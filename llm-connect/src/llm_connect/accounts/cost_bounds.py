"""What a call may cost at most, and what it cost: in tokens, and in billionths of a USD."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_connect.accounts.budgets import Amount
from llm_connect.common.errors import Fault, OverBudget, invalid_request
from llm_connect.common.json_encoding import encode
from llm_connect.common.prices import NANO

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llm_connect.common.prices import Prices
    from llm_connect.providers.port import Call

_PER_MESSAGE = 16
_PER_CALL = 64
_ADDS_TEXT = frozenset({"tools", "web_search_options"})
_EXTRA_CHARGES = frozenset({"modalities", "service_tier"})


def upper_bound(call: Call, prices: Prices | None, *, money: bool) -> Amount:
    """What a call may cost at most. A token is at least one byte of UTF-8, in every tokenizer that falls back to bytes.

    Raises:
        BadRequest: there is no upper bound.
        OverBudget: a money budget applies, but the model has no price.
    """
    fields = call.fields
    if faults := _unbounded(fields, money=money):
        raise invalid_request(faults)
    prompt = len(encode(fields)) + _PER_CALL + _PER_MESSAGE * len(fields["messages"])
    completion = _max_completion(fields) * (fields.get("n") or 1)
    if "prediction" in fields:
        completion += len(encode(fields["prediction"]))
    if prices is None:
        if money:
            message = f"a money budget applies, but {call.model} has no prices in the configuration; nothing was called"
            raise OverBudget("model_unpriced", message)
        return Amount(prompt + completion)
    return Amount(prompt + completion, prices.nano_usd(prompt, completion))


def _max_completion(fields: Mapping[str, Any]) -> int:
    """The larger one, where both are given: either may be the one that the provider honours."""
    return max(fields.get("max_completion_tokens") or 0, fields.get("max_tokens") or 0)


def _unbounded(fields: Mapping[str, Any], *, money: bool) -> list[Fault]:
    faults = []
    if not _max_completion(fields):
        allowed = "a number, in request or profile"
        faults.append(Fault("max_tokens", "missing, but required by a budget", allowed))
    for index, message in enumerate(fields["messages"]):
        content = message.get("content")
        if message.get("audio") or (isinstance(content, list) and not _only_text(content)):
            field = f"messages[{index}].content"
            faults.append(Fault(field, "is not only text, and a budget applies", "text"))
    if not _ADDS_TEXT.isdisjoint(fields):
        faults += _added_text(fields)
    if money and not _EXTRA_CHARGES.isdisjoint(fields):
        faults += _extra_charges(fields)
    return faults


def _only_text(parts: Sequence[Any]) -> bool:
    return all(not isinstance(part, dict) or part.get("type") in ("text", "refusal") for part in parts)


def _added_text(fields: Mapping[str, Any]) -> list[Fault]:
    """What the provider runs itself: the results are added to the prompt, without a limit."""
    faults = []
    if "web_search_options" in fields:
        problem = "adds text without a limit, and a budget applies"
        faults.append(Fault("web_search_options", problem, "leave it out"))
    for index, tool in enumerate(fields.get("tools") or ()):
        if not isinstance(tool, dict) or tool.get("type") not in ("function", "custom"):
            problem = "is run by the provider, and a budget applies"
            faults.append(Fault(f"tools[{index}].type", problem, "function, custom"))
    return faults


def _extra_charges(fields: Mapping[str, Any]) -> list[Fault]:
    """What is charged by other prices than the declared ones."""
    faults = []
    if fields.get("service_tier") not in {None, "auto", "default", "flex"}:
        problem = "has other prices, and a money budget applies"
        faults.append(Fault("service_tier", problem, "auto, default, flex"))
    if any(each != "text" for each in fields.get("modalities") or ()):
        faults.append(Fault("modalities", "are not only text, and a money budget applies", "text"))
    return faults


def used_amount(usage: Mapping[str, Any], prices: Prices | None, bound: Amount) -> Amount | None:
    """What was used; None if the provider did not report it."""
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if prompt is None or completion is None:
        return None
    tokens = max(prompt + completion, usage.get("total_tokens") or 0)
    if usage.get("cost") is not None:
        return Amount(tokens, -int(-usage["cost"] * NANO // 1))
    return Amount(tokens, prices.nano_usd(prompt, completion) if prices else bound.nano_usd)
