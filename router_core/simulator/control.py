"""The upstream from another process: GET /_log, GET /_stats, POST /_control."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from router_core.simulator.log import Log, Visit

if TYPE_CHECKING:
    from router_core.simulator.upstream import Upstream

_PAGE = 10_000


class Failure(BaseModel):
    """The arguments of `Upstream.fail`."""

    model_config = ConfigDict(extra="forbid")
    status: int = 500
    rate: float = 1.0
    seconds: float | None = None
    times: int | None = None
    code: str | None = None
    retry_after: float | None = None


class Order(BaseModel):
    """The body of POST /_control; what is given is done, in the order of the fields, or nothing of it."""

    model_config = ConfigDict(extra="forbid")
    heal: bool = False
    behaviour: dict[str, Any] = Field(default_factory=dict)  # fields of Behaviour to change
    slow: float | None = None
    fail: Failure | None = None
    clear_log: bool = False
    outage: float | None = Field(default=None, ge=0)  # seconds


class Control:
    """Answers the paths that begin with `/_`; they are not in the log."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def answer(self, request: web.BaseRequest) -> web.Response | None:
        """None: no such path here."""
        try:
            match request.method, request.path:
                case "GET", "/_log":
                    return _json(page(self._upstream.log, int(request.query.get("after", 0))))
                case "GET", "/_stats":
                    windows = [float(seconds) for seconds in request.query.getall("window", [])]
                    return _json(stats(self._upstream.log, windows))
                case "POST", "/_control":
                    self._obey(Order.model_validate_json(await request.read()))
                    return _json({"ok": True})
        except ValidationError as problem:
            return _json({"errors": problem.errors(include_url=False, include_context=False, include_input=False)}, 400)
        except ValueError as problem:
            return _json({"errors": [str(problem)]}, 400)
        return None

    def _obey(self, order: Order) -> None:
        """All of it or nothing. Raises ValidationError."""
        before = self._upstream.behaviour
        try:
            self._change(order)
        except ValidationError:
            self._upstream.behaviour = before
            raise
        if order.clear_log:
            self._upstream.log.clear()
        if order.outage is not None:
            self._upstream.outage(order.outage)

    def _change(self, order: Order) -> None:
        upstream = self._upstream
        if order.heal:
            upstream.heal()
        if order.behaviour:
            upstream.behaviour = replace(upstream.behaviour, **order.behaviour)
        if order.slow is not None:
            upstream.slow(order.slow)
        if order.fail is not None:
            upstream.fail(**order.fail.model_dump())


def page(log: Log, after: int = 0) -> dict[str, Any]:
    """Ended visits from position `after` on (counted since the log began), at most 10,000; `next` is where to go on."""
    start = max(0, after - log.dropped)
    visits = [visit._asdict() for visit in islice(log, start, start + _PAGE)]
    return {"visits": visits, "next": log.dropped + start + len(visits), "ended": log.dropped + len(log)}


def stats(log: Log, windows: list[float]) -> dict[str, Any]:
    """Counts of everything in the log; times are seconds of visits that were served to the end."""
    served = sorted(visit.seconds for visit in log if _served(visit))
    return {
        "requests": len(log) + log.in_flight,
        "by_status": Counter(str(visit.status) for visit in log),
        "by_end": Counter(visit.end for visit in log),
        "input_tokens": sum(visit.input_tokens for visit in log),
        "output_tokens": sum(visit.output_tokens for visit in log),
        "in_flight": log.in_flight,
        "peak_in_flight": log.peak_in_flight,
        "dropped": log.dropped,
        "p50_seconds": _quantile(served, 0.5),
        "p99_seconds": _quantile(served, 0.99),
        "worst_windows": [_worst(log, seconds) for seconds in windows],
    }


def _worst(log: Log, seconds: float) -> dict[str, float]:
    requests, tokens = log.worst_window(seconds)
    return {"seconds": seconds, "requests": requests, "tokens": tokens}


def _served(visit: Visit) -> bool:
    return visit.status == 200 and visit.end == "finished"


def _quantile(ordered: list[float], share: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None


def _json(body: Any, status: int = 200) -> web.Response:
    return web.Response(body=json.dumps(body).encode(), status=status, content_type="application/json")
