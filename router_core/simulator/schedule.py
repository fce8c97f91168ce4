"""When something happens: a share of the requests, a window of time, a number of times."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, slots=True, config={"extra": "forbid"})
class When:
    """Times are seconds of the upstream's own clock since it first started.

    `every` repeats the window: `When(start=10, seconds=2, every=30)` is 10–12 s, 40–42 s, 70–72 s and so on.
    """

    rate: Share = 1.0
    start: Seconds = 0.0
    seconds: Seconds | None = None
    every: Annotated[float, Field(gt=0)] | None = None
    times: Annotated[int, Field(ge=0)] | None = None
    stream: bool | None = None

    def covers(self, elapsed: float, stream: bool) -> bool:
        """True if a request at `elapsed` lies in the window; the rate and the count are not drawn here."""
        if self.stream is not None and self.stream is not stream:
            return False
        inside = elapsed - self.start
        if inside < 0:
            return False
        if self.every is not None:
            inside %= self.every
        return self.seconds is None or inside < self.seconds


ALWAYS = When()
