"""Anthropic's recordings, and what `anthropic` makes of their answers.

Those that another recording repeats word for word are made as native calls (`anthropic_messages`), the others as chats.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from anthropic import AsyncAnthropic

from tests.conform import reading
from tests.conform.kit import NotOurs, OurCall, Recording, Seen

SDK = "anthropic"
_FINISH = {"end_turn": "stop", "stop_sequence": "stop", "tool_use": "tool_calls", "max_tokens": "length"}
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}
_RENAMED = {"max_tokens": "max_completion_tokens", "stop_sequences": "stop"}


def call_of(recording: Recording) -> OurCall:
    if recording.path.endswith("/count_tokens"):
        raise NotOurs("count_tokens")
    native = dict(recording.request)
    params = {"model": f"anthropic/{native.pop('model')}"}
    stream = native.pop("stream", False)
    if "with_events" in recording.file:
        return OurCall("messages", {**native, "stream": stream}, params)
    return OurCall("chat", {**_arguments(native), "stream": stream}, params)


async def oracle(recording: Recording, url: str) -> Seen:
    asked = dict(recording.request)
    known = {name: asked.pop(name) for name in ("model", "messages", "max_tokens")}
    stream = asked.pop("stream", False)
    async with AsyncAnthropic(api_key="none", base_url=url, max_retries=0, timeout=60) as client:
        api = client.beta.messages if recording.query.get("beta") else client.messages
        if stream:
            async with api.stream(**known, extra_body=asked) as events:
                message = await events.get_final_message()
        else:
            message = await api.create(**known, extra_body=asked)
    return _seen(message.model_dump(), call_of(recording).kind == "chat")


def significant(body: dict[str, Any]) -> dict[str, Any]:
    """Texts as blocks; without what says what is so anyway."""
    if body.get("stream") is False:
        del body["stream"]
    if "system" in body:
        body["system"] = _blocks(body["system"])
    for message in body["messages"]:
        message["content"] = _blocks(message["content"])
        for block in message["content"]:
            if block["type"] == "tool_result":
                block["content"] = _blocks(block["content"])
                if block.get("is_error") is False:
                    del block["is_error"]
    return body


def significant_query(query: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in query.items() if name != "beta"}  # the SDK's way to choose its own types


def _seen(message: Mapping[str, Any], as_chat: bool) -> Seen:
    usage, reason = message["usage"], message["stop_reason"]
    read, sent = usage["cache_read_input_tokens"] or 0, usage["input_tokens"]
    if as_chat:
        sent += read + (usage["cache_creation_input_tokens"] or 0)
    native = reading.seen("messages", [message])
    return Seen(
        text=native.text,
        reasoning=native.reasoning,
        tool_calls=native.tool_calls,
        finish_reason=_FINISH[reason] if as_chat else reason,
        usage=(sent, usage["output_tokens"], read),
    )


def _arguments(native: Mapping[str, Any]) -> dict[str, Any]:
    arguments = {_RENAMED.get(name, name): value for name, value in native.items()}
    system = [{"role": "system", "content": arguments.pop("system")}] if "system" in arguments else []
    arguments["messages"] = [*system, *(turn for message in native["messages"] for turn in _turns(message))]
    if "tools" in native:
        arguments["tools"] = [_tool(tool) for tool in native["tools"]]
    if "tool_choice" in native:
        arguments["tool_choice"] = _CHOICES[native["tool_choice"]["type"]]
    return arguments


def _turns(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    if isinstance(message["content"], str):
        return [dict(message)]
    turns: list[dict[str, Any]] = []
    for block in message["content"]:
        if block["type"] == "tool_result":
            more = {"is_error": block["is_error"]} if "is_error" in block else {}
            turns.append({"role": "tool", "tool_call_id": block["tool_use_id"], "content": block["content"], **more})
    uses = [block for block in message["content"] if block["type"] == "tool_use"]
    texts = [block for block in message["content"] if block["type"] == "text"]
    if uses:
        turns.append({"role": message["role"], "content": texts or None, "tool_calls": [_call(use) for use in uses]})
    elif texts:
        turns.append({"role": message["role"], "content": texts})
    return turns


def _call(use: Mapping[str, Any]) -> dict[str, Any]:
    function = {"name": use["name"], "arguments": json.dumps(use["input"])}
    return {"id": use["id"], "type": "function", "function": function}


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    if "input_schema" not in tool:
        return dict(tool)
    about = {name: tool[name] for name in ("name", "description") if name in tool}
    return {"type": "function", "function": {**about, "parameters": tool["input_schema"]}}


def _blocks(content: Any) -> list[Any]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content
