"""Through a Router and real sockets: files in a retry, streams that break off, audio as it arrives."""

from __future__ import annotations

import asyncio
import email
import email.policy
import io
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from router_core import Router, StreamInterrupted
from router_core.errors import ServiceUnavailableError
from tests.http.server import Request, Seen, answer, replying, serving

AUDIO = bytes(range(256)) * 1000  # more than is written at once
BUSY = answer(b'{"error": {"message": "busy"}}', "503 Service Unavailable", "Content-Type: application/json")


@asynccontextmanager
async def fleet(*replies: bytes) -> AsyncIterator[tuple[Router, list[Seen]]]:
    """A Router before a server for each of the replies, asked in this order."""
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(serving(replying(reply, close=True))) for reply in replies]
        entries = [
            {
                "model_name": "m",
                "litellm_params": {
                    "model": "openai/some-model",
                    "api_base": server.url,
                    "api_key": "k",
                    "order": order,
                },
            }
            for order, server in enumerate(servers)
        ]
        yield await stack.enter_async_context(Router(entries, redis_url="memory://", disable_cooldowns=True)), servers


def sse(*events: dict[str, Any]) -> bytes:
    body = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    return answer(body.encode(), "200 OK", "Content-Type: text/event-stream")


def form(request: Request) -> dict[str, tuple[str | None, bytes]]:
    """(file name, content) of each field."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    parts: Any = email.message_from_bytes(head + request.body, policy=email.policy.HTTP).iter_parts()
    name = "content-disposition"
    return {part.get_param("name", header=name): (part.get_filename(), part.get_payload(decode=True)) for part in parts}


async def test_a_retry_sends_the_same_file() -> None:
    heard = answer(b'{"text": "Gr\xc3\xbc\xc3\x9f Gott"}', "200 OK", "Content-Type: application/json")
    file = io.BytesIO(AUDIO)
    file.name = "greeting.mp3"
    async with fleet(BUSY, heard) as (router, servers):
        got = await router.atranscription(file, "m", language="de")
    assert (got.text, got.deployment is not None) == ("Grüß Gott", True)
    first, second = (form(server.requests[0]) for server in servers)
    assert first == second
    assert first == {
        "language": (None, b"de"),
        "model": (None, b"some-model"),
        "file": ("greeting.mp3", AUDIO),
    }
    assert servers[1].requests[0].headers["content-type"].startswith("multipart/form-data; boundary=")


CREATED = {"type": "response.created", "sequence_number": 0, "response": {"id": "r", "output": []}}
DELTA = {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "Gr"}
ADDED = {"type": "response.output_item.added", "output_index": 0, "item": {"type": "message", "content": []}}
FAILED = {
    "type": "response.failed",
    "response": {"id": "r", "output": [], "error": {"code": "server_is_overloaded", "message": "busy"}},
}
DONE = {
    "type": "response.completed",
    "response": {"id": "r", "output": [], "usage": {"input_tokens": 3, "output_tokens": 2}},
}


async def test_an_error_before_content_goes_elsewhere() -> None:
    async with fleet(sse(CREATED, ADDED, FAILED), sse(CREATED, ADDED, DELTA, DONE)) as (router, servers):
        stream = await router.aresponses("m", "hello", stream=True)
        got = [event async for event in stream]
    assert [event.type for event in got].count("response.created") == 1
    assert "".join(event.delta for event in got if event.type.endswith(".delta")) == "Gr"
    assert [len(server.requests) for server in servers] == [1, 1]


async def test_an_error_after_content_carries_what_was_received() -> None:
    async with fleet(sse(CREATED, ADDED, DELTA, FAILED)) as (router, _):
        stream = await router.aresponses("m", "hello", stream=True)
        with pytest.raises(StreamInterrupted) as caught:
            async for _event in stream:
                pass
    assert caught.value.received.output_text == "Gr"
    assert isinstance(caught.value.__cause__, ServiceUnavailableError)


async def test_audio_is_streamed_to_its_end() -> None:
    async with fleet(BUSY, answer(AUDIO, "200 OK", "Content-Type: audio/mpeg")) as (router, _):
        stream = await router.aspeech("m", "hello", "ash", stream=True)
        assert b"".join([piece.data async for piece in stream]) == AUDIO
        await asyncio.sleep(0)


async def test_audio_that_breaks_off_carries_what_was_received() -> None:
    cut = answer(AUDIO, "200 OK", "Content-Type: audio/mpeg")[:-1000]
    async with fleet(cut) as (router, _):
        stream = await router.aspeech("m", "hello", "ash", stream=True)
        with pytest.raises(StreamInterrupted) as caught:
            async for _piece in stream:
                pass
    assert caught.value.received.content == AUDIO[:-1000]
