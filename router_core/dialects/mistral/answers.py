"""Mistral's answers and chunks as OpenAI's: contents that are lists taken apart."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from router_core.providers.dialect import UpstreamFailure


def unfold(body: dict[str, Any]) -> dict[str, Any]:
    """In place, for whole answers and chunks. Raises UpstreamFailure where the model broke off with an error."""
    for choice in body.get("choices") or ():
        said = choice.get("message") or choice.get("delta") or {}
        if isinstance(said.get("content"), list):
            _content(said, said["content"])
        for call in said.get("tool_calls") or ():
            arguments = call["function"].get("arguments")
            if isinstance(arguments, Mapping):
                call["function"]["arguments"] = json.dumps(arguments, ensure_ascii=False)
        if choice.get("finish_reason") == "error":
            raise UpstreamFailure({"error": {"message": "the model ended with finish_reason error"}})
    return body


def _content(said: dict[str, Any], parts: Sequence[Mapping[str, Any]]) -> None:
    """The text; the thinking as `reasoning_content` and `thinking_blocks`; anything else (references) as it came."""
    blocks = [_block(part) for part in parts if part["type"] == "thinking"]
    said["content"] = "".join(part["text"] for part in parts if part["type"] == "text")
    if blocks:
        said["thinking_blocks"] = blocks
        said["reasoning_content"] = "".join(block["thinking"] for block in blocks)
    others = [part for part in parts if part["type"] not in ("text", "thinking")]
    if others:
        said["provider_specific_fields"] = {"content": others}


def _block(part: Mapping[str, Any]) -> dict[str, Any]:
    thinking = part["thinking"]
    if not isinstance(thinking, str):
        thinking = "".join(piece.get("text", "") for piece in thinking)
    signature = part.get("signature")
    return {"type": "thinking", "thinking": thinking} | ({"signature": signature} if signature else {})
