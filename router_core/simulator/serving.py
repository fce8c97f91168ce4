"""Giving an answer, whole or as a stream, with the fault that fell to it."""

from __future__ import annotations

import asyncio
import json
import math
from dataclasses import dataclass

from aiohttp import web

from router_core.simulator import shapes
from router_core.simulator.behaviour import Behaviour
from router_core.simulator.faults import Cut, Fault, Malformed, SlowHeaders, Stall, StreamError
from router_core.simulator.log import Log, Visitor
from router_core.simulator.pace import Pace, nap
from router_core.simulator.refusals import error_object
from router_core.simulator.wire import Wire

_TICK = 0.005  # tokens that fall into one tick travel together: finer sleeps cost more than they are exact
_BATCH = 256  # tokens a write of a stream that knows no pace
_UNREADABLE = b'{"id": "sim", "choices": [{"index": 0, '


@dataclass(frozen=True, slots=True)
class Job:
    """An admitted request on its way to an answer."""

    request: web.BaseRequest
    visitor: Visitor
    behaviour: Behaviour
    answer: shapes.Answer
    pace: Pace
    fault: Fault | None
    headers: dict[str, str]
    log: Log


async def serve(job: Job) -> web.StreamResponse:
    """Raises ConnectionError or CancelledError when the client leaves."""
    if isinstance(job.fault, SlowHeaders):
        await nap(_real(job, job.fault.seconds))
    elif isinstance(job.fault, Cut) and job.fault.after is None:
        await nap(job.pace.latency)
        return cut(job, web.Response())
    return await (_stream(job) if job.answer.demand.stream else _whole(job))


def cut(job: Job, response: web.StreamResponse) -> web.StreamResponse:
    """Close the connection under the answer; what was written still goes out."""
    job.log.leave(job.visitor, "cut")
    if job.request.transport is not None:
        job.request.transport.close()
    return response


async def _whole(job: Job) -> web.StreamResponse:
    await nap(job.pace.whole(job.answer.output_tokens))
    fault, visitor = job.fault, job.visitor
    visitor.status = 200
    body = shapes.plain(job.answer, job.behaviour.embedding_dimensions)
    if isinstance(fault, Malformed):
        body = _UNREADABLE
    elif isinstance(fault, StreamError):
        body = json.dumps(error_object(fault.status)).encode()
    elif isinstance(fault, (Cut, Stall)):
        return await _halved(job, fault, body)
    else:
        visitor.output_tokens = job.answer.output_tokens
    return web.Response(body=body, headers=job.headers, content_type="application/json")


async def _halved(job: Job, fault: Cut | Stall, body: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={**job.headers, "content-type": "application/json"})
    response.content_length = len(body)
    await response.prepare(job.request)
    half = len(body) // 2
    await response.write(body[:half])
    if isinstance(fault, Cut):
        return cut(job, response)
    await nap(_real(job, fault.seconds))
    await response.write(body[half:])
    job.visitor.output_tokens = job.answer.output_tokens
    return response


async def _stream(job: Job) -> web.StreamResponse:
    headers = {**job.headers, "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
    response = web.StreamResponse(headers=headers)
    await nap(job.pace.latency)
    job.visitor.status = 200
    await response.prepare(job.request)
    dialect, events = job.behaviour.dialect, shapes.Events(job.answer)
    wire = Wire(response, dialect)
    if dialect.comment is not None:
        wire.put(f": {dialect.comment}\n\n".encode())
    wire.put(events.opening)
    await wire.pause(job.pace.ttft)
    if not await _contents(job, wire, events):
        await wire.flush()
        return cut(job, response) if isinstance(job.fault, Cut) else response
    wire.put(events.closing())
    if dialect.done:
        wire.put(shapes.DONE)
    await wire.flush()
    return response


async def _contents(job: Job, wire: Wire, events: shapes.Events) -> bool:
    """All the tokens, and the fault among them; False if the stream ends there."""
    total, fault = job.answer.output_tokens, job.fault
    if not isinstance(fault, (Stall, Cut, Malformed, StreamError)):
        await _tokens(job, wire, events, total)
        return True
    before = min(fault.after or 0, total)
    await _tokens(job, wire, events, before)
    if isinstance(fault, Stall):
        await wire.pause(_real(job, fault.seconds))
        await _tokens(job, wire, events, total - before)
        return True
    if isinstance(fault, Malformed):
        wire.put(b"data: " + _UNREADABLE + b"\n\n")
    elif isinstance(fault, StreamError):
        wire.put(_error_event(events, fault))
    return False


async def _tokens(job: Job, wire: Wire, events: shapes.Events, count: int) -> None:
    interval = job.pace.interval
    batch = max(1, math.floor(_TICK / interval)) if interval else _BATCH
    clock = asyncio.get_running_loop().time
    due, sent = clock(), 0
    while sent < count:
        now = min(batch, count - sent)
        wire.put(events.token * now)
        job.visitor.output_tokens += now
        sent += now
        if interval and sent < count:
            due += now * interval
            await wire.pause(due - clock())
        elif now == _BATCH:
            await wire.flush()


def _real(job: Job, seconds: float | None) -> float | None:
    return None if seconds is None else seconds / job.behaviour.speed


def _error_event(events: shapes.Events, fault: StreamError) -> bytes:
    error = error_object(fault.status)
    if fault.style == "openrouter":
        chunk = events.chunk({"role": "assistant", "content": ""}, "error")
        return shapes.event({**chunk, "error": {"code": fault.status, "message": error["error"]["message"]}})
    return shapes.event(error, "error" if fault.style == "groq" else None)
