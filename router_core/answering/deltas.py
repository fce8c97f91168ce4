"""Putting together what a streamed message has besides its texts and tool calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def grow(message: dict[str, Any], name: str, value: Any) -> None:
    """Add what a delta has under `name`: texts and lists grow, objects are merged, anything else is replaced."""
    before = message.get(name)
    if name == "thinking_blocks":
        message[name] = _blocks(before or [], value)
    elif isinstance(before, str) and isinstance(value, str):
        message[name] = before + value
    elif isinstance(before, list) and isinstance(value, list):
        message[name] = [*before, *value]
    elif isinstance(before, Mapping) and isinstance(value, Mapping):
        message[name] = {**before, **value}
    elif value is not None:
        message[name] = value


def _blocks(before: Sequence[Mapping[str, Any]], more: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Thinking arrives in pieces; its signature, in the last of them, ends a block."""
    blocks = list(before)
    for block in more:
        last = blocks[-1] if blocks else {}
        if block.get("type") == last.get("type") == "thinking" and not last.get("signature"):
            thinking = (last.get("thinking") or "") + (block.get("thinking") or "")
            blocks[-1] = {**last, **block, "thinking": thinking}
        else:
            blocks.append(block)
    return blocks
