"""A stream through a dialect, in pieces of any size, and the texts of its chunks."""

from __future__ import annotations

import json
from typing import Any

from router_core.answering.answers import Answer
from router_core.answering.collect_chat import Chats
from router_core.providers.base import Call
from router_core.providers.dialect import Dialect


def streamed(dialect: Dialect, call: Call, body: bytes, size: int = 1, model: str = "m") -> list[Answer]:
    """The chunks of a stream that arrives in pieces of `size` bytes and then ends."""
    decoder, reader = dialect.framing(), dialect.reader(call, model)
    chunks: list[Answer] = []
    for start in range(0, len(body), size):
        for event in decoder.feed(body[start : start + size]):
            if not reader.done:
                chunks += reader.read(event)
    for event in decoder.flush():
        if not reader.done:
            chunks += reader.read(event)
    return [*chunks, *reader.end()]


def collected(chunks: list[Answer]) -> Any:
    """The whole chat answer that the chunks add up to."""
    collector = Chats()
    for chunk in chunks:
        collector.add(chunk)
    return collector.answer()


def events(*payloads: Any, done: bool = True) -> bytes:
    """Server-sent events without names."""
    texts = [json.dumps(payload) for payload in payloads] + (["[DONE]"] if done else [])
    return "".join(f"data: {text}\n\n" for text in texts).encode()
