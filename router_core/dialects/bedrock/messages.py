"""OpenAI's messages as Converse's: system texts apart, roles in turn, tool results with the user."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from router_core.dialects.bedrock.content import Blocks
from router_core.dialects.bedrock.models import caches, family
from router_core.dialects.conversation import ToolUse, Turn
from router_core.errors import BadRequestError, UnsupportedParamsError

_SIGNED = ("claude", "unknown")  # whose signed thoughts go back; the others refuse thoughts that are not their own


class Conversation:
    """The messages of one request. `uses_tools`: there are calls or results among them."""

    def __init__(self, model: str, turns: Sequence[Turn]) -> None:
        self.system: list[dict[str, Any]] = []
        self.messages: list[dict[str, Any]] = []
        self.uses_tools = any(turn.role == "tool" or turn.tool_uses for turn in turns)
        self._family, self._blocks = family(model), Blocks(caches(model) is not None)
        for turn in turns:
            if turn.role == "system":
                self.system += self._system(turn)
            else:
                self._add("assistant" if turn.role == "assistant" else "user", self._said(turn))
        self._trim()

    def _add(self, role: str, blocks: Sequence[Mapping[str, Any]]) -> None:
        """Roles must take turns, so that what one of them says next belongs to what it said before."""
        if not blocks:
            return
        if self.messages and self.messages[-1]["role"] == role:
            self.messages[-1]["content"] += blocks
        else:
            self.messages.append({"role": role, "content": list(blocks)})

    def _trim(self) -> None:
        """An answer that is to be continued must not end in white space."""
        last = self.messages[-1]["content"][-1] if self.messages and self.messages[-1]["role"] == "assistant" else {}
        if "text" in last:
            self.messages[-1]["content"][-1] = {"text": last["text"].rstrip()}

    def _system(self, turn: Turn) -> Iterator[dict[str, Any]]:
        for part in turn.parts:
            if part.kind != "text":
                raise part.unsupported("bedrock", "only text in a system message")
            yield from self._blocks.of(part)
        yield from self._blocks.point(turn.raw)

    def _said(self, turn: Turn) -> list[dict[str, Any]]:
        blocks = [*self._thoughts(turn)] if turn.role == "assistant" else []
        said = [block for part in turn.parts for block in self._blocks.of(part)]
        blocks += self._result(turn, said) if turn.role == "tool" else said
        for use in turn.tool_uses:
            blocks += [_use(use), *self._blocks.point(use.raw)]
        return [*blocks, *self._blocks.point(turn.raw)]

    def _thoughts(self, turn: Turn) -> Iterator[dict[str, Any]]:
        if turn.raw.get("audio"):
            raise _unsupported(f"{turn.where}.audio", "it has no audio")
        for block in turn.raw.get("thinking_blocks") or () if self._family in _SIGNED else ():
            if block.get("type") == "redacted_thinking":
                yield {"reasoningContent": {"redactedContent": block["data"]}}
            elif block.get("signature"):  # without it, it is refused
                text = {"text": block.get("thinking") or "", "signature": block["signature"]}
                yield {"reasoningContent": {"reasoningText": text}}

    def _result(self, turn: Turn, said: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        if not turn.tool_call_id:
            raise BadRequestError(f"{turn.where} must have a tool_call_id")
        if any("audio" in block for block in said):
            raise _unsupported(turn.where, "the result of a tool has no audio")
        points = [block for block in said if "cachePoint" in block]
        content = [block for block in said if "cachePoint" not in block]
        if self._family == "mistral":
            content = [_as_json(block) for block in content]
        nothing = {"json": dict[str, Any]()}  # blank text is refused
        result: dict[str, Any] = {"toolUseId": turn.tool_call_id, "content": content or [nothing]}
        if turn.raw.get("is_error"):
            result["status"] = "error"
        return [{"toolResult": result}, *points]


def _use(use: ToolUse) -> dict[str, Any]:
    return {"toolUse": {"toolUseId": use.id or use.name, "name": use.name, "input": use.arguments}}


def _as_json(block: dict[str, Any]) -> dict[str, Any]:
    """Mistral's models take results as objects only."""
    if "text" not in block:
        return block
    try:
        found = json.loads(block["text"])
    except ValueError:
        found = block["text"]
    return {"json": found if isinstance(found, dict) else {"result": found}}


def _unsupported(where: str, why: str) -> UnsupportedParamsError:
    return UnsupportedParamsError(f"{where}: {why}", params=[where], llm_provider="bedrock")
