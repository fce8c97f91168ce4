"""One request from arrival to its end: read, refuse or serve, and write down what happened."""

from __future__ import annotations

import itertools
import json
import random
import secrets
import time
from collections.abc import Callable

from aiohttp import web

from router_core.simulator import demand, gate, pace, refusals, serving, shapes
from router_core.simulator.behaviour import Behaviour
from router_core.simulator.demand import Demand
from router_core.simulator.faults import Errors, Fault, Faults, Redirect
from router_core.simulator.log import End, Log, Visitor
from router_core.simulator.meter import Meter
from router_core.simulator.ratelimit import rate_headers
from router_core.simulator.refusals import Refusal

_HEALTHY = json.dumps({"status": "ok"}).encode()


class Service:
    """The endpoints of an OpenAI-compatible upstream, as a handler of `aiohttp.web.Server`."""

    def __init__(self, behaviour: Behaviour, *, log: Log, rng: random.Random, clock: Callable[[], float]) -> None:
        self.log = log
        self.stopping = False
        self._clock = clock
        self._rng = rng
        self._behaviour = behaviour
        self._faults = Faults(behaviour.faults, rng)
        self._meter = Meter(behaviour.window)
        self._began = clock()
        self._prefix = secrets.token_hex(8)
        self._numbers = itertools.count(1)

    @property
    def behaviour(self) -> Behaviour:
        return self._behaviour

    @behaviour.setter
    def behaviour(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._faults.replace(behaviour.faults)

    @property
    def elapsed(self) -> float:
        """Seconds of the upstream's own life, `speed` times faster than ours."""
        return (self._clock() - self._began) * self._behaviour.speed

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if request.method == "GET" and path == "/health":
            return _json(_HEALTHY)
        if request.method == "GET" and path.endswith("/models"):
            return _json(shapes.models(self._behaviour.models or (demand.DEFAULT_MODEL,)))
        body = await request.read()
        headers = self._headers()
        asked = _read(request, body)
        model, stream = (asked.model, asked.stream) if isinstance(asked, Demand) else ("", False)
        visitor = self.log.arrive(path, model, stream, "cookie" in request.headers)
        end: End = "disconnected"
        try:
            if isinstance(asked, Refusal):
                response: web.StreamResponse = _refuse(visitor, asked, headers)
            else:
                response = await self._answer(request, visitor, asked, headers)
            end = "finished"
            return response
        except ConnectionError:
            return web.Response()  # nobody is there to read it
        finally:
            self.log.leave(visitor, "cut" if self.stopping and end != "finished" else end)

    async def _answer(
        self, request: web.BaseRequest, visitor: Visitor, asked: Demand, headers: dict[str, str]
    ) -> web.StreamResponse:
        behaviour = self._behaviour
        fault = self._faults.pick(self.elapsed, asked.stream)
        refusal = gate.knock(behaviour, asked, request.headers.get("authorization", ""), self.log.in_flight)
        if refusal is None:
            refusal = await self._instead(request, fault)
        if refusal is not None:
            return _refuse(visitor, refusal, headers)
        output_tokens, finish = pace.length(behaviour, asked, self._rng)
        # The log's own time of arrival, so that limit and witness judge the same window.
        refusal = gate.charge(behaviour, asked, output_tokens, self._meter, visitor.at)
        headers |= rate_headers(behaviour, self._meter, visitor.at)
        if refusal is not None:
            return _refuse(visitor, refusal, headers)
        visitor.input_tokens = asked.input_tokens
        answer_id = ("chatcmpl-" if asked.kind == "chat" else "cmpl-") + headers["x-request-id"].removeprefix("req_")
        answer = shapes.Answer(asked, answer_id, int(time.time()), output_tokens, finish, behaviour.dialect.usage)
        drawn = pace.pace(behaviour, self._rng)
        return await serving.serve(serving.Job(request, visitor, behaviour, answer, drawn, fault, headers, self.log))

    async def _instead(self, request: web.BaseRequest, fault: Fault | None) -> Refusal | None:
        """Faults that stand in the place of an answer; they use up no limit."""
        if isinstance(fault, Errors):
            await pace.nap(fault.delay / self._behaviour.speed)
            return refusals.injected(fault)
        if isinstance(fault, Redirect):
            return Refusal(fault.status, b"", {"location": fault.to.rstrip("/") + request.path_qs})
        return None

    def _headers(self) -> dict[str, str]:
        headers = {"x-request-id": f"req_{self._prefix}{next(self._numbers):08x}"}
        if self._behaviour.set_cookie is not None:
            headers["set-cookie"] = self._behaviour.set_cookie
        return headers


def _read(request: web.BaseRequest, body: bytes) -> Demand | Refusal:
    kind = demand.kind_of(request.path) if request.method == "POST" else None
    if kind is None:
        return refusals.no_such_path(request.method, request.path)
    try:
        return demand.read(kind, request.headers, body)
    except demand.BadRequest as problem:
        return refusals.invalid(problem)


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")


def _refuse(visitor: Visitor, refusal: Refusal, headers: dict[str, str]) -> web.Response:
    visitor.status = refusal.status
    return web.Response(
        status=refusal.status,
        body=refusal.body,
        headers={**headers, **refusal.headers},
        content_type="application/json",
    )
