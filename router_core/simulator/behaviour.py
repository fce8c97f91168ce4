"""How an upstream behaves: speed, limits, what it serves and what goes wrong.

A `Behaviour` is frozen and validated when it is made (pydantic names the wrong field); to change a running upstream,
assign another: `upstream.behaviour = dataclasses.replace(upstream.behaviour, rpm=10)`.
"""

from __future__ import annotations

import math
import random
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from router_core.simulator.faults import AnyFault

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Amount = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, slots=True, config={"extra": "forbid"})
class Lognormal:
    """exp(N(ln median, sigma²)): the usual shape of latencies. Mean = median · exp(sigma² / 2)."""

    median: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    sigma: Annotated[float, Field(ge=0, le=5)] = 0.0


Spread = Lognormal | Annotated[float, Field(ge=0, allow_inf_nan=False)]


def draw(spread: Lognormal | float, rng: random.Random) -> float:
    """One sample; a bare number is always itself."""
    if not isinstance(spread, Lognormal):
        return spread
    if spread.median == 0 or spread.sigma == 0:
        return spread.median
    return spread.median * math.exp(rng.gauss(0.0, spread.sigma))


@dataclass(frozen=True, slots=True, config={"extra": "forbid"})
class Dialect:
    """What differs on the wire between compatible servers.

    `comment` opens each stream (OpenRouter's `: OPENROUTER PROCESSING`), `chop` cuts the stream into writes of that
    many bytes, `usage=False` leaves usage out always (Azure may), `done=False` ends a stream without `[DONE]`.
    """

    comment: str | None = None
    crlf: bool = False
    chop: Annotated[int, Field(ge=1)] | None = None
    usage: bool = True
    done: bool = True
    rate_headers: bool = True


@dataclass(frozen=True, slots=True, config={"extra": "forbid"})
class Behaviour:
    """One upstream. Delays are seconds.

    A plain answer takes latency + ttft + (output tokens − 1) / tokens_per_second; a stream sends its headers after
    latency, its first content ttft later, then one token every 1 / tokens_per_second. `slowdown` multiplies all of
    that. `speed` makes the upstream live that many times faster: delays, windows of limits and schedules shrink alike.

    `output_tokens` holds where a request does not say how many it wants; None: its `max_tokens`, else 16.
    `rpm`, `tpm` count what was admitted in a rolling window of `window` seconds, tokens as input + output.
    """

    latency: Spread = 0.0
    ttft: Spread = 0.0
    tokens_per_second: Positive | None = None
    output_tokens: Spread | None = None
    slowdown: Positive = 1.0
    speed: Positive = 1.0
    rpm: Amount | None = None
    tpm: Amount | None = None
    window: Positive = 60.0
    max_concurrent: Amount | None = None
    context_tokens: Amount | None = None
    models: tuple[str, ...] | None = None
    api_key: str | None = Field(default=None, repr=False)
    embedding_dimensions: Annotated[int, Field(ge=1, le=65536)] = 8
    set_cookie: str | None = Field(default=None, repr=False)
    dialect: Dialect = Dialect()
    faults: tuple[AnyFault, ...] = ()
