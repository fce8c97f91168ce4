"""What can go wrong, one frozen record a fault, and who gets it.

Faults of a stream happen after `after` output tokens; 0 is before the first content.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from router_core.simulator.schedule import ALWAYS, Seconds, When

Tokens = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, slots=True, config={"extra": "forbid"})
class Errors:
    """An error answer, `delay` seconds late. `code` and `message` default to what OpenAI says with this status."""

    status: Annotated[int, Field(ge=400, le=599)] = 500
    code: str | None = None
    message: str | None = None
    retry_after: Seconds | None = None
    delay: Seconds = 0.0
    when: When = ALWAYS
    kind: Literal["errors"] = "errors"


@dataclass(frozen=True, slots=True, config={"extra": "forbid"})
class SlowHeaders:
    """The connection is taken, and nothing is said for `seconds`; None: until the client leaves."""

    seconds: Seconds | None = None
    when: When = ALWAYS
    kind: Literal["slow_headers"] = "slow_headers"


@dataclass(frozen=True, slots=True, config={"extra": "forbid"})
class Redirect:
    """`to` is an origin such as `http://127.0.0.1:9000`; path and query are kept."""

    to: str
    status: Literal[301, 302, 303, 307, 308] = 307
    when: When = ALWAYS
    kind: Literal["redirect"] = "redirect"


@dataclass(frozen=True, slots=True, config={"extra": "forbid"})
class Stall:
    """Silence inside an answer for `seconds`; None: until the client leaves. A plain answer stalls in its body."""

    after: Tokens = 0
    seconds: Seconds | None = None
    when: When = ALWAYS
    kind: Literal["stall"] = "stall"


@dataclass(frozen=True, slots=True, config={"extra": "forbid"})
class Cut:
    """The connection closes midway: no `[DONE]`, or half a body. `after=None`: before any byte of the answer."""

    after: Tokens | None = 0
    when: When = ALWAYS
    kind: Literal["cut"] = "cut"


@dataclass(frozen=True, slots=True, config={"extra": "forbid"})
class Malformed:
    """A 200 that nobody can read: a body, or one event of a stream, that is not JSON."""

    after: Tokens = 0
    when: When = ALWAYS
    kind: Literal["malformed"] = "malformed"


@dataclass(frozen=True, slots=True, config={"extra": "forbid"})
class StreamError:
    """An error inside a 200, after which the stream ends without `[DONE]`.

    `style` is whose: `openai` (`data: {"error": …}`), `groq` (`event: error`), `openrouter` (a normal chunk with
    `error`). A plain answer becomes a 200 with an error body.
    """

    after: Tokens = 0
    status: Annotated[int, Field(ge=400, le=599)] = 503
    style: Literal["openai", "groq", "openrouter"] = "openai"
    when: When = ALWAYS
    kind: Literal["stream_error"] = "stream_error"


Fault = Errors | SlowHeaders | Redirect | Stall | Cut | Malformed | StreamError
AnyFault = Annotated[Fault, Field(discriminator="kind")]


class Faults:
    """Deals the faults out: the first that covers a request and wins its draw."""

    def __init__(self, faults: Iterable[Fault], rng: random.Random) -> None:
        self._rng = rng
        self._faults = tuple(faults)
        self._left = [fault.when.times for fault in self._faults]

    def replace(self, faults: Iterable[Fault]) -> None:
        """Take other faults; one that stays (the same object) keeps what is left of its `times`."""
        left = {id(fault): times for fault, times in zip(self._faults, self._left, strict=True)}
        kept = tuple(faults)
        self._left = [left.get(id(fault), fault.when.times) for fault in kept]
        self._faults = kept

    def pick(self, elapsed: float, stream: bool) -> Fault | None:
        for index, fault in enumerate(self._faults):
            when = fault.when
            left = self._left[index]
            if left == 0 or not when.covers(elapsed, stream):
                continue
            if when.rate < 1.0 and self._rng.random() >= when.rate:
                continue
            if left is not None:
                self._left[index] = left - 1
            return fault
        return None
