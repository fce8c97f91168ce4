"""What keeps trouble small: how many calls may be made again, how many at once, how many at all, and who is looked
after."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, field_validator, model_validator

from router_core.config.fields import LARGEST, Number, Pause, Positive, Seconds, Section, Share

Factor = Annotated[float, Number, Field(ge=1, le=1000)]
Calls = Annotated[int, Number, Field(ge=1, le=1_000_000)]


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


class Switchable(Section):
    """What a router, a group or a deployment may have; the narrowest says so. False is `{"enabled": false}`."""

    enabled: bool = True


class AdaptiveConcurrency(Switchable):
    """How many calls a deployment may have at once is learned: from `initial` on, between `min` and `max`; a 429 or a
    timeout keeps `decrease` of it (lua/aimd.lua)."""

    initial: Calls = 20
    min: Calls = 1
    max: Calls = 1000
    decrease: Annotated[float, Number, Field(ge=0.1, le=0.99)] = 0.9

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.min <= self.initial <= self.max:
            raise ValueError("initial: must be between min and max")
        return self

    @property
    def text(self) -> str:
        """As `Declared.adaptive` has it."""
        return f"{self.min},{self.max},{self.initial},{self.decrease:.6g}"


class HealthCheck(Switchable):
    """A deployment that no call has succeeded at for `interval` seconds is asked: a call of `mode` with `max_tokens`,
    or a GET of `path` below its api_base. It may take `timeout` seconds."""

    interval: Annotated[Seconds, Field(ge=1, le=LARGEST)] = 30.0
    timeout: Seconds = 10.0
    mode: Literal["chat", "embedding"] = "chat"
    max_tokens: Positive = 1
    path: str | None = None

    @field_validator("path")
    @classmethod
    def _path(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith("/"):
            raise ValueError("must begin with / and is below the deployment's api_base")
        return value


def _enabled(value: Any) -> Any:
    return {"enabled": value} if isinstance(value, bool) else value


T = TypeVar("T", bound=Switchable)
Adaptive = Annotated[AdaptiveConcurrency | None, BeforeValidator(_enabled)]
Checked = Annotated[HealthCheck | None, BeforeValidator(_enabled)]


def narrowest(*places: T | None) -> T | None:
    """What the first of these says that says something; None also where that is not to be."""
    found = next((place for place in places if place is not None), None)
    return found if found is not None and found.enabled else None
