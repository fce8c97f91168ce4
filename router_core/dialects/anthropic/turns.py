"""OpenAI's messages as Anthropic's: `system`, then user and assistant in turn.

Consecutive messages of one role become one; the results of tools are the user's. A system message after the first turn
stays there on models that take it (after what the user says next); on others it joins `system`. Left out is what cannot
be said: unsigned thoughts, which another provider's model had, and the `name` of a message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from router_core.dialects.anthropic.media import blocks
from router_core.dialects.anthropic.models import Model
from router_core.dialects.anthropic.place import Place
from router_core.dialects.anthropic.unsupported import unsupported
from router_core.dialects.conversation import ToolUse, Turn

Block = dict[str, Any]
_NOT_IN_IDS = re.compile(r"[^a-zA-Z0-9_-]")


def converse(turns: Sequence[Turn], model: Model, place: Place) -> tuple[list[Block], list[dict[str, Any]]]:
    """(`system`, `messages`). Raises UnsupportedParamsError naming what has no place."""
    system: list[Block] = []
    waiting: list[Block] = []  # system messages until the user's turn is over: no other place is allowed
    messages: list[dict[str, Any]] = []
    for turn in turns:
        if turn.role == "system":
            later = messages and model.takes_system_turns
            (waiting if later else system).extend(_cached(blocks(turn.parts, place), turn.raw))
            continue
        role = "assistant" if turn.role == "assistant" else "user"
        if role == "assistant":
            _settle(waiting, messages)
        _add(messages, role, _cached(_said(turn, place), turn.raw))
    _settle(waiting, messages)
    _trim(messages)
    return system + waiting, messages


def _settle(waiting: list[Block], messages: list[dict[str, Any]]) -> None:
    if waiting and messages and messages[-1]["role"] == "user":
        messages.append({"role": "system", "content": waiting.copy()})
        waiting.clear()


def _add(messages: list[dict[str, Any]], role: str, said: list[Block]) -> None:
    if messages and messages[-1]["role"] == role:
        messages[-1]["content"].extend(said)
    elif said:
        messages.append({"role": role, "content": said})


def _trim(messages: list[dict[str, Any]]) -> None:
    """An answer that is to be continued must not end in white space."""
    last = messages[-1]["content"][-1] if messages and messages[-1]["role"] == "assistant" else {}
    if last.get("type") == "text":
        messages[-1]["content"][-1] = {**last, "text": last["text"].rstrip()}


def _said(turn: Turn, place: Place) -> list[Block]:
    if turn.role == "user":
        return blocks(turn.parts, place)
    return [_result(turn, place)] if turn.role == "tool" else _answered(turn, place)


def _result(turn: Turn, place: Place) -> Block:
    result = {"type": "tool_result", "tool_use_id": _id(turn.tool_call_id or ""), "content": blocks(turn.parts, place)}
    return result if turn.raw.get("is_error") is None else {**result, "is_error": turn.raw["is_error"]}


def _answered(turn: Turn, place: Place) -> list[Block]:
    if turn.raw.get("audio"):
        raise unsupported(f"{turn.where}.audio", "it has no audio")
    as_sent = _as_sent(turn)
    if as_sent:
        return as_sent
    thoughts = [dict(block) for block in turn.raw.get("thinking_blocks") or () if _is_signed(block)]
    return [*thoughts, *blocks(turn.parts, place), *map(_use, turn.tool_uses)]


def _as_sent(turn: Turn) -> list[Block]:
    """The answer's own blocks (`answer.py` keeps them), if the message still says the same."""
    kept = (turn.raw.get("provider_specific_fields") or {}).get("content_blocks")
    if not isinstance(kept, Sequence) or not all(isinstance(block, Mapping) for block in kept):
        return []
    text = "".join(block.get("text") or "" for block in kept if block.get("type") == "text")
    uses = [block.get("id") for block in kept if block.get("type") == "tool_use"]
    if text != turn.text() or uses != [use.id for use in turn.tool_uses]:
        return []
    return [{name: value for name, value in block.items() if value is not None} for block in kept]


def _is_signed(block: Mapping[str, Any]) -> bool:
    return bool(block.get("signature") if block.get("type") == "thinking" else block.get("data"))


def _use(use: ToolUse) -> Block:
    caller = (use.raw.get("provider_specific_fields") or {}).get("caller")
    block = {"type": "tool_use", "id": _id(use.id or use.name), "name": use.name, "input": use.arguments}
    return _cached([{**block, "caller": caller} if caller else block], use.raw)[0]


def _id(given: str) -> str:
    """An id that Anthropic takes: other providers' may have dots and colons."""
    return _NOT_IN_IDS.sub("_", given)


def _cached(said: list[Block], raw: Mapping[str, Any]) -> list[Block]:
    """`cache_control` of a message or call is that of its last block."""
    control = raw.get("cache_control")
    return [*said[:-1], {**said[-1], "cache_control": control}] if control and said else said
