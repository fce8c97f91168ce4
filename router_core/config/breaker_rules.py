"""When deployments are out, as a user may write it: of the router (`breaker`), of a group (`model_group_breaker`), of
one deployment (`breaker` in its entry). The narrower one wins, field by field; what nobody sets has LiteLLM's rules
(`breakers.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, field_validator

from router_core.config.fields import Natural, Number, Pause, Positive, Section, Share, said
from router_core.config.policies import AllowedFails, AllowedFailsPolicy

Class = Literal["rate_limit", "auth", "not_found", "server", "timeout", "connect", "malformed", "slow"]
Rule = Annotated[Literal["now", "never", "ratio"] | Natural, said('must be "now", "never", "ratio" or a number from 0')]
Above0 = Annotated[float, Number, Field(gt=0, allow_inf_nan=False)]


class Outliers(Section):
    """Envoy's success rate rule: of the deployments of a group with at least `request_volume` results in a minute,
    those whose success rate is below mean - stdev_factor x stdev are out, if there are `minimum_hosts` of them.

    Out for `ejection_time` seconds, which doubles; at most `max_ejection_percent` of the group at once, but always one.
    Source: Envoy's documentation, "Outlier detection", success rate.
    """

    stdev_factor: Above0 = 1.9
    minimum_hosts: Annotated[int, Number, Field(ge=2, le=10_000)] = 5
    request_volume: Positive = 100
    max_ejection_percent: Annotated[float, Number, Field(ge=0, le=100)] = 10.0
    ejection_time: Above0 = 30.0


class BreakerRules(Section):
    """What deployments, groups and the router may say; None leaves it to the wider one.

    `rules`: class of failure -> "now", "never", "ratio", or n: more than n in a rolling minute. `failure_ratio` of a
    minute's results cools (more than it), `minimum_failures` of them at least. `consecutive_failures` cool whatever
    lies between them. `slow_call_ms`: an answer, of a stream its first content, that takes longer is a failure of class
    "slow". `slow_start`: seconds until full weight after a cooldown. `quorum`: of several live workers two must be
    unable to connect.
    """

    rules: Mapping[Class, Rule] = Field(default_factory=dict)
    failure_ratio: Share | None = None
    minimum_failures: Positive | None = None
    consecutive_failures: Positive | None = None
    slow_call_ms: Above0 | None = None
    slow_start: Pause | None = None
    quorum: bool | None = None

    @field_validator("failure_ratio")
    @classmethod
    def _a_part(cls, value: float | None) -> float | None:
        if value is not None and value >= 1:
            raise ValueError("must be less than 1: more than this share of the results cools")
        return value


class RouterBreaker(BreakerRules):
    """As BreakerRules, and what concerns a group as a whole. `panic_threshold`: where more than this share of at least
    four is out for 5xx, timeouts or connections, those are let in at a reduced weight; 0: never."""

    panic_threshold: Share | None = None
    outliers: Outliers | None = None


class GroupBreaker(RouterBreaker, AllowedFails):
    """As RouterBreaker, and for one group what LiteLLM has for the router alone, by the same names."""

    allowed_fails: Natural | None = None
    allowed_fails_policy: AllowedFailsPolicy | None = None
    cooldown_time: Pause | None = None
    max_cooldown_time: Pause | None = None
