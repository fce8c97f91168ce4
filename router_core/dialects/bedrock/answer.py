"""Converse's answers in OpenAI's shape."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from router_core.dialects import compose
from router_core.dialects.bedrock.models import model_id
from router_core.dialects.bedrock.tools import ANSWER_TOOL

_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
_PLAIN = ("end_turn", "tool_use", "max_tokens")
_KEPT = ("metrics", "trace", "performanceConfig", "serviceTier", "additionalModelResponseFields")


def completion(payload: Mapping[str, Any], model: str, id: str | None) -> Any:
    """A whole answer. Raises KeyError, TypeError or AttributeError where it is none."""
    blocks = payload["output"]["message"]["content"]
    by_tool = any(is_answer(block.get("toolUse")) for block in blocks)
    reason, more = finish(payload["stopReason"], by_tool)
    choice = compose.choice(_message(blocks, by_tool), reason, **more)
    return compose.completion(model_id(model), [choice], usage(payload.get("usage")), id=id, **kept(payload))


def finish(reason: str, answered_by_tool: bool = False) -> tuple[str, dict[str, Any]]:
    """OpenAI's finish reason, and fields of the choice with the provider's own where it says more."""
    if answered_by_tool and reason == "tool_use":
        return "stop", {}
    own = {} if reason in _PLAIN else {"provider_specific_fields": {"native_finish_reason": reason}}
    return _FINISH.get(reason, "stop"), own


def usage(counted: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Converse counts cached tokens apart from `inputTokens`."""
    if not counted:
        return None
    sent, read, written = counted.get("inputTokens"), _cached(counted, "Read"), _cached(counted, "Write")
    if sent is not None:
        sent += (read or 0) + (written or 0)
    return compose.usage(
        sent, counted.get("outputTokens"), cached=read, cache_write=written, total=counted.get("totalTokens")
    )


def _cached(counted: Mapping[str, Any], way: str) -> int | None:
    """Converse has two names for it, Nova's own format the second of them."""
    found: int | None = counted.get(f"cache{way}InputTokens")
    return counted.get(f"cache{way}InputTokenCount") if found is None else found


def kept(payload: Mapping[str, Any]) -> dict[str, Any]:
    """What OpenAI has no field for, as fields of the answer."""
    found = {name: payload[name] for name in _KEPT if payload.get(name)}
    tier = found.get("serviceTier")
    named = {"service_tier": tier["type"]} if tier else {}
    return {**named, "provider_specific_fields": found} if found else {}


def is_answer(use: Mapping[str, Any] | None) -> bool:
    """A call of the tool whose input is the answer."""
    return use is not None and use.get("name") == ANSWER_TOOL


def is_servers(use: Mapping[str, Any]) -> bool:
    """A tool that Bedrock ran itself: nothing for the caller to do."""
    return use.get("type") == "server_tool_use"


def thinking_block(text: str, signature: str | None) -> dict[str, Any]:
    """A thought as Anthropic and LiteLLM have it; it can be given back in `thinking_blocks`."""
    return {"type": "thinking", "thinking": text, **({"signature": signature} if signature else {})}


def redacted_block(data: str) -> dict[str, Any]:
    """A thought that only the provider can read."""
    return {"type": "redacted_thinking", "data": data}


def _message(blocks: Sequence[Mapping[str, Any]], by_tool: bool) -> dict[str, Any]:
    """`by_tool`: the answer is the input of a tool, and what is said beside it would spoil its JSON."""
    texts: list[str] = []
    thoughts: list[dict[str, Any]] = []
    calls: list[dict[str, Any]] = []
    others: list[Mapping[str, Any]] = []
    citations: list[Any] = []
    for block in blocks:
        use, cited = block.get("toolUse"), block.get("citationsContent")
        if "text" in block and not by_tool:
            texts.append(block["text"])
        elif cited is not None:
            texts += [part["text"] for part in cited.get("content") or () if "text" in part]
            citations += cited.get("citations") or ()
        elif "reasoningContent" in block:
            thoughts += _thoughts(block["reasoningContent"])
        elif is_answer(use):
            texts.append(json.dumps(block["toolUse"]["input"]))
        elif use is not None and not is_servers(use):
            calls.append(compose.tool_call(use["toolUseId"], use["name"], json.dumps(use["input"])))
        else:
            others.append(block)
    thought = "".join(one.get("thinking", "") for one in thoughts)
    specific = {name: found for name, found in (("citations", citations), ("bedrock_content", others)) if found}
    named = {
        "content": "".join(texts) or None,
        "reasoning_content": thought,
        "thinking_blocks": thoughts,
        "tool_calls": calls,
        "provider_specific_fields": specific,
    }
    return {name: value for name, value in named.items() if value}


def _thoughts(reasoning: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    said = reasoning.get("reasoningText")
    if said:
        yield thinking_block(said["text"], said.get("signature"))
    if reasoning.get("redactedContent"):
        yield redacted_block(reasoning["redactedContent"])
