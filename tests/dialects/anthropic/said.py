"""What the tests of this format say to it, and hear from it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import httpx

from router_core.answering.answers import Answer
from router_core.dialects.anthropic.chat import Chat
from router_core.providers.base import Call, Kind
from router_core.providers.dialect import Dialect, Reply

SONNET = "claude-sonnet-4-5"
HI = [{"role": "user", "content": "hi"}]


def body(messages: Any = HI, model: str = SONNET, **parameters: Any) -> Any:
    """The body of a chat request."""
    return Chat().encode(Call("chat", {"messages": messages, **parameters}), model).body


def reply(payload: Any) -> Reply:
    return Reply(httpx.Headers(), json.dumps(payload).encode())


def message(*blocks: Mapping[str, Any], stop: str = "end_turn", **more: Any) -> dict[str, Any]:
    """A Message as Anthropic sends it."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5-20250929",
        "content": list(blocks),
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 5},
        **more,
    }


def stream_of(whole: Mapping[str, Any], *, size: int = 3) -> list[dict[str, Any]]:
    """The events that a Message is streamed in, its texts in pieces of `size`."""
    start = {**whole, "content": [], "stop_reason": None, "usage": {**whole["usage"], "output_tokens": 1}}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for index, block in enumerate(whole["content"]):
        empty = {key: value for key, value in block.items() if key != "citations"}
        empty |= {key: "" for key in ("text", "thinking", "signature") if key in block}
        empty |= {"input": {}} if "input" in block else {}
        events.append({"type": "content_block_start", "index": index, "content_block": empty})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas(block, size)]
        events.append({"type": "content_block_stop", "index": index})
    ending = {key: whole.get(key) for key in ("stop_reason", "stop_sequence")}
    counts = {"output_tokens": whole["usage"]["output_tokens"]}
    return [*events, {"type": "message_delta", "delta": ending, "usage": counts}, {"type": "message_stop"}]


def deltas(block: Mapping[str, Any], size: int) -> Iterable[dict[str, Any]]:
    """The pieces of a block."""
    for name in ("text", "thinking"):
        for at in range(0, len(block.get(name, "")), size):
            yield {"type": f"{name}_delta", name: block[name][at : at + size]}
    if "signature" in block:
        yield {"type": "signature_delta", "signature": block["signature"]}
    written = json.dumps(block["input"]) if block.get("input") else ""
    for at in range(0, len(written), size):
        yield {"type": "input_json_delta", "partial_json": written[at : at + size]}
    for citation in block.get("citations") or ():
        yield {"type": "citations_delta", "citation": citation}


def sse(events: Iterable[Mapping[str, Any]]) -> bytes:
    """Events as they are framed."""
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events).encode()


def heard(data: bytes, dialect: Dialect | None = None, kind: Kind = "chat") -> list[Answer]:
    """The chunks of a stream to its end. Raises what the reader raises."""
    spoken = dialect or Chat()
    framing, reader = spoken.framing(), spoken.reader(Call(kind, {}, stream=True), SONNET)
    chunks = [chunk for event in framing.feed(data) if not reader.done for chunk in reader.read(event)]
    return [*chunks, *reader.end()]
