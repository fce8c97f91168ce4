"""Anthropic's Message as OpenAI's ChatCompletion.

What OpenAI has no name for is in `provider_specific_fields`: of a tool call its `caller`; of the choice
`native_finish_reason` and its details where they say more; of the message `citations`, other fields of the Message, and
`content_blocks`, the blocks as they came, where a message of OpenAI's could not give them back to the model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from router_core.answering.answers import ChatCompletion
from router_core.dialects import compose

_FINISH = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_SAYS_NO_MORE = ("end_turn", "max_tokens", "tool_use")
_SAID_ELSEWHERE = frozenset(
    {"id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "stop_details", "usage"}
)
_COUNTED = frozenset(
    {"input_tokens", "output_tokens", "output_tokens_details", "cache_read_input_tokens", "cache_creation_input_tokens"}
)
_ORDER = {"thinking": 0, "redacted_thinking": 0, "text": 1, "tool_use": 2}  # in which a message gives them back


def completion(message: Mapping[str, Any], model: str) -> ChatCompletion:
    """The whole answer. Raises KeyError, TypeError or AttributeError where it is none."""
    blocks = message["content"]
    said: dict[str, Any] = {}
    texts = [block["text"] for block in blocks if block["type"] == "text"]
    if texts:
        said["content"] = "".join(texts)
    calls = [_call(block) for block in blocks if block["type"] == "tool_use"]
    if calls:
        said["tool_calls"] = calls
    thoughts = [block for block in blocks if is_thought(block)]
    if thoughts:
        said["thinking_blocks"] = thoughts
        said["reasoning_content"] = "".join(block.get("thinking") or "" for block in thoughts)
    further = specific_to_message(message)
    if further:
        said["provider_specific_fields"] = further
    choice = compose.choice(said, finish(message), **specific_to_choice(message))
    counted = usage(message.get("usage"))
    return compose.completion(message.get("model") or model, [choice], counted, id=message.get("id"))


def finish(message: Mapping[str, Any]) -> str:
    """OpenAI's word for why it ended."""
    return _FINISH.get(message.get("stop_reason") or "", "stop")


def is_thought(block: Mapping[str, Any]) -> bool:
    """It goes to `thinking_blocks`."""
    return block["type"] in ("thinking", "redacted_thinking")


def specific_to_call(block: Mapping[str, Any]) -> dict[str, Any]:
    """For a tool call that was not made by the model itself: who made it."""
    caller = block.get("caller")
    return {"provider_specific_fields": {"caller": caller}} if caller and caller.get("type") != "direct" else {}


def specific_to_choice(message: Mapping[str, Any]) -> dict[str, Any]:
    """Why it ended, where the provider says more."""
    if message.get("stop_reason") in _SAYS_NO_MORE:
        return {}
    why = {
        "native_finish_reason": message.get("stop_reason"),
        "stop_sequence": message.get("stop_sequence"),
        "stop_details": message.get("stop_details"),
    }
    return {"provider_specific_fields": {key: value for key, value in why.items() if value is not None}}


def specific_to_message(message: Mapping[str, Any]) -> dict[str, Any]:
    """What the message says besides text, thoughts and tool calls."""
    fields = {key: value for key, value in message.items() if key not in _SAID_ELSEWHERE and value is not None}
    blocks = message["content"]
    citations = [block["citations"] for block in blocks if block.get("citations")]
    if citations:
        fields["citations"] = citations
    if citations or not _is_usual(blocks):
        fields["content_blocks"] = blocks
    return fields


def usage(counted: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """OpenAI's usage: what came from the cache and went into it is in `prompt_tokens`. None where it is unknown.

    The rest stays under Anthropic's names (`cache_creation` by lifetime, `server_tool_use`, `service_tier`).
    """
    counted = counted or {}
    read, written = counted.get("cache_read_input_tokens"), counted.get("cache_creation_input_tokens")
    sent = counted.get("input_tokens")
    whole = compose.usage(
        None if sent is None else sent + (read or 0) + (written or 0),
        counted.get("output_tokens"),
        cached=read,
        cache_write=written,
        reasoning=(counted.get("output_tokens_details") or {}).get("thinking_tokens"),
    )
    if whole is None:
        return None
    return {**whole, **{key: value for key, value in counted.items() if key not in _COUNTED and value is not None}}


def _call(block: Mapping[str, Any]) -> dict[str, Any]:
    return compose.tool_call(block["id"], block["name"], json.dumps(block["input"]), **specific_to_call(block))


def _is_usual(blocks: Sequence[Mapping[str, Any]]) -> bool:
    places = [_ORDER.get(block["type"], -1) for block in blocks]
    return -1 not in places and places == sorted(places)
