"""Which tools the simulated model calls, and with which arguments.

A tool is called if `tool_choice` requires one, or if it is `auto` and the last message of the user names the tool. Each
tool is called once for such a message: what has its result already in the conversation is not called again, unless one
is required and none is left; so that an agent's loop ends. Several that are named are called together, unless
`parallel_tool_calls` is false. The arguments match the tool's own schema. Source: OpenAI's API reference for chat
completions, `tools` and `tool_choice`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llm_connect.simulator.documents import Unsupported, document

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MODES = ("none", "auto", "required")


class NotCallable(ValueError):
    """The tools, or the choice among them, cannot be simulated; `str()` says why."""


@dataclass(frozen=True)
class Tool:
    """A function that may be called; `parameters` is the schema of its arguments."""

    name: str
    parameters: Any = None

    def arguments(self) -> str:
        """Arguments that match its schema, as JSON.

        Raises:
            NotCallable: the schema is not supported, or is not that of an object.
        """
        schema = self.parameters
        if (
            isinstance(schema, dict)
            and not {"type", "$ref", "anyOf", "oneOf", "allOf", "const", "enum"} & schema.keys()
        ):
            schema = {"type": "object", **schema}
        try:
            value = {} if schema is None else document(schema)
        except Unsupported as found:
            raise NotCallable(f"tools: for {self.name} this simulator does not support {found}") from None
        if not isinstance(value, dict):
            raise NotCallable(f"tools: the parameters of {self.name} are not the schema of an object")
        return json.dumps(value, ensure_ascii=False)


def called_tools(body: Mapping[str, Any]) -> tuple[Tool, ...]:
    """The tools that the model calls in its next message; none for an answer in text.

    Raises:
        NotCallable: the tools or the choice are not valid.
    """
    mode, named = _choice(body.get("tool_choice"))
    if mode == "none":
        return ()
    tools = _tools(body.get("tools"), named)
    if not tools:
        if mode == "required":
            raise NotCallable("tool_choice: requires a tool, and there are no tools")
        return ()
    messages = body.get("messages") or []
    called = _called(messages)
    left = [tool for tool in tools if tool.name not in called]
    said = _said(messages)
    wanted = [tool for tool in left if _is_named(tool.name, said)]
    if mode == "required" and not wanted:
        wanted = left[:1] or [tools[-1]]
    return tuple(wanted[:1] if body.get("parallel_tool_calls") is False else wanted)


def _choice(choice: Any) -> tuple[str, Sequence[str] | None]:
    """The mode, and the names of the tools that are allowed; None for all."""
    if choice is None or choice in _MODES:
        return choice or "auto", None
    allowed = choice.get("allowed_tools") if isinstance(choice, dict) else None
    if (
        isinstance(allowed, dict)
        and allowed.get("mode") in ("auto", "required")
        and isinstance(allowed.get("tools"), list)
    ):
        return allowed["mode"], [_function(each, "tool_choice")["name"] for each in allowed["tools"]]
    if isinstance(choice, dict) and "function" in choice:
        return "required", [_function(choice, "tool_choice")["name"]]
    raise NotCallable("tool_choice: not none, auto, required, a function with a name, or allowed_tools")


def _tools(tools: Any, named: Sequence[str] | None) -> list[Tool]:
    if not isinstance(tools, list | None):
        raise NotCallable("tools: not a list")
    functions = [_function(each, "tools") for each in tools or ()]
    known = {each["name"]: Tool(each["name"], each.get("parameters")) for each in functions}
    for name in named or ():
        if name not in known:
            raise NotCallable(f"tool_choice: {name} is not one of the tools")
    return [tool for tool in known.values() if named is None or tool.name in named]


def _function(value: Any, field: str) -> dict[str, Any]:
    """The function of a tool, or of the chosen one."""
    function = value.get("function") if isinstance(value, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise NotCallable(f"{field}: this simulator calls only functions with a name")
    return function


def _since_user(messages: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
    """The last message of the user, and those after it."""
    for place in range(len(messages) - 1, -1, -1):
        if isinstance(messages[place], dict) and messages[place].get("role") == "user":
            return messages[place], messages[place + 1 :]
    return None, messages


def _called(messages: Sequence[Any]) -> set[str]:
    """The names of the functions that were called since the last message of the user."""
    _, after = _since_user(messages)
    calls = [call for each in after if isinstance(each, dict) for call in each.get("tool_calls") or ()]
    functions = [call.get("function") for call in calls if isinstance(call, dict)]
    return {each["name"] for each in functions if isinstance(each, dict) and isinstance(each.get("name"), str)}


def _said(messages: Sequence[Any]) -> str:
    """The last message of the user, as one text."""
    user, _ = _since_user(messages)
    content = user.get("content") if user else ""
    return content if isinstance(content, str) else json.dumps(content)


def _is_named(name: str, text: str) -> bool:
    return name in text and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None
