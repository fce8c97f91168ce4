"""OpenAI's messages as Converse's: system texts apart, roles in turn, tool results with the user."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from router_core.dialects.bedrock.content import Blocks, cache_point
from router_core.dialects.bedrock.models import family
from router_core.dialects.conversation import ToolUse, Turn
from router_core.errors import BadRequestError, UnsupportedParamsError

_SIGNED = ("claude", "unknown")  # whose signed thoughts go back; the others refuse thoughts that are not their own


class Conversation:
    """The messages of one request. `uses_tools`: there are calls or results among them."""

    def __init__(self, model: str, turns: Sequence[Turn]) -> None:
        self.system: list[dict[str, Any]] = []
        self.messages: list[dict[str, Any]] = []
        self.uses_tools = any(turn.role == "tool" or turn.tool_uses for turn in turns)
        self._family, self._blocks = family(model), Blocks()
        for turn in turns:
            if turn.role == "system":
                self.system += self._system(turn)
            else:
                self._add("assistant" if turn.role == "assistant" else "user", self._said(turn))

    def _add(self, role: str, blocks: Sequence[Mapping[str, Any]]) -> None:
        """Roles must take turns, so that what one of them says next belongs to what it said before."""
        if not blocks:
            return
        if self.messages and self.messages[-1]["role"] == role:
            self.messages[-1]["content"] += blocks
        else:
            self.messages.append({"role": role, "content": list(blocks)})

    def _system(self, turn: Turn) -> Iterator[dict[str, Any]]:
        for part in turn.parts:
            if part.kind != "text":
                raise part.unsupported("bedrock", "only text in a system message")
            yield from self._blocks.of(part)
        yield from cache_point(turn.raw)

    def _said(self, turn: Turn) -> list[dict[str, Any]]:
        blocks = [*self._thoughts(turn)] if turn.role == "assistant" else []
        said = [block for part in turn.parts for block in self._blocks.of(part)]
        blocks += [self._result(turn, said)] if turn.role == "tool" else said
        blocks += [_use(use) for use in turn.tool_uses]
        return [*blocks, *cache_point(turn.raw)]

    def _thoughts(self, turn: Turn) -> Iterator[dict[str, Any]]:
        for block in turn.raw.get("thinking_blocks") or () if self._family in _SIGNED else ():
            if block.get("type") == "redacted_thinking":
                yield {"reasoningContent": {"redactedContent": block["data"]}}
            elif block.get("signature"):  # without it, it is refused
                text = {"text": block.get("thinking") or "", "signature": block["signature"]}
                yield {"reasoningContent": {"reasoningText": text}}

    def _result(self, turn: Turn, said: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        if not turn.tool_call_id:
            raise BadRequestError(f"{turn.where} must have a tool_call_id")
        for block in said:
            if "audio" in block:
                raise UnsupportedParamsError(
                    f"bedrock takes no audio in {turn.where}", params=[turn.where], llm_provider="bedrock"
                )
        content = [_as_json(block) if self._family == "mistral" else block for block in said]
        nothing = {"json": dict[str, Any]()}  # blank text is refused
        result: dict[str, Any] = {"toolUseId": turn.tool_call_id, "content": content or [nothing]}
        if turn.raw.get("is_error"):
            result["status"] = "error"
        return {"toolResult": result}


def _use(use: ToolUse) -> dict[str, Any]:
    return {"toolUse": {"toolUseId": use.id or use.name, "name": use.name, "input": use.arguments}}


def _as_json(block: Mapping[str, Any]) -> Mapping[str, Any]:
    """Mistral's models take results as objects only."""
    if "text" not in block:
        return block
    try:
        found = json.loads(block["text"])
    except ValueError:
        found = block["text"]
    return {"json": found if isinstance(found, dict) else {"result": found}}
