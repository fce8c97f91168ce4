"""An upstream whose answers and errors hold what nobody else may see."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

KEY, OTHER_KEY, PROMPT, ANSWER = "sk-markedkey-4711abcd", "plainkey4711", "marked-prompt-4711", "marked-answer-4711"
MARKERS = (KEY, OTHER_KEY, PROMPT, ANSWER)
MESSAGES = [{"role": "user", "content": PROMPT}]
TOOL = {"type": "function", "function": {"name": "f", "description": PROMPT, "parameters": {}}}

# Error answers as upstreams give them: the key is echoed, and compatible servers quote the input they refuse.
BODIES: dict[int, Any] = {
    400: {"error": {"message": "bad request", "type": "invalid_request_error", "param": None, "code": None}},
    401: {"error": {"message": f"Incorrect API key provided: {KEY}.", "code": "invalid_api_key"}},
    402: {"error": {"message": f"key {OTHER_KEY} has no credit"}},
    403: {"error": {"message": f"Bearer {KEY} may not do this"}},
    404: {"error": {"message": "no such model", "code": "model_not_found"}},
    408: {"error": {"message": "too slow"}},
    422: {"detail": [{"loc": ["body", "messages", 0], "msg": "bad", "type": "value_error", "input": PROMPT}]},
    429: {"error": {"message": "slow down", "code": "rate_limit_exceeded"}},
    500: {"error": {"message": "internal", "headers": {"authorization": f"Bearer {KEY}"}}},
    502: f"<html><body>Bad gateway: authorization: Bearer {KEY}</body></html>",
    503: {"error": {"message": "overloaded"}},
}
BROKEN = {
    "unreadable": b'{"choices": [{"message": {"content": "' + ANSWER.encode(),
    "no json": PROMPT.encode(),
    "no answer": json.dumps({"detail": PROMPT}).encode(),
    "error inside": json.dumps({"error": {"message": f"failed for {KEY}", "code": 503}}).encode(),
}


PLAIN: tuple[str | int, ...] = ("answer", "cut", "stall")


def _answer(kind: str, part: dict[str, Any]) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": None, **part}
    return {"id": "x", "object": kind, "created": 1, "model": "sim", "choices": [choice]}


class Marked:
    """An upstream whose answers hold the marker; `does` says what becomes of the next requests."""

    does: str | int = "answer"

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        body = json.loads(await request.read())
        assert KEY in request.headers["authorization"]
        if isinstance(self.does, int):
            said = BODIES[self.does]
            return web.Response(status=self.does, text=said if isinstance(said, str) else json.dumps(said))
        if self.does in BROKEN and not body.get("stream"):
            return web.Response(body=BROKEN[self.does], content_type="application/json")
        if "embeddings" in request.path:
            return web.json_response({"object": "list", "model": "sim", "data": [], "usage": {"prompt_tokens": 3}})
        if body.get("stream"):
            return await self._stream(request)
        message = {"role": "assistant", "content": ANSWER}
        return web.json_response(_answer("chat.completion", {"message": message, "finish_reason": "stop"}))

    async def _stream(self, request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        chunk = json.dumps(_answer("chat.completion.chunk", {"delta": {"role": "assistant", "content": ANSWER}}))
        await response.write(f"data: {chunk}\n\n".encode())
        if self.does in BROKEN:
            await response.write(b"data: " + BROKEN[self.does] + b"\n\n")
        elif self.does == "cut":
            assert request.transport is not None
            request.transport.close()
        elif self.does == "stall":
            await asyncio.sleep(5)
        await response.write(b"data: [DONE]\n\n")
        return response


@asynccontextmanager
async def marked() -> AsyncIterator[tuple[Marked, str]]:
    upstream = Marked()
    server = web.Server(upstream.serve, access_log=None)
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    yield upstream, f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
    listening.close()
    await server.shutdown(0.1)
