"""A conversation in Cohere's words.

What Cohere calls the plan of its tool calls is reasoning here, and given back as the plan. It has no names of
participants, which are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router_core.dialects.conversation import Part, Turn, plain, turns

PROVIDER = "Cohere"


def messages(given: Any) -> list[dict[str, Any]]:
    """Cohere's messages. Raises BadRequestError naming what is no message, or what has no place in one."""
    return [_assistant(turn) if turn.role == "assistant" else _other(turn) for turn in turns(given)]


def _other(turn: Turn) -> dict[str, Any]:
    message = {"role": turn.role, "content": _content(turn)}
    return {**message, "tool_call_id": turn.tool_call_id} if turn.role == "tool" else message


def _content(turn: Turn) -> str | list[dict[str, Any]]:
    """A text where it is one."""
    if len(turn.parts) == 1 and turn.parts[0].kind == "text":
        return turn.parts[0].text
    return [_part(part, turn) for part in turn.parts] or ""


def _part(part: Part, turn: Turn) -> dict[str, Any]:
    if part.kind in ("text", "refusal"):
        return {"type": "text", "text": part.text}
    if part.kind != "image" or turn.role != "user":
        raise part.unsupported(PROVIDER)
    media = part.media
    url = media.url if media.data is None else f"data:{media.media_type};base64,{media.data}"
    return {"type": "image_url", "image_url": {"url": url} | ({"detail": part.detail} if part.detail else {})}


def _assistant(turn: Turn) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant"}
    blocks = _thoughts(turn.raw)
    plan = (turn.raw.get("provider_specific_fields") or {}).get("tool_plan")
    said = turn.raw.get("reasoning_content")
    if not blocks and not plan and said:
        if turn.tool_uses:
            plan = said
        else:
            blocks = [{"type": "thinking", "thinking": said}]
    text = [_part(part, turn) for part in turn.parts if part.kind not in ("text", "refusal") or part.text]
    if turn.tool_uses:
        message["tool_calls"] = [_call(use.raw) for use in turn.tool_uses]
        if plan:
            message["tool_plan"] = plan
    if blocks:
        message["content"] = [*blocks, *text]
    elif text or not turn.tool_uses:
        message["content"] = _content(turn)
    return message


def _call(raw: Mapping[str, Any]) -> dict[str, Any]:
    function = plain(raw["function"])
    said = {"name": function["name"], "arguments": function.get("arguments") or "{}"}
    return {"id": raw.get("id") or function["name"], "type": "function", "function": said}


def _thoughts(raw: Mapping[str, Any]) -> list[dict[str, Any]]:
    blocks = (plain(block) for block in raw.get("thinking_blocks") or ())
    return [{"type": "thinking", "thinking": b["thinking"]} for b in blocks if b.get("type") == "thinking"]
