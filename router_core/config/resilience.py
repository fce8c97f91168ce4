"""What keeps trouble small: how many calls may be made again, how many at once, how many at all, and who is looked
after."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from router_core.config.fields import Number, Pause, Section, Share


def _switch(value: Any) -> Any:
    return None if value is False else {} if value is True else value


Switch = BeforeValidator(_switch)  # true: with the defaults; false: not at all
Factor = Annotated[float, Number, Field(ge=1, le=1000)]


class RetryBudget(Section):
    """How many calls of a group the fleet may make again: `ratio` of its requests, and `min_per_second` besides, over
    the last 5 to 10 s (Finagle's RetryBudget).

    `fallbacks`: a call that goes on in another group after an upstream call counts as one too, not as a request of
    that group.
    """

    ratio: Share = 0.2
    min_per_second: Pause = 10.0
    fallbacks: bool = False


class AdaptiveThrottling(Section):
    """A group that fails is asked less: max(0, (requests - k x accepts) / (requests + 1)) of its calls are refused
    before they go upstream, by the last one to two minutes (Site Reliability Engineering, chapter 21)."""

    k: Factor = 2.0
